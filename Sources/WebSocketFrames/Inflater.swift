import CZlib

/// One DEFLATE decompressor. It holds no memory before its first byte; the caller decides when storage is worth it.
struct Inflater: ~Copyable {
  /// Why `inflate` came back.
  enum Progress {
    /// All input was taken, and everything it says was written.
    case starved
    /// The room is full; there may be more to write.
    case full
    /// The compressed stream is over; input behind it was not taken.
    case ended
    /// The input is not what it should be.
    case invalid
    /// zlib got no memory.
    case outOfMemory
  }

  // Owned by this value alone: allocated in `open`, freed in `release` and `deinit`. It has a fixed address
  // because zlib's state points back to it.
  private var stream: UnsafeMutablePointer<z_stream>?
  private let windowBits: Int32

  /// `windowBits` as zlib wants it: negative for raw DEFLATE, plus 16 for gzip.
  init(windowBits: Int32) { self.windowBits = windowBits }

  deinit { Inflater.close(stream) }

  /// Inflates from the front of `input`, which is shortened by what was taken, into `room`.
  mutating func inflate(
    _ input: inout UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer
  ) -> (produced: Int, progress: Progress) {
    guard let stream = open() else { return (0, .outOfMemory) }
    let offered = UInt32(clamping: input.count)
    let space = UInt32(clamping: room.count)
    // zlib does not write through next_in; the C type only lacks a const.
    stream.pointee.next_in = UnsafeMutablePointer(
      mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
    stream.pointee.avail_in = offered
    stream.pointee.next_out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
    stream.pointee.avail_out = space
    let code = CZlib.inflate(stream, Z_NO_FLUSH)
    let taken = Int(offered - stream.pointee.avail_in)
    let produced = Int(space - stream.pointee.avail_out)
    input = UnsafeRawBufferPointer(rebasing: input[taken...])
    stream.pointee.next_in = nil
    stream.pointee.next_out = nil
    switch code {
    case Z_STREAM_END: return (produced, .ended)
    case Z_OK, Z_BUF_ERROR:
      if stream.pointee.avail_out == 0 { return (produced, .full) }
      // Input is left only where it was longer than zlib's counter; without progress there would be no end.
      return (produced, taken > 0 && !input.isEmpty ? .full : .starved)
    case Z_MEM_ERROR: return (produced, .outOfMemory)
    default: return (produced, .invalid)
    }
  }

  /// Whether the input so far ends between two DEFLATE blocks.
  var isBetweenBlocks: Bool {
    guard let stream else { return true }
    // zlib.h on inflate: data_type has 128 in it right after the end of a block.
    return stream.pointee.data_type & 128 != 0
  }

  /// Starts over with an empty window.
  mutating func reset() {
    if let stream { inflateReset(stream) }
  }

  /// Starts a new compressed stream that may refer back to what the last one produced.
  mutating func continueWithNextStream() {
    guard let stream else { return }
    let window = UnsafeMutablePointer<UInt8>.allocate(capacity: 1 << 15)
    defer { window.deallocate() }
    var size: UInt32 = 0
    let known = inflateGetDictionary(stream, window, &size) == Z_OK
    inflateReset(stream)
    if known, size > 0 { inflateSetDictionary(stream, window, size) }
  }

  /// Gives the memory back; the next byte starts with an empty window.
  mutating func release() {
    Inflater.close(stream)
    stream = nil
  }

  private mutating func open() -> UnsafeMutablePointer<z_stream>? {
    if let stream { return stream }
    let fresh = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    fresh.initialize(to: z_stream())
    guard ackscope_inflate_init(fresh, windowBits) == Z_OK else {
      fresh.deallocate()
      return nil
    }
    stream = fresh
    return fresh
  }

  private static func close(_ stream: UnsafeMutablePointer<z_stream>?) {
    guard let stream else { return }
    inflateEnd(stream)
    stream.deallocate()
  }
}
