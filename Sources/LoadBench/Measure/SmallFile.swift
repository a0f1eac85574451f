#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Reads what the system tells in files.
enum SmallFile {
  /// The first 64 KiB of a file as text, or nil where it cannot be read.
  static func text(of path: String) -> String? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    let text = [UInt8](unsafeUninitializedCapacity: 64 << 10) { room, count in
      while count < room.count {
        let got = read(descriptor, room.baseAddress.map { $0 + count }, room.count - count)
        guard got > 0 else { break }
        count += got
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
