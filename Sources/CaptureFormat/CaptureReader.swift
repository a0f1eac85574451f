/// Why a file is not read at all.
package struct CaptureRefusal: Error, Equatable, Sendable {
  /// What was found instead of a capture.
  package enum Reason: Equatable, Sendable {
    /// Not a byte in it.
    case empty
    /// The first line is no `capture` record; the words say what it is.
    case foreign(String)
    /// A capture, but of a schema that this version cannot read.
    case schema(String)
    /// The first line was never finished.
    case torn
  }

  package var reason: Reason

  package init(_ reason: Reason) {
    self.reason = reason
  }

  /// One line for people that names the file, what is wrong with it, and what a capture is.
  package func message(for path: String) -> String {
    let file = TerminalText.harmless(path)
    let found =
      switch reason {
      case .empty: "the file is empty"
      case .foreign(let words): "its first line is \(words)"
      case .schema(let name):
        "its schema is \(TerminalText.harmless(name)), and this version reads ackscope.capture/1"
      case .torn: "its first line is unfinished"
      }
    let hint = "A capture is the JSON Lines file that \"ackscope proxy --capture PATH\" writes"
    if case .schema = reason { return "\(file): not readable: \(found). A newer ackscope may read it." }
    return "\(file): not an Ackscope capture: \(found). \(hint); it begins with a record of type \"capture\"."
  }
}

/// A line inside a capture that is not a record: it is reported, and reading goes on behind it.
package struct CaptureDamage: Equatable, Sendable {
  /// The line's number, from 1.
  package var line: Int
  /// Bytes from the start of the capture to the fault.
  package var offset: Int
  /// What is wrong, in words for people.
  package var reason: String

  /// One line for people.
  package func message(for path: String) -> String {
    "\(TerminalText.harmless(path)): line \(line), byte \(offset): damaged record skipped: \(reason)"
  }
}

/// Reads a capture from pieces of bytes: lines, then records, with the first line checked.
///
/// The caller stops after a refusal. Damage is handed over in order, between the records around it.
package struct CaptureReader: ~Copyable {
  /// What stands on a line.
  package enum Item {
    /// A record, valid during the call only.
    case record(CaptureRecord)
    /// A line that is none.
    case damage(CaptureDamage)
  }

  private var lines: CaptureLineReader
  private var scanner = CaptureRecordScanner()
  private var isIdentified = false

  package init(maximumLineLength: Int = CaptureLineReader.defaultMaximumLineLength) {
    lines = CaptureLineReader(maximumLineLength: maximumLineLength)
  }

  /// Takes the next piece and hands over what stands on each line that ends in it.
  ///
  /// The first record is the `capture` record. Throws where the first line shows that this is no capture.
  package mutating func bytesArrived(
    _ piece: UnsafeRawBufferPointer, _ handle: (Item) -> Void
  ) throws(CaptureRefusal) {
    var isIdentified = self.isIdentified
    try lines.bytesArrived(piece) { (line) throws(CaptureRefusal) in
      if !isIdentified {
        handle(.record(try Self.first(line, &scanner)))
        isIdentified = true
        return
      }
      guard !line.isCut else {
        let reason = "longer than \(line.bytes.count) bytes"
        handle(.damage(CaptureDamage(line: line.number, offset: line.offset, reason: reason)))
        return
      }
      do throws(CaptureRecordFault) {
        handle(.record(try scanner.record(in: line.bytes)))
      } catch {
        handle(
          .damage(
            CaptureDamage(line: line.number, offset: line.offset &+ error.offset, reason: error.reason)))
      }
    }
    self.isIdentified = isIdentified
  }

  /// Takes note of the end; returns the length of a torn last line, 0 where the last line is whole.
  package mutating func ended() throws(CaptureRefusal) -> Int {
    let torn = lines.ended()
    if !isIdentified { throw CaptureRefusal(torn == 0 ? .empty : .torn) }
    return torn
  }

  private static func first(
    _ line: CaptureLine, _ scanner: inout CaptureRecordScanner
  ) throws(CaptureRefusal) -> CaptureRecord {
    let record: CaptureRecord
    do throws(CaptureRecordFault) {
      record = try scanner.record(in: line.bytes)
    } catch {
      let isObject = line.bytes.first == 0x7B
      throw CaptureRefusal(.foreign(isObject ? "no record (\(error.reason))" : "not a JSON object"))
    }
    guard record.kind == .capture, let schema = record.string(.schema) else {
      throw CaptureRefusal(.foreign("a record of another kind"))
    }
    guard schema == "ackscope.capture/1" else {
      let isOurs = schema.hasPrefix("ackscope.capture/")
      throw CaptureRefusal(isOurs ? .schema(schema) : .foreign("a record of another schema"))
    }
    return record
  }
}
