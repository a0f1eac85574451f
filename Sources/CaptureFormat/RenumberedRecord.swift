import JSONText

/// Writes records of a capture into another one, where they have other numbers.
///
/// The members keep their order and their spelling; what changes is `seq`, `conn`, `session`, and the references to other
/// records and sessions (`ack_of`, `emit`, `evidence`, `next`, `resumed_from`).
package enum RenumberedRecord {
  /// The numbers of the new capture.
  package struct Numbers {
    /// The record's own `seq`.
    package var seq: Int
    /// Added to the number of a connection.
    package var connectionOffset: Int
    /// Added to the number of a session.
    package var sessionOffset: Int

    package init(seq: Int, connectionOffset: Int = 0, sessionOffset: Int = 0) {
      self.seq = seq
      self.connectionOffset = connectionOffset
      self.sessionOffset = sessionOffset
    }
  }

  /// Appends the record as a line with its line break.
  ///
  /// - Parameter newSeq: the `seq` that a record of the old capture has in the new one, or nil where it is not in it: then
  ///   it is left out of `evidence` and `next`.
  /// - Returns: false, with nothing appended, where the record is about an emit that is not in the new capture (an ack or a
  ///   verdict): without the emit it would say something else.
  package static func append(
    _ record: CaptureRecord, as numbers: Numbers, newSeq: (Int) -> Int?, to sink: inout ByteSink
  ) -> Bool {
    let start = sink.count
    do throws(JSONFault) {
      if try append(members: record, numbers, newSeq, &sink) { return true }
    } catch {
      // The scanner that lent the record has read the line before.
    }
    sink.truncate(to: start)
    return false
  }

  private static func append(
    members record: CaptureRecord, _ numbers: Numbers, _ newSeq: (Int) -> Int?, _ sink: inout ByteSink
  ) throws(JSONFault) -> Bool {
    let line = record.line
    var scanner = JSONScanner(line)
    var separator: UInt8 = 0x7B
    try scanner.enterObject()
    var isFirst = true
    while let name = try scanner.nextMember(&isFirst) {
      let value = UnsafeRawBufferPointer(rebasing: line[try scanner.skipValue()])
      let literal = UnsafeRawBufferPointer(rebasing: line[name])
      func names(_ text: StaticString) -> Bool { JSONString.literal(literal, equals: text) }
      let old = CaptureRecord.integer(value)
      var number: Int?
      var array: [Int]?
      if names("seq") {
        number = numbers.seq
      } else if names("conn") {
        number = old.map { $0 &+ numbers.connectionOffset }
      } else if names("session") || names("resumed_from") {
        number = old.map { $0 &+ numbers.sessionOffset }
      } else if names("ack_of") || names("emit") {
        guard let reference = old.flatMap(newSeq) else { return false }
        number = reference
      } else if names("next") {
        guard let reference = old.flatMap(newSeq) else { continue }
        number = reference
      } else if names("evidence") {
        array = references(value).compactMap(newSeq)
      }
      sink.append(separator)
      separator = 0x2C
      sink.append(literal)
      sink.append(0x3A)
      if let number {
        sink.append(decimal: number)
      } else if let array {
        sink.append(0x5B)
        for (index, seq) in array.enumerated() {
          if index > 0 { sink.append(0x2C) }
          sink.append(decimal: seq)
        }
        sink.append(0x5D)
      } else {
        sink.append(value)
      }
    }
    sink.append("}\n" as StaticString)
    return true
  }

  /// A whole number as records write it, or nil.
  package static func number(_ value: UnsafeRawBufferPointer) -> Int? { CaptureRecord.integer(value) }

  /// The numbers of an array; anything else in it is passed over.
  package static func references(_ array: UnsafeRawBufferPointer) -> [Int] {
    var numbers: [Int] = []
    var scanner = JSONScanner(array)
    do throws(JSONFault) {
      try scanner.enterArray()
      var isFirst = true
      while try scanner.nextElement(&isFirst) {
        let element = try scanner.skipValue()
        if let number = CaptureRecord.integer(UnsafeRawBufferPointer(rebasing: array[element])) {
          numbers.append(number)
        }
      }
    } catch {
      // No array: there is nothing in it.
    }
    return numbers
  }
}
