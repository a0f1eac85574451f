@testable import WebSocketFrames

/// An event with its buffers copied, so that runs can be compared.
enum SeenEvent: Equatable {
  struct Message: Equatable {
    var isText = true
    var payload: [UInt8] = []
    var length = 0
    var wireBytes = 0
    var frames = 1
    var isCompressed = false
    var isTruncated = false
    var isAfterClose = false
    var offset: UInt64 = 0
  }

  case message(Message)
  case control(
    WebSocketControl.Kind, payload: [UInt8], code: UInt16?, reason: [UInt8], isAfterClose: Bool,
    offset: UInt64)
  case violation(WebSocketViolation)

  init(_ event: WebSocketEvent) {
    switch event {
    case .message(let message):
      self = .message(
        Message(
          isText: message.isText, payload: Array(message.payload), length: message.length,
          wireBytes: message.wireBytes, frames: message.frames, isCompressed: message.isCompressed,
          isTruncated: message.isTruncated, isAfterClose: message.isAfterClose, offset: message.offset))
    case .control(let control):
      self = .control(
        control.kind, payload: Array(control.payload), code: control.code, reason: Array(control.reason),
        isAfterClose: control.isAfterClose, offset: control.offset)
    case .violation(let violation):
      self = .violation(violation)
    }
  }

  var message: Message? {
    if case .message(let message) = self { message } else { nil }
  }

  var violation: WebSocketViolation? {
    if case .violation(let violation) = self { violation } else { nil }
  }

  var text: String? { message.map { String(decoding: $0.payload, as: UTF8.self) } }
}

/// Feeds the pieces to a fresh stream, ends the direction and returns all that became known.
func events(
  _ pieces: [[UInt8]], from masking: MessageStream.Masking = .forbidden,
  compression: DeflateParameters? = nil,
  limits: WebSocketLimits = WebSocketLimits()
) -> [SeenEvent] {
  var stream = MessageStream(masking: masking, compression: compression, limits: limits)
  return events(pieces, through: &stream)
}

/// Feeds the pieces to a stream, ends the direction and returns what became known.
func events(_ pieces: [[UInt8]], through stream: inout MessageStream) -> [SeenEvent] {
  var seen: [SeenEvent] = []
  for piece in pieces {
    // A copy of its own for each piece: a stream that kept a pointer would be found out by the sanitizer.
    piece.withUnsafeBytes { stream.receive($0) { seen.append(SeenEvent($0)) } }
  }
  stream.ended { seen.append(SeenEvent($0)) }
  return seen
}

func violation(
  _ reason: WebSocketViolation.Reason, _ offset: UInt64, quote: [UInt8] = []
) -> WebSocketViolation {
  WebSocketViolation(reason, offset: offset, quote: quote)
}
