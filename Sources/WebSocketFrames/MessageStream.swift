/// Follows one direction of a WebSocket connection, from the first byte behind the 101 head.
///
/// It checks every rule of RFC 6455 and RFC 7692 that one direction alone can break (PROTOCOL.md C.3, F), and
/// puts messages together. It never asks for bytes to be held back: pieces of any size will do, and the events are
/// the same however the direction was cut.
///
/// Costs: a whole uncompressed frame in one piece is not copied (server) or unmasked once into reused storage
/// (client), and allocates nothing once that storage is there. An idle stream holds no more than its own fields
/// and, after compressed messages, zlib's window. Bytes beyond `WebSocketLimits.payload` are followed, not kept.
package struct MessageStream: ~Copyable {
  /// Whether the sender must mask its frames (RFC 6455 §5.1).
  package enum Masking: Sendable {
    /// The sender is the client.
    case required
    /// The sender is the server.
    case forbidden
  }

  private enum Phase {
    /// The server's first bytes may be an HTTP response instead of frames.
    case opening
    case betweenFrames
    /// Part of a header is in `pending`.
    case inHeader
    case inPayload
    case ended
  }

  private struct Frame {
    var offset: UInt64 = 0
    var remaining: UInt64 = 0
    var mask = FrameMask()
    var first: UInt8 = 0
    var controlBytes: UInt8 = 0

    var isControl: Bool { first & 0x08 != 0 }
    var isFinal: Bool { first & 0x80 != 0 }
  }

  private struct Assembly {
    var offset: UInt64 = 0
    var length = 0
    var wireBytes = 0
    var frames = 0
    var text = UTF8Validator()
    var isText = false
    var isCompressed = false
    var isAfterClose = false
    /// It was told as cut short: whatever comes of it yet is not told again.
    var isTold = false
  }

  private let maskBit: UInt8
  private let canInflate: Bool
  private let limits: WebSocketLimits
  private var phase: Phase
  private var isInMessage = false
  private var closeWasSent = false
  private var pendingCount = 0
  private var pending: (UInt64, UInt64) = (0, 0)
  private var frame = Frame()
  private var message = Assembly()
  private var storage: MessageBuffer
  private var inflater: MessageInflater
  private var stray = StrayResponse()

  /// How many bytes of the direction were taken so far, those behind a violation included.
  package private(set) var offset: UInt64 = 0
  /// The violation that ended decoding, once its event was given.
  package private(set) var violation: WebSocketViolation?

  /// `compression` is what the 101 response accepted, `nil` if nothing; the direction's half of it is used.
  package init(masking: Masking, compression: DeflateParameters?, limits: WebSocketLimits = WebSocketLimits())
  {
    let parameters = compression ?? DeflateParameters()
    switch masking {
    case .required:
      maskBit = 0x80
      phase = .betweenFrames
      inflater = MessageInflater(
        windowBits: parameters.clientWindowBits, takeover: !parameters.clientNoContextTakeover)
    case .forbidden:
      maskBit = 0
      phase = .opening
      inflater = MessageInflater(
        windowBits: parameters.serverWindowBits, takeover: !parameters.serverNoContextTakeover)
    }
    canInflate = compression != nil
    self.limits = limits
    storage = MessageBuffer(limit: limits.payload)
  }

  /// Whether the bytes so far stop inside a frame or a message: if the direction ends here, something is lost.
  package var isInsideMessage: Bool {
    switch phase {
    case .inHeader, .inPayload: true
    case .betweenFrames: isInMessage
    case .opening: !stray.kept.isEmpty
    case .ended: false
    }
  }

  /// Bytes of message storage allocated now, zlib's share (some 40 KiB once a compressed message came) not included.
  package var storedBytes: Int { storage.capacity }

  /// Takes the next bytes of the direction and tells in order what became known. Behind a violation that ended
  /// decoding, bytes are only counted.
  package mutating func receive(_ bytes: UnsafeRawBufferPointer, _ body: (WebSocketEvent) -> Void) {
    let origin = offset
    offset &+= UInt64(bytes.count)
    guard let start = bytes.baseAddress else { return }
    let count = bytes.count
    var index = 0
    while index < count {
      switch phase {
      case .betweenFrames:
        index = takeFrame(start, from: index, count, origin, body)
      case .inPayload:
        index &+= takePayload(start + index, count &- index, at: origin &+ UInt64(index), body)
      case .inHeader:
        takeHeaderByte(start.load(fromByteOffset: index, as: UInt8.self), body)
        index &+= 1
      case .opening:
        if stray.kept.isEmpty, start.load(as: UInt8.self) != StrayResponse.opening.utf8Start[0] {
          phase = .betweenFrames
        } else {
          judgeOpening(stray.receive(bytes, limit: limits.quotedResponse), body)
          return
        }
      case .ended:
        return
      }
    }
  }

  /// The direction ended; tells what waited for more bytes, which only an HTTP response in place of frames does.
  package mutating func ended(_ body: (WebSocketEvent) -> Void) {
    guard phase == .opening, !stray.kept.isEmpty else { return }
    judgeOpening(stray.isResponse ? .complete : .refuted, body)
  }

  /// The connection ends, or the receiver has left: tells the message under way as far as it came. Whatever comes of
  /// it after that is not told again; messages behind it are.
  package mutating func wasCutShort(_ body: (WebSocketEvent) -> Void) {
    guard phase != .ended, isInMessage, !message.isTold, storage.count > 0 else { return }
    message.isTold = true
    // What an unfragmented frame announced is the message's length; of others it is the least that is known.
    let announced = frame.isControl ? 0 : Int(clamping: frame.remaining)
    body(
      .message(
        WebSocketMessage(
          isText: message.isText, payload: storage.bytes,
          length: max(message.length &+ (message.isCompressed ? 0 : announced), storage.count &+ 1),
          wireBytes: message.wireBytes, frames: message.frames, isCompressed: message.isCompressed,
          isAfterClose: message.isAfterClose, offset: message.offset, isCutShort: true)))
  }

  // MARK: Headers

  /// Takes one frame from a frame's start, as far as it is there; returns the index behind what was taken.
  @inline(__always)
  private mutating func takeFrame(
    _ start: UnsafeRawPointer, from index: Int, _ count: Int, _ origin: UInt64,
    _ body: (WebSocketEvent) -> Void
  ) -> Int {
    let available = count &- index
    let head = start + index
    let frameOffset = origin &+ UInt64(index)
    if available >= 2 {
      let first = head.load(as: UInt8.self)
      let second = head.load(fromByteOffset: 1, as: UInt8.self)
      if let fault = faultOfHeader(first, second) {
        fail(fault, at: frameOffset, body)
        return count
      }
      if available >= FrameHeader.size(second: second) {
        let header = FrameHeader(at: head)
        let room = available &- header.size
        // A whole unfragmented, uncompressed message; a masked one must fit the storage that it is unmasked into.
        if first == 0x81 || first == 0x82, header.length <= UInt64(room),
          !header.isMasked || header.length <= UInt64(limits.payload)
        {
          let length = Int(header.length)
          deliver(head + header.size, length, header, at: frameOffset, body)
          return index &+ header.size &+ length
        }
        begin(header, at: frameOffset, body)
        return index &+ header.size
      }
    }
    frame.offset = frameOffset
    withUnsafeMutableBytes(of: &pending) {
      $0.copyMemory(from: UnsafeRawBufferPointer(start: head, count: available))
    }
    pendingCount = available
    phase = .inHeader
    return count
  }

  private mutating func takeHeaderByte(_ byte: UInt8, _ body: (WebSocketEvent) -> Void) {
    // At most 14 bytes get here: a header is begun as soon as it is whole.
    let count = pendingCount
    let (first, second, whole) = withUnsafeMutableBytes(of: &pending) { pending in
      pending[count] = byte
      return (pending[0], pending[1], FrameHeader.size(second: pending[1]) == count + 1)
    }
    pendingCount = count + 1
    if pendingCount == 2, let fault = faultOfHeader(first, second) {
      return fail(fault, at: frame.offset, body)
    }
    if pendingCount >= 2, whole {
      pendingCount = 0
      let header = withUnsafeBytes(of: &pending) { $0.baseAddress.map(FrameHeader.init(at:)) }
      if let header { begin(header, at: frame.offset, body) }
    }
  }

  /// Judges the first two bytes of a frame.
  @inline(__always)
  private func faultOfHeader(_ first: UInt8, _ second: UInt8) -> WebSocketViolation.Reason? {
    if first == 0x81 || first == 0x82, !isInMessage, second & 0x80 == maskBit { return nil }
    return FrameHeader.fault(
      first: first, second: second, maskBit: maskBit, canInflate: canInflate, isInMessage: isInMessage)
  }

  private mutating func begin(_ header: FrameHeader, at offset: UInt64, _ body: (WebSocketEvent) -> Void) {
    if header.length > UInt64(Int64.max) { return fail(.lengthTopBit, at: offset, body) }
    frame = Frame(offset: offset, remaining: header.length, mask: header.mask, first: header.first)
    if !header.isControl {
      if header.opcode != 0 {
        isInMessage = true
        message = Assembly(
          offset: offset, isText: header.opcode == 1, isCompressed: header.isCompressed,
          isAfterClose: closeWasSent)
        if header.isCompressed { inflater.messageBegan() }
      }
      message.frames &+= 1
    }
    if header.length == 0 { frameEnded(at: offset &+ UInt64(header.size), body) } else { phase = .inPayload }
  }

  // MARK: Payloads

  /// A whole message in one piece, uncompressed.
  @inline(__always)
  private mutating func deliver(
    _ payload: UnsafeRawPointer, _ length: Int, _ header: FrameHeader, at offset: UInt64,
    _ body: (WebSocketEvent) -> Void
  ) {
    var whole = UnsafeRawBufferPointer(start: payload, count: length)
    if header.isMasked, let target = storage.room(length).baseAddress {
      var mask = header.mask
      mask.unmask(payload, count: length, to: target)
      whole = UnsafeRawBufferPointer(start: target, count: length)
    }
    if header.opcode == 1 {
      var text = UTF8Validator()
      let bad = text.receive(whole) ?? (text.isComplete ? nil : length)
      if let bad { return fail(.invalidText, at: offset &+ UInt64(header.size &+ bad), body) }
    }
    body(
      .message(
        WebSocketMessage(
          isText: header.opcode == 1,
          payload: UnsafeRawBufferPointer(start: whole.baseAddress, count: min(length, limits.payload)),
          length: length, wireBytes: length, frames: 1, isCompressed: false, isAfterClose: closeWasSent,
          offset: offset)))
    storage.removeAll(retaining: limits.retainedStorage)
  }

  /// Takes payload of the frame under way; returns how many bytes.
  private mutating func takePayload(
    _ start: UnsafeRawPointer, _ available: Int, at offset: UInt64, _ body: (WebSocketEvent) -> Void
  ) -> Int {
    let count = Int(min(frame.remaining, UInt64(available)))
    let piece = UnsafeRawBufferPointer(start: start, count: count)
    if frame.isControl {
      takeControl(piece)
    } else {
      message.wireBytes &+= count
      if maskBit == 0 {
        takeData(piece, at: offset, body)
      } else {
        takeMaskedData(piece, at: offset, body)
      }
      if phase == .ended { return available }
    }
    frame.remaining &-= UInt64(count)
    if frame.remaining == 0 { frameEnded(at: offset &+ UInt64(count), body) }
    return count
  }

  private mutating func takeControl(_ piece: UnsafeRawBufferPointer) {
    let seen = Int(frame.controlBytes)
    guard let start = piece.baseAddress, let room = storage.room(125).baseAddress else { return }
    frame.mask.unmask(start, count: piece.count, to: room + seen)
    frame.controlBytes &+= UInt8(truncatingIfNeeded: piece.count)
  }

  private mutating func takeMaskedData(
    _ piece: UnsafeRawBufferPointer, at offset: UInt64, _ body: (WebSocketEvent) -> Void
  ) {
    if !message.isCompressed, !message.isText, storage.count == storage.limit {
      // Nobody will look at these bytes, nor at any behind them in this frame.
      message.length &+= piece.count
      return
    }
    // 1024 bytes are what fits the stack without asking the allocator.
    withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 16) { block in
      guard let source = piece.baseAddress, let target = block.baseAddress else { return }
      var index = 0
      while index < piece.count, phase != .ended {
        let count = min(piece.count &- index, 1024)
        frame.mask.unmask(source + index, count: count, to: target)
        takeData(UnsafeRawBufferPointer(start: target, count: count), at: offset &+ UInt64(index), body)
        index &+= count
      }
    }
  }

  /// Takes unmasked payload of a data frame.
  private mutating func takeData(
    _ piece: UnsafeRawBufferPointer, at offset: UInt64, _ body: (WebSocketEvent) -> Void
  ) {
    if message.isCompressed {
      let outcome = inflater.receive(
        piece, into: &storage, length: &message.length, checking: &message.text, isText: message.isText)
      report(outcome, body)
      return
    }
    if message.isText, let bad = message.text.receive(piece) {
      return fail(.invalidText, at: offset &+ UInt64(bad), body)
    }
    storage.append(piece)
    message.length &+= piece.count
  }

  private mutating func report(_ outcome: MessageInflater.Outcome, _ body: (WebSocketEvent) -> Void) {
    if outcome.exceedsWindow {
      body(.violation(WebSocketViolation(.windowExceeded, offset: frame.offset)))
    }
    if outcome.isUnfinished {
      body(.violation(WebSocketViolation(.unfinishedDeflate, offset: frame.offset)))
    }
    if let fault = outcome.fault { fail(fault, at: frame.offset, body) }
  }

  private mutating func frameEnded(at end: UInt64, _ body: (WebSocketEvent) -> Void) {
    phase = .betweenFrames
    if frame.isControl {
      controlEnded(body)
    } else if frame.isFinal {
      messageEnded(at: end, body)
    }
  }

  private mutating func controlEnded(_ body: (WebSocketEvent) -> Void) {
    let count = Int(frame.controlBytes)
    let control = WebSocketControl(
      kind: frame.first & 0x0F == 8 ? .close : frame.first & 0x0F == 9 ? .ping : .pong,
      payload: UnsafeRawBufferPointer(start: count > 0 ? storage.room(count).baseAddress : nil, count: count),
      isAfterClose: closeWasSent, offset: frame.offset)
    if control.kind == .close {
      if count == 1 { return fail(.halfCloseCode, at: frame.offset, body) }
      closeWasSent = true
      if let code = control.code, !WebSocketControl.isLegal(code: code) {
        body(.violation(WebSocketViolation(.illegalCloseCode, offset: frame.offset)))
      }
      var text = UTF8Validator()
      if text.receive(control.reason) != nil || !text.isComplete {
        body(.violation(WebSocketViolation(.invalidCloseReason, offset: frame.offset)))
      }
    }
    body(.control(control))
  }

  private mutating func messageEnded(at end: UInt64, _ body: (WebSocketEvent) -> Void) {
    if message.isCompressed {
      let outcome = inflater.messageEnded(
        into: &storage, length: &message.length, checking: &message.text, isText: message.isText)
      report(outcome, body)
      if phase == .ended { return }
    }
    if message.isText, !message.text.isComplete {
      return fail(.invalidText, at: message.isCompressed ? frame.offset : end, body)
    }
    isInMessage = false
    if !message.isTold {
      body(
        .message(
          WebSocketMessage(
            isText: message.isText, payload: storage.bytes, length: message.length,
            wireBytes: message.wireBytes,
            frames: message.frames, isCompressed: message.isCompressed, isAfterClose: message.isAfterClose,
            offset: message.offset)))
    }
    storage.removeAll(retaining: limits.retainedStorage)
  }

  // MARK: Endings

  private mutating func judgeOpening(_ progress: StrayResponse.Progress, _ body: (WebSocketEvent) -> Void) {
    switch progress {
    case .undecided: return
    case .complete:
      end(WebSocketViolation(.httpResponseAfterUpgrade, offset: 0, quote: stray.kept), body)
    case .refuted:
      // Whatever follows an `H`, as a frame header it breaks a rule by itself.
      let fault = faultOfHeader(StrayResponse.opening.utf8Start[0], 0)
      end(WebSocketViolation(fault ?? .fragmentedControl, offset: 0), body)
    }
  }

  private mutating func fail(
    _ reason: WebSocketViolation.Reason, at offset: UInt64, _ body: (WebSocketEvent) -> Void
  ) {
    end(WebSocketViolation(reason, offset: offset), body)
  }

  @inline(never)
  private mutating func end(_ violation: WebSocketViolation, _ body: (WebSocketEvent) -> Void) {
    phase = .ended
    self.violation = violation
    storage.release()
    inflater.release()
    stray = StrayResponse()
    body(.violation(violation))
  }
}
