import Foundation
import Synchronization

/// A TCP connection to loopback that a test drives byte by byte.
///
/// A reader thread takes in what comes at any time, so a test may write as much as it likes before it reads. Closed
/// with the value.
final class RawConnection: Sendable {
  private struct State {
    /// What came and was not taken, from `start` on.
    var bytes: [UInt8] = []
    var start = 0
    var ended = false
    var wasReset = false
    var waiting: [CheckedContinuation<Void, Never>] = []
    var available: ArraySlice<UInt8> { bytes[start...] }

    mutating func take(_ count: Int) -> [UInt8] {
      let taken = Array(bytes[start..<start + count])
      start += count
      if start > 1 << 20 {
        bytes.removeFirst(start)
        start = 0
      }
      return taken
    }
  }

  private let descriptor: Int32
  private let state = Mutex(State())

  /// Connects to 127.0.0.1.
  init(port: Int) throws {
    descriptor = try Self.newSocket()
    var address = Self.loopback(port: port)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else {
      close(descriptor)
      throw PeerFailure("no connection to 127.0.0.1:\(port): errno \(errno)")
    }
    // The thread reads a duplicate, so that no descriptor is closed under it; it keeps nothing of this alive but `state`.
    readToEnd(dup(descriptor))
  }

  deinit {
    shutdown(descriptor, Int32(SHUT_RDWR))
    close(descriptor)
  }

  static func newSocket() throws -> Int32 {
    #if canImport(Darwin)
      let result = socket(AF_INET, SOCK_STREAM, 0)
    #else
      let result = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    #endif
    guard result >= 0 else { throw PeerFailure("socket: errno \(errno)") }
    return result
  }

  static func loopback(port: Int) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return address
  }

  /// Writes all of it; blocks while the other side takes none, so what is written in one call should fit its buffers
  /// or be read by it.
  func write(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      #if canImport(Darwin)
        let flags: Int32 = 0
      #else
        let flags = Int32(MSG_NOSIGNAL)
      #endif
      let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, flags) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw PeerFailure("the connection takes no more: errno \(errno)") }
      rest.removeFirst(count)
    }
  }

  func write(_ text: String) throws { try write(Array(text.utf8)) }

  /// Half-closes: the other side reads an end, and may still send.
  func finishWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// The next `count` bytes. Throws when the connection ends with fewer.
  func read(_ count: Int) async throws -> [UInt8] {
    try await take("\(count) bytes") { $0.count >= count ? count : nil }
  }

  /// Everything up to and with the delimiter. Throws when the connection ends without it.
  func read(through delimiter: String) async throws -> [UInt8] {
    let delimiter = Array(delimiter.utf8)
    return try await take("a delimiter") { available in
      available.firstRange(of: delimiter).map { $0.upperBound - available.startIndex }
    }
  }

  /// Everything until the other side ends the connection.
  func readToEnd() async -> [UInt8] {
    while !state.withLock({ $0.ended }) { await change(since: nil) }
    return state.withLock { $0.take($0.available.count) }
  }

  /// Whether the end that `readToEnd()` came to was a reset.
  var wasReset: Bool { state.withLock { $0.wasReset } }

  private func take(_ what: String, _ length: (ArraySlice<UInt8>) -> Int?) async throws -> [UInt8] {
    while true {
      let (taken, seen, ended): ([UInt8]?, Int, Bool) = state.withLock { state in
        (length(state.available).map { state.take($0) }, state.available.count, state.ended)
      }
      if let taken { return taken }
      if ended {
        throw PeerFailure("the connection ended \(seen) bytes after the last read, before \(what) came")
      }
      await change(since: seen)
    }
  }

  /// Suspends until more than `seen` bytes are there, or, with nil, until the end.
  private func change(since seen: Int?) async {
    await withCheckedContinuation { continuation in
      let resumeNow = state.withLock { state in
        if state.ended { return true }
        if let seen, state.available.count > seen { return true }
        state.waiting.append(continuation)
        return false
      }
      if resumeNow { continuation.resume() }
    }
  }

  private func readToEnd(_ descriptor: Int32) {
    let thread = Thread { [weak self] in
      var buffer = [UInt8](repeating: 0, count: 65536)
      while true {
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 && errno == EINTR { continue }
        let waiting = self?.state.withLock { state in
          if count > 0 {
            state.bytes += buffer[..<count]
          } else {
            state.ended = true
            state.wasReset = count < 0
          }
          defer { state.waiting = [] }
          return state.waiting
        }
        waiting?.forEach { $0.resume() }
        if count <= 0 || waiting == nil { break }
      }
      close(descriptor)
    }
    thread.start()
  }
}
