import CaptureFormat
import JSONText

/// A capture reads to the same records whole and in pieces, filters answer for each of them, and nothing that reaches
/// a terminal can command it.
enum CaptureProperty {
  static func check(_ input: inout FuzzInput) {
    let salt = input.byte()
    let source = input.text()
    let filter: CaptureFilter?
    do throws(CaptureFilterFault) {
      filter = try CaptureFilter(parsing: source)
    } catch {
      require((1...source.utf8.count + 1).contains(error.column))
      filter = nil
    }
    let whole = read(filter) { receive in receive(input.rest) }
    let pieces = read(filter) { receive in input.rest.forEachPiece(salt: salt, receive) }
    require(whole == pieces, "\(whole)\n\(pieces)")

    var shown = ByteSink()
    _ = shown.append(terminalText: input.rest, columns: 40)
    check(terminal: shown.bytes)
    shown.removeAll()
    shown.append(harmlessJSON: input.rest)
    _ = TerminalText.columns(of: TerminalText.harmless(source))
    check(terminal: Array(TerminalText.harmless(source).utf8).withUnsafeBytes { Array($0) })
  }

  private static func check(terminal bytes: UnsafeRawBufferPointer) { check(terminal: Array(bytes)) }

  private static func check(terminal bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self) else { fatalError("not UTF-8") }
    for scalar in text.unicodeScalars {
      require(scalar.properties.generalCategory != .control, "a control character")
    }
  }

  private static func read(
    _ filter: CaptureFilter?, _ feed: ((UnsafeRawBufferPointer) -> Void) -> Void
  ) -> [String] {
    var reader = CaptureReader(maximumLineLength: 500)
    var items: [String] = []
    var refusal: CaptureRefusal?
    feed { piece in
      guard refusal == nil else { return }
      do throws(CaptureRefusal) {
        try reader.bytesArrived(piece) { item in
          switch item {
          case .damage(let damage):
            require(damage.offset >= 0)
            items.append("\(damage)")
          case .record(let record): items.append(describe(record, filter))
          }
        }
      } catch {
        refusal = error
        items.append("\(error)")
      }
    }
    guard refusal == nil else { return items }
    do throws(CaptureRefusal) {
      items.append("torn \(try reader.ended())")
    } catch {
      items.append("\(error)")
    }
    return items
  }

  private static func describe(_ record: CaptureRecord, _ filter: CaptureFilter?) -> String {
    var text = "\(record.kind) \(record.seq) \(record.time.microseconds)"
    for member in CaptureRecordMember.allCases {
      if let value = record[member] { text += " \(member)=\(value.count)" }
      _ = record.string(member)
      _ = record.integer(member)
    }
    _ = record.socketKind
    _ = record.transport
    _ = record.value(named: "finding")
    record.forEachAttachmentSize { size in size >= 0 }
    var time = ByteSink()
    time.append(timestamp: record.time)
    time.append(timeOfDay: record.time)
    if let event = record[.event] {
      var shown = ByteSink()
      _ = shown.append(terminalJSON: event, columns: 20)
      check(terminal: shown.bytes)
    }
    if let filter {
      let facts = filter.facts(of: CaptureFilterSubject(record, sid: "sid"))
      text += " \(filter.matches(facts, state: CaptureFilterState(verdict: "overdue", age: 3)))"
    }
    return text
  }
}
