import Testing

@testable import TLSRecords

@Suite struct HandshakeSecretsTests {
  private func note(_ lines: [String], in secrets: HandshakeSecrets) {
    for line in lines { secrets.note(line.utf8) }
  }

  @Test func aPairIsGivenOutOnce() throws {
    let secrets = HandshakeSecrets()
    note(
      ["CLIENT_TRAFFIC_SECRET_0 0aFF 0102", "SERVER_HANDSHAKE_TRAFFIC_SECRET 0aFF 09"], in: secrets)
    #expect(secrets.take([0x0A, 0xFF]) == nil)
    note(["SERVER_TRAFFIC_SECRET_0 0aFF 0304\n"], in: secrets)
    let pair = try #require(secrets.take([0x0A, 0xFF]))
    #expect(pair.client == [1, 2] && pair.server == [3, 4])
    #expect(secrets.take([0x0A, 0xFF]) == nil)
  }

  @Test func whatIsNoSuchLineIsPassedOver() {
    let secrets = HandshakeSecrets()
    note(
      [
        "", "# a comment", "CLIENT_TRAFFIC_SECRET_0 0a", "CLIENT_TRAFFIC_SECRET_0 0a 0g",
        "CLIENT_RANDOM 0a 01",
        "SERVER_TRAFFIC_SECRET_0 0a 01 02", "SERVER_TRAFFIC_SECRET_0 0a 012",
      ], in: secrets)
    #expect(secrets.take([0x0A]) == nil)
  }

  @Test func connectionsThatNeverTakeTheirsDoNotPileUp() {
    let secrets = HandshakeSecrets()
    for number in 0..<10_000 {
      let random = String(number + 0x10_0000, radix: 16)
      note(["CLIENT_TRAFFIC_SECRET_0 \(random) 01", "SERVER_TRAFFIC_SECRET_0 \(random) 02"], in: secrets)
    }
    #expect(secrets.count < 2048)
    // Those of the last thousand are there still.
    #expect(secrets.take([0x10, 0x23, 0x28]) != nil)
    #expect(secrets.take([0x10, 0x27, 0x0F]) != nil)
    secrets.forget([0x10, 0x27, 0x0E])
    #expect(secrets.take([0x10, 0x27, 0x0E]) == nil)
  }
}
