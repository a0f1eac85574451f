import Foundation
import Testing

/// `ackscope ca` as people and scripts use it.
@Suite struct AuthorityCommandTests {
  private let folder: TemporaryFolder
  private var place: [String] { ["--ca-dir", folder.file("ca").path] }

  init() throws { folder = try TemporaryFolder() }

  private func ca(_ arguments: String...) async throws -> FinishedCommand {
    try await ProxyProcess.finish(["ca"] + arguments + place)
  }

  @Test func theFirstNeedMakesItAndShowSaysWhatItIs() async throws {
    let before = try await ca("show")
    #expect(before.ending == .exited(1) && before.errors.contains { $0.contains("there is no authority") })
    let export = try await ca("export")
    #expect(export.ending == .exited(0) && export.output.first == "-----BEGIN CERTIFICATE-----")
    #expect(!export.output.contains { $0.contains("PRIVATE") })
    let shown = try await ca("show")
    #expect(shown.ending == .exited(0))
    let openssl = try PeerEnvironment.locate("openssl", install: "sudo apt-get install -y openssl")
    let file = try folder.file("exported.pem", holding: export.output.joined(separator: "\n") + "\n")
    let told = try PeerEnvironment.run(
      openssl, ["x509", "-in", file.path, "-noout", "-fingerprint", "-sha256"])
    let fingerprint = try #require(
      told.output.split(separator: "=").last?.trimmingCharacters(in: .whitespacesAndNewlines))
    #expect(shown.output.contains { $0.contains(fingerprint) })
  }

  @Test(arguments: ["pem", "der", "p12"])
  func everyFormGoesToAFile(_ form: String) async throws {
    let file = folder.file("out.\(form)")
    #expect(try await ca("export", "--format", form, "--output", file.path).ending == .exited(0))
    #expect(try !Data(contentsOf: file).isEmpty)
  }

  #if os(Linux)
    @Test func whatCannotBeWrittenIsSaid() async throws {
      let export = try await ca("export", "--format", "der", "--output", "/dev/full")
      #expect(export.ending == .exited(2) && export.errors.contains { $0.contains("'/dev/full'") })
    }
  #endif

  @Test func trustNamesEveryPlaceOrTheOnesAskedFor() async throws {
    let all = try await ca("trust").output
    for word in [
      "update-ca-certificates", "security add-trusted-cert", "Firefox", "certutil", "NODE_EXTRA_CA_CERTS",
      "SSL_CERT_FILE",
      "Certificate Trust Settings", "Android", folder.file("ca/certificate.pem").path,
    ] {
      #expect(all.contains { $0.contains(word) }, "\(word)")
    }
    let one = try await ca("trust", "node").output
    #expect(one.contains { $0.contains("NODE_EXTRA_CA_CERTS") } && !one.contains { $0.contains("certutil") })
  }

  @Test func renewAndRemoveSayWhatBecomesOfTheFormerOne() async throws {
    let first = try await ca("renew")
    let former = try #require(first.output.first { $0.hasPrefix("fingerprint") }?.split(separator: " ")[1])
    let second = try await ca("renew", "--permit", "example.test", "10.0.0.0/8")
    #expect(second.output.contains { $0.contains("end the trust in the former one, \(former)") })
    #expect(second.output.contains { $0.contains("DNS:example.test") })
    let removed = try await ca("remove")
    #expect(removed.ending == .exited(0) && removed.output.contains { $0.contains("still trusted") })
    #expect(try await ca("show").ending == .exited(1))
    #expect(try await ca("renew", "--permit", "a b").ending == .exited(2))
  }
}
