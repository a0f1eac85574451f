import Foundation

/// Certificates made by the `openssl` program: an issuer, what it signed, and what nobody should accept. They go with the
/// value.
final class TestCertificates: Sendable {
  enum Name: String, CaseIterable, Sendable {
    case good, wrongName = "wrong_name", expired, selfSigned = "self_signed"
    /// Its common name is the right one, and it has no other.
    case commonName = "localhost"
  }

  let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    try openssl(
      [
        "req", "-x509", "-days", "30", "-subj", "/CN=Test issuer", "-keyout", path("issuer.key"), "-out",
        issuer,
      ]
        + key)
    for name in Name.allCases {
      let names = name == .wrongName ? "DNS:other.test" : "DNS:localhost,IP:127.0.0.1"
      if name == .selfSigned {
        try openssl(
          [
            "req", "-x509", "-days", "30", "-subj", "/CN=localhost", "-addext", "subjectAltName=\(names)",
            "-keyout", self.key(name), "-out", chain(name),
          ] + key)
        continue
      }
      try openssl(
        ["req", "-new", "-subj", "/CN=\(name.rawValue)", "-keyout", self.key(name), "-out", path("request")]
          + key)
      let extensions = try folder.file(
        "extensions",
        holding: name == .commonName ? "basicConstraints=CA:FALSE\n" : "subjectAltName=\(names)\n")
      try openssl([
        "x509", "-req", "-in", path("request"), "-CA", issuer, "-CAkey", path("issuer.key"),
        "-CAcreateserial",
        "-extfile", extensions.path, "-days", name == .expired ? "-1" : "10", "-out", chain(name),
      ])
    }
  }

  /// The issuer's own certificate.
  var issuer: String { path("issuer.pem") }
  func chain(_ name: Name) -> String { path("\(name.rawValue).pem") }
  func key(_ name: Name) -> String { path("\(name.rawValue).key") }
  /// Where the proxy's authority is kept.
  var authorityFolder: String { path("ca") }
  /// Its certificate, once there is one.
  var authority: String { path("ca/certificate.pem") }

  /// A chat server speaks TLS with these.
  var serverArguments: [String] { ["--tls", chain(.good), key(.good)] }
  /// A proxy trusts that server, and speaks TLS too.
  var proxyArguments: [String] {
    ["--upstream-ca", issuer, "--tls", "--ca-dir", authorityFolder]
  }
  /// Clients in Python and Node.js trust that proxy.
  var clientVariables: [String: String] { clientVariables(trusting: nil) }

  /// The same for other roots than the proxy's.
  func clientVariables(trusting roots: String?) -> [String: String] {
    let roots = roots ?? authority
    return [
      "SSL_CERT_FILE": roots, "REQUESTS_CA_BUNDLE": roots, "WEBSOCKET_CLIENT_CA_BUNDLE": roots,
      "NODE_EXTRA_CA_CERTS": roots,
    ]
  }

  /// Clients in Python and Node.js use that proxy, for servers of this machine too.
  static func proxyVariables(_ address: String) -> [String: String] {
    [
      "http_proxy": address, "https_proxy": address, "HTTP_PROXY": address, "HTTPS_PROXY": address,
      "no_proxy": "nowhere.invalid", "NO_PROXY": "nowhere.invalid", "NODE_USE_ENV_PROXY": "1",
    ]
  }

  private func path(_ name: String) -> String { folder.file(name).path }

  private func openssl(_ arguments: [String]) throws {
    let program = try PeerEnvironment.locate("openssl", install: "sudo apt-get install -y openssl")
    let run = try PeerEnvironment.run(program, arguments)
    guard run.status == 0 else {
      throw PeerFailure("openssl \(arguments.joined(separator: " ")): \(run.output)")
    }
  }
}
