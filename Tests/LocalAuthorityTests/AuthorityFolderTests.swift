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

  @Test func stepsQuoteThePathForAShell() throws {
    let steps = TrustSteps(certificateFile: "/tmp/it's here/c.pem", fingerprint: "AB:CD:EF:01")
    for place in TrustSteps.Place.allCases where ![.ios, .android, .firefox].contains(place) {
      #expect(steps.lines(for: place).contains { $0.contains(#"'/tmp/it'\''s here/c.pem'"#) }, "\(place)")
    }
  }
}
