import WebSocketFrames

/// A direction decodes to the same events whole and in pieces, and keeps no more than it may.
enum FramesProperty {
  static func check(_ input: inout FuzzInput) {
    let flags = input.byte()
    let salt = input.byte()
    var compression: DeflateParameters?
    if flags & 1 != 0 {
      let bits = 8 + (flags >> 4) % 8
      compression = DeflateParameters(
        serverNoContextTakeover: flags & 2 != 0, clientNoContextTakeover: flags & 2 != 0,
        serverWindowBits: bits, clientWindowBits: bits)
    }
    let limits = WebSocketLimits(
      payload: flags & 4 != 0 ? 64 : 4096, retainedStorage: 256, quotedResponse: 64)
    let masking: MessageStream.Masking = flags & 8 != 0 ? .required : .forbidden
    var whole: [String] = []
    var pieces: [String] = []
    var stream = MessageStream(masking: masking, compression: compression, limits: limits)
    stream.receive(input.rest) { whole.append(describe($0, limits)) }
    var other = MessageStream(masking: masking, compression: compression, limits: limits)
    input.rest.forEachPiece(salt: salt) { piece in
      other.receive(piece) { pieces.append(describe($0, limits)) }
      require(other.storedBytes <= limits.payload + 4096 + 512)
    }
    require(stream.isInsideMessage == other.isInsideMessage)
    stream.ended { whole.append(describe($0, limits)) }
    other.ended { pieces.append(describe($0, limits)) }
    // How far back a sender may refer unnoticed depends on how the bytes are cut, see `MessageInflater`.
    whole.removeAll { $0.contains("windowExceeded") }
    pieces.removeAll { $0.contains("windowExceeded") }
    require(whole == pieces, "\(whole)\n\(pieces)")
    require(stream.offset == other.offset && stream.violation == other.violation)
  }

  private static func describe(_ event: WebSocketEvent, _ limits: WebSocketLimits) -> String {
    switch event {
    case .message(let message):
      require(message.payload.count <= limits.payload && message.payload.count <= message.length)
      require(message.isTruncated == (message.payload.count < message.length))
      // A text that was cut may end inside a character.
      if message.isText && !message.isTruncated { require(message.payload.isValidUTF8) }
      return
        "\(message.isText) \(Array(message.payload)) \(message.length) \(message.wireBytes) \(message.frames) "
        + "\(message.isCompressed) \(message.isAfterClose) \(message.offset)"
    case .control(let control):
      require(control.payload.count <= 125)
      return "\(control.kind) \(Array(control.payload)) \(control.isAfterClose) \(control.offset)"
    case .violation(let violation):
      require(violation.quote.count <= limits.quotedResponse)
      return "\(violation)"
    }
  }
}
