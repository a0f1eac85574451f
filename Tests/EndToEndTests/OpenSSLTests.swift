import Foundation
import Testing

extension RealPeers {
  /// The `openssl` program as client and as server: versions, ciphers, and what TLS allows within a connection.
  @Suite struct OpenSSL {
    private static func openssl(_ arguments: [String]) throws -> ChildProcess {
      try ChildProcess(
        try PeerEnvironment.locate("openssl", install: "sudo apt-get install -y openssl"), arguments)
    }

    // MARK: as client

    /// A plain chat server behind a proxy that speaks TLS.
    private static func proxy(_ certificates: TestCertificates) async throws -> (PeerProcess, ProxyProcess) {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let proxy = try await ProxyProcess.start(
        upstream: "http://127.0.0.1:\(port)", arguments: ["--tls", "--ca-dir", certificates.authorityFolder])
      return (server, proxy)
    }

    private static func client(
      _ certificates: TestCertificates, to proxy: ProxyProcess, _ arguments: [String]
    ) throws -> ChildProcess {
      try openssl(
        [
          "s_client", "-connect", "127.0.0.1:\(proxy.port)", "-servername", "localhost", "-verify_hostname",
          "localhost", "-CAfile", certificates.authority, "-verify_return_error", "-crlf",
        ] + arguments)
    }

    private static func ask(_ client: ChildProcess) async throws {
      for line in ["GET /socket.io/?EIO=4&transport=polling HTTP/1.1", "Host: localhost", ""] {
        try client.send(line)
      }
      let answer = await client.output.first { $0.hasPrefix("0{") }
      #expect(answer != nil, "\(client.output.all.suffix(20)) \(client.lastErrors)")
    }

    /// The handshake is done and told of: what is sent now is not read together with anything before.
    private static func shaken(_ client: ChildProcess) async {
      _ = await client.output.first { $0.contains("Verify return code: 0") }
    }

    @Test func whatIsSpokenHereIsNegotiated() async throws {
      let certificates = try TestCertificates()
      let (server, proxy) = try await Self.proxy(certificates)
      for (arguments, version) in [
        (["-tls1_2"], "1.2"), (["-tls1_3"], "1.3"), (["-alpn", "h2,http/1.1"], "1.3"),
      ] {
        let client = try Self.client(certificates, to: proxy, arguments)
        await Self.shaken(client)
        try await Self.ask(client)
        if arguments[0] == "-alpn" {
          #expect(client.output.all.contains { $0.contains("ALPN protocol: http/1.1") })
        }
        _ = try await proxy.record { $0.type == "open" && $0["tls"]?["client"] == .string(version) }
        client.closeInput()
        _ = await client.end()
      }
      #expect(await proxy.stop() == .exited(0))
      await server.stop()
    }

