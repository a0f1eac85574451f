import Testing

/// A chat between real peers through the proxy, from start to orderly end, and what all three of them counted.
struct ChatRun: Sendable {
  /// The report of `chat_client.py` or `js_client.js`.
  let client: JSON

  /// The report of `chat_server.py`.
  let server: JSON

  /// The complete capture.
  let capture: CaptureFile

  /// A peer's script, arguments and environment.
  struct PeerPlan: Sendable {
    var script: String
    var arguments: [String] = []
    var environment = PeerEnvironment.Kind.engineIO4

    static func server(_ arguments: String..., environment: PeerEnvironment.Kind = .engineIO4) -> PeerPlan {
      PeerPlan(script: "chat_server.py", arguments: arguments, environment: environment)
    }

    static func client(_ arguments: String..., environment: PeerEnvironment.Kind = .engineIO4) -> PeerPlan {
      PeerPlan(script: "chat_client.py", arguments: arguments, environment: environment)
    }

    static func javaScript(_ library: String, _ arguments: String...) -> PeerPlan {
      PeerPlan(
        script: "js_client.js", arguments: ["--library", library] + arguments, environment: .javaScript)
    }
  }

  /// Plays the client's script against the server through a proxy.
  ///
  /// - Parameters:
  ///   - expectsErrors: the client may report errors of its own; they are then in its report.
  ///   - tls: both legs speak TLS.
  ///   - forward: the client reaches the server by a forward proxy with this authority, which it trusts.
  ///   - roots: what the client trusts instead.
  static func play(
    _ client: PeerPlan, to server: PeerPlan, proxy arguments: [String] = [], expectsErrors: Bool = false,
    over tls: TestCertificates? = nil, forward: TestCertificates? = nil, forwardArguments: [String] = [],
    trusting roots: String? = nil
  ) async throws -> ChatRun {
    let (serving, port) = try await PeerProcess.startServer(
      script: server.script, arguments: server.arguments + (tls?.serverArguments ?? []),
      environment: server.environment)
    let folder = try TemporaryFolder()
    let file = folder.file("capture.jsonl")
    let scheme = tls == nil ? "http" : "https"
    let proxy: ProxyProcess
    let address: String
    var variables = tls?.clientVariables ?? [:]
    if let forward {
      proxy = try await ProxyProcess.start(
        [
          "proxy", "--forward", "--listen", "127.0.0.1:0", "--capture", file.path, "--view", "none",
          "--ca-dir",
          forward.authorityFolder,
        ] + (tls.map { ["--upstream-ca", $0.issuer] } ?? []) + forwardArguments)
      address = "\(scheme)://localhost:\(port)"
      variables = forward.clientVariables(trusting: roots).merging(
        TestCertificates.proxyVariables(proxy.address)
      ) { $1 }
    } else {
      proxy = try await ProxyProcess.start(
        upstream: tls == nil ? "http://127.0.0.1:\(port)" : "https://localhost:\(port)", capture: file,
        arguments: arguments + (tls?.proxyArguments ?? []))
      address = proxy.address
    }
    let peer = try await PeerProcess.start(
      script: client.script, arguments: [address] + client.arguments, environment: client.environment,
      variables: variables)
    let report: JSON
    if expectsErrors {
      report = try await peer.next("report")
      _ = await peer.child.end()
    } else {
      do {
        report = try await peer.finishedReport()
      } catch {
        throw PeerFailure(
          "\(error)\nthe proxy: \(proxy.child.lastErrors)\nthe server: \(serving.child.lastErrors)")
      }
    }
    let counted = try await serving.report()
    #expect(await proxy.stop() == .exited(0))
    await serving.stop()
    return ChatRun(client: report, server: counted, capture: try CaptureFile(contentsOf: file))
  }

  /// Checks every count of the capture against both peers', and that no latency is longer than the client measured.
  func expectEqualCounts(sourceLocation: SourceLocation = #_sourceLocation) {
    func expect(_ counts: [String: Int], _ name: String, _ report: JSON) {
      #expect(counts == report[name]?.counts, "\(name)", sourceLocation: sourceLocation)
    }
    capture.expectConsistency(sourceLocation: sourceLocation)
    #expect(client["emitted"]?.counts.isEmpty == false, sourceLocation: sourceLocation)
    let fromClient = capture.eventCounts(from: "client")
    expect(fromClient, "emitted", client)
    expect(fromClient, "received", server)
    let fromServer = capture.eventCounts(from: "server")
    expect(fromServer, "received", client)
    expect(fromServer, "emitted", server)
    let asked = Self.counts(capture.emits(from: "client"))
    expect(asked, "acks_asked", client)
    expect(asked, "acks_requested", server)
    let acknowledged = capture.ackCounts(from: "server")
    expect(acknowledged, "acks_received", client)
    expect(acknowledged, "acks_sent", server)
    let answers = capture.ackCounts(from: "client")
    expect(answers, "answered", client)
    expect(answers, "callbacks", server)
    expectPlausibleLatencies(sourceLocation: sourceLocation)
  }

  /// Every emit passed the proxy after the client's watch was started, and every ack before it was stopped: sorted, no
  /// latency of the capture is longer than its counterpart.
  private func expectPlausibleLatencies(sourceLocation: SourceLocation) {
    let measured = client["latencies_us"]?.object ?? [:]
    #expect(!measured.isEmpty, sourceLocation: sourceLocation)
    for (key, values) in measured {
      let seen = capture.acks(from: "server").filter { ack in
        guard let emit = ack["ack_of"]?.int.flatMap(capture.record) else { return false }
        return "\(emit.namespace ?? "?") \(emit.event ?? "?")" == key
      }.compactMap { $0["latency_us"]?.int }.sorted()
      let own = (values.array ?? []).compactMap(\.int).sorted()
      #expect(seen.count == own.count, "\(key)", sourceLocation: sourceLocation)
      // Both are cut to whole microseconds.
      let tooLong = zip(seen, own).filter { $0 < 0 || $0 > $1 + 2 }
      #expect(tooLong.isEmpty, "\(key)", sourceLocation: sourceLocation)
    }
  }

  private static func counts(_ records: [CaptureRecord]) -> [String: Int] {
    Dictionary(
      records.map { ("\($0.namespace ?? "?") \($0.event ?? "?")", 1) }, uniquingKeysWith: +)
  }
}
