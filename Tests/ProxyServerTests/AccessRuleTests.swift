import NIOCore
import NIOHTTP1
import Testing

@testable import ProxyServer

@Suite struct AccessRuleTests {
  private func address(_ text: String) throws -> SocketAddress { try SocketAddress(ipAddress: text, port: 1) }

  @Test(arguments: [
    ("10.0.0.0/9", "10.127.255.255", true), ("10.0.0.0/9", "10.128.0.0", false),
    ("10.1.2.3", "10.1.2.3", true),
    ("10.1.2.3", "10.1.2.2", false), ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "2001:db8::1", false),
    ("2001:db8::/33", "2001:db8:7fff::1", true), ("2001:db8::/33", "2001:db8:8000::1", false),
    ("192.168.0.0/16", "::ffff:192.168.9.9", true), ("10.9.9.9/8", "10.0.0.1", true),
  ])
  func aRangeHoldsItsAddresses(_ range: String, _ client: String, _ isIn: Bool) throws {
    #expect(try #require(AddressRange(range)).contains(address(client)) == isIn)
  }

  @Test(arguments: ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "chat.example", "::/129", "10.0.0.0/-1"])
  func whatIsNoRangeIsRefused(_ text: String) {
    #expect(AddressRange(text) == nil)
  }

  @Test func thisMachineMayAlwaysWhereAddressesDecide() throws {
    var rule = AccessRule()
    #expect(try rule.admits(address("8.8.8.8")))
    rule.allowed = [try #require(AddressRange("10.0.0.0/8"))]
    #expect(
      try rule.admits(address("127.0.0.9")) && rule.admits(address("::1")) && rule.admits(address("10.9.9.9"))
    )
    #expect(try !rule.admits(address("11.0.0.1")) && !rule.admits(nil))
  }

  @Test func credentialsAreComparedWhole() {
    var rule = AccessRule()
    rule.credentials = "ann:s3:cret"
    func fields(_ value: String) -> HTTPHeaders { ["Proxy-Authorization": value] }
    #expect(rule.isSatisfied(by: fields("Basic YW5uOnMzOmNyZXQ="), field: "proxy-authorization"))
    #expect(rule.isSatisfied(by: fields("basic YW5uOnMzOmNyZXQ="), field: "proxy-authorization"))
    for value in ["Basic YW5uOnMzOmNyZXU=", "Basic", "Bearer YW5uOnMzOmNyZXQ=", "Basic YW5uOnMzOmNyZXQ", ""] {
      #expect(!rule.isSatisfied(by: fields(value), field: "proxy-authorization"), "\(value)")
    }
    #expect(!rule.isSatisfied(by: [:], field: "proxy-authorization"))
    #expect(!rule.isSatisfied(by: fields("Basic YW5uOnMzOmNyZXQ="), field: "authorization"))
  }

  @Test func base64IsThatOfTheRFC() {
    for (text, encoded) in [
      ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ] {
      #expect(AccessRule.basic(text) == encoded)
    }
  }
}
