import Dispatch
import JSONText
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Shows records as lines on a terminal, a file or a pipe, while they come.
///
/// Traffic never waits for it: records go into a bounded store, and a thread of its own turns them into lines. When
/// the reader of the lines is slower than the traffic, what does not fit is left out, and a line says how much.
package final class LineScreen: Sendable {
  private struct Store {
    var records: [UInt8] = []
    var leftOut = 0
    var isFinished = false
  }

  /// Bytes of records that wait at most.
  private static let limit = 8 << 20

  private let store = Mutex(Store())
  private let work = DispatchSemaphore(value: 0)
  private let done = DispatchSemaphore(value: 0)
  private let descriptor: CInt

  /// Begins to show records on an open file descriptor, which stays open.
  package init(descriptor: CInt, options: LineView.Options) {
    self.descriptor = descriptor
    DispatchQueue(label: "lines").async { self.run(options) }
  }

  /// Whether lines on this descriptor may be coloured: it is a terminal that can, and `NO_COLOR` is not set.
  package static func mayColor(_ descriptor: CInt) -> Bool {
    guard isatty(descriptor) == 1, getenv("NO_COLOR").map({ $0.pointee == 0 }) ?? true else { return false }
    return getenv("TERM").map { String(cString: $0) != "dumb" } ?? false
  }

  /// Takes whole records in; quick, whatever the screen does.
  package func recordsWritten(_ records: UnsafeRawBufferPointer) {
    let wasEmpty = store.withLock { store in
      guard store.records.count + records.count <= Self.limit else {
        store.leftOut += records.count { $0 == 0x0A }
        return false
      }
      let wasEmpty = store.records.isEmpty
      store.records.append(contentsOf: records)
      return wasEmpty
    }
    if wasEmpty { work.signal() }
  }

  /// Shows what is left and returns when all of it is written, or after two seconds of a reader that takes nothing.
  package func finish() {
    store.withLock { $0.isFinished = true }
    work.signal()
    _ = done.wait(timeout: .now() + 2)
  }

  private func run(_ options: LineView.Options) {
    var view = LineView(options: options)
    var lines = ByteSink(capacity: 64 << 10)
    while true {
      work.wait()
      let (records, leftOut, isFinished) = store.withLock { store in
        defer {
          store.records = []
          store.leftOut = 0
        }
        return (store.records, store.leftOut, store.isFinished)
      }
      records.withUnsafeBytes { view.recordsWritten($0, into: &lines) }
      if leftOut > 0 {
        lines.append("… \(leftOut) records are not shown: this output takes fewer than arrive\n")
      }
      let isTaken = write(lines.bytes)
      lines.removeAll()
      if isFinished || !isTaken {
        done.signal()
        if !isTaken { store.withLock { $0.leftOut = 0 } }
        return
      }
    }
  }

  /// Returns false where nobody reads any more.
  private func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var written = 0
    while written < bytes.count, let start = bytes.baseAddress {
      #if canImport(Glibc)
        let result = Glibc.write(descriptor, start + written, bytes.count - written)
      #else
        let result = Darwin.write(descriptor, start + written, bytes.count - written)
      #endif
      if result >= 0 {
        written += result
      } else if errno == EAGAIN {
        var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&waiting, 1, -1)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }
}
