import Foundation
import Testing

extension RealPeers {
  /// Clients that are told to use a proxy, and what they reach through it.
  @Suite struct ForwardProxy {
    @Test(arguments: [false, true], ["sync", "node"])
    func peersChatThroughIt(_ isSecret: Bool, _ peer: String) async throws {
      // Why not on WebSockets over TLS: see the chats of `TLSTests`.
      let upgrades = peer == "node" || !isSecret
      let run = try await ChatRun.play(
        peer == "node"
          ? .javaScript("4", "--transports", "both", "--clients", "3")
          : .client("--mode", "sync", "--transports", upgrades ? "both" : "polling", "--clients", "3"),
        to: .server(), over: isSecret ? TestCertificates() : nil, forward: TestCertificates())
      run.expectEqualCounts()
      #expect(run.capture.records.first?["mode"] == .string("forward"))
      #expect(run.capture.records("open").allSatisfy { $0["host"]?.string?.hasPrefix("localhost:") == true })
      #expect(run.capture.records("open").allSatisfy { ($0["tls"] != nil) == isSecret })
      #expect(run.capture.findings("upgrade_completed").count == (upgrades ? 3 : 0))
    }

    @Test func severalServersAreKeptApart() async throws {
      let (one, first) = try await PeerProcess.startServer(script: "chat_server.py")
      let (two, second) = try await PeerProcess.startServer(script: "chat_server.py")
      let certificates = try TestCertificates()
      let proxy = try await Self.proxy(certificates)
      let client = try RawConnection(port: proxy.port)
      // One connection, two servers: each gets its own requests, and a number of its own in the capture.
      for port in [first, second, first] {
        let answer = try await client.fetch(
          "GET", "http://localhost:\(port)/socket.io/?EIO=4&transport=polling")
        #expect(answer.status == 200)
      }
      client.finishWriting()
      #expect(await proxy.stop() == .exited(0))
      let capture = try proxy.capture()
      #expect(
        capture.records("open").compactMap { $0["host"]?.string }
          == ["localhost:\(first)", "localhost:\(second)", "localhost:\(first)"])
      #expect(capture.records("open").compactMap { $0["conn"]?.int } == [1, 2, 3])
      #expect(capture.records("session").compactMap { $0["conn"]?.int } == [1, 2, 3])
      #expect(capture.records("close").count == 3)
      #expect(
        capture.records("exchange").allSatisfy {
          $0["request"]?["target"]?.string?.hasPrefix("/socket.io/") == true
        })
      await one.stop()
      await two.stop()
    }

    @Test func bytesOfOneClientCountForOneServerOnly() async throws {
      let (one, first) = try await PeerProcess.startServer(script: "chat_server.py")
      let (two, second) = try await PeerProcess.startServer(script: "chat_server.py")
      let certificates = try TestCertificates()
      let proxy = try await Self.proxy(certificates)
      let client = try RawConnection(port: proxy.port)
      let poll =
        "GET http://localhost:\(first)/socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: localhost:\(first)\r\n\r\n"
      try client.write(poll)
      #expect(try await client.response().status == 200)
      let upgrade =
        "GET http://localhost:\(second)/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost:\(second)\r\n"
        + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
      try client.write(upgrade)
      _ = try await client.read(through: "\r\n\r\n")
      let frames =
        WebSocketPeer.frame(opcode: 1, Array("40".utf8)) + WebSocketPeer.frame(opcode: 8, [3, 0xE8])
      try client.write(frames)
      client.finishWriting()
      _ = await client.readToEnd()
      #expect(await proxy.stop() == .exited(0))
      let counted = try proxy.capture().records("close").compactMap { $0["bytes"]?["client"]?.int }
      #expect(counted.count == 2)
      #expect(counted.reduce(0, +) == poll.utf8.count + upgrade.utf8.count + frames.count)
      await one.stop()
      await two.stop()
    }

    @Test func whatIsNotInterceptedPassesUnread() async throws {
      let certificates = try TestCertificates()
      let run = try await ChatRun.play(
        .client("--mode", "sync", "--transports", "polling"), to: .server(), over: certificates,
        forward: certificates,
        forwardArguments: ["--intercept", "*.elsewhere.test"], trusting: certificates.issuer)
      #expect(run.capture.records("packet").isEmpty)
      #expect(run.capture.records("open").allSatisfy { $0["passed_through"] == .string("not_intercepted") })
      #expect(run.server["received"]?.counts.isEmpty == false)
    }

    /// A client that does not trust the authority: said, and passed through from then on.
    @Test func aRefusedCertificateIsNoticedAndNextTimePassedThrough() async throws {
      let certificates = try TestCertificates()
      let (server, port) = try await PeerProcess.startServer(
        script: "chat_server.py", arguments: certificates.serverArguments)
      let proxy = try await Self.proxy(certificates, "--upstream-ca", certificates.issuer)
      let url = "https://localhost:\(port)/socket.io/?EIO=4&transport=polling"
      let script = """
        import ssl, sys, urllib.request
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({"https": sys.argv[2]}),
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=sys.argv[3])))
        try: print(opener.open(sys.argv[1], timeout=20).status)
        except Exception as error: print("refused" if "certificate" in str(error) else error)
        """
      let python = try PeerEnvironment.locate("python3", install: "sudo apt-get install -y python3")
      for outcome in ["refused", "200"] {
        let client = try ChildProcess(python, ["-c", script, url, proxy.address, certificates.issuer])
        #expect(await client.end() == .exited(0))
        #expect(client.output.all == [outcome], "\(client.lastErrors)")
        // The alert may arrive after the client is gone.
        if outcome == "refused" {
          _ = await proxy.child.errors.first { $0.contains("does not take Ackscope's certificate") }
        }
      }
      #expect(await proxy.stop() == .exited(0))
      #expect(proxy.child.lastErrors.contains("does not take Ackscope's certificate for localhost"))
      let capture = try proxy.capture()
      #expect(capture.findings("tls_failed").first?["peer"] == .string("client"))
      #expect(capture.records("open").map { $0["passed_through"] } == [.string("certificate_refused")])
      await server.stop()
    }

    /// Names and bodies that another program could take for something else.
    @Test func tunnelsWithTwoMeaningsAreRefused() async throws {
      let proxy = try await Self.proxy(try TestCertificates())
      for field in ["Content-Length: 5", "Transfer-Encoding: chunked"] {
        let client = try RawConnection(port: proxy.port)
        #expect(try await client.fetch("CONNECT", "localhost:9", [field]).status == 400, "\(field)")
        client.finishWriting()
      }
      for name in ["a/b", "a:80", "a?b", "u@a", "a\r\nb: ", "\u{1B}]0;x\u{7}", "a\0", ""] {
        let client = try RawConnection(port: proxy.port)
        try client.write([5, 1, 0, 5, 1, 0, 3, UInt8(name.utf8.count)] + Array(name.utf8) + [0, 9])
        #expect(try await client.read(4) == [5, 0, 5, 4], "\(name)")
        client.finishWriting()
      }
      #expect(await proxy.stop() == .exited(0))
      // Nor do they write to the terminal.
      let errors = proxy.child.errors.all
      #expect(errors.count { $0.contains("its name is no host name") } == 8)
      #expect(
        !errors.contains { line in line.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } })
      #expect(errors.allSatisfy { $0.hasPrefix("ackscope: ") || $0.hasPrefix("listening on ") })
    }

    @Test func itselfAndCirclesAreRefused() async throws {
      let certificates = try TestCertificates()
      let proxy = try await Self.proxy(certificates)
      for host in ["127.0.0.1", "localhost", "0.0.0.0", "127.1", "2130706433", "[::ffff:127.0.0.1]"] {
        let target = "http://\(host):\(proxy.port)/"
        let client = try RawConnection(port: proxy.port)
        let answer = try await client.fetch("GET", target)
        #expect(answer.status == 502)
        #expect(String(decoding: answer.body, as: UTF8.self).contains("the proxy itself"))
        client.finishWriting()
      }
      let client = try RawConnection(port: proxy.port)
      #expect(try await client.fetch("GET", "/").status == 400)
      client.finishWriting()
      // Two that pass everything on to each other.
      let second = try await Self.proxy(try TestCertificates(), "--upstream-proxy", proxy.address)
      #expect(await proxy.stop() == .exited(0))
      let first = try await ProxyProcess.start([
        "proxy", "--forward", "--listen", "127.0.0.1:\(proxy.port)", "--capture", "-", "--view", "none",
        "--ca-dir", certificates.authorityFolder, "--upstream-proxy", second.address,
      ])
      let circling = try RawConnection(port: first.port)
      #expect(try await circling.fetch("GET", "http://chat.invalid/").status == 502)
      circling.finishWriting()
      #expect(await first.stop() == .exited(0))
      #expect(await second.stop() == .exited(0))
      #expect((try first.capture().records + second.capture().records).count < 20)
    }

    @Test func everythingGoesThroughAnotherProxyWhereThereIsOne() async throws {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let certificates = try TestCertificates()
      let outer = try await Self.proxy(certificates, "--proxy-auth", "ann:s3cret")
      let address = outer.address.replacing("http://", with: "http://ann:s3cret@")
      let inner = try await ProxyProcess.start(
        upstream: "http://localhost:\(port)", arguments: ["--upstream-proxy", address])
      let peer = try await WebSocketPeer.join(port: inner.port)
      try peer.send(#"427["nothing"]"#)
      _ = try await peer.text { $0.hasPrefix("437") }
      try peer.close()
      #expect(await inner.stop() == .exited(0))
      #expect(await outer.stop() == .exited(0))
      for proxy in [inner, outer] {
        #expect(try proxy.capture().outcomes(event: "nothing") == ["acknowledged"])
        #expect(!proxy.child.output.all.contains { $0.contains("s3cret") })
        #expect(!proxy.child.lastErrors.contains("s3cret"))
      }
      await server.stop()
    }

    @Test func strangersAreAskedForThePassword() async throws {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let certificates = try TestCertificates()
      let proxy = try await Self.proxy(certificates, "--proxy-auth", "ann:s3cret")
      let target = "http://localhost:\(port)/socket.io/?EIO=4&transport=polling"
      for (fields, status) in [
        ([], 407), (["Proxy-Authorization: Basic d3Jvbmc6d3Jvbmc="], 407),
        (["Proxy-Authorization: Basic YW5uOnMzY3JldA=="], 200),
      ] {
        let client = try RawConnection(port: proxy.port)
        let answer = try await client.fetch("GET", target, fields)
        #expect(answer.status == status)
        #expect((answer["proxy-authenticate"] == "Basic realm=\"ackscope\"") == (status == 407))
        client.finishWriting()
      }
      #expect(await proxy.stop() == .exited(0))
      let capture = try proxy.capture()
      #expect(capture.records("session").count == 1)
      // The server never saw what was meant for the proxy, and no file did.
      #expect(
        capture.records.allSatisfy {
          !$0.line.contains("YW5uOnMz") && !$0.line.lowercased().contains("proxy-auth")
        })
      await server.stop()
    }

    @Test(arguments: ["0.0.0.0:0", "[::]:0"])
    func listeningToTheWorldNeedsAWordOnWhoMay(_ place: String) async throws {
      let refused = try await ProxyProcess.finish([
        "proxy", "http://127.0.0.1:1", "--listen", place, "--no-capture", "--view", "none",
      ])
      #expect(refused.ending == .exited(2))
      #expect(refused.errors.contains { $0.contains("--allow CIDR or --proxy-auth") })
    }

    @Test func anAllowedRangeOpensTheDoor() async throws {
      let proxy = try await ProxyProcess.start([
        "proxy", "http://127.0.0.1:1", "--listen", "0.0.0.0:0", "--allow", "192.0.2.0/24", "--no-capture",
        "--view",
        "none",
      ])
      let client = try RawConnection(port: proxy.port)
      #expect(try await client.fetch("GET", "/").status == 502)
      client.finishWriting()
      #expect(await proxy.stop() == .exited(0))
    }

    /// curl as a client of every kind of proxy, plain and with TLS.
    @Test func curlReachesServersByEveryWay() async throws {
      let certificates = try TestCertificates()
      let (plain, plainPort) = try await PeerProcess.startServer(script: "chat_server.py")
      let (secret, secretPort) = try await PeerProcess.startServer(
        script: "chat_server.py", arguments: certificates.serverArguments)
      let proxy = try await Self.proxy(certificates, "--upstream-ca", certificates.issuer)
      let curl = try PeerEnvironment.locate("curl", install: "sudo apt-get install -y curl")
      let place = "127.0.0.1:\(proxy.port)"
      let path = "/socket.io/?EIO=4&transport=polling"
      for way in [
        ["-x", "http://\(place)"], ["-p", "-x", "http://\(place)"], ["-x", "socks5h://\(place)"],
        ["-x", "socks5://\(place)"],
      ] {
        for url in ["http://localhost:\(plainPort)\(path)", "https://localhost:\(secretPort)\(path)"] {
          let run = try PeerEnvironment.run(
            curl, ["-sS", "-m", "20", "--noproxy", "", "--cacert", certificates.authority] + way + [url])
          #expect(run.status == 0 && run.output.hasPrefix("0{"), "\(way) \(url): \(run.output)")
        }
      }
      #expect(await proxy.stop() == .exited(0))
      let capture = try proxy.capture()
      #expect(capture.records("session").count == 8)
      #expect(capture.records("open").filter { $0["tls"] != nil }.count == 4)
      await plain.stop()
      await secret.stop()
    }

    @Test func whatIsNoTLSAndNoHTTPPassesUnread() async throws {
      let certificates = try TestCertificates()
      let listener = try PeerEnvironment.locate("python3", install: "sudo apt-get install -y python3")
      let script = """
        import socket, sys
        listener = socket.create_server(("127.0.0.1", 0)); listener.settimeout(20)
        print(listener.getsockname()[1], flush=True)
        for speaks_first in (True, False):
            peer = listener.accept()[0]; peer.settimeout(20)
            if speaks_first: peer.sendall(b"220 ready\\r\\n")
            peer.sendall(b"echo " + peer.recv(100)); peer.close()
        """
      let server = try ChildProcess(listener, ["-c", script])
      let port = try #require(await server.output.next().flatMap { Int($0) })
      let proxy = try await Self.proxy(certificates)
      for (speaksFirst, reason) in [(true, "server_speaks_first"), (false, "not_tls")] {
        let client = try RawConnection(port: proxy.port)
        try client.write("CONNECT 127.0.0.1:\(port) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try await client.response(to: "HEAD").status == 200)
        if speaksFirst { _ = try await client.read(through: "220 ready\r\n") }
        try client.write([0x00, 0xFF, 0x0A])
        #expect(await client.readToEnd() == Array("echo ".utf8) + [0x00, 0xFF, 0x0A])
        _ = try await proxy.record { $0.type == "open" && $0["passed_through"] == .string(reason) }
        client.finishWriting()
      }
      #expect(await proxy.stop() == .exited(0))
    }

    static func proxy(_ certificates: TestCertificates, _ arguments: String...) async throws -> ProxyProcess {
      try await ProxyProcess.start(
        [
          "proxy", "--forward", "--listen", "127.0.0.1:0", "--capture", "-", "--view", "none", "--ca-dir",
          certificates.authorityFolder,
        ] + arguments)
    }
  }
}
