import Testing

@testable import AckCorrelation

/// The hash table, the pool, the queue and the names against plain collections.
@Suite struct TablesTests {
  @Test(arguments: 0..<8)
  func slotTableFindsWhatADictionaryFinds(seed: UInt64) {
    var random = SplitMix64(seed: seed)
    var table = SlotTable(capacity: 16)
    var model: [UInt64: Int32] = [:]
    // Few different low bits, so that runs of neighbours form and are closed again.
    func key() -> UInt64 {
      UInt64.random(in: 0..<24, using: &random) << 8 | UInt64.random(in: 0..<4, using: &random)
    }
    for step in 0..<4_000 {
      let key = key()
      if let slot = model[key], Bool.random(using: &random) {
        table.remove(key, slot: slot)
        model[key] = nil
      } else if model[key] == nil {
        model[key] = Int32(step)
        table.insert(key, slot: Int32(step))
      }
      let probe = UInt64.random(in: 0..<24, using: &random) << 8 | UInt64.random(in: 0..<4, using: &random)
      #expect(table.find(probe) { _ in true } == model[probe] ?? -1, "seed \(seed), step \(step)")
      #expect(table.count == model.count)
    }
  }

  @Test func slotTableTellsSlotsUnderOneKeyApart() {
    var table = SlotTable()
    table.insert(5, slot: 1)
    table.insert(5, slot: 2)
    #expect(table.find(5) { $0 == 2 } == 2)
    table.remove(5, slot: 1)
    #expect(table.find(5) { _ in true } == 2)
    table.replace(5, slot: 2, with: 9)
    #expect(table.find(5) { _ in true } == 9)
  }

  @Test func givenBackSlotsAreUsedAgain() {
    var pool = SlotPool<Int>()
    let slots = (0..<40).map { value in pool.take { value } }
    pool.giveBack(slots[7])
    #expect(pool.take { -1 } == slots[7])
    #expect(pool[slots[7]] == 7)
    #expect(pool.used == 40 && pool.count == 40)
  }

  @Test func queueKeepsItsOrder() {
    var queue = Fifo<Int>()
    for number in 0..<300 { queue.append(number) }
    for number in 0..<200 { #expect(queue.removeFirst() == number) }
    #expect(queue.count == 100)
    let index = queue.firstIndex { $0 == 250 }
    #expect(index.map { queue.remove(at: $0) } == 250)
    #expect(queue.first == 200)
    #expect(queue.count == 99)
  }

  @Test func namesAreToldApartByTextAndNamespace() {
    var names = NameTable(limit: 100, nameBytes: 64)
    let chat = "/chat".withBytes { names.namespace($0) }
    let root = "/".withBytes { names.namespace($0) }
    #expect(root == .root)
    #expect("".withBytes { names.namespace($0) } == .root)
    let send = "\"send\"".withBytes { names.event($0, in: root) }
    #expect("\"send\"".withBytes { names.event($0, in: root) } == send)
    #expect("\"send\"".withBytes { names.event($0, in: chat) } != send)
    #expect("7".withBytes { names.event($0, in: root) } != "\"7\"".withBytes { names.event($0, in: root) })
    #expect(names.text(send.number) == "\"send\"")
  }

  @Test func theTextOfALongNameIsAJSONStringAgain() {
    var names = NameTable(limit: 100, nameBytes: 8)
    for (name, text) in [
      (#""123456""#, #""123456""#), (#""1234567""#, #""1234567…""#), (#""12345é""#, #""12345é…""#),
      (#""123456é""#, #""123456…""#), (#""12345\n7""#, #""12345\n…""#), (#""123456\n""#, #""123456…""#),
      (#""12\u0041""#, #""12…""#), (#""1\u0041""#, #""1\u0041…""#), ("123456789", ""),
      ("12345678", "12345678"),
    ] {
      #expect(names.text(name.withBytes { names.event($0, in: .root) }.number) == text)
    }
    #expect(names.text("/namespace".withBytes { names.namespace($0) }.number) == "/namespa")
  }

  @Test func longNamesAreToldApartThoughTheirTextIsCut() {
    var names = NameTable(limit: 100, nameBytes: 8)
    let first = "\"a-long-name-1\"".withBytes { names.event($0, in: .root) }
    let second = "\"a-long-name-2\"".withBytes { names.event($0, in: .root) }
    #expect(first != second)
    #expect(names.text(first.number) == "\"a-long-…\"")
  }

  @Test func equalBytesAreEqualWhateverTheirLength() {
    for length in 0..<40 {
      let bytes = (0..<length).map { UInt8($0) }
      bytes.withUnsafeBytes { first in
        Array(bytes).withUnsafeBytes { #expect(ByteHash.areEqual(first, $0)) }
      }
      for index in 0..<length {
        var other = bytes
        other[index] ^= 1
        bytes.withUnsafeBytes { first in
          other.withUnsafeBytes {
            #expect(!ByteHash.areEqual(first, $0))
            #expect(ByteHash.hash(first) != ByteHash.hash($0))
          }
        }
      }
    }
  }
}