    @Test func whatIsTooOldOrTooWeakIsRefusedWithItsReason() async throws {
      let certificates = try TestCertificates()
      let (server, proxy) = try await Self.proxy(certificates)
      let refusals = [
        (["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], "alert number 70", "no version of TLS in common"),
        (["-tls1_2", "-cipher", "AES128-SHA:@SECLEVEL=0"], "alert number 40", "no cipher in common"),
        (["-tls1_2", "-fallback_scsv"], "alert number 86", "as in a downgrade attack"),
      ]
      for (arguments, alert, words) in refusals {
        let client = try Self.client(certificates, to: proxy, arguments)
        #expect(await client.end() == .exited(1))
        #expect(client.lastErrors.contains(alert), "\(client.lastErrors)")
        _ = await proxy.child.errors.first { $0.contains(words) }
      }
      #expect(await proxy.stop() == .exited(0))
      let findings = try proxy.capture().findings("tls_failed")
      #expect(findings.map { $0["peer"] } == refusals.map { _ in .string("client") })
      for (finding, refusal) in zip(findings, refusals) {
        #expect(finding["reason"]?.string?.contains(refusal.2) == true)
      }
      await server.stop()
    }

    @Test(arguments: ["*.example.com", "a..b"])
    func aNameThatNoCertificateCanHaveIsNamed(_ name: String) async throws {
      let certificates = try TestCertificates()
      let (server, proxy) = try await Self.proxy(certificates)
      let client = try Self.client(certificates, to: proxy, ["-servername", name])
      #expect(await client.end() == .exited(1))
      #expect(client.lastErrors.contains("alert number 112"), "\(client.lastErrors)")
      let line = await proxy.child.errors.first { $0.contains("TLS handshake with client") }
      #expect(line?.contains("no certificate for the name '\(name)'") == true, "\(line ?? "")")
      #expect(line?.contains("AuthorityFault") == false)
      #expect(await proxy.stop() == .exited(0))
      let findings = try proxy.capture().findings("tls_failed")
      #expect(findings.count == 1 && findings[0]["reason"]?.string?.contains(name) == true)
      await server.stop()
    }

    @Test func aClientThatHangsUpInItsFirstMessageIsNotTakenForARequest() async throws {
      let certificates = try TestCertificates()
      let (server, proxy) = try await Self.proxy(certificates)
      for hello in [[0x16], [0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]] as [[UInt8]] {
        let connection = try RawConnection(port: proxy.port)
        try connection.write(hello)
        connection.finishWriting()
        #expect(await connection.readToEnd().isEmpty)
        let line = await proxy.child.errors.first { $0.contains("TLS handshake with client") }
        #expect(line?.contains("hung up in the middle") == true, "\(line ?? "")")
      }
      #expect(await proxy.stop() == .exited(0))
      #expect(try proxy.capture().findings("tls_failed").count == 2)
      #expect(!proxy.child.errors.all.contains { $0.contains("malformed request") })
      await server.stop()
    }

    @Test func whoSpeaksTLSToAPlainPortIsToldApart() async throws {
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let proxy = try await ProxyProcess.start(upstream: "http://127.0.0.1:\(port)", arguments: [])
      let client = try Self.openssl(["s_client", "-connect", "127.0.0.1:\(proxy.port)"])
      #expect(await client.end() == .exited(1))
      let line = await proxy.child.errors.first { $0.contains("speaks TLS, and this port does not") }
      #expect(line?.contains("--tls") == true)
      #expect(await proxy.stop() == .exited(0))
      await server.stop()
    }

    @Test func newKeysGoUnnoticed() async throws {
      let certificates = try TestCertificates()
      let (server, proxy) = try await Self.proxy(certificates)
      let client = try Self.client(certificates, to: proxy, ["-tls1_3"])
      await Self.shaken(client)
      try client.send("K")
      _ = await client.errors.first { $0.contains("KEYUPDATE") }
      try await Self.ask(client)
      client.closeInput()
      _ = await client.end()
      #expect(await proxy.stop() == .exited(0))
      await server.stop()
    }

    @Test func aClientThatRenegotiatesLosesItsOwnConnectionOnly() async throws {
      let certificates = try TestCertificates()
      let (server, proxy) = try await Self.proxy(certificates)
      let other = try Self.client(certificates, to: proxy, [])
      await Self.shaken(other)
      let client = try Self.client(certificates, to: proxy, ["-tls1_2"])
      await Self.shaken(client)
      try client.send("R")
      _ = await client.end()
      _ = await proxy.child.errors.first { $0.contains("no renegotiation") }
      try await Self.ask(other)
      other.closeInput()
      _ = await other.end()
      #expect(await proxy.stop() == .exited(0))
      await server.stop()
    }

    /// Both legs by OpenSSL, which asks for new keys in both directions and on both legs while the frames of a WebSocket pass.
    @Test(arguments: ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
    func newKeysGoUnnoticedBehindAnUpgrade(_ suite: String) async throws {
      let certificates = try TestCertificates()
      let (server, port) = try await Self.server(certificates, ["-crlf", "-tls1_3", "-ciphersuites", suite])
      let proxy = try await ProxyProcess.start(
        upstream: "https://localhost:\(port)",
        arguments: ["--upstream-ca", certificates.issuer, "--tls", "--ca-dir", certificates.authorityFolder])
      let client = try Self.client(certificates, to: proxy, ["-tls1_3", "-ciphersuites", suite])
      await Self.shaken(client)
      for line in ["GET /chat HTTP/1.1", "Host: localhost", "Upgrade: websocket", "Connection: Upgrade", ""] {
        try client.send(line)
      }
      _ = await server.output.first { $0.hasPrefix("GET /chat HTTP/1.1") }
      for line in ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade", ""] {
        try server.send(line)
      }
      _ = await client.output.first { $0.hasPrefix("HTTP/1.1 101") }
      // A key of its own for either, with and without the wish that the other follow.
      let wishes = [(client, "k"), (client, "K"), (server, "K"), (server, "k")]
      for (number, (peer, wish)) in (wishes + wishes).enumerated() {
        try peer.send(wish)
        // Only what comes alone is taken for a wish. The server looks at its input first, and says late what it did.
        if peer === client { while let line = await client.errors.next(), !line.contains("KEYUPDATE") {} }
        try client.send("line \(number) there")
        #expect(await server.output.first { $0.contains("line \(number) there") } != nil)
        try server.send("line \(number) back")
        #expect(await client.output.first { $0.contains("line \(number) back") } != nil)
      }
      client.closeInput()
      #expect(await client.end() == .exited(0))
      #expect(await proxy.stop() == .exited(0))
      #expect(!proxy.child.errors.all.contains { $0.contains("failed") }, "\(proxy.child.lastErrors)")
      server.signal(SIGKILL)
      _ = await server.end()
    }

    // MARK: as server

    private static func server(
      _ certificates: TestCertificates, _ arguments: [String]
    ) async throws -> (ChildProcess, Int) {
      let server = try openssl(
        [
          "s_server", "-accept", "127.0.0.1:0", "-cert", certificates.chain(.good), "-key",
          certificates.key(.good),
        ] + arguments)
      let line = await server.output.first { $0.hasPrefix("ACCEPT 127.0.0.1:") }
      return (
        server, try #require(line?.split(separator: ":").last.flatMap { Int($0) }, "\(server.lastErrors)")
      )
    }

    private static func asks(_ certificates: TestCertificates) -> [String] {
      ["-Verify", "1", "-verify_return_error", "-CAfile", certificates.issuer]
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"], [false, true])
    func aServerOfEitherVersionIsReached(_ version: String, _ asksForCertificate: Bool) async throws {
      let certificates = try TestCertificates()
      let (server, port) = try await Self.server(
        certificates, [version, "-www"] + (asksForCertificate ? Self.asks(certificates) : []))
      let proxy = try await ProxyProcess.start(
        upstream: "https://localhost:\(port)",
        arguments: ["--upstream-ca", certificates.issuer]
          + (asksForCertificate
            ? ["--upstream-cert", certificates.chain(.good), "--upstream-key", certificates.key(.good)] : []))
      let client = try RawConnection(port: proxy.port)
      #expect(try await client.fetch("GET", "/").status == 200)
      client.finishWriting()
      #expect(await proxy.stop() == .exited(0))
      server.signal(SIGTERM)
      _ = await server.end()
    }

    @Test(arguments: [
      (["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], false, "no version of TLS in common"),
      (["-tls1_2", "-cipher", "CAMELLIA256-SHA:AES256-SHA256@SECLEVEL=0"], false, "no cipher in common"),
      (["-tls1_2"], true, "asks for a client certificate"),
      (["-tls1_3"], true, "asks for a client certificate"),
    ])
    func whatAServerWantsThatIsNotThereIsSaid(
      _ arguments: [String], _ asksForCertificate: Bool, _ words: String
    ) async throws {
      let certificates = try TestCertificates()
      let (server, port) = try await Self.server(
        certificates, ["-www"] + arguments + (asksForCertificate ? Self.asks(certificates) : []))
      let proxy = try await ProxyProcess.start(
        upstream: "https://localhost:\(port)", arguments: ["--upstream-ca", certificates.issuer])
      try await TLS.expectRefusal(proxy, words)
      server.signal(SIGTERM)
      _ = await server.end()
    }

    @Test func aServerThatRenegotiatesIsSaid() async throws {
      let certificates = try TestCertificates()
      let (server, port) = try await Self.server(certificates, ["-tls1_2"])
      let proxy = try await ProxyProcess.start(
        upstream: "https://localhost:\(port)", arguments: ["--upstream-ca", certificates.issuer])
      let client = try RawConnection(port: proxy.port)
      try client.request("GET", "/", [])
      _ = await server.output.first { $0.hasPrefix("GET / HTTP/1.1") }
      try server.send("r")
      let answer = try await client.response()
      #expect(answer.status == 502)
      #expect(String(decoding: answer.body, as: UTF8.self).contains("no renegotiation"))
      client.finishWriting()
      #expect(await proxy.stop() == .exited(0))
      server.signal(SIGKILL)
      _ = await server.end()
    }
  }
}

extension RealPeers.ForwardProxy {
  /// Asynchronous clients take their proxy from the environment: aiohttp under python-socketio, and websockets.
  @Test func asynchronousClientsInPythonAreLookedInto() async throws {
    let certificates = try TestCertificates()
    let (server, port) = try await PeerProcess.startServer(
      script: "chat_server.py", arguments: certificates.serverArguments)
    let proxy = try await Self.proxy(certificates, "--upstream-ca", certificates.issuer)
    let script = """
      import asyncio, sys
      import aiohttp, socketio, websockets
      async def main(port):
          for transport in ("polling", "websocket"):
              async with aiohttp.ClientSession(trust_env=True) as session:
                  io = socketio.AsyncClient(http_session=session, reconnection=False, handle_sigint=False)
                  await io.connect(f"https://localhost:{port}", transports=[transport], wait_timeout=20)
                  print(transport, await io.call("echo", ["é", 1], timeout=20), flush=True)
                  leaving = asyncio.create_task(io.disconnect())
                  await asyncio.wait({leaving}, timeout=0.5)
          address = f"wss://localhost:{port}/socket.io/?EIO=4&transport=websocket"
          async with websockets.connect(address, proxy=True) as peer:
              await peer.recv(); await peer.send("40"); await peer.recv()
              await peer.send('427["echo","w"]'); print("websockets", await peer.recv(), flush=True)
      asyncio.run(asyncio.wait_for(main(int(sys.argv[1])), 60))
      """
    let python = try await PeerEnvironment.ready(.engineIO4).python
    let client = try ChildProcess(
      python, ["-c", script, "\(port)"],
      environment: certificates.clientVariables.merging(TestCertificates.proxyVariables(proxy.address)) { $1 }
        // aiohttp has a variable of its own for the proxy of WebSockets.
        .merging(["wss_proxy": proxy.address]) { $1 }
    )
    let last = await client.output.first { $0.hasPrefix("websockets") }
    #expect(last == #"websockets 437["w"]"#, "\(client.output.all) \(client.lastErrors)")
    #expect(client.output.all.prefix(2).map { $0.prefix { $0 != " " } } == ["polling", "websocket"])
    client.signal(SIGTERM)
    _ = await client.end()
    #expect(await proxy.stop() == .exited(0))
    let capture = try proxy.capture()
    #expect(capture.outcomes(event: "echo") == ["acknowledged", "acknowledged", "acknowledged"])
    #expect(capture.records("open").allSatisfy { $0["tls"]?["client"] == .string("1.3") })
    await server.stop()
  }
}
