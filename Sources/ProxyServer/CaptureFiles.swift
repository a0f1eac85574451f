import CaptureStorage
import AckCorrelation
import CaptureFormat

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where a run's capture goes: one file, pipe or terminal, or a set of files one after another.
///
/// It decides when a file is complete and which ones to delete; the records at the seam are the caller's.
package struct CaptureFiles: ~Copyable {
  /// The path that was asked for; a set derives its files' names from it.
  package let base: String
  private let rotation: CaptureRotation?
  private var writer: CaptureWriter
  /// The number of the present file, from 1.
  package private(set) var part: UInt64 = 1
  /// Files of this run that are complete and were not deleted, oldest first.
  private var complete: [(path: String, number: UInt64)] = []
  /// What the present file began with, in bytes, and when it began.
  private var head: Int64 = 0
  private var began: Timestamp?
  /// No new file is tried before this.
  private var nextAttempt = Timestamp(microseconds: .min)
  /// Records in the present file.
  package private(set) var records: UInt64 = 0

  /// Creates the first file. See `CaptureWriter` for what is taken and what is left alone.
  package init(path: String, rotation: CaptureRotation? = nil) throws(CaptureWriter.Unwritable) {
    base = path
    self.rotation = rotation
    guard rotation != nil else {
      writer = try CaptureWriter(path: path)
      return
    }
    if let other = Self.others(of: path).first {
      throw CaptureWriter.Unwritable(
        explanation:
          "cannot write the capture '\(path)': '\(other)' of an earlier capture is there; choose another path or remove it"
      )
    }
    writer = try CaptureWriter(path: CaptureSetName.path(path, part: 1))
  }

  /// The files beside `path` that would be taken for parts of its set, save for an empty first one.
  private static func others(of path: String) -> [String] {
    let first = CaptureSetName.path(path, part: 1)
    var status = stat()
    var found = (2...9).map { CaptureSetName.path(path, part: $0) }.filter { access($0, F_OK) == 0 }
    if stat(first, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size > 0 {
      found.insert(first, at: 0)
    }
    return found
  }

  /// Whether the capture may go on in further files.
  package var isSet: Bool { rotation != nil }

  /// The path of the present file.
  package var path: String { writer.path }

  /// The path of the file that comes next: a file that was removed is made anew under its name.
  package var nextPath: String { isSet ? CaptureSetName.path(base, part: part + 1) : base }

  /// See `CaptureWriter.isRemoved`.
  package var isRemoved: Bool { writer.isRemoved }

  /// Writes whole records, see `CaptureWriter.write`.
  ///
  /// - Parameter count: how many they are.
  package mutating func write(
    _ bytes: UnsafeRawBufferPointer, count: UInt64
  ) -> (reason: String, written: Int)? {
    let failure = writer.write(bytes)
    records += failure.map { UInt64(bytes[..<$0.written].count { $0 == 0x0A }) } ?? count
    return failure
  }

  /// Whether the present file is complete.
  package mutating func isNextDue(at time: Timestamp) -> Bool {
    guard let rotation, time >= nextAttempt else { return false }
    guard let began else {
      // The first file begins with its first record.
      self.began = time
      head = writer.size
      return false
    }
    guard writer.size > head else { return false }
    if let size = rotation.size, writer.size >= max(size, 2 * head) { return true }
    if let age = rotation.age, time.since(began) >= age { return true }
    return false
  }

  /// Goes on in the next file, which begins with these records; deletes what is too old.
  ///
  /// Where the next file cannot be had, the present one goes on, and the next attempt is a second away.
  ///
  /// - Parameters:
  ///   - head: the first records of the new file.
  ///   - last: the last records of the present one, written once the new one stands; empty where it was removed.
  /// - Returns: whether the last records were written.
  package mutating func goOn(
    head: UnsafeRawBufferPointer, count: UInt64, last: UnsafeRawBufferPointer, at time: Timestamp
  ) throws(CaptureWriter.Unwritable) -> Bool {
    nextAttempt = time.adding(1_000_000)
    let next = nextPath
    var fresh = try CaptureWriter(path: next, isNew: true)
    if let failure = fresh.write(head) {
      unlink(next)
      throw CaptureWriter.Unwritable(
        explanation: "cannot write the capture '\(next)': \(failure.reason)")
    }
    let isClosed = last.isEmpty || writer.write(last) == nil
    if !last.isEmpty, let number = Self.number(writer.path) { complete.append((writer.path, number)) }
    writer = fresh
    part += 1
    self.head = Int64(head.count)
    began = time
    records = count
    nextAttempt = Timestamp(microseconds: .min)
    deleteOldest()
    return isClosed
  }

  /// Deletes files of this run, the oldest first, until as many are left as shall be kept.
  private mutating func deleteOldest() {
    guard let keep = rotation?.keep else { return }
    while complete.count + 1 > max(keep, 1) {
      let oldest = complete.removeFirst()
      // Somebody may have put another file in its place.
      if Self.number(oldest.path) == oldest.number { unlink(oldest.path) }
    }
  }

  /// What tells a file from another that has its name later.
  private static func number(_ path: String) -> UInt64? {
    var status = stat()
    return stat(path, &status) == 0 ? UInt64(status.st_ino) : nil
  }
}
