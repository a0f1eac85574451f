import NIOCore

/// Holds what a client says first until somebody has seen enough of it to know what it is; then it leaves, and what it holds
/// goes to whoever stands behind it by then.
final class FirstBytes: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  enum Step {
    /// Not enough yet.
    case more
    /// The pipeline behind is ready.
    case release
    /// Somebody will call `release()` later, or close.
    case hold
  }

  /// What is held at most; nothing that has to be told apart is that long.
  static let limit = 64 << 10

  private var held = ByteBuffer()
  private var isHeld = false
  private var hasLeft = false
  private let look: (inout ByteBuffer) -> Step

  /// - Parameter look: sees all that is held, and may take from it.
  init(look: @escaping (inout ByteBuffer) -> Step) {
    self.look = look
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if hasLeft { return context.fireChannelRead(data) }
    var buffer = Self.unwrapInboundIn(data)
    held.writeBuffer(&buffer)
    guard held.readableBytes <= Self.limit else { return context.close(promise: nil) }
    guard !isHeld else { return }
    switch look(&held) {
    case .more: return
    case .hold: isHeld = true
    case .release: leave(context)
    }
  }

  /// Lets go of what is held.
  func release(in channel: any Channel) {
    guard let context = try? channel.pipeline.syncOperations.context(handler: self) else { return }
    leave(context)
  }

  private func leave(_ context: ChannelHandlerContext) {
    guard !hasLeft else { return }
    hasLeft = true
    if held.readableBytes > 0 {
      context.fireChannelRead(NIOAny(held))
      context.fireChannelReadComplete()
    }
    held.clear()
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }
}

/// What the first bytes of a connection are (RFC 9112 §3, RFC 8446 §5.1, RFC 1928 §3).
enum FirstSpeech {
  case tls, http, socks, other

  /// Nil where more bytes are needed.
  init?(_ bytes: some Collection<UInt8>) {
    guard let first = bytes.first else { return nil }
    if first == 0x16 {
      self = .tls
    } else if first == 5 {
      self = .socks
    } else {
      // A method is a word in capitals, and a space.
      let word = bytes.prefix { (0x41...0x5A).contains($0) }
      if word.count > 16 {
        self = .other
      } else if word.count == bytes.count {
        return nil
      } else {
        self = !word.isEmpty && bytes.dropFirst(word.count).first == 0x20 ? .http : .other
      }
    }
  }
}
