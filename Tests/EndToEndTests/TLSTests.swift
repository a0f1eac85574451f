import Foundation
import Testing

extension RealPeers {
  /// The proxy in the middle of TLS, on both legs, between peers with TLS of their own.
  @Suite struct TLS {
    /// Not the synchronous client on WebSockets: it reads and writes one TLS socket on two threads, and loses its connection
    /// in about one chat of twenty, without a proxy too.
    @Test(arguments: [("sync", "polling"), ("async", "polling"), ("async", "websocket"), ("async", "both")])
    func pythonPeersChatOverTLSOnBothLegs(_ mode: String, _ transports: String) async throws {
      let run = try await ChatRun.play(
        .client("--mode", mode, "--transports", transports, "--clients", "3"),
        to: mode == "sync" ? .server("--sync") : .server(), over: TestCertificates())
      run.expectEqualCounts()
      for open in run.capture.records("open") {
        #expect(
          open["tls"]?["client"] == .string("1.3") && open["tls"]?["upstream"] == .string("1.3"), "\(open)")
      }
    }

    @Test func javaScriptPeersChatOverTLSOnBothLegs() async throws {
      let run = try await ChatRun.play(
        .javaScript("4", "--transports", "both", "--clients", "3"), to: .server(), over: TestCertificates())
      run.expectEqualCounts()
      #expect(run.capture.records("session").count == 3)
    }

    @Test(arguments: [
      (TestCertificates.Name.wrongName, "other names than 'localhost': DNS:other.test"),
      (.commonName, "other names than 'localhost'"),
      (.expired, "has expired"),
      (.selfSigned, "self-signed"),
    ])
    func anUpstreamCertificateThatProvesNothingIsRefused(_ name: TestCertificates.Name, _ words: String)
      async throws
    {
      let certificates = try TestCertificates()
      let (server, port) = try await PeerProcess.startServer(
        script: "chat_server.py", arguments: ["--tls", certificates.chain(name), certificates.key(name)])
      let proxy = try await ProxyProcess.start(
        upstream: "wss://localhost:\(port)", arguments: ["--upstream-ca", certificates.issuer])
      try await Self.expectRefusal(proxy, words)
      await server.stop()
    }

    @Test func anUnknownIssuerIsRefused() async throws {
      let certificates = try TestCertificates()
      let (server, port) = try await PeerProcess.startServer(
        script: "chat_server.py", arguments: certificates.serverArguments)
      let proxy = try await ProxyProcess.start(upstream: "https://localhost:\(port)")
      try await Self.expectRefusal(proxy, "issuer that is not among the trusted ones")
      await server.stop()
    }

    @Test func aServerWithoutTLSIsToldApart() async throws {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let proxy = try await ProxyProcess.start(upstream: "https://localhost:\(port)")
      try await Self.expectRefusal(proxy, "does not speak TLS")
      await server.stop()
    }

    /// 502 for the client, a line for the person, a record for later.
    static func expectRefusal(_ proxy: ProxyProcess, _ words: String) async throws {
      let client = try RawConnection(port: proxy.port)
      let answer = try await client.fetch("GET", "/socket.io/?EIO=4&transport=polling")
      #expect(answer.status == 502)
      #expect(String(decoding: answer.body, as: UTF8.self).contains(words))
      client.finishWriting()
      #expect(await proxy.stop() == .exited(0))
      #expect(proxy.child.lastErrors.contains(words))
      let findings = try proxy.capture().findings("tls_failed")
      #expect(findings.count == 1)
      #expect(findings.first?["reason"]?.string?.contains(words) == true)
      #expect(findings.first?["peer"] == .string("server"))
    }

    @Test func insecureIsSaidLoudly() async throws {
      let certificates = try TestCertificates()
      let (server, port) = try await PeerProcess.startServer(
        script: "chat_server.py",
        arguments: ["--tls", certificates.chain(.expired), certificates.key(.expired)])
      let proxy = try await ProxyProcess.start(
        upstream: "https://localhost:\(port)", arguments: ["--upstream-insecure"])
      let client = try RawConnection(port: proxy.port)
      #expect(try await client.fetch("GET", "/socket.io/?EIO=4&transport=polling").status == 200)
      client.finishWriting()
      #expect(await proxy.stop() == .exited(0))
      #expect(proxy.child.lastErrors.contains("WARNING: --upstream-insecure"))
      await server.stop()
    }

