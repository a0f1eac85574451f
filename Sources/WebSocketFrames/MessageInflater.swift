/// Inflates the compressed messages of one direction (RFC 7692 §7.2.2, PROTOCOL.md C.3).
///
/// One window of 15 bits serves the whole direction, whatever was negotiated, as smaller windows are a subset.
/// Where a smaller one was negotiated, a second inflater with just that window follows along, to notice a sender
/// who refers back too far; its output is thrown away. It allows some 128 bytes too many where they came in one piece, so
/// that a fault may go unnoticed, but none is made up.
struct MessageInflater: ~Copyable {
  /// What became of a piece of compressed payload.
  struct Outcome {
    /// What went wrong, if something did; the piece was followed up to there.
    var fault: WebSocketViolation.Reason?
    /// Whether the negotiated window was exceeded for the first time.
    var exceedsWindow = false
    /// Whether the message stopped inside a DEFLATE block.
    var isUnfinished = false
  }

  private var main = Inflater(windowBits: -15)
  private var strict: Inflater
  private var isStrict: Bool
  private let startsAnew: Bool
  private var streamEnded = false

  /// `takeover`: whether the sender's window lives on from message to message.
  init(windowBits: UInt8, takeover: Bool) {
    isStrict = windowBits < 15
    strict = Inflater(windowBits: -Int32(min(max(windowBits, 8), 15)))
    startsAnew = !takeover
  }

  /// A compressed message began.
  mutating func messageBegan() {
    streamEnded = false
    guard startsAnew else { return }
    main.reset()
    if isStrict { strict.reset() }
  }

  /// Payload arrived, unmasked. What it says is counted and checked in `text`, and kept in `buffer` as far as that takes it.
  mutating func receive(
    _ payload: UnsafeRawBufferPointer, into buffer: inout MessageBuffer, length: inout Int,
    checking text: inout UTF8Validator, isText: Bool
  ) -> Outcome {
    guard !payload.isEmpty else { return Outcome() }
    let before = length
    let within = isStrict ? followStrictly(payload) : nil
    var outcome = Outcome()
    outcome.fault = follow(payload, into: &buffer, length: &length, checking: &text, isText: isText)
    // The strict inflater also fails on whatever the main one fails on, at the same byte.
    if let within, outcome.fault == nil || within < length &- before {
      isStrict = false
      strict.release()
      outcome.exceedsWindow = true
    }
    return outcome
  }

  /// The message is over: takes the four bytes that the sender left out (RFC 7692 §7.2.2).
  mutating func messageEnded(
    into buffer: inout MessageBuffer, length: inout Int, checking text: inout UTF8Validator, isText: Bool
  ) -> Outcome {
    // A final block that ended with the payload leaves nothing to complete.
    if streamEnded { return Outcome() }
    var tail: UInt32 = UInt32(bigEndian: 0x0000_FFFF)
    var outcome = withUnsafeBytes(of: &tail) { tail in
      receive(tail, into: &buffer, length: &length, checking: &text, isText: isText)
    }
    if outcome.fault == nil, !main.isBetweenBlocks { outcome.isUnfinished = true }
    return outcome
  }

  /// Gives all memory back.
  mutating func release() {
    main.release()
    strict.release()
  }

  private mutating func follow(
    _ payload: UnsafeRawBufferPointer, into buffer: inout MessageBuffer, length: inout Int,
    checking text: inout UTF8Validator, isText: Bool
  ) -> WebSocketViolation.Reason? {
    var rest = payload
    while true {
      let room = buffer.room(512)
      let (produced, progress) = main.inflate(&rest, into: room)
      if isText, let bad = text.receive(UnsafeRawBufferPointer(rebasing: room[..<produced])) {
        length &+= bad
        return .invalidText
      }
      length &+= produced
      buffer.keep(produced)
      streamEnded = false
      switch progress {
      case .full: continue
      case .starved: return nil
      case .invalid: return .invalidDeflate
      case .outOfMemory: return .decoderOutOfMemory
      case .ended:
        main.continueWithNextStream()
        streamEnded = true
        if rest.isEmpty { return nil }
      }
    }
  }

  /// Returns how many bytes came out before the fault, or `nil` if there was none.
  private mutating func followStrictly(_ payload: UnsafeRawBufferPointer) -> Int? {
    let (total, progress) = withUnsafeTemporaryAllocation(byteCount: 128, alignment: 1) {
      room -> (Int, Inflater.Progress) in
      var rest = payload
      var total = 0
      while true {
        // Small room on purpose: zlib also lets a stream refer back to what the same call wrote.
        let (produced, progress) = strict.inflate(&rest, into: room)
        total &+= produced
        switch progress {
        case .full: continue
        case .starved, .invalid, .outOfMemory: return (total, progress)
        case .ended:
          strict.continueWithNextStream()
          if rest.isEmpty { return (total, .starved) }
        }
      }
    }
    if progress == .outOfMemory { isStrict = false }
    return progress == .invalid ? total : nil
  }
}
