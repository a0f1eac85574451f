#if canImport(Glibc)
  import CEpoll
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Waits for many sockets at once.
///
/// The system's own call: `epoll` where there is one, else `poll`. Level-triggered: what was not read is told of
/// again. Not for use by two threads at once.
package struct ReadinessQueue: ~Copyable {
  /// Why there is no queue, or why it does not take a descriptor: the system's error number.
  package struct Fault: Error, Equatable {
    package let number: Int32
  }

  /// What one waits for on a descriptor. Its failing is told of in any case.
  package struct Interest: OptionSet, Sendable {
    package let rawValue: UInt8
    package static let readable = Interest(rawValue: 1)
    package static let writable = Interest(rawValue: 2)

    package init(rawValue: UInt8) { self.rawValue = rawValue }
  }

  /// What is possible on a descriptor now. An error or a hang-up counts as both: the next call tells which.
  package struct Readiness {
    /// The number that the descriptor was given with.
    package let token: UInt64
    package let isReadable: Bool
    package let isWritable: Bool
    /// The descriptor failed or both of its directions ended, which is told of whatever the interest.
    package let hasFailed: Bool
  }

  /// What the last `wait` found, at most 512 at a time.
  package private(set) var ready: [Readiness] = []

  #if canImport(Glibc)
    private let descriptor: Int32
    private var events = [epoll_event](repeating: epoll_event(), count: 512)

    package init() throws(Fault) {
      descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
      guard descriptor >= 0 else { throw Fault(number: errno) }
      ready.reserveCapacity(events.count)
    }

    deinit { close(descriptor) }

    /// Begins to wait for `watched`, and tells of it by `token`.
    package mutating func watch(_ watched: Int32, token: UInt64, for interest: Interest) throws(Fault) {
      var event = Self.event(token, interest)
      guard epoll_ctl(descriptor, EPOLL_CTL_ADD, watched, &event) == 0 else { throw Fault(number: errno) }
    }

    /// Changes what is waited for.
    package mutating func change(_ watched: Int32, token: UInt64, for interest: Interest) {
      var event = Self.event(token, interest)
      _ = epoll_ctl(descriptor, EPOLL_CTL_MOD, watched, &event)
    }

    /// No longer waits for a descriptor, which is still open.
    package mutating func forget(_ watched: Int32) {
      var event = epoll_event()
      _ = epoll_ctl(descriptor, EPOLL_CTL_DEL, watched, &event)
    }

    /// Fills `ready`; returns after `nanoseconds` at the latest, or never without them.
    package mutating func wait(nanoseconds: Int64? = nil) {
      ready.removeAll(keepingCapacity: true)
      let count = ackscope_epoll_wait(descriptor, &events, Int32(events.count), nanoseconds ?? -1)
      guard count > 0 else { return }
      let failed = EPOLLERR.rawValue | EPOLLHUP.rawValue
      for event in events[..<Int(count)] {
        ready.append(
          Readiness(
            token: event.data.u64, isReadable: event.events & (EPOLLIN.rawValue | failed) != 0,
            isWritable: event.events & (EPOLLOUT.rawValue | failed) != 0,
            hasFailed: event.events & failed != 0))
      }
    }

    private static func event(_ token: UInt64, _ interest: Interest) -> epoll_event {
      var event = epoll_event()
      event.events =
        (interest.contains(.readable) ? EPOLLIN.rawValue : 0)
        | (interest.contains(.writable) ? EPOLLOUT.rawValue : 0)
      event.data.u64 = token
      return event
    }
  #else
    private var watched: [pollfd] = []
    private var tokens: [UInt64] = []

    package init() throws(Fault) {}

    /// Begins to wait for `added`, and tells of it by `token`.
    package mutating func watch(_ added: Int32, token: UInt64, for interest: Interest) throws(Fault) {
      watched.append(pollfd(fd: added, events: Self.events(interest), revents: 0))
      tokens.append(token)
    }

    /// Changes what is waited for.
    package mutating func change(_ changed: Int32, token: UInt64, for interest: Interest) {
      guard let index = watched.firstIndex(where: { $0.fd == changed }) else { return }
      watched[index].events = Self.events(interest)
      tokens[index] = token
    }

    /// No longer waits for a descriptor.
    package mutating func forget(_ forgotten: Int32) {
      guard let index = watched.firstIndex(where: { $0.fd == forgotten }) else { return }
      watched.remove(at: index)
      tokens.remove(at: index)
    }

    /// Fills `ready`; returns after `nanoseconds`, rounded up to milliseconds, at the latest, or never without them.
    package mutating func wait(nanoseconds: Int64? = nil) {
      ready.removeAll(keepingCapacity: true)
      let limit = nanoseconds.map { Int32(clamping: max(0, $0 + 999_999) / 1_000_000) } ?? -1
      guard poll(&watched, nfds_t(watched.count), limit) > 0 else { return }
      let failed = Int16(POLLERR | POLLHUP)
      for (index, entry) in watched.enumerated() where entry.revents != 0 {
        ready.append(
          Readiness(
            token: tokens[index], isReadable: entry.revents & (Int16(POLLIN) | failed) != 0,
            isWritable: entry.revents & (Int16(POLLOUT) | failed) != 0,
            hasFailed: entry.revents & failed != 0))
      }
    }

    private static func events(_ interest: Interest) -> Int16 {
      Int16((interest.contains(.readable) ? POLLIN : 0) | (interest.contains(.writable) ? POLLOUT : 0))
    }
  #endif
}
