import SeededRandom
import Testing

@testable import CaptureFormat

/// Looking for rare letters first finds what trying each name at each place does.
@Suite struct SecretNamesTests {
  private static let built = [
    "token", "password", "passwd", "passphrase", "secret", "authorization", "apikey", "jwt", "sessioncookie",
    "credential",
  ]
  private static let added = ["x1", "Pass-Code", "ünder", "7", "exx"]

  /// The rule as it is told: without case and separators, one of the names stands somewhere.
  private static func model(_ text: [UInt8], _ names: [String]) -> Bool {
    func fold(_ bytes: some Sequence<UInt8>) -> [UInt8] {
      bytes.filter { ![0x5F, 0x2D, 0x2E, 0x20].contains($0) }.map {
        (0x41...0x5A).contains($0) ? $0 + 0x20 : $0
      }
    }
    let folded = fold(text)
    return names.map { fold($0.utf8) }.contains { name in
      folded.indices.contains { folded[$0...].starts(with: name) }
    }
  }

  /// Letters of the names, with a whole name or one that lacks its last letter here and there.
  private static func text(_ count: Int, _ names: [String], _ random: inout SeededRandom) -> [UInt8] {
    let letters = Array("kwzcpaeiostrdxKWX7 _-.é\u{7F}\u{0}+[\"".utf8)
    var text: [UInt8] = []
    while text.count < count {
      guard random.next() % 40 == 0, let name = names.randomElement(using: &random) else {
        text.append(letters[Int(random.next() % UInt64(letters.count))])
        continue
      }
      var bytes = Array(name.utf8)
      if random.next() % 3 != 0 { bytes.removeLast() }
      for byte in bytes {
        text.append((0x61...0x7A).contains(byte) && random.next() % 4 == 0 ? byte - 0x20 : byte)
        if random.next() % 6 == 0 { text.append([0x5F, 0x2D, 0x2E, 0x20][Int(random.next() % 4)]) }
      }
    }
    return Array(text.prefix(count))
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func aNameIsFoundWhereTheModelFindsOne(_ seed: UInt64) {
    var random = SeededRandom(seed)
    var found = 0
    for (names, secrets) in [
      (Self.built, SecretNames()), (Self.built + Self.added, SecretNames(adding: Self.added)),
      (Self.built + ["exx"], SecretNames(adding: ["exx"])),
    ] {
      for count in 0..<160 {
        let text = Self.text(count, names, &random)
        let wanted = Self.model(text, names)
        let isFound = text.withUnsafeBytes { secrets.contains($0) }
        #expect(isFound == wanted, "seed \(seed), \(String(decoding: text, as: UTF8.self))")
        found += wanted ? 1 : 0
      }
    }
    #expect((20...460).contains(found))
  }

  @Test(arguments: built + added)
  func aNameIsFoundAtEachPlaceOfALongText(_ name: String) {
    let secrets = SecretNames(adding: Self.added)
    for before in 0..<70 {
      for after in [0, 1, 7, 40] {
        let plain = [UInt8](repeating: 0x6F, count: before)
        let text = plain + Array(name.utf8) + [UInt8](repeating: 0x6F, count: after)
        #expect(text.withUnsafeBytes { secrets.contains($0) }, "\(before) bytes before, \(after) behind")
      }
    }
  }

  @Test func anEmptyNameAddsNothing() {
    let secrets = SecretNames(adding: ["", "-_"])
    #expect(!"room".withBytes { secrets.contains($0) })
    #expect(!String(repeating: "room ", count: 20).withBytes { secrets.contains($0) })
  }
}
