#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The file, pipe or terminal that a capture is written to.
///
/// Records are handed to the operating system with plain `write`: once it returned, they survive the death of
/// the process (promise P2). What could not be written whole is taken back, so that no half record stays in the
/// middle of the file.
package struct CaptureWriter: ~Copyable {
  /// Why a capture cannot be written, in words that name the path and the way out.
  package struct Unwritable: Error, Equatable {
    package var explanation: String

    package init(explanation: String) {
      self.explanation = explanation
    }
  }

  package let path: String
  private let descriptor: CInt
  /// Only a regular file can be cut back to the last whole record.
  private let isRegular: Bool
  private let isOwned: Bool
  private let pages: WrittenPages?
  /// The rest of a record whose first part a pipe took, or a file that cannot be cut back: it has to come first,
  /// whatever follows.
  private var torn: [UInt8] = []
  /// Bytes that are safely in the file.
  package private(set) var size: Int64 = 0

  /// Creates `path` with mode 0600, or writes to standard output where it is `-`. A file that already holds
  /// something is left alone; an empty one, a pipe or a device is taken.
  ///
  /// - Parameter isNew: takes no file at all that is there already.
  package init(path: String, isNew: Bool = false) throws(Unwritable) {
    let opened = path == "-" ? (STDOUT_FILENO, isRegular: false) : try Self.create(path, isNew)
    self.path = path
    descriptor = opened.0
    isRegular = opened.isRegular
    isOwned = path != "-"
    pages = isRegular ? WrittenPages(of: descriptor) : nil
  }

  private static func create(_ path: String, _ isNew: Bool) throws(Unwritable) -> (CInt, isRegular: Bool) {
    let opened = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (isNew ? O_EXCL : 0), 0o600)
    guard opened >= 0 else { throw Unwritable(explanation: explanation(path: path, error: errno)) }
    var status = stat()
    fstat(opened, &status)
    guard status.st_mode & S_IFMT == S_IFREG else { return (opened, false) }
    guard status.st_size == 0 else {
      close(opened)
      throw Unwritable(explanation: explanation(path: path, error: EEXIST))
    }
    fchmod(opened, 0o600)
    return (opened, true)
  }

  deinit {
    if isOwned { close(descriptor) }
  }

  /// Whether the file has lost its last name: what is written to it from then on, nobody will ever read.
  package var isRemoved: Bool {
    guard isRegular else { return false }
    var status = stat()
    return fstat(descriptor, &status) == 0 && status.st_nlink == 0
  }

  private static func explanation(path: String, error: CInt) -> String {
    let reason =
      switch error {
      case EEXIST: "it already holds something; choose another path or remove it"
      case EISDIR: "it is a directory; give the path of a file"
      case ENOTDIR: "a part of it is no directory; give another path"
      case ENOENT: "its directory does not exist; make it first"
      case EACCES, EPERM: "permission is denied; choose a directory you may write to"
      case EROFS: "the file system is read-only; choose another place"
      case ENOSPC: "the disk is full; free room or choose another place"
      default: String(cString: strerror(error))
      }
    return "cannot write the capture '\(path)': \(reason)"
  }

  /// Writes whole records.
  ///
  /// - Returns: nil, or why not all of them are in the file, and how many bytes of them are: always whole records. The one
  ///   of which a pipe took the first part counts as written, since the next call completes it.
  package mutating func write(_ records: UnsafeRawBufferPointer) -> (reason: String, written: Int)? {
    if !torn.isEmpty {
      let rest = torn
      let taken = rest.withUnsafeBytes { put($0) }
      torn.removeFirst(taken.count)
      if let error = taken.error { return (String(cString: strerror(error)), 0) }
    }
    let taken = put(records)
    guard let error = taken.error else {
      size += Int64(taken.count)
      pages?.fileGrew(to: size)
      return nil
    }
    var whole = taken.count
    while whole > 0, records[whole - 1] != 0x0A { whole -= 1 }
    if whole < taken.count {
      if !isRegular || !takeBack(taken.count - whole) {
        let lineEnd = records[taken.count...].firstIndex(of: 0x0A).map { $0 + 1 } ?? records.count
        torn = Array(records[taken.count..<lineEnd])
        whole = lineEnd
      }
    }
    size += Int64(whole)
    return (String(cString: strerror(error)), whole)
  }

  /// Cuts bytes off the end of the file; false where that cannot be done.
  private func takeBack(_ count: Int) -> Bool {
    let end = lseek(descriptor, 0, SEEK_END)
    return end >= 0 && ftruncate(descriptor, end - off_t(count)) == 0
  }

  private func put(_ bytes: UnsafeRawBufferPointer) -> (count: Int, error: CInt?) {
    var count = 0
    while count < bytes.count, let base = bytes.baseAddress {
      #if canImport(Glibc)
        let result = Glibc.write(descriptor, base + count, bytes.count - count)
      #else
        let result = Darwin.write(descriptor, base + count, bytes.count - count)
      #endif
      if result > 0 {
        count += result
      } else if result < 0 && errno == EINTR {
        continue
      } else if result < 0 && errno == EAGAIN {
        // Standard output was left non-blocking by its owner: wait until it takes more.
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&waiting, 1, -1)
      } else {
        return (count, result < 0 ? errno : EIO)
      }
    }
    return (count, nil)
  }
}
