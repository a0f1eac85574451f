#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How much a capture holds.
struct CaptureSize {
  private(set) var bytes = 0
  private(set) var records = 0

  /// Adds what is in the file, and empties it, so that a long comparison does not fill the disk: its writer appends.
  mutating func takeOver(_ path: String) {
    let descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 16)
    defer { room.deallocate() }
    while case let count = read(descriptor, room.baseAddress, room.count), count > 0 {
      bytes += count
      records += room[..<count].count { $0 == 0x0A }
    }
    ftruncate(descriptor, 0)
  }

  /// Empties the file without counting it.
  static func forget(_ path: String) { truncate(path, 0) }
}
