import SocketReadiness

// The load's sockets are told by their descriptors, and what fails is told in its words.

extension ReadinessQueue {
  static func forLoad() throws(LoadFault) -> ReadinessQueue {
    do throws(Fault) { return try ReadinessQueue() } catch { throw LoadFault(system: "epoll") }
  }

  /// Begins to wait for `watched`, for its being readable and, where asked, writable.
  mutating func watch(_ watched: Int32, writable: Bool = false) throws(LoadFault) {
    do throws(Fault) {
      try watch(watched, token: UInt64(watched), for: writable ? [.readable, .writable] : .readable)
    } catch {
      throw LoadFault(system: "epoll")
    }
  }

  /// Changes whether room for writing is waited for.
  mutating func change(_ watched: Int32, writable: Bool) {
    change(watched, token: UInt64(watched), for: writable ? [.readable, .writable] : .readable)
  }
}

extension ReadinessQueue.Readiness {
  var descriptor: Int32 { Int32(truncatingIfNeeded: token) }
}