    /// What each end makes of what the other does, told by Python's ssl.
    @Test func endsArePassedOnAsTheyHappened() async throws {
      let certificates = try TestCertificates()
      let expected = [
        ("server_ends_in_order", "('in order', b'last words')"),
        ("client_ends_in_order", "('in order', b'last words')"),
        (
          "client_ends_in_order_and_listens",
          "(('in order', b'last words'), ('in order', b'and here is the answer'))"
        ),
        ("server_is_cut_off", "('cut off', b'last words')"),
        ("client_is_cut_off", "('cut off', b'last words')"),
        ("server_resets", "'reset'"),
        ("an_answer_without_length_is_cut_off", "('cut off', 'half of it')"),
        ("random_bytes_pass", "[True, True]"),
        ("a_slow_reader_holds_back", "True"),
        ("others_are_served_beside_half_handshakes", "'hello'"),
        ("a_server_that_never_shakes_hands_holds_up_nobody", "'hello'"),
        ("garbage_is_survived", "'hello'"),
        ("plain_http_is_told", "{('HTTP/1.1 400 Bad Request', True)}"),
      ]
      let made = try await ProxyProcess.finish(["ca", "export", "--ca-dir", certificates.authorityFolder])
      #expect(made.ending == .exited(0))
      let (ends, port) = try await PeerProcess.startServer(
        script: "tls_ends.py",
        arguments: [
          "--cert", certificates.chain(.good), "--key", certificates.key(.good), "--trust",
          certificates.authority,
        ] + expected.map(\.0), environment: .plain)
      let proxy = try await ProxyProcess.start(
        upstream: "https://localhost:\(port)", arguments: certificates.proxyArguments)
      try ends.send(#"{"to":\#(proxy.port)}"#)
      for (name, outcome) in expected {
        let line = try await ends.next { $0["case"] != nil }
        #expect(line["case"] == .string(name))
        #expect(line["saw"] == .string(outcome), "\(name)")
      }
      #expect(await ends.child.end() == .exited(0))
      #expect(await proxy.stop() == .exited(0))
      let cutOff = try proxy.capture().records("close").compactMap { $0["cut_off"]?.array }
      #expect(cutOff.contains([.string("server")]) && cutOff.contains([.string("client")]))
    }

    @Test func aPlainClientIsToldThatAnAnswerWasCutOff() async throws {
      let certificates = try TestCertificates()
      let (ends, port) = try await PeerProcess.startServer(
        script: "tls_ends.py",
        arguments: [
          "--cert", certificates.chain(.good), "--key", certificates.key(.good), "--trust",
          certificates.issuer,
          "a_plain_client_is_told_by_a_reset",
        ], environment: .plain)
      let proxy = try await ProxyProcess.start(
        upstream: "https://localhost:\(port)", arguments: ["--upstream-ca", certificates.issuer])
      try ends.send(#"{"to":\#(proxy.port)}"#)
      let saw = try await ends.next("saw")
      #expect(saw == .string("'reset'"))
      #expect(await proxy.stop() == .exited(0))
    }

    /// A server that goes away when it has the client's first message.
    @Test(arguments: [
      (false, "the connection ended in the middle of the handshake"), (true, "reset by peer"),
    ])
    func aServerThatBreaksTheHandshakeOffIsSaid(_ resets: Bool, _ words: String) async throws {
      let python = try PeerEnvironment.locate("python3", install: "sudo apt-get install -y python3")
      let script = """
        import socket, struct, sys
        listener = socket.create_server(("127.0.0.1", 0)); listener.settimeout(20)
        print(listener.getsockname()[1], flush=True)
        peer = listener.accept()[0]
        peer.recv(65536)
        if sys.argv[1] == "true":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        """
      let server = try ChildProcess(python, ["-c", script, "\(resets)"])
      let port = try #require(await server.output.next().flatMap { Int($0) })
      let proxy = try await ProxyProcess.start(upstream: "https://localhost:\(port)", arguments: [])
      try await Self.expectRefusal(proxy, words)
      _ = await server.end()
    }

    @Test func anExpiredCertificateOfOnesOwnIsWarnedOf() async throws {
      let certificates = try TestCertificates()
      for name in [TestCertificates.Name.expired, .good] {
        let proxy = try await ProxyProcess.start(
          upstream: "http://127.0.0.1:9",
          arguments: ["--cert", certificates.chain(name), "--key", certificates.key(name)])
        #expect(await proxy.stop() == .exited(0))
        #expect(proxy.child.lastErrors.contains("has expired") == (name == .expired))
      }
    }

    /// A server that asks who the client is.
    @Test func anUpstreamThatAsksForACertificateGetsIt() async throws {
      let certificates = try TestCertificates()
      let python = try PeerEnvironment.locate("python3", install: "sudo apt-get install -y python3")
      let script = """
        import socket, ssl, sys
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(sys.argv[3])
        listener = socket.create_server(("127.0.0.1", 0)); listener.settimeout(20)
        print(listener.getsockname()[1], flush=True)
        for _ in range(2):
            try:
                peer = context.wrap_socket(listener.accept()[0], server_side=True)
                peer.recv(4096)
                name = dict(part[0] for part in peer.getpeercert()["subject"])["commonName"]
                peer.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n%s" % (len(name), name.encode()))
                peer.unwrap()
            except OSError as error:
                print(error, file=sys.stderr)
        """
      let server = try ChildProcess(
        python, ["-c", script, certificates.chain(.good), certificates.key(.good), certificates.issuer])
      let port = try #require(await server.output.next().flatMap { Int($0) })
      for isShown in [false, true] {
        let proxy = try await ProxyProcess.start(
          upstream: "https://localhost:\(port)",
          arguments: ["--upstream-ca", certificates.issuer]
            + (isShown
              ? [
                "--upstream-cert", certificates.chain(.wrongName), "--upstream-key",
                certificates.key(.wrongName),
              ]
              : []))
        let client = try RawConnection(port: proxy.port)
        // TLS 1.3 servers look at the client's certificate after its handshake is done.
        try client.request("GET", "/")
        let answer = try? await client.response()
        #expect(answer.map { String(decoding: $0.body, as: UTF8.self) == "wrong_name" } ?? false == isShown)
        client.finishWriting()
        #expect(await proxy.stop() == .exited(0))
      }
    }

    /// Promise P2 with TLS on both legs.
    @Test(arguments: ["server", "client"])
    func whatAPeerReceivedIsOnRecordAfterAKill(_ sender: String) async throws {
      let certificates = try TestCertificates()
      let made = try await ProxyProcess.finish(["ca", "export", "--ca-dir", certificates.authorityFolder])
      #expect(made.ending == .exited(0))
      let (ends, port) = try await PeerProcess.startServer(
        script: "tls_ends.py",
        arguments: [
          "--cert", certificates.chain(.good), "--key", certificates.key(.good), "--trust",
          certificates.authority, "\(sender)_sends_until_the_end",
        ], environment: .plain)
      let file = certificates.folder.file("capture.jsonl")
      let proxy = try await ProxyProcess.start(
        upstream: "https://localhost:\(port)", capture: file, arguments: certificates.proxyArguments)
      try ends.send(#"{"to":\#(proxy.port)}"#)
      _ = try await ends.next("ready")
      proxy.kill()
      #expect(await proxy.end() == .signalled(SIGKILL))
      let received = try #require(try await ends.next("saw").string.flatMap { Int($0) })
      #expect(received > 2000)
      let recorded = try CaptureFile(contentsOf: file).events(from: sender, event: "note")
      #expect(recorded.count >= received)
      let numbers = recorded.prefix(received).compactMap { $0["args"]?[0]?.int }
      let isWhole = numbers == Array(1_000_000..<1_000_000 + received)
      #expect(isWhole, "\(numbers.count) numbers from \(numbers.first ?? 0) to \(numbers.last ?? 0)")
    }
  }
}
