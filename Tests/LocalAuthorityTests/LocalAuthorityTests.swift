import Foundation
import Testing

@testable import LocalAuthority

@Suite struct LocalAuthorityTests {
  private static let now = Int(Date().timeIntervalSince1970)

  private static func authority(permitting names: [String] = []) throws -> LocalAuthority {
    try LocalAuthority(pem: LocalAuthority.made(permitting: NameConstraints(names), at: now))
  }

  /// `openssl verify` on a leaf for `made`, asked about `asked`.
  private static func verify(
    _ authority: LocalAuthority, made: [String], asked: String, at now: Int = now, atTime: Int? = nil
  ) throws -> IndependentCheck.Answer {
    let files = try IndependentCheck.Files()
    let leaf = try authority.leaf(for: made.compactMap { CertificateName($0) }, at: now)
    let root = try files.write(authority.certificate(as: .pem), to: "root.pem")
    let file = try files.write(IndependentCheck.pem(leaf.chain[0], "CERTIFICATE"), to: "leaf.pem")
    let isAddress = if case .address = CertificateName(asked) { true } else { false }
    return try IndependentCheck.run(
      "openssl",
      [
        "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", root,
        isAddress ? "-verify_ip" : "-verify_hostname", asked,
      ]
        + (atTime.map { ["-attime", "\($0)"] } ?? []) + [file])
  }

  @Test(arguments: [
    "chat.example.test", "LOCALHOST", "a_b.test", "xn--bcher-kva.example", "127.0.0.1", "::1", "2001:db8::7",
    String(repeating: "a", count: 63) + "." + String(repeating: "b", count: 63) + ".example.test",
  ])
  func opensslAcceptsALeafForItsName(_ name: String) throws {
    let answer = try Self.verify(Self.authority(), made: [name], asked: name)
    #expect(answer.status == 0, "\(answer.output)")
  }

  @Test func opensslRefusesALeafForAnotherName() throws {
    let authority = try Self.authority()
    #expect(try Self.verify(authority, made: ["a.test"], asked: "b.test").output.contains("mismatch"))
    #expect(try Self.verify(authority, made: ["a.test"], asked: "x.a.test").status != 0)
    #expect(try Self.verify(authority, made: ["10.0.0.1"], asked: "10.0.0.2").status != 0)
  }

  @Test func allNamesOfALeafCount() throws {
    let authority = try Self.authority()
    for name in ["localhost", "127.0.0.1"] {
      #expect(try Self.verify(authority, made: ["127.0.0.1", "localhost"], asked: name).status == 0)
    }
  }

  @Test func opensslHoldsAnAuthorityToItsConstraints() throws {
    let hosts = try Self.authority(permitting: ["example.test"])
    for (name, isFine) in [
      ("example.test", true), ("chat.example.test", true), ("example.com", false), ("127.0.0.1", false),
      ("::1", false),
    ] {
      let answer = try Self.verify(hosts, made: [name], asked: name)
      #expect((answer.status == 0) == isFine, "\(name): \(answer.output)")
    }
    let ranges = try Self.authority(permitting: ["10.0.0.0/9", "2001:db8::/33"])
    for (name, isFine) in [
      ("10.127.1.1", true), ("10.128.1.1", false), ("2001:db8:7fff::1", true), ("2001:db8:8000::1", false),
      ("example.test", false),
    ] {
      let answer = try Self.verify(ranges, made: [name], asked: name)
      #expect((answer.status == 0) == isFine, "\(name): \(answer.output)")
    }
  }

  @Test(arguments: [
    "", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/x", "/8", "a.test/", "::/129", "a.test/8", "*.test", "a b",
  ])
  func constraintsThatAreNoneAreRefused(_ text: String) {
    #expect(throws: AuthorityFault.self) { try NameConstraints([text]) }
  }

