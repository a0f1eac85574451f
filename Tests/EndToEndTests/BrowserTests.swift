import Foundation
import Testing

extension RealPeers {
  /// Chromium with the official JavaScript client on a page, in the proxy's hands.
  ///
  /// One at a time: a browser is a dozen processes.
  @Suite(.serialized) struct Browsers {
    /// How the browser comes to the proxy.
    enum Way: String, CaseIterable, Sendable {
      case reverse, http, socks5
    }

    private static let transports = ["polling", "websocket", "both"]

    @Test(arguments: Way.allCases)
    func aPageChatsOverTLS(_ way: Way) async throws {
      try await Self.chat(way, over: TestCertificates())
    }

    @Test(arguments: [Way.reverse, .http])
    func aPageChatsInClear(_ way: Way) async throws {
      try await Self.chat(way, over: nil)
    }

    private static func chat(_ way: Way, over tls: TestCertificates?) async throws {
      let certificates = try tls ?? TestCertificates()
      let (server, port) = try await server(over: tls)
      let origin = "\(tls == nil ? "http" : "https")://localhost:\(port)"
      let made = try await ProxyProcess.finish(["ca", "export", "--ca-dir", certificates.authorityFolder])
      #expect(made.ending == .exited(0))
      let file = certificates.folder.file("capture.jsonl")
      let proxy = try await ProxyProcess.start(
        ["proxy"] + (way == .reverse ? [origin] : ["--forward"])
          + ["--listen", "127.0.0.1:0", "--capture", file.path, "--view", "none"]
          + (tls == nil ? [] : ["--upstream-ca", certificates.issuer])
          + (tls != nil && way == .reverse ? ["--tls"] : [])
          + ["--ca-dir", certificates.authorityFolder])
      let browser = try Browser(trusting: certificates.authority)
      let shown = way == .reverse ? "\(tls == nil ? "http" : "https")://localhost:\(proxy.port)" : origin
      let page = try browser.open(
        "\(shown)/?transports=\(transports.joined(separator: ","))",
        // A browser goes to this machine without its proxy otherwise.
        way == .reverse
          ? []
          : ["--proxy-server=\(way.rawValue)://127.0.0.1:\(proxy.port)", "--proxy-bypass-list=<-loopback>"])
      let seen = try await server.next("page")
      page.signal(SIGTERM)
      _ = await page.end()
      #expect(seen["errors"] == .array([]), "\(page.lastErrors)\n\(proxy.child.lastErrors)")
      #expect(seen["origin"] == .string(shown))
      #expect(seen["chats"]?.array?.compactMap { $0["name"]?.string } == transports)
      #expect(
        seen["chats"]?.array?.compactMap { $0["transport"]?.string } == [
          "polling", "websocket", "websocket",
        ])
      #expect(await proxy.stop() == .exited(0))
      let capture = try CaptureFile(contentsOf: file)
      capture.expectConsistency()
      #expect(capture.records("session").count == 3)
      #expect(capture.findings("upgrade_completed").count == 1)
      #expect(capture.outcomes(event: "say") == Array(repeating: "acknowledged", count: 9))
      #expect(capture.outcomes(event: "turn") == Array(repeating: "acknowledged", count: 3))
      #expect(capture.events(from: "server", event: "told").count == 9)
      let sessions = Set(capture.records("session").compactMap { $0["conn"]?.int })
      for open in capture.records("open") where sessions.contains(open["conn"]?.int ?? 0) {
        #expect((open["tls"] != nil) == (tls != nil))
        #expect((open["host"] == .string("localhost:\(port)")) == (way != .reverse))
      }
      await server.stop()
    }

    /// A profile that was not told of the authority: the page does not come, and the proxy says why. Then it keeps its
    /// hands off, and the browser meets the server's own certificate.
    @Test func aProfileWithoutTheAuthorityIsNoticedAndNextTimePassedThrough() async throws {
      let certificates = try TestCertificates()
      let (server, port) = try await server(over: certificates)
      let proxy = try await ProxyProcess.start(
        [
          "proxy", "--forward", "--listen", "127.0.0.1:0", "--capture", "-", "--view", "none",
          "--upstream-ca", certificates.issuer, "--ca-dir", certificates.authorityFolder,
        ])
      let browser = try Browser(trusting: certificates.issuer)
      let way = ["--proxy-server=http://127.0.0.1:\(proxy.port)", "--proxy-bypass-list=<-loopback>"]
      let url = "https://localhost:\(port)/?transports=both"
      let first = try browser.open(url, way)
      _ = await proxy.child.errors.first { $0.contains("does not take Ackscope's certificate for localhost") }
      first.signal(SIGTERM)
      _ = await first.end()
      let second = try browser.open(url + "&visit=second", way)
      var seen = try await server.next("page")
      while seen["search"]?.string?.contains("visit=second") != true { seen = try await server.next("page") }
      #expect(seen["errors"] == .array([]))
      second.signal(SIGTERM)
      _ = await second.end()
      #expect(await proxy.stop() == .exited(0))
      let opens = try proxy.capture().records("open").filter { $0["host"] == .string("localhost:\(port)") }
      let reasons = opens.map { $0["passed_through"]?.string }
      #expect(reasons.contains("certificate_refused"))
      #expect(reasons.allSatisfy { $0 == "certificate_refused" || $0 == "client_hung_up" })
      await server.stop()
    }

    private static func server(over tls: TestCertificates?) async throws -> (PeerProcess, Int) {
      let packages = try #require(try await PeerEnvironment.ready(.javaScript).packages)
      let bundle = packages.appendingPathComponent("nicegui/static/socket.io.min.js").path
      return try await PeerProcess.startServer(
        script: "page_chat.py", arguments: ["--bundle", bundle] + (tls?.serverArguments ?? []))
    }

    private func server(over tls: TestCertificates?) async throws -> (PeerProcess, Int) {
      try await Self.server(over: tls)
    }
  }
}
