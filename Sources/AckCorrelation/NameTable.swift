/// A namespace, as the correlator knows it.
package struct NamespaceID: Hashable, Sendable {
  var number: UInt32

  /// The default namespace, `/`.
  package static let root = NamespaceID(number: 0)
}

/// An event name within one namespace, as the correlator knows it. Names are told apart as the JSON written on
/// the wire: `7` is not `"7"`.
package struct EventID: Hashable, Sendable {
  var number: UInt32
}

/// Namespaces and event names by small numbers, so that the hot path compares and counts without strings.
///
/// The table is bounded. A name that finds it full gets a number from its hash, with the top bit set: it still
/// compares and pairs, but has no text and no statistics beyond what is kept with each emit.
struct NameTable: ~Copyable {
  /// What is known of an event over all sessions.
  struct Statistics {
    /// How many client emits of it were acknowledged.
    var acknowledged: UInt32 = 0
    /// How many times the server sent it without an ack id.
    var fromServer: UInt32 = 0
    /// How many of those came right after a client emit that asked for an ack and may be its answer.
    var asReply: UInt32 = 0
  }

  private struct Name {
    var offset: Int
    var length: Int32
    var scope: UInt32
    /// Whether only the beginning is kept.
    var isCut: Bool
    var statistics = Statistics()
  }

  private static let unlisted: UInt32 = 1 << 31

  private var text: [UInt8] = []
  private var names: [Name] = []
  private var table = SlotTable(capacity: 256)
  private let limit: Int
  private let nameBytes: Int

  /// A table for so many names, with so many bytes of each for people.
  init(limit: Int, nameBytes: Int) {
    self.limit = max(1, min(limit, Int(Self.unlisted) - 1))
    self.nameBytes = max(1, nameBytes)
    // Number 0 is the default namespace.
    text = [0x2F]
    names = [Name(offset: 0, length: 1, scope: .max, isCut: false)]
    table.insert(Self.key([0x2F], scope: .max), slot: 0)
  }

  private static func key(_ bytes: [UInt8], scope: UInt32) -> UInt64 {
    bytes.withUnsafeBytes { ByteHash.hash($0, seed: UInt64(scope)) }
  }

  /// The number of a namespace; the empty text means the default one.
  @inline(__always)
  mutating func namespace(_ bytes: UnsafeRawBufferPointer) -> NamespaceID {
    if bytes.count <= 1 { return .root }
    return NamespaceID(number: number(bytes, scope: .max))
  }

  /// The number of an event name, quotes included where it is a string.
  @inline(__always)
  mutating func event(_ literal: UnsafeRawBufferPointer, in namespace: NamespaceID) -> EventID {
    EventID(number: number(literal, scope: namespace.number))
  }

  @inline(__always)
  private mutating func number(_ bytes: UnsafeRawBufferPointer, scope: UInt32) -> UInt32 {
    let key = ByteHash.hash(bytes, seed: UInt64(scope))
    let found = table.find(key) { slot in
      let name = names[Int(slot)]
      guard name.scope == scope, Int(name.length) == min(bytes.count, nameBytes) else { return false }
      return text.withUnsafeBytes { stored in
        ByteHash.areEqual(
          UnsafeRawBufferPointer(rebasing: stored[name.offset..<name.offset + Int(name.length)]),
          UnsafeRawBufferPointer(rebasing: bytes[..<Int(name.length)]))
      }
    }
    return found >= 0 ? UInt32(truncatingIfNeeded: found) : add(bytes, key: key, scope: scope)
  }

  @inline(never)
  private mutating func add(_ bytes: UnsafeRawBufferPointer, key: UInt64, scope: UInt32) -> UInt32 {
    guard names.count < limit else { return UInt32(truncatingIfNeeded: key) | Self.unlisted }
    let kept = min(bytes.count, nameBytes)
    let number = names.count
    names.append(Name(offset: text.count, length: Int32(kept), scope: scope, isCut: kept < bytes.count))
    text.append(contentsOf: bytes[..<kept])
    table.insert(key, slot: Int32(number))
    return UInt32(number)
  }

  /// Whether the event takes part in statistics.
  @inline(__always)
  func isListed(_ event: EventID) -> Bool { Int(event.number) < names.count }

  /// What is known of an event; nothing for an unlisted one.
  @inline(__always)
  func statistics(_ event: EventID) -> Statistics {
    isListed(event) ? names[Int(event.number)].statistics : Statistics()
  }

  /// Counts something of an event, unless it is unlisted.
  @inline(__always)
  mutating func update(_ event: EventID, _ change: (inout Statistics) -> Void) {
    if isListed(event) { change(&names[Int(event.number)].statistics) }
  }

  /// The text of a listed name; empty for one that came after the table was full. A long event name is told by its
  /// beginning, as a JSON string again; a number so long has no text.
  func text(_ number: UInt32) -> String {
    guard Int(number) < names.count else { return "" }
    let name = names[Int(number)]
    let kept = text[name.offset..<name.offset + Int(name.length)]
    if name.isCut, name.scope != .max { return Self.closed(kept) }
    return String(decoding: kept, as: UTF8.self)
  }

  /// The JSON string for a literal that was cut anywhere: its whole characters, and an ellipsis.
  private static func closed(_ literal: ArraySlice<UInt8>) -> String {
    guard literal.first == 0x22 else { return "" }
    var index = literal.startIndex + 1
    while index < literal.endIndex {
      let length: Int
      switch literal[index] {
      case 0x5C: length = index + 1 < literal.endIndex && literal[index + 1] == 0x75 ? 6 : 2
      case 0xF0...: length = 4
      case 0xE0...: length = 3
      case 0xC0...: length = 2
      default: length = 1
      }
      if index + length > literal.endIndex { break }
      index += length
    }
    return String(decoding: literal[..<index], as: UTF8.self) + "…\""
  }
}
