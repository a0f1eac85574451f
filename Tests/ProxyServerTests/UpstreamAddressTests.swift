import ProxyServer
import Testing

@Suite struct UpstreamAddressTests {
  @Test(arguments: [
    ("http://127.0.0.1:3000", "127.0.0.1", 3000, ""), ("ws://localhost:5000/", "localhost", 5000, ""),
    ("HTTP://chat.example", "chat.example", 80, ""), ("http://[::1]:8080/app/", "::1", 8080, "/app"),
  ])
  func anAddressIsHostPortAndPrefix(_ text: String, _ host: String, _ port: Int, _ prefix: String) throws {
    let address = try UpstreamAddress(text)
    #expect(address.host == host)
    #expect(address.port == port)
    #expect(address.pathPrefix == prefix)
  }

  @Test func theHostFieldNamesThePortOnlyWhereItIsNotTheDefault() throws {
    #expect(try UpstreamAddress("http://chat.example").hostField == "chat.example")
    #expect(try UpstreamAddress("http://chat.example:81").hostField == "chat.example:81")
    #expect(try UpstreamAddress("http://[::1]:81").hostField == "[::1]:81")
    #expect(try UpstreamAddress("wss://chat.example").hostField == "chat.example")
    #expect(try UpstreamAddress("https://chat.example:80").hostField == "chat.example:80")
  }

  @Test(arguments: [
    ("http://a", false, 80), ("ws://a", false, 80), ("https://a", true, 443), ("WSS://a", true, 443),
    ("wss://a:80", true, 80),
  ])
  func theSchemeSaysWhetherTLSIsSpoken(_ text: String, _ usesTLS: Bool, _ port: Int) throws {
    let address = try UpstreamAddress(text)
    #expect(address.usesTLS == usesTLS && address.port == port)
  }

  @Test(arguments: [
    "127.0.0.1:3000", "ftp://a:1", "https://", "http://", "http://a:0", "http://a:70000", "http://a:b",
    "http://::1:3000",
    "http://[::1", "http://u@a:1", "http://a:1/x?y=1", "http://a b:1",
  ])
  func aMalformedAddressIsExplainedInOneLine(_ text: String) {
    #expect {
      _ = try UpstreamAddress(text)
    } throws: { error in
      guard let explanation = (error as? UpstreamAddress.Malformed)?.explanation else { return false }
      return !explanation.contains("\n") && explanation.contains("give it like http://127.0.0.1:3000")
    }
  }
}
