import AckCorrelation
import JSONText

/// Encodes capture records, one JSON object a line, straight into a buffer of bytes.
///
/// A record is begun, gets its members in the order of CAPTURE-FORMAT.md, and is ended; the caller keeps to that
/// order. `seq` is given out here and rises by one from record to record. What became complete is taken with
/// `bytes` and `removeAll()`, by the one who writes the file.
package struct RecordEncoder: ~Copyable {
  private var sink: ByteSink
  private var timestamps = TimestampText()
  private var lastTime = Timestamp(microseconds: .min)
  /// The `seq` that the next record will get.
  package private(set) var nextSeq: UInt64
  package let redactor: Redactor

  package init(redactor: Redactor, firstSeq: UInt64 = 1) {
    self.redactor = redactor
    nextSeq = firstSeq
    sink = ByteSink(capacity: 64 << 10)
  }

  /// Behind the last byte.
  @inline(__always)
  package var length: Int { sink.bytes.count }

  /// The records ended since the last `removeAll()`.
  package var bytes: UnsafeRawBufferPointer { sink.bytes }

  /// How many records were begun so far.
  package var recordCount: UInt64 { nextSeq - 1 }

  /// Forgets the bytes, which the caller has written.
  package mutating func removeAll() {
    sink.removeAll(keeping: Self.bytesKept)
  }

  /// Room that stays for the next records: several of the largest payloads that captures keep by default. To take it
  /// anew for each would cost more than to fill it.
  private static let bytesKept = 8 << 20

  /// Takes back all records that were begun since the last `removeAll()`: they could not be written, and their numbers
  /// go to the next ones.
  ///
  /// - Parameter seq: the number of the first of them.
  package mutating func withdraw(from seq: UInt64) {
    sink.removeAll()
    nextSeq = seq
  }

  /// Begins a record; returns its `seq`. Time never runs backwards in a capture: an earlier `time`, which a
  /// second event loop may hold, is written as the last one.
  @inline(__always)
  package mutating func begin(_ type: StaticString, at time: Timestamp) -> UInt64 {
    let seq = nextSeq
    nextSeq &+= 1
    if time > lastTime { lastTime = time }
    sink.append("{\"type\":\"" as StaticString)
    sink.append(type)
    sink.append("\",\"seq\":" as StaticString)
    sink.append(decimal: seq)
    sink.append(",\"ts\":\"" as StaticString)
    timestamps.append(lastTime, to: &sink)
    sink.append(0x22)
    return seq
  }

  /// Appends members encoded before, such as `,"conn":3,"session":2`.
  @inline(__always)
  package mutating func members(_ encoded: [UInt8]) {
    sink.append(encoded)
  }

  @inline(__always)
  package mutating func end() {
    sink.append("}\n" as StaticString)
  }

  // MARK: members

  @inline(__always)
  package mutating func member(_ name: StaticString) {
    sink.append(memberNamed: name)
  }

  @inline(__always)
  package mutating func member(_ name: StaticString, _ number: UInt64) {
    member(name)
    sink.append(decimal: number)
  }

  package mutating func member(_ name: StaticString, _ number: Int) {
    member(name)
    sink.append(decimal: number)
  }

  package mutating func member(_ name: StaticString, _ flag: Bool) {
    member(name)
    sink.append(flag ? "true" as StaticString : "false")
  }

  /// A string known to need no escapes.
  @inline(__always)
  package mutating func member(_ name: StaticString, word: StaticString) {
    member(name)
    sink.append(0x22)
    sink.append(word)
    sink.append(0x22)
  }

  package mutating func member(_ name: StaticString, _ text: String) {
    member(name)
    sink.append(jsonString: text)
  }

  /// A moment, as `ts` is written.
  package mutating func member(_ name: StaticString, time: Timestamp) {
    member(name)
    sink.append(0x22)
    timestamps.append(time, to: &sink)
    sink.append(0x22)
  }

  /// JSON or digits from the wire, verbatim: the caller knows that it is one valid value without line breaks and
  /// without secrets.
  @inline(__always)
  package mutating func member(_ name: StaticString, verbatim json: UnsafeRawBufferPointer) {
    member(name)
    sink.append(json)
  }

  /// JSON from the wire, secrets replaced. See `Redactor.append(json:lineBreaksToSpaces:to:)`.
  ///
  /// - Parameters:
  ///   - inBrackets: written between `[` and `]`, for arguments that were cut out of their array.
  ///   - mayHoldSecrets: false where the scanner met no object members, so that a copy will do unless a string looks as
  ///     if it hid one.
  @inline(__always)
  package mutating func member(
    _ name: StaticString, json: UnsafeRawBufferPointer, inBrackets: Bool, mayHoldSecrets: Bool,
    hasLineBreaks: Bool
  ) -> [Int] {
    member(name)
    if inBrackets { sink.append(0x5B) }
    var placeholders: [Int] = []
    if mayHoldSecrets || hasLineBreaks || redactor.mayHideSecrets(json) {
      placeholders = redactor.append(json: json, lineBreaksToSpaces: hasLineBreaks, to: &sink)
    } else {
      sink.append(json)
    }
    if inBrackets { sink.append(0x5D) }
    return placeholders
  }

  /// Text that should have been JSON but is not, or was cut off: a JSON string, secrets replaced as far as they
  /// can be told.
  package mutating func member(_ name: StaticString, brokenJSON text: UnsafeRawBufferPointer) {
    member(name)
    if redactor.isOn, let clean = redactor.withoutSecrets(text: text) {
      clean.withUnsafeBytes { sink.append(jsonString: $0) }
    } else {
      sink.append(jsonString: text)
    }
  }

  package mutating func member(_ name: StaticString, base64 bytes: UnsafeRawBufferPointer) {
    member(name)
    element(base64: bytes)
  }

  /// `[[name, value], …]`, secrets replaced.
  package mutating func member(_ name: StaticString, headers: [(String, String)]) {
    member(name)
    raw("[")
    for (index, header) in headers.enumerated() {
      if index > 0 { raw(",") }
      raw("[")
      sink.append(jsonString: header.0)
      raw(",")
      redactor.append(headerValue: header.1, named: header.0, to: &sink)
      raw("]")
    }
    raw("]")
  }

  /// A request target, the values of secret query parameters replaced.
  package mutating func member(_ name: StaticString, target: String) {
    member(name)
    element(target: target)
  }

  // MARK: nested values

  /// Punctuation of a nested value.
  package mutating func raw(_ text: StaticString) {
    sink.append(text)
  }

  package mutating func element(base64 bytes: UnsafeRawBufferPointer) {
    sink.append(0x22)
    sink.append(base64: bytes)
    sink.append(0x22)
  }

  /// A request target, or a name that may have a query, as `member(_:target:)` writes it.
  package mutating func element(target: String) {
    redactor.append(target: target, to: &sink)
  }

  /// Bytes from the wire as a JSON string; broken UTF-8 is replaced.
  package mutating func element(text: UnsafeRawBufferPointer) {
    sink.append(jsonString: text)
  }

  package mutating func element(_ number: UInt64) {
    sink.append(decimal: number)
  }

  package mutating func element(jsonString text: String) {
    sink.append(jsonString: text)
  }

  /// `"[redacted:…]"` in the place of a secret attachment.
  package mutating func element(redacted bytes: UnsafeRawBufferPointer) {
    sink.append(0x22)
    redactor.append(redacted: bytes, to: &sink)
    sink.append(0x22)
  }
}
