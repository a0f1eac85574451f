import AckCorrelation
import JSONText

/// A HAR, read: what is Engine.IO or a WebSocket in it.
struct HARDocument {
  var entries: [HAREntry] = []
  /// Entries that are something else.
  var otherEntries = 0
  /// Who wrote the HAR, `name/version`.
  var creator = ""
  /// What Ackscope's own HARs say of the capture they were made from.
  var ended: Timestamp?
  var ackTimeout: Int64?

  /// Reads a HAR entry by entry.
  init(_ bytes: UnsafeRawBufferPointer) throws(HARRefusal) {
    var bytes = bytes
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = UnsafeRawBufferPointer(rebasing: bytes[3...]) }
    guard !bytes.isEmpty else { throw HARRefusal(.empty) }
    var hasEntries = false
    do throws(JSONFault) {
      var scanner = JSONScanner(bytes)
      guard try scanner.peekKind() == .object else { throw JSONFault(.unexpectedByte, at: scanner.position) }
      try Self.eachMember(&scanner) { (name, scanner) throws(JSONFault) in
        guard name == "log", try scanner.peekKind() == .object else { return false }
        try Self.eachMember(&scanner) { (name, scanner) throws(JSONFault) in
          switch (name, try scanner.peekKind()) {
          case ("entries", .array):
            hasEntries = true
            try readEntries(&scanner)
            return true
          case ("creator", .object):
            let tree = try JSONValue(parsing: Self.slice(bytes, try scanner.skipValue()))
            creator = [tree["name"], tree["version"]].compactMap { $0?.string }.joined(separator: "/")
            return true
          case ("_ackscope", .object):
            let tree = try JSONValue(parsing: Self.slice(bytes, try scanner.skipValue()))
            ended = tree["ended"]?.string.flatMap(HARTime.moment)
            ackTimeout = tree["ack_timeout_us"]?.integer.map(Int64.init)
            return true
          default: return false
          }
        }
        return true
      }
      try scanner.expectEnd()
    } catch {
      throw HARRefusal(.notJSON(error.reason.rawValue, offset: error.offset))
    }
    guard hasEntries else { throw HARRefusal(.noEntries) }
    guard !entries.isEmpty else { throw HARRefusal(.nothingToDecode(entries: otherEntries)) }
  }

  private mutating func readEntries(_ scanner: inout JSONScanner) throws(JSONFault) {
    try scanner.enterArray()
    var isFirst = true
    while try scanner.nextElement(&isFirst) {
      let range = try scanner.skipValue()
      do throws(JSONFault) {
        let tree = try JSONValue(parsing: Self.slice(scanner.bytes, range))
        if let entry = HAREntry(tree) { entries.append(entry) } else { otherEntries += 1 }
      } catch {
        throw JSONFault(error.reason, at: range.lowerBound + error.offset)
      }
    }
  }

  /// Walks an object; `body` returns whether it has read the value.
  private static func eachMember(
    _ scanner: inout JSONScanner,
    _ body: (String, inout JSONScanner) throws(JSONFault) -> Bool
  ) throws(JSONFault) {
    try scanner.enterObject()
    var isFirst = true
    while let name = try scanner.nextMember(&isFirst) {
      let text = JSONString.decode(slice(scanner.bytes, name))
      if try !body(text, &scanner) { try scanner.skipValue() }
    }
  }

  private static func slice(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(rebasing: bytes[range])
  }
}
