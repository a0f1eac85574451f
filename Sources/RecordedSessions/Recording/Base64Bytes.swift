import JSONText
import SocketIOPackets

/// Base64 of a capture's attachments.
enum Base64Bytes {
  /// The bytes, or nil where the text is something else, such as the mark of a secret.
  static func decode(_ text: String) -> [UInt8]? {
    var text = text
    return text.withUTF8 { bytes in
      var sink = ByteSink(capacity: bytes.count / 4 * 3 + 3)
      guard Base64.decode(UnsafeRawBufferPointer(bytes), into: &sink, lenient: false) else { return nil }
      return Array(sink.bytes)
    }
  }
}
