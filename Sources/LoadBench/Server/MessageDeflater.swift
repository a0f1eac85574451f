import CZlib
import JSONText

/// Compresses a server's messages with one window for the whole connection (RFC 7692 §7.2.1).
final class MessageDeflater {
  private var stream = z_stream()

  init?() {
    // The fastest level: the load is to be shaped like compressed traffic, not to wait for the server.
    guard ackscope_deflate_init(&stream, 1, -15) == Z_OK else { return nil }
  }

  deinit { deflateEnd(&stream) }

  /// Appends the message as one compressed frame.
  func append(_ message: UnsafeMutableRawBufferPointer, to sink: inout ByteSink) {
    var compressed = ByteSink(capacity: message.count + message.count / 8 + 64)
    let room = message.count + message.count / 8 + 64
    compressed.append(atMost: room) { room in
      stream.next_in = message.bindMemory(to: UInt8.self).baseAddress
      stream.avail_in = UInt32(message.count)
      stream.next_out = room.bindMemory(to: UInt8.self).baseAddress
      stream.avail_out = UInt32(room.count)
      deflate(&stream, Z_SYNC_FLUSH)
      // The empty block that ends each flush is left out.
      return max(0, room.count - Int(stream.avail_out) - 4)
    }
    FrameShape.append(
      FrameShape.text | FrameShape.compressed, payloadLength: compressed.count, to: &sink)
    sink.append(compressed.bytes)
  }
}
