import CaptureFormat
import Testing

@testable import RecordedSessions

@Suite struct RecordingReaderTests {
  @Test func anOriginIsTheServersOwnWhereItIsTheHost() {
    for (origin, isOwn) in [
      ("http://h", true), ("https://H", true), ("http://h:3000", false), ("null", false),
    ] {
      var lines = RecordedText.opening
      lines[0] = lines[0].replacing(
        #"["X-Tenant","blue"]"#, with: #"["Origin","\#(origin)"]"#)
      #expect(RecordedText.recording(lines).sessions[0].handshake.isSameOrigin == isOwn, "\(origin)")
    }
  }

  @Test func theOfferOfCompressionIsThatOfTheWebSocketTheClientMovedTo() {
    var lines = RecordedText.opening
    #expect(RecordedText.recording(lines).sessions[0].handshake.compressionOffer == nil)
    lines[0] = lines[0].replacing(
      #"["X-Tenant","blue"]"#,
      with: #"["sec-websocket-extensions","x-own; a=1, permessage-deflate; client_max_window_bits"]"#)
    let offer = RecordedText.recording(lines).sessions[0].handshake.compressionOffer
    #expect(offer == "permessage-deflate; client_max_window_bits")
  }

  @Test func theHandshakeKeepsWhatTheApplicationAdded() throws {
    let session = try #require(RecordedText.recording(RecordedText.opening).sessions.first)
    #expect(session.handshake.path == "/chat/")
    #expect(session.handshake.query.map { "\($0.name)=\($0.value)" } == ["room=a%20b"])
    #expect(session.handshake.headers.map { "\($0.name): \($0.value)" } == ["X-Tenant: blue"])
    #expect(session.handshake.subprotocols == ["one", "two"])
    #expect(session.isCompressed)
    #expect(session.transports == [.websocket])
    #expect(session.steps.map(\.seq) == [4, 5])
  }

  @Test func anAckPointsToItsEmitAndBack() throws {
    let recording = RecordedText.recording(
      RecordedText.opening + [
        RecordedText.emit("client", "send", #"[{"text":"hi"}]"#, id: 0),
        RecordedText.ack("server", of: 6, id: 0, "[true]"),
      ])
    let steps = recording.sessions[0].steps
    guard case .emit(let emit) = steps[2].kind, case .ack(let ack) = steps[3].kind else {
      Issue.record("the steps are other ones")
      return
    }
    #expect(emit.ack == 3)
    #expect(emit.latency == 1500)
    #expect(ack.emit == 2)
  }

  @Test func anUpgradeIsAStepWhereItsProbeBegan() throws {
    let recording = RecordedText.recording([
      #""type":"session","conn":1,"session":1,"sid":"abc","eio":4,"path":"/socket.io/""#,
      #""type":"exchange","conn":1,"session":1,"transport":"polling","request":{"method":"GET","target":"/socket.io/?EIO=4&transport=polling","headers":[]},"response":{"status":200,"headers":[]}"#,
      #""type":"packet","conn":2,"session":1,"from":"client","transport":"websocket","engine":"ping","text":"probe""#,
      #""type":"packet","conn":1,"session":1,"from":"client","transport":"polling","socket":"connect","namespace":"/""#,
      #""type":"packet","conn":2,"session":1,"from":"client","transport":"websocket","engine":"upgrade""#,
      #""type":"close","conn":1,"session":1,"by":"client""#,
      RecordedText.emit("client", "late", "[]"),
    ])
    let session = recording.sessions[0]
    #expect(session.transports == [.polling, .websocket])
    #expect(session.ending == .open)
    #expect(session.steps.map(\.seq) == [4, 5, 8])
    guard case .upgrade = session.steps[0].kind else {
      Issue.record("the first step is no upgrade")
      return
    }
  }

  @Test func aCloseFrameEndsTheSessionWithItsCode() throws {
    let recording = RecordedText.recording(
      RecordedText.opening + [
        #""type":"control","conn":1,"session":1,"from":"server","transport":"websocket","opcode":"close","code":1009,"reason":"too large""#,
        #""type":"close","conn":1,"session":1,"by":"server","code":1009"#,
      ])
    guard case .closed(let close) = recording.sessions[0].ending else {
      Issue.record("the session is open")
      return
    }
    #expect(close.by == .server && close.manner == .frame && close.code == 1009 && close.seq == 6)
  }

  @Test func aRefusedHandshakeIsNoSession() throws {
    let recording = RecordedText.recording([
      #""type":"exchange","conn":1,"transport":"polling","request":{"method":"GET","target":"/socket.io/?EIO=3&transport=polling","headers":[]},"response":{"status":400,"headers":[]}"#,
      #""type":"finding","conn":1,"finding":"handshake_refused","certainty":"proved","evidence":[2],"status":400,"code":5,"message":"Unsupported protocol version""#,
    ])
    #expect(recording.sessions.isEmpty)
    #expect(recording.refusals.count == 1)
    #expect(recording.refusals.first?.code == 5)
    #expect(recording.refusals.first?.message == "Unsupported protocol version")
    #expect(recording.refusals.first?.eio == 3)
  }

  @Test func aFilterKeepsWholeSessionsInWhichAnythingMatches() throws {
    let lines =
      RecordedText.opening + [
        #""type":"session","conn":2,"session":2,"sid":"def","eio":4,"path":"/chat/""#,
        RecordedText.emit("client", "other", "[]", session: 2), RecordedText.emit("client", "send", "[1]"),
      ]
    let recording = RecordedText.recording(lines, filter: try CaptureFilter(parsing: "~ev send"))
    #expect(recording.sessions.map(\.number) == [1])
    #expect(recording.sessions.first?.steps.count == 3)
  }

  @Test func aCarriedSessionBeganBefore() throws {
    let recording = RecordedText.recording([
      #""type":"carried","conn":1,"session":4,"client":"127.0.0.1:1","upstream":"127.0.0.1:2""#,
      #""type":"carried","session":4,"sid":"abc","eio":4"#,
      RecordedText.emit("client", "send", "[1]", session: 4),
    ])
    #expect(recording.sessions.map(\.number) == [4])
    #expect(recording.sessions.first?.beganBeforeCapture == true)
    #expect(recording.sessions.first?.steps.count == 1)
  }

  @Test func aCaptureWithoutEndSaysSo() throws {
    let recording = RecordedText.recording(RecordedText.opening, complete: false)
    #expect(!recording.isComplete)
    #expect(recording.notes.contains { $0.contains("no end record") })
  }

  @Test func aPayloadThatIsNotWholeIsMarked() throws {
    let recording = RecordedText.recording(
      RecordedText.opening + [
        #""type":"packet","conn":1,"session":1,"from":"client","transport":"websocket","socket":"event","namespace":"/","event":"big","text":"[\"big\",{\"a","truncated":true"#
      ])
    #expect(recording.sessions[0].steps.last?.payload?.isIncomplete == true)
  }
}
