import SeededRandom
import Testing

@testable import TLSRecords

@Suite struct RecordProtectionTests {
  /// RFC 8448 §3: the record in which the client sends 50 bytes, and the secret that it follows from.
  static let published = (
    secret: hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"),
    record: hex(
      """
      17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc ab 3f 2b 98 19 a8 a5 b4 6b 39 \
      5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 15 e4
      """),
    plain: [UInt8](0..<50)
  )

  @Test func theRecordOfTheStandardIsMade() throws {
    var keys = RecordProtection(.aes128GCM, secret: Self.published.secret, seals: true)!
    #expect(sealed(Self.published.plain, &keys) == Self.published.record)
  }

  @Test func theRecordOfTheStandardIsOpened() throws {
    var keys = RecordProtection(.aes128GCM, secret: Self.published.secret, seals: false)!
    var plain = [UInt8](repeating: 0, count: 100)
    let (type, count) = try #require(
      plain.withUnsafeMutableBytes { plain in
        Self.published.record.withUnsafeBytes { keys.open($0, into: plain.baseAddress!) }
      })
    #expect(type == Record.applicationData)
    #expect(Array(plain[..<count]) == Self.published.plain)
    let sequence = keys.sequence
    #expect(sequence == 1)
  }

  @Test func aSecretOfAnotherLengthIsNone() {
    for suite in CipherSuite.allCases {
      let short = RecordProtection(suite, secret: [1, 2, 3], seals: true) == nil
      #expect(short)
    }
  }

  @Test(arguments: CipherSuite.allCases)
  func aRecordThatWasChangedAnywhereIsNotOpened(_ suite: CipherSuite) throws {
    var keys = RecordProtection(suite, secret: secret(suite, 5), seals: true)!
    let record = sealed(Array("2[\"chat\"]".utf8), &keys)
    var reader = RecordProtection(suite, secret: secret(suite, 5), seals: false)!
    var room = [UInt8](repeating: 0, count: record.count)
    for position in record.indices {
      var changed = record
      changed[position] ^= 0x10
      let isOpened = room.withUnsafeMutableBytes { room in
        changed.withUnsafeBytes { reader.open($0, into: room.baseAddress!) != nil }
      }
      #expect(!isOpened, "byte \(position)")
    }
    let sequence = reader.sequence
    #expect(sequence == 0)
    let isOpened = room.withUnsafeMutableBytes { room in
      record.withUnsafeBytes { reader.open($0, into: room.baseAddress!) != nil }
    }
    #expect(isOpened)
  }
}
