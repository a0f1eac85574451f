import Foundation
import Testing

extension RealPeers {
  /// Secrets planted wherever they occur, and searched for in everything that is written.
  @Suite struct Secrets {
    @Test(arguments: [false, true])
    func whatIsPlantedIsFoundNowhere(_ isForward: Bool) async throws {
      let certificates = try TestCertificates()
      let (server, port) = try await PeerProcess.startServer(script: "chat_server.py")
      let file = certificates.folder.file("capture.jsonl")
      let mode =
        isForward
        ? ["--forward", "--ca-dir", certificates.authorityFolder, "--proxy-auth", "ann:planted-0"]
        : ["http://localhost:\(port)"]
      let proxy = try await ProxyProcess.start(
        ["proxy"] + mode + ["--listen", "127.0.0.1:0", "--capture", file.path, "--view", "lines"])
      let origin = isForward ? "http://localhost:\(port)" : ""
      let fields =
        [
          "Authorization: Bearer planted-1", "Cookie: session=planted-2; theme=dark", "X-Api-Key: planted-3",
        ] + (isForward ? ["Proxy-Authorization: Basic YW5uOnBsYW50ZWQtMA=="] : [])
      let path = "\(origin)/socket.io/?EIO=4&transport=polling&token=planted-4&access_token=planted-5"
      let client = try RawConnection(port: proxy.port)
      let opening = try await client.fetch("GET", path, fields)
      #expect(opening.status == 200)
      let sid = try #require(
        try JSON(parsing: String(decoding: opening.body.dropFirst(), as: UTF8.self))["sid"]?.string)
      let session = path + "&sid=\(sid)"
      for packet in [
        #"40{"token":"planted-6","nested":[{"jwt":"planted-7"}]}"#,
        #"421["login",{"user":"ann","password":"planted-8","deep":{"a":[{"api_key":"planted-9"}]}}]"#,
        #"422["note",{"Authorization":"Bearer planted-10","secret":{"value":"planted-11"}}]"#,
      ] {
        #expect(try await client.fetch("POST", session, fields, body: Array(packet.utf8)).status == 200)
      }
      _ = try await client.fetch("GET", session, fields)
      let upgrade = try RawConnection(port: proxy.port)
      try upgrade.request(
        "GET", "\(origin)/socket.io/?EIO=4&transport=websocket&password=planted-12",
        fields + WebSocketPeer.upgradeFields)
      #expect(try await upgrade.response().status == 101)
      let peer = WebSocketPeer(connection: upgrade)
      _ = try await peer.text { $0.hasPrefix("0{") }
      try peer.send(#"40{"credentials":"planted-13"}"#)
      _ = try await peer.text { $0.hasPrefix("40{") }
      try peer.send(#"427["nothing",{"session_token":"planted-14"}]"#)
      _ = try await peer.text { $0.hasPrefix("437") }
      try peer.close()
      // What cannot be decoded, or not be passed on, is told without its secrets too.
      let broken = try RawConnection(port: proxy.port)
      #expect(try await broken.fetch("GET", path, fields + ["Host: planted-15"]).status == 400)
      client.finishWriting()
      #expect(await proxy.stop() == .exited(0))
      let capture = try CaptureFile(contentsOf: file)
      #expect(
        !capture.records("handshake").isEmpty && capture.emits(from: "client", event: "login").count == 1)
      let inspected = try await ProxyProcess.finish(["inspect", file.path])
      for (name, text) in [
        ("the capture", capture.records.map(\.line)), ("the lines", proxy.child.output.all),
        ("the diagnostics", proxy.child.errors.all), ("the summary", inspected.output + inspected.errors),
      ] {
        #expect(text.contains { !$0.isEmpty }, "\(name)")
        let found = text.filter { $0.contains("planted") || $0.contains("YW5uOnBsYW50ZWQ") }
        #expect(found.isEmpty, "\(name): \(found)")
      }
      await server.stop()
    }

    @Test func theSecretsOfTLSAreWrittenOnlyWhenAskedFor() async throws {
      let certificates = try TestCertificates()
      let (server, port) = try await PeerProcess.startServer(
        script: "chat_server.py", arguments: certificates.serverArguments)
      for isAskedFor in [true, false] {
        let file = certificates.folder.file("keys-\(isAskedFor)")
        let child = try ChildProcess(
          ProxyProcess.binary(),
          [
            "proxy", "https://localhost:\(port)", "--listen", "127.0.0.1:0", "--no-capture", "--view", "none",
            "--upstream-ca", certificates.issuer,
          ] + (isAskedFor ? ["--tls-keylog", file.path] : []), environment: ["SSLKEYLOGFILE": file.path])
        let line = try #require(await child.errors.first { $0.contains("listening on ") })
        let client = try RawConnection(port: Int(line.split(separator: ":").last ?? "") ?? 0)
        #expect(try await client.fetch("GET", "/socket.io/?EIO=4&transport=polling").status == 200)
        client.finishWriting()
        child.signal(SIGINT)
        #expect(await child.end() == .exited(0))
        let keys = try? String(contentsOf: file, encoding: .utf8)
        #expect((keys?.contains("CLIENT_TRAFFIC_SECRET_0 ") ?? false) == isAskedFor)
        if isAskedFor {
          let attributes = try FileManager.default.attributesOfItem(atPath: file.path)
          #expect(attributes[.posixPermissions] as? Int == 0o600)
          #expect(child.lastErrors.contains("the secrets of TLS connections go to"))
        }
      }
      await server.stop()
    }

    @Test func passwordsAreNotRepeatedInMessages() async throws {
      for arguments in [
        ["proxy", "http://ann:planted-1@127.0.0.1:3000"],
        ["proxy", "--forward", "--proxy-auth", "planted-2"],
        ["proxy", "http://127.0.0.1:1", "--upstream-proxy", "https://ann:planted-3@127.0.0.1:1"],
        ["proxy", "http://127.0.0.1:1", "--upstream-proxy", "http://ann:planted-4@127.0.0.1:x"],
      ] {
        let folder = try TemporaryFolder()
        let refused = try await ProxyProcess.finish(
          arguments + ["--listen", "127.0.0.1:0", "--no-capture", "--view", "none"], directory: folder.url)
        #expect(refused.ending == .exited(2), "\(refused.errors)")
        #expect(!(refused.errors + refused.output).contains { $0.contains("planted") }, "\(refused.errors)")
      }
    }
  }
}
