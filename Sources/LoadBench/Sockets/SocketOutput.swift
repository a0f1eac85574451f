import JSONText

/// Bytes on their way into a socket that may not take them all at once.
struct SocketOutput: ~Copyable {
  /// Where what is to be sent is appended.
  var bytes = ByteSink(capacity: 256)
  private var sent = 0

  /// How many bytes still wait.
  var waiting: Int { bytes.count - sent }

  /// Writes what the socket takes.
  ///
  /// - Returns: false when the connection has ended.
  mutating func flush(to descriptor: Int32) -> Bool {
    while waiting > 0 {
      switch LoopbackSocket.write(descriptor, UnsafeRawBufferPointer(rebasing: bytes.bytes[sent...])) {
      case .moved(let count): sent += count
      case .wouldBlock: return true
      case .ended: return false
      }
    }
    bytes.removeAll()
    sent = 0
    return true
  }
}
