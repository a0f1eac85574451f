import Foundation
import Testing

@testable import LocalAuthority

@Suite struct AuthorityFolderTests {
  private let files: IndependentCheck.Files
  private let folder: AuthorityFolder
  private let now = Int(Date().timeIntervalSince1970)

  init() throws {
    files = try IndependentCheck.Files()
    folder = AuthorityFolder(path: files.path("data/ca/"))
  }

  private func mode(_ path: String) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
  }

  @Test func theFirstNeedMakesAnAuthorityThatStays() throws {
    #expect(try folder.authority() == nil)
    let made = try folder.madeIfNeeded(at: now)
    #expect(made.isNew)
    let again = try folder.madeIfNeeded(at: now)
    #expect(!again.isNew && again.authority.fingerprint == made.authority.fingerprint)
    #expect(try String(contentsOfFile: folder.certificateFile, encoding: .utf8).contains("BEGIN CERTIFICATE"))
  }

  @Test func nobodyElseCanReadTheKey() throws {
    _ = try folder.madeIfNeeded(at: now)
    #expect(try mode(folder.path) == 0o700)
    #expect(try mode(folder.secretFile) == 0o600)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).count == 2)
  }

  @Test func aKeyThatOthersCanReadIsRefused() throws {
    _ = try folder.madeIfNeeded(at: now)
    #expect(chmod(folder.secretFile, 0o640) == 0)
    #expect { try folder.authority() } throws: { "\($0)".contains("ca renew") }
    #expect(throws: AuthorityFault.self) { try folder.madeIfNeeded(at: now) }
    #expect(try folder.renew(permitting: NameConstraints(), at: now).notAfter > now)
    #expect(try mode(folder.secretFile) == 0o600)
  }

  /// Nobody is asked on the terminal, where a proxy may have nobody.
  @Test func aKeyBehindAPasswordIsRefused() throws {
    _ = try folder.madeIfNeeded(at: now)
    let locked = try IndependentCheck.run(
      "openssl", ["pkey", "-in", folder.secretFile, "-aes256", "-passout", "pass:secret"])
    let certificate = try String(contentsOfFile: folder.certificateFile, encoding: .utf8)
    try (certificate + locked.output).write(toFile: folder.secretFile, atomically: false, encoding: .utf8)
    #expect { try folder.authority() } throws: { "\($0)".contains("damaged") }
  }

  @Test func whoeverRenewsAtOnceLeavesACertificateThatFits() async throws {
    _ = try folder.madeIfNeeded(at: now)
    for _ in 0..<20 {
      try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<4 {
          group.addTask { [folder, now] in _ = try folder.renew(permitting: NameConstraints(), at: now) }
        }
        try await group.waitForAll()
      }
      let kept = try #require(try folder.authority())
      let shown = try IndependentCheck.run(
        "openssl", ["x509", "-noout", "-fingerprint", "-sha256", "-in", folder.certificateFile])
      #expect(shown.output.contains(kept.fingerprint))
    }
  }

  @Test func aLinkInPlaceOfTheKeyIsRefused() throws {
    _ = try folder.madeIfNeeded(at: now)
    try FileManager.default.moveItem(atPath: folder.secretFile, toPath: files.path("elsewhere.pem"))
    try FileManager.default.createSymbolicLink(
      atPath: folder.secretFile, withDestinationPath: files.path("elsewhere.pem"))
    #expect(throws: AuthorityFault.self) { try folder.authority() }
  }

  @Test func renewingMakesAnotherKey() throws {
    let first = try folder.madeIfNeeded(at: now).authority
    let second = try folder.renew(permitting: NameConstraints(["a.test"]), at: now)
    #expect(first.fingerprint != second.fingerprint && first.subject != second.subject)
    #expect(first.constraints == nil && second.constraints?.contains("a.test") == true)
    let shown = try IndependentCheck.run(
      "openssl", ["x509", "-noout", "-fingerprint", "-sha256", "-in", folder.certificateFile])
    #expect(shown.output.contains(second.fingerprint))
  }

  @Test func removingLeavesNothing() throws {
    _ = try folder.madeIfNeeded(at: now)
    #expect(try folder.remove())
    #expect(!FileManager.default.fileExists(atPath: folder.path))
    #expect(try folder.remove() == false)
  }

  @Test func thoseWhoMakeItAtTheSameTimeGetTheSame() async throws {
    let fingerprints = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<8 {
        group.addTask { [folder, now] in try folder.madeIfNeeded(at: now).authority.fingerprint }
      }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(fingerprints.count == 1)
  }

  @Test(arguments: [0o777, 0o755, 0o750, 0o1777])
  func aDirectoryThatOthersCanGetAtIsRefusedAndStaysAsItIs(_ mode: Int) throws {
    try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
    #expect(chmod(folder.path, mode_t(mode)) == 0)
    for _ in 0..<2 {
      #expect { try folder.madeIfNeeded(at: now) } throws: { "\($0)".contains("--ca-dir") }
      #expect(throws: AuthorityFault.self) { try folder.renew(permitting: NameConstraints(), at: now) }
    }
    #expect(try self.mode(folder.path) == mode)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test func aCertificateOfSomebodyElsesIsKept() throws {
    try FileManager.default.createDirectory(
      atPath: folder.path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    try "my own".write(toFile: folder.certificateFile, atomically: false, encoding: .utf8)
    #expect { try folder.madeIfNeeded(at: now) } throws: { "\($0)".contains(folder.certificateFile) }
    #expect(try folder.remove() == false)
    #expect(try String(contentsOfFile: folder.certificateFile, encoding: .utf8) == "my own")
  }

  @Test func aDirectoryInWhichOthersCanPutAnotherCertificateIsNotTrusted() throws {
    _ = try folder.madeIfNeeded(at: now)
    #expect(chmod(folder.path, 0o777) == 0)
    #expect { try folder.authority() } throws: { "\($0)".contains("chmod 700") }
    #expect(chmod(folder.path, 0o700) == 0)
    #expect(try folder.authority() != nil)
  }

  @Test func aDamagedAuthorityIsNamedWithTheWayOut() throws {
    _ = try folder.madeIfNeeded(at: now)
    let whole = try String(contentsOfFile: folder.secretFile, encoding: .utf8)
    for length in [0, 100, whole.count / 2, whole.count - 60] {
      try String(whole.prefix(length)).write(toFile: folder.secretFile, atomically: false, encoding: .utf8)
      #expect { try folder.authority() } throws: {
        "\($0)".contains(folder.secretFile) && "\($0)".contains("ca renew")
      }
    }
    #expect(try folder.renew(permitting: NameConstraints(), at: now).notAfter > now)
  }

  @Test func stepsThatExportNameTheDirectory() {
    let steps = TrustSteps(certificateFile: "/a/c.pem", fingerprint: "AB:CD:EF:01", directory: "/a b")
    for place in [TrustSteps.Place.ios, .android] {
      #expect(steps.lines(for: place).contains { $0.contains("ca export --ca-dir '/a b' --format der") })
    }
    let usual = TrustSteps(certificateFile: "/a/c.pem", fingerprint: "AB:CD:EF:01")
    #expect(usual.lines(for: .ios).contains { $0.contains("ca export --format der") })
  }

  @Test func stepsQuoteThePathForAShell() throws {
    let steps = TrustSteps(certificateFile: "/tmp/it's here/c.pem", fingerprint: "AB:CD:EF:01")
    for place in TrustSteps.Place.allCases where ![.ios, .android, .firefox].contains(place) {
      #expect(steps.lines(for: place).contains { $0.contains(#"'/tmp/it'\''s here/c.pem'"#) }, "\(place)")
    }
  }
}
