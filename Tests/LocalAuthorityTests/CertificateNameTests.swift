import Testing

@testable import LocalAuthority

@Suite struct CertificateNameTests {
  @Test func namesAndAddressesHaveOneSpelling() {
    #expect(CertificateName("Chat.Example.TEST.") == .host("chat.example.test"))
    #expect(CertificateName("[::1]") == .address("::1"))
    #expect(CertificateName("0:0:0:0:0:0:0:1") == .address("::1"))
    #expect(CertificateName("127.0.0.1") == .address("127.0.0.1"))
  }

  @Test(arguments: [
    "", ".", "a..b", "*.example.test", "a b", "a,DNS:evil.test", "a\n", "a\0b", "é.test", "1.2.3",
    "1.2.3.4.5",
    "fe80::1%eth0", "a/b", "a@b", "dirName:x", String(repeating: "a", count: 64),
    String(repeating: "a.", count: 127) + "aa",
  ])
  func whatIsNeitherIsRefused(_ text: String) {
    #expect(CertificateName(text) == nil)
  }
}
