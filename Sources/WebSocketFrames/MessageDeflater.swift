import CZlib

/// Compresses the messages of one direction (RFC 7692 §7.2.1), for an end that sends them itself.
package struct MessageDeflater: ~Copyable {
  // Owned by this value alone, at a fixed address because zlib's state points back to it: allocated at the first
  // message, freed in `deinit`.
  private var stream: UnsafeMutablePointer<z_stream>?
  private let windowBits: Int32
  private let startsAnew: Bool
  private var hasFailed = false

  /// - Parameters:
  ///   - windowBits: base-2 logarithm of the window, as negotiated for this direction. zlib cannot make a raw stream with
  ///     one of 8, which leaves messages plain.
  ///   - takeover: whether the window lives on from message to message.
  package init(windowBits: UInt8, takeover: Bool) {
    self.windowBits = Int32(windowBits)
    startsAnew = !takeover
  }

  deinit {
    guard let stream else { return }
    deflateEnd(stream)
    stream.deallocate()
  }

  /// Compresses a message; nil where it is to be sent as it is, because it is empty or zlib cannot.
  package mutating func deflate(_ message: UnsafeRawBufferPointer) -> [UInt8]? {
    guard !message.isEmpty, message.count <= Int(UInt32.max / 2), let stream = open() else { return nil }
    if startsAnew { deflateReset(stream) }
    // The bound is for a whole stream; a flush adds an empty block.
    let room = Int(deflateBound(stream, UInt(message.count))) + 16
    var isWhole = false
    let compressed = [UInt8](unsafeUninitializedCapacity: room) { room, count in
      // zlib does not write through next_in; the C type only lacks a const.
      stream.pointee.next_in = UnsafeMutablePointer(
        mutating: message.baseAddress?.assumingMemoryBound(to: UInt8.self))
      stream.pointee.avail_in = UInt32(message.count)
      stream.pointee.next_out = room.baseAddress
      stream.pointee.avail_out = UInt32(clamping: room.count)
      let code = CZlib.deflate(stream, Z_SYNC_FLUSH)
      let written = room.count - Int(stream.pointee.avail_out)
      stream.pointee.next_in = nil
      stream.pointee.next_out = nil
      isWhole = code == Z_OK && stream.pointee.avail_in == 0 && stream.pointee.avail_out > 0 && written > 4
      // The empty block that ends each flush is left out.
      count = max(written - 4, 0)
    }
    // The window is not what the other end's is any more.
    if !isWhole { hasFailed = true }
    return isWhole ? compressed : nil
  }

  private mutating func open() -> UnsafeMutablePointer<z_stream>? {
    if let stream { return hasFailed ? nil : stream }
    guard !hasFailed, (9...15).contains(windowBits) else { return nil }
    let made = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    made.initialize(to: z_stream())
    guard ackscope_deflate_init(made, 1, -windowBits) == Z_OK else {
      made.deallocate()
      hasFailed = true
      return nil
    }
    stream = made
    return made
  }
}
