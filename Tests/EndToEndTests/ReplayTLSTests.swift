import Testing

extension RealPeers {
  /// Replays against servers that speak TLS.
  @Suite struct ReplayTLS {
    @Test(arguments: ["polling", "websocket", "both"])
    func aFreshServerOverTLSIsTheSame(_ transports: String) async throws {
      let certificates = try TestCertificates()
      let recording = try await RoomRecording.shared(["--transports", transports, "--burst", "5"])
      let scheme = transports == "polling" ? "https" : "wss"
      let result = try await recording.replay(
        ["--ca", certificates.issuer], to: "\(scheme)://localhost", server: certificates.serverArguments)
      #expect(result.status == .exited(0), "\(result.words)")
      #expect(result.report["unplayed"] == .int(0))
      #expect(result.errors.isEmpty, "\(result.errors)")
    }

    @Test func theCaptureOfAReplayOverTLSHasItsPackets() async throws {
      let certificates = try TestCertificates()
      let recording = try await RoomRecording.shared(["--transports", "websocket", "--namespaces", "/"])
      let folder = try TemporaryFolder()
      let own = folder.file("own.jsonl")
      let result = try await recording.replay(
        ["--ca", certificates.issuer, "--capture", own.path], to: "https://127.0.0.1",
        server: certificates.serverArguments)
      #expect(result.status == .exited(0), "\(result.words)")
      let capture = try CaptureFile(contentsOf: own)
      let first = try CaptureFile(contentsOf: recording.capture)
      #expect(capture.eventCounts(from: "client") == first.eventCounts(from: "client"))
      #expect(capture.records("open").allSatisfy { $0["tls"]?["upstream"] == .string("1.3") })
    }

    @Test func aServerThatAsksForACertificateGetsIt() async throws {
      let certificates = try TestCertificates()
      let recording = try await RoomRecording.shared(["--transports", "websocket", "--namespaces", "/"])
      let server = certificates.serverArguments + ["--client-ca", certificates.issuer]
      let trusting = ["--ca", certificates.issuer]
      let shown = [
        "--cert", certificates.chain(.wrongName), "--key", certificates.key(.wrongName),
      ]
      let result = try await recording.replay(trusting + shown, to: "https://localhost", server: server)
      #expect(result.status == .exited(0), "\(result.words)")
      let line = try await refusal(trusting, "https://localhost", server)
      // Python's server ends the connection without the alert that would say why.
      #expect(line.contains("TLS failed: "), "\(line)")
    }

    @Test func insecureIsSaidLoudly() async throws {
      let certificates = try TestCertificates()
      let recording = try await RoomRecording.shared(["--transports", "websocket", "--namespaces", "/"])
      let result = try await recording.replay(
        ["--insecure"], to: "https://localhost",
        server: ["--tls", certificates.chain(.expired), certificates.key(.expired)])
      #expect(result.status == .exited(0), "\(result.words)")
      #expect(result.errors.count == 1)
      #expect(result.errors.first?.contains("WARNING: --insecure") == true)
    }

    @Test(arguments: [
      (TestCertificates.Name.wrongName, "other names than 'localhost': DNS:other.test"),
      (.expired, "has expired"), (.selfSigned, "not among the trusted ones (--ca)"),
    ])
    func aCertificateThatProvesNothingIsRefused(_ name: TestCertificates.Name, _ words: String) async throws {
      let certificates = try TestCertificates()
      let line = try await refusal(
        ["--ca", certificates.issuer], "https://localhost",
        ["--tls", certificates.chain(name), certificates.key(name)])
      #expect(line.contains(words), "\(line)")
    }

    @Test(arguments: [[], ["--capture"]])
    func anUnknownIssuerAndAServerWithoutTLSAreRefused(_ capture: [String]) async throws {
      let certificates = try TestCertificates()
      let folder = try TemporaryFolder()
      let own = capture.isEmpty ? [] : ["--capture", folder.file("own.jsonl").path]
      let unknown = try await refusal(own, "https://localhost", certificates.serverArguments)
      #expect(unknown.contains("not among the trusted ones (--ca)"), "\(unknown)")
      let plain = try await refusal(own, "wss://localhost", [])
      #expect(plain.contains("it does not speak TLS"), "\(plain)")
    }

    /// The one line with which a replay ends that does not reach its server.
    private func refusal(_ arguments: [String], _ to: String, _ server: [String]) async throws -> String {
      let recording = try await RoomRecording.shared(["--transports", "websocket", "--namespaces", "/"])
      let (serving, port) = try await PeerProcess.startServer(script: "room_server.py", arguments: server)
      let result = try await ProxyProcess.finish(
        ["replay", recording.capture.path, "--to", "\(to):\(port)"] + arguments)
      await serving.stop()
      #expect(result.ending == .exited(69))
      #expect(result.errors.count == 1, "\(result.errors)")
      return result.errors.first ?? ""
    }

    @Test func optionsForTLSNeedIt() async throws {
      for arguments in [["--insecure"], ["--ca", "/nowhere.pem"]] {
        let result = try await ProxyProcess.finish(
          ["replay", "/nowhere.jsonl", "--to", "http://127.0.0.1:9"] + arguments)
        #expect(result.ending == .exited(2))
        #expect(result.errors.first?.contains("https://") == true, "\(result.errors)")
      }
      let unreadable = try await ProxyProcess.finish(
        ["replay", "/nowhere.jsonl", "--to", "https://127.0.0.1:9", "--ca", "/nowhere.pem"])
      #expect(unreadable.ending == .exited(2))
      #expect(unreadable.errors.first?.contains("--ca '/nowhere.pem' cannot be read") == true)
    }
  }
}
