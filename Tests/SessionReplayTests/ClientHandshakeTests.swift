import RecordedSessions
import Testing

@testable import SessionReplay

@Suite struct ClientHandshakeTests {
  private static func made(
    _ recorded: RecordedHandshake, version: Int = 4, prefix: String = "",
    _ change: (inout ReplayPlan) -> Void = { _ in }
  ) -> ClientHandshake {
    var plan = ReplayPlan()
    change(&plan)
    let endpoint = ReplayEndpoint(
      host: "127.0.0.1", port: 3000, pathPrefix: prefix, hostField: "127.0.0.1:3000")
    return ClientHandshake(recorded, version: version, endpoint: endpoint, plan: plan)
  }

  @Test func theRecordedRequestIsMadeAgainWithFreshIds() {
    var recorded = RecordedHandshake()
    recorded.path = "/chat/socket.io/"
    recorded.query = [("room", "tea%20time")]
    recorded.wantsBase64 = true
    let handshake = Self.made(recorded, version: 3)
    #expect(
      handshake.target("polling", sid: nil)
        == "/chat/socket.io/?EIO=3&transport=polling&b64=1&room=tea%20time")
    #expect(handshake.target("websocket", sid: "abc").hasSuffix("&sid=abc"))
  }

  @Test func theServersPrefixStandsBeforeThePath() {
    #expect(
      Self.made(RecordedHandshake(), prefix: "/api").target("polling", sid: nil).hasPrefix("/api/socket.io/?")
    )
  }

  @Test func whatTheUserGivesReplacesWhatWasRecorded() {
    var recorded = RecordedHandshake()
    recorded.query = [("token", "[redacted:00000000]"), ("room", "1"), ("lang", "de")]
    recorded.headers = [("X-Tenant", "a"), ("Origin", "http://a.example")]
    let handshake = Self.made(recorded) { plan in
      plan.query = [("room", "ü/&")]
      plan.headers = [("x-tenant", "b")]
    }
    #expect(handshake.query.map { "\($0.name)=\($0.value)" } == ["lang=de", "room=%C3%BC%2F%26"])
    #expect(
      handshake.headers.map { "\($0.name): \($0.value)" } == ["Origin: http://a.example", "x-tenant: b"])
  }

  @Test func whatTheCaptureHasRedactedIsNotSent() {
    var recorded = RecordedHandshake()
    recorded.query = [("token", "[redacted:00000000]")]
    recorded.headers = [("Authorization", "Bearer [redacted:00000000]"), ("Cookie", "a=[redacted:00000000]")]
    let handshake = Self.made(recorded)
    #expect(handshake.query.isEmpty && handshake.headers.isEmpty)
  }

  @Test func aPageOfTheRecordedServerIsOneOfTheNewServerNow() {
    var recorded = RecordedHandshake()
    recorded.headers = [("origin", "https://chat.example")]
    #expect(Self.made(recorded).headers.map(\.value) == ["https://chat.example"])
    recorded.isSameOrigin = true
    #expect(Self.made(recorded).headers.map(\.value) == ["http://127.0.0.1:3000"])
    let given = Self.made(recorded) { $0.headers = [("Origin", "http://mine")] }
    #expect(given.headers.map(\.value) == ["http://mine"])
  }

  @Test func theOffersOfTheWebSocketAreMadeAgain() {
    var recorded = RecordedHandshake()
    recorded.subprotocols = ["chat", "chat2"]
    recorded.compressionOffer = "permessage-deflate; client_max_window_bits"
    let handshake = Self.made(recorded)
    #expect(handshake.webSocketHeaders.map(\.value) == ["chat, chat2"])
    #expect(handshake.compressionOffer == "permessage-deflate; client_max_window_bits")
  }
}
