import Synchronization

#if canImport(Glibc)
  import Dispatch
  import Glibc
#endif

/// Gives the memory back in which the system holds what has been written of a long capture.
///
/// The system keeps written bytes in memory until something needs the room. A capture is written once and read later,
/// if at all: it would push out what the machine's other programs have in use, and every page of it is taken fresh,
/// which costs several times the copy where a hypervisor has to find the page first. So what is older than a window
/// is put on the disk, where it would go anyway, and its pages are used again.
final class WrittenPages: Sendable {
  #if canImport(Glibc)
    private let descriptor: Int32
    private let queue = DispatchQueue(label: "ackscope.capture.pages", qos: .utility)
    private let latest = Atomic<Int64>(0)

    /// Bytes; captures that stay shorter are left alone.
    private static let window: Int64 = 8 << 20

    /// - Parameter descriptor: a regular file's, which stays the caller's.
    init?(of descriptor: Int32) {
      let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
      guard copy >= 0 else { return nil }
      self.descriptor = copy
    }

    deinit { close(descriptor) }

    /// The file has grown to `size` bytes.
    func fileGrew(to size: Int64) {
      let window = size / Self.window - 1
      guard window >= 0, latest.load(ordering: .relaxed) <= window else { return }
      let first = latest.exchange(window + 1, ordering: .relaxed)
      queue.async { [self] in
        // The first time this makes the system write the pages to the disk, and the next times give back those that
        // are there. It is advice: where it fails, the pages stay, and nothing else happens.
        let start = max(first - 2, 0) * Self.window
        let end = (window + 1) * Self.window
        _ = posix_fadvise(descriptor, off_t(start), off_t(end - start), POSIX_FADV_DONTNEED)
      }
    }
  #else
    init?(of descriptor: Int32) { return nil }

    func fileGrew(to size: Int64) {}
  #endif
}
