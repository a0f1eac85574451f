/// Inflates the compressed messages of one direction, each as a whole, for an end that receives them itself.
package struct WholeMessageInflater: ~Copyable {
  /// Why there is no message; the direction cannot be followed any more.
  package enum Fault: Error, Equatable {
    /// It is longer than accepted.
    case tooLong
    /// It is no DEFLATE data, or needs a larger window than was negotiated.
    case notDeflate
    /// It is a text and not UTF-8.
    case notText
  }

  /// How much is inflated at once: what follows behind the limit is not inflated at all.
  private static let piece = 16 << 10

  private let limit: Int
  private var inflater: MessageInflater
  private var storage: MessageBuffer

  /// - Parameters:
  ///   - windowBits: base-2 logarithm of the window, as negotiated for this direction.
  ///   - takeover: whether the window lives on from message to message.
  ///   - limit: bytes of one message, inflated.
  package init(windowBits: UInt8, takeover: Bool, limit: Int) {
    self.limit = limit
    inflater = MessageInflater(windowBits: windowBits, takeover: takeover)
    storage = MessageBuffer(limit: limit)
  }

  /// Inflates a message; the bytes are valid during the call of `body` only.
  package mutating func inflate<Result>(
    _ payload: UnsafeRawBufferPointer, isText: Bool, _ body: (UnsafeRawBufferPointer) -> Result
  ) throws(Fault) -> Result {
    defer { storage.removeAll(retaining: Self.piece) }
    var text = UTF8Validator()
    var length = 0
    inflater.messageBegan()
    var rest = payload
    while !rest.isEmpty {
      let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.piece))
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(Self.piece))
      try judge(
        inflater.receive(part, into: &storage, length: &length, checking: &text, isText: isText), length)
    }
    let last = inflater.messageEnded(into: &storage, length: &length, checking: &text, isText: isText)
    try judge(last, length)
    if last.isUnfinished { throw .notDeflate }
    if isText, !text.isComplete { throw .notText }
    return body(storage.bytes)
  }

  private func judge(_ outcome: MessageInflater.Outcome, _ length: Int) throws(Fault) {
    if length > limit { throw .tooLong }
    if outcome.fault == .invalidText { throw .notText }
    if outcome.fault != nil || outcome.exceedsWindow { throw .notDeflate }
  }
}
