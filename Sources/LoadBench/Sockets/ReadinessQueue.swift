#if canImport(Glibc)
  import CEpoll
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Waits for many sockets at once.
///
/// The system's own call, because the load must cost less than what it loads: `epoll` where there is one, else
/// `poll`. Level-triggered: what was not read is told of again.
struct ReadinessQueue: ~Copyable {
  /// What is possible on a descriptor now. An error or a hang-up counts as both: the next call tells which.
  struct Readiness {
    let descriptor: Int32
    let isReadable: Bool
    let isWritable: Bool
  }

  /// What the last `wait` found, at most 512 at a time.
  private(set) var ready: [Readiness] = []

  #if canImport(Glibc)
    private let descriptor: Int32
    private var events = [epoll_event](repeating: epoll_event(), count: 512)

    init() throws(LoadFault) {
      descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
      guard descriptor >= 0 else { throw LoadFault(system: "epoll") }
      ready.reserveCapacity(events.count)
    }

    deinit { close(descriptor) }

    /// Begins to wait for `watched`, for its being readable and, where asked, writable.
    mutating func watch(_ watched: Int32, writable: Bool = false) throws(LoadFault) {
      var event = Self.event(watched, writable: writable)
      guard epoll_ctl(descriptor, EPOLL_CTL_ADD, watched, &event) == 0 else {
        throw LoadFault(system: "epoll")
      }
    }

    /// Changes whether room for writing is waited for.
    mutating func change(_ watched: Int32, writable: Bool) {
      var event = Self.event(watched, writable: writable)
      _ = epoll_ctl(descriptor, EPOLL_CTL_MOD, watched, &event)
    }

    /// No longer waits for a descriptor, which is still open.
    mutating func forget(_ watched: Int32) {
      var event = epoll_event()
      _ = epoll_ctl(descriptor, EPOLL_CTL_DEL, watched, &event)
    }

    /// Fills `ready`; returns after `nanoseconds` at the latest, or never without them.
    mutating func wait(nanoseconds: Int64? = nil) {
      ready.removeAll(keepingCapacity: true)
      let count = ackscope_epoll_wait(descriptor, &events, Int32(events.count), nanoseconds ?? -1)
      guard count > 0 else { return }
      let failed = EPOLLERR.rawValue | EPOLLHUP.rawValue
      for event in events[..<Int(count)] {
        ready.append(
          Readiness(
            descriptor: event.data.fd, isReadable: event.events & (EPOLLIN.rawValue | failed) != 0,
            isWritable: event.events & (EPOLLOUT.rawValue | failed) != 0))
      }
    }

    private static func event(_ watched: Int32, writable: Bool) -> epoll_event {
      var event = epoll_event()
      event.events = EPOLLIN.rawValue | (writable ? EPOLLOUT.rawValue : 0)
      event.data.fd = watched
      return event
    }
  #else
    private var watched: [pollfd] = []

    init() throws(LoadFault) {}

    /// Begins to wait for `added`, for its being readable and, where asked, writable.
    mutating func watch(_ added: Int32, writable: Bool = false) throws(LoadFault) {
      watched.append(pollfd(fd: added, events: Int16(POLLIN | (writable ? POLLOUT : 0)), revents: 0))
    }

    /// Changes whether room for writing is waited for.
    mutating func change(_ changed: Int32, writable: Bool) {
      guard let index = watched.firstIndex(where: { $0.fd == changed }) else { return }
      watched[index].events = Int16(POLLIN | (writable ? POLLOUT : 0))
    }

    /// No longer waits for a descriptor.
    mutating func forget(_ forgotten: Int32) {
      watched.removeAll { $0.fd == forgotten }
    }

    /// Fills `ready`; returns after `nanoseconds`, rounded up to milliseconds, at the latest, or never without them.
    mutating func wait(nanoseconds: Int64? = nil) {
      ready.removeAll(keepingCapacity: true)
      let limit = nanoseconds.map { Int32(clamping: max(0, $0 + 999_999) / 1_000_000) } ?? -1
      guard poll(&watched, nfds_t(watched.count), limit) > 0 else { return }
      let failed = Int16(POLLERR | POLLHUP)
      for entry in watched where entry.revents != 0 {
        ready.append(
          Readiness(
            descriptor: entry.fd, isReadable: entry.revents & (Int16(POLLIN) | failed) != 0,
            isWritable: entry.revents & (Int16(POLLOUT) | failed) != 0))
      }
    }
  #endif
}
