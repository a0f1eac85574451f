import NIOCore
import NIOWebSocket

/// Puts the frames of one end together to messages (RFC 6455 §5.4).
struct FragmentedMessage {
  /// What a frame brought.
  enum Outcome: Equatable {
    /// Its message is not complete yet.
    case incomplete
    /// A whole message, unmasked.
    case complete(isText: Bool, isCompressed: Bool, ByteBuffer)
    /// The frame cannot stand where it stands.
    case misplaced
    /// The message is longer than accepted.
    case tooLong
  }

  /// Frames of one message that are accepted.
  private static let maximumFrames = 4096

  private let maximumBytes: Int
  private var isText = false
  private var isCompressed = false
  private var frames = 0
  private var payload = ByteBuffer()

  /// - Parameter maximumBytes: bytes accepted of one message, before inflating.
  init(maximumBytes: Int) { self.maximumBytes = maximumBytes }

  /// A text, binary or continuation frame came.
  mutating func frameArrived(_ frame: WebSocketFrame) -> Outcome {
    var part = frame.unmaskedData
    if frame.opcode == .continuation {
      // RFC 7692 §6.1: only the first frame of a message says that it is compressed.
      guard frames > 0, !frame.rsv1 else { return .misplaced }
    } else {
      guard frames == 0 else { return .misplaced }
      guard !frame.fin else {
        guard part.readableBytes <= maximumBytes else { return .tooLong }
        return .complete(isText: frame.opcode == .text, isCompressed: frame.rsv1, part)
      }
      (isText, isCompressed) = (frame.opcode == .text, frame.rsv1)
      payload = ByteBuffer()
    }
    frames += 1
    guard frames <= Self.maximumFrames, payload.readableBytes + part.readableBytes <= maximumBytes else {
      return .tooLong
    }
    payload.writeBuffer(&part)
    guard frame.fin else { return .incomplete }
    frames = 0
    return .complete(isText: isText, isCompressed: isCompressed, payload)
  }
}
