import AckCorrelation
import Testing

@testable import ProxyServer

@Suite struct ForwardRulesTests {
  @Test(arguments: [
    ("*", "chat.example", 443, true), ("chat.example", "CHAT.example", 443, true),
    ("chat.example", "a.chat.example", 443, false), ("*.example", "a.b.example", 1, true),
    ("*.example", "example", 1, false), ("*.example", "badexample", 1, false), ("*:8443", "a", 443, false),
    ("*:8443", "a", 8443, true), ("chat.example:443", "chat.example", 443, true),
    ("[::1]:443", "::1", 443, true),
    ("[::1]", "::1", 9, true), ("::1", "::1", 9, true),
  ])
  func aPatternMatchesItsHosts(_ pattern: String, _ host: String, _ port: Int, _ isMatch: Bool) throws {
    #expect(try #require(HostPattern(pattern)).matches(host, port: port) == isMatch)
  }

  @Test(arguments: ["", "*.", "a*b", "a:0", "a:70000", "a:x", "a/b", "a b", "**"])
  func whatIsNoPatternIsRefused(_ text: String) {
    #expect(HostPattern(text) == nil)
  }

  @Test func aRefusalIsRememberedForItsClientAndHost() throws {
    struct NoIssuer: Error {}
    let rules = ForwardRules(
      intercepting: [try #require(HostPattern("*.example"))],
      tls: ClientTLS(issuer: { _ in throw NoIssuer() }))
    #expect(rules.reasonToPassThrough("chat.test", port: 443, client: "10.0.0.1:5") == "not_intercepted")
    #expect(rules.reasonToPassThrough("a.example", port: 443, client: "10.0.0.1:5") == nil)
    #expect(rules.certificateRefused("A.example", port: 443, client: "10.0.0.1:5"))
    #expect(!rules.certificateRefused("a.example", port: 443, client: "10.0.0.1:6"))
    #expect(rules.reasonToPassThrough("a.example", port: 443, client: "10.0.0.1:7") == "certificate_refused")
    #expect(rules.reasonToPassThrough("a.example", port: 444, client: "10.0.0.1:7") == nil)
    #expect(rules.reasonToPassThrough("a.example", port: 443, client: "10.0.0.2:7") == nil)
  }

  private static func rules() throws -> ForwardRules {
    struct NoIssuer: Error {}
    return ForwardRules(
      intercepting: [try #require(HostPattern("*"))], tls: ClientTLS(issuer: { _ in throw NoIssuer() }))
  }

  private static func hangUp(_ rules: ForwardRules, opened: Int64, at time: Int64) -> ForwardRules.HangUp? {
    rules.clientHungUp(
      "a.example", port: 443, client: "10.0.0.1:6", opened: Timestamp(microseconds: opened),
      at: Timestamp(microseconds: time))
  }

  @Test func aSecondHangUpIsARefusal() throws {
    let rules = try Self.rules()
    func reason() -> String? { rules.reasonToPassThrough("a.example", port: 443, client: "10.0.0.1:5") }
    #expect(Self.hangUp(rules, opened: 10, at: 20) == .isNoted)
    #expect(reason() == nil)
    // Those that were begun side by side are dropped on one occasion.
    #expect(Self.hangUp(rules, opened: 15, at: 25) == nil)
    #expect(reason() == nil)
    #expect(Self.hangUp(rules, opened: 30, at: 40) == .isRefusal)
    #expect(Self.hangUp(rules, opened: 50, at: 60) == nil)
    #expect(reason() == "client_hung_up" && reason() == "client_hung_up")
  }

  @Test func whoTookTheCertificateIsNotDoubted() throws {
    let rules = try Self.rules()
    #expect(Self.hangUp(rules, opened: 10, at: 20) == .isNoted)
    rules.certificateTaken("a.example", port: 443, client: "10.0.0.1:6")
    #expect(Self.hangUp(rules, opened: 30, at: 40) == nil)
    #expect(rules.reasonToPassThrough("a.example", port: 443, client: "10.0.0.1:7") == nil)
    // What it says counts more than what it did.
    #expect(rules.certificateRefused("a.example", port: 443, client: "10.0.0.1:7"))
    #expect(rules.reasonToPassThrough("a.example", port: 443, client: "10.0.0.1:7") == "certificate_refused")
  }

  @Test(
    arguments: [
      ([0x16], FirstSpeech.tls), ([5], .socks), (Array("GET /".utf8), .http), (Array("OPTIONS ".utf8), .http),
      (Array("get /".utf8), .other), ([0], .other), (Array("SSH-2.0".utf8), .other),
      (Array("ABCDEFGHIJKLMNOPQRST".utf8), .other), (Array(" GET".utf8), .other),
    ] as [([UInt8], FirstSpeech)])
  func theFirstBytesTellWhatIsSpoken(_ bytes: [UInt8], _ speech: FirstSpeech) {
    #expect(FirstSpeech(bytes) == speech)
  }

  @Test func tooFewBytesTellNothing() {
    #expect(FirstSpeech([UInt8]()) == nil)
    #expect(FirstSpeech(Array("POST".utf8)) == nil)
  }

  @Test func anotherProxyMayHaveAPassword() throws {
    let proxy = try UpstreamProxy("http://ann:s%40c%3aret@127.0.0.1:3128")
    #expect(proxy.host == "127.0.0.1" && proxy.port == 3128 && proxy.credentials == "ann:s@c:ret")
    let request = String(buffer: proxy.request(host: "::1", port: 443, via: ["1.0 first", "1.1 m"]))
    #expect(
      request.hasPrefix(
        "CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\nVia: 1.0 first, 1.1 m\r\nProxy-Authorization: Basic "
      ))
    #expect(throws: UpstreamAddress.Malformed.self) { try UpstreamProxy("https://a:1") }
    #expect(throws: UpstreamAddress.Malformed.self) { try UpstreamProxy("a:1") }
  }
}
