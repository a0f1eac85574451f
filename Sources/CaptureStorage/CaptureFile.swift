import CaptureFormat

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A capture open for reading in large blocks; closed when it goes away.
package struct CaptureFile: ~Copyable {
  /// Why a file cannot be read, in one line that names it.
  package struct Fault: Error, Equatable {
    package var message: String
  }

  /// Large enough that the calls do not show beside the scanning, small enough to stay in the cache.
  private static let blockSize = 256 << 10

  private let path: String
  private let descriptor: Int32
  private let isOwned: Bool
  private let block: UnsafeMutableRawBufferPointer

  /// Opens `path`; `-` is standard input.
  package init(path: String) throws(Fault) {
    self.path = path
    block = .allocate(byteCount: Self.blockSize, alignment: 16)
    isOwned = path != "-"
    descriptor = isOwned ? open(path, O_RDONLY | O_CLOEXEC) : 0
    let shown = TerminalText.harmless(path)
    if descriptor < 0 { throw Fault(message: "\(shown): cannot be opened: \(Self.words(errno))") }
    var status = stat()
    if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFDIR {
      throw Fault(message: "\(shown): is a directory; name the capture files in it, such as \(shown)/*.jsonl")
    }
  }

  deinit {
    if isOwned, descriptor >= 0 { close(descriptor) }
    block.deallocate()
  }

  /// The next bytes, valid until the next call, or nil at the end. Waits where the file is a pipe.
  package mutating func nextBlock() throws(Fault) -> UnsafeRawBufferPointer? {
    while true {
      let count = read(descriptor, block.baseAddress, block.count)
      if count > 0 { return UnsafeRawBufferPointer(rebasing: block[..<count]) }
      if count == 0 { return nil }
      if errno != EINTR {
        throw Fault(message: "\(TerminalText.harmless(path)): cannot be read: \(Self.words(errno))")
      }
    }
  }

  private static func words(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