  @Test func leavesAreShortLivedAndEndWithTheAuthority() throws {
    let authority = try Self.authority()
    let leaf = try authority.leaf(for: [.host("a.test")], at: Self.now)
    #expect(leaf.notAfter == Self.now + 7 * 86_400)
    #expect(
      try Self.verify(authority, made: ["a.test"], asked: "a.test", atTime: leaf.notAfter - 60).status == 0)
    let after = try Self.verify(authority, made: ["a.test"], asked: "a.test", atTime: leaf.notAfter + 60)
    #expect(after.output.contains("expired"), "\(after.output)")
    let late = authority.notAfter - 3600
    #expect(try authority.leaf(for: [.host("a.test")], at: late).notAfter == authority.notAfter)
    #expect(throws: AuthorityFault.self) {
      try authority.leaf(for: [.host("a.test")], at: authority.notAfter)
    }
  }

  @Test func aLeafCannotSign() throws {
    let authority = try Self.authority()
    let leaf = try authority.leaf(for: [.host("a.test")], at: Self.now)
    let files = try IndependentCheck.Files()
    let file = try files.write(IndependentCheck.pem(leaf.chain[0], "CERTIFICATE"), to: "leaf.pem")
    let text = try IndependentCheck.run("openssl", ["x509", "-noout", "-text", "-in", file]).output
    for line in [
      "CA:FALSE", "Digital Signature", "TLS Web Server Authentication", "prime256v1", "Version: 3 (0x2)",
    ] {
      #expect(text.contains(line), "\(line) in \(text)")
    }
    #expect(!text.contains("Certificate Sign"))
  }

  /// A handshake within Python's ssl, in memory: its own client against its own server with our leaf.
  @Test func pythonAcceptsALeafForItsNameOnly() throws {
    let authority = try Self.authority()
    let leaf = try authority.leaf(for: [.host("chat.example.test"), .address("127.0.0.1")], at: Self.now)
    let files = try IndependentCheck.Files()
    let chain =
      leaf.chain.flatMap { IndependentCheck.pem($0, "CERTIFICATE") }
      + IndependentCheck.pem(leaf.key, "PRIVATE KEY")
    let script = """
      import ssl, sys
      def shake(name, roots):
          client = ssl.create_default_context(cafile=roots)
          server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
          server.load_cert_chain(sys.argv[2])
          up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
          c = client.wrap_bio(down, up, server_hostname=name)
          s = server.wrap_bio(up, down, server_side=True)
          for side in (c, s, c, s):
              try: side.do_handshake()
              except ssl.SSLWantReadError: pass
          return c.version()
      print(shake("chat.example.test", sys.argv[1]), shake("127.0.0.1", sys.argv[1]))
      for name, roots in (("other.test", sys.argv[1]), ("127.0.0.2", sys.argv[1]), ("chat.example.test", None)):
          try: print("wrongly accepted", name, shake(name, roots))
          except ssl.SSLCertVerificationError as error: print("refused", error.verify_message)
      """
    let answer = try IndependentCheck.run(
      "python3",
      [
        "-c", script, files.write(authority.certificate(as: .pem), to: "root.pem"),
        files.write(chain, to: "chain.pem"),
      ])
    #expect(answer.output.hasPrefix("TLSv1.3 TLSv1.3\n"), "\(answer.output)")
    #expect(
      answer.output.split(separator: "\n").filter { $0.hasPrefix("refused") }.count == 3, "\(answer.output)")
  }

  @Test func everyExportIsTheSameCertificateAndHoldsNoKey() throws {
    let authority = try Self.authority()
    let files = try IndependentCheck.Files()
    let pem = try files.write(authority.certificate(as: .pem), to: "a.pem")
    let der = try files.write(authority.certificate(as: .der), to: "a.der")
    let p12 = try files.write(authority.certificate(as: .p12, password: "secret words"), to: "a.p12")
    let fingerprint = ["x509", "-noout", "-fingerprint", "-sha256"]
    for arguments in [["-in", pem], ["-in", der, "-inform", "DER"]] {
      let answer = try IndependentCheck.run("openssl", fingerprint + arguments)
      #expect(answer.output.contains(authority.fingerprint), "\(answer.output)")
    }
    let opened = try IndependentCheck.run(
      "openssl", ["pkcs12", "-in", p12, "-passin", "pass:secret words", "-nodes"])
    #expect(
      opened.output.contains("BEGIN CERTIFICATE") && !opened.output.contains("PRIVATE"), "\(opened.output)")
    let body = String(decoding: try authority.certificate(as: .pem), as: UTF8.self)
    #expect(!body.contains("PRIVATE"))
  }

  @Test func aKeyThatBelongsToAnotherCertificateIsRefused() throws {
    let one = try LocalAuthority.made(permitting: NameConstraints(), at: Self.now)
    let other = try LocalAuthority.made(permitting: NameConstraints(), at: Self.now)
    let key = try #require(one.firstRange(of: Array("-----BEGIN PRIVATE".utf8)))
    let otherKey = try #require(other.firstRange(of: Array("-----BEGIN PRIVATE".utf8)))
    #expect(throws: AuthorityFault.self) {
      try LocalAuthority(pem: Array(one[..<key.lowerBound] + other[otherKey.lowerBound...]))
    }
    #expect(throws: AuthorityFault.self) { try LocalAuthority(pem: Array("nothing".utf8)) }
    #expect(throws: AuthorityFault.self) { try LocalAuthority(pem: []) }
  }
}
