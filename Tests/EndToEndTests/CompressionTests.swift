import Testing

extension RealPeers {
  /// permessage-deflate between real libraries, in every way they can agree on it (RFC 7692 §7.1): the capture has what was
  /// said, and the peers understand each other through the proxy.
  @Suite struct Compression {
    struct Agreement: Sendable, CustomTestStringConvertible {
      let server: String
      let library: String
      let settings: String
      /// What the answer to the offer must hold, so that the case is the one it is meant to be.
      let agreed: [String]

      var testDescription: String { "\(server) server, \(library) client with \(settings)" }

      init(_ server: String, _ library: String, _ settings: String = "{}", agreed: String...) {
        (self.server, self.library, self.settings, self.agreed) = (server, library, settings, agreed)
      }

      static let all = [
        Agreement("plain", "websockets", agreed: "permessage-deflate"),
        Agreement(
          "forgetful", "websockets", agreed: "server_no_context_takeover", "client_no_context_takeover"),
        Agreement("forgetful server", "websockets", agreed: "server_no_context_takeover"),
        Agreement("forgetful client", "websockets", agreed: "client_no_context_takeover"),
        Agreement("narrow", "websockets", agreed: "server_max_window_bits=9", "client_max_window_bits=9"),
        Agreement("narrow server", "websockets", agreed: "server_max_window_bits=9"),
        Agreement("narrow client", "websockets", agreed: "client_max_window_bits=10"),
        Agreement(
          "narrow and forgetful", "websockets", agreed: "server_max_window_bits=10",
          "client_max_window_bits=11", "server_no_context_takeover", "client_no_context_takeover"),
        // What the client asks for.
        Agreement(
          "plain", "websockets",
          #"{"server_max_window_bits":10,"client_max_window_bits":9,"client_no_context_takeover":true}"#,
          agreed: "server_max_window_bits=10"),
        Agreement(
          "plain", "websockets", #"{"server_no_context_takeover":true}"#, agreed: "server_no_context_takeover"
        ),
        // Another implementation on either side.
        Agreement("aiohttp", "websockets", agreed: "permessage-deflate"),
        Agreement(
          "aiohttp", "websockets", #"{"server_max_window_bits":9,"server_no_context_takeover":true}"#,
          agreed: "server_max_window_bits=9", "server_no_context_takeover"),
        Agreement("plain", "aiohttp", #"{"compress":15}"#, agreed: "permessage-deflate"),
        Agreement("narrow", "aiohttp", #"{"compress":9}"#, agreed: "server_max_window_bits=9"),
        Agreement("aiohttp", "aiohttp", #"{"compress":11}"#, agreed: "server_max_window_bits=11"),
      ]
    }

    /// All servers and clients, in one process.
    private static let peers = Task {
      let peers = try await PeerProcess.start(script: "deflate_peers.py", longestLife: .seconds(300))
      return (peers, try await peers.next("listening"))
    }

    @Test(arguments: Agreement.all)
    func theCaptureHasWhatWasSaid(_ agreement: Agreement) async throws {
      let (peers, ports) = try await Self.peers.value
      let port = try #require(ports[agreement.server]?.int)
      // Random text may look like a secret behind its name.
      let proxy = try await ProxyProcess.start(
        upstream: "http://127.0.0.1:\(port)", arguments: ["--keep-secrets"])
      let seed = Int.random(in: 1...1_000_000)
      try peers.send(
        #"{"play":"ws://127.0.0.1:\#(proxy.port)/","library":"\#(agreement.library)","settings":\#(agreement.settings),"seed":\#(seed)}"#
      )
      let played = try await peers.next("played")
      _ = try await proxy.record { $0.type == "close" }
      #expect(await proxy.stop() == .exited(0))
      let capture = try proxy.capture()
      capture.expectConsistency()

      let fields = capture.records("handshake").first?["response"]?["headers"]?.array ?? []
      let answer =
        fields.first { $0[0]?.string?.lowercased() == "sec-websocket-extensions" }?[1]?.string ?? ""
      let parameters = answer.split(separator: ";").map { $0.filter { $0 != " " } }
      for wanted in agreement.agreed { #expect(parameters.contains(wanted), "\(answer)") }

      let messages = capture.records("message")
      for (peer, said) in [("client", "sent"), ("server", "received")] {
        let texts = messages.filter { $0.from == peer }.map { $0["text"] }
        #expect(texts == played[said]?.array, "\(peer), seed \(seed)")
      }
      #expect(messages.allSatisfy { $0["compressed"] == .bool(true) || $0["text"] == .string("") })
      let long = messages.filter { ($0["text"]?.string?.utf8.count ?? 0) > 3000 }
      #expect(
        !long.isEmpty
          && long.allSatisfy { ($0["bytes"]?.int ?? .max) < ($0["text"]?.string?.utf8.count ?? 0) })
    }
  }
}
