import Foundation
import Synchronization

/// A plain TCP socket on loopback. Waiting is bounded: a minute without anything ends in an error. On a busy machine the
/// other side of a test may wait half of one for its turn.
final class BlockingSocket: Sendable {
  struct Fault: Error, CustomStringConvertible {
    var description: String
  }

  private let descriptor: Int32
  private let isClosed = Mutex(false)

  private init(_ descriptor: Int32) {
    self.descriptor = descriptor
    var patience = timeval(tv_sec: 60, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &patience, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  deinit { close() }

  func close() {
    isClosed.withLock { closed in
      if !closed { Foundation.close(descriptor) }
      closed = true
    }
  }

  private static func address(_ port: Int, _ host: in_addr_t = 0x7F00_0001) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = host.bigEndian
    return address
  }

  private static func stream() -> Int32 { socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0) }

  /// - Parameter isNarrow: whether those who are accepted take in no more than some kilobytes at a time.
  static func listening(isNarrow: Bool = false) throws -> BlockingSocket {
    let made = BlockingSocket(stream())
    if isNarrow {
      // The segments matter too: a sender's buffer grows with them.
      for (level, option, value) in [(SOL_SOCKET, SO_RCVBUF, 2048), (Int32(IPPROTO_TCP), TCP_MAXSEG, 536)] {
        var value = Int32(value)
        setsockopt(made.descriptor, level, option, &value, 4)
      }
    }
    try made.bindAnywhere()
    guard listen(made.descriptor, 16) == 0 else { throw Fault(description: "cannot listen: \(errno)") }
    return made
  }

  /// Holds a port at which nobody listens, so that nobody else comes to.
  static func silent() throws -> BlockingSocket {
    let made = BlockingSocket(stream())
    try made.bindAnywhere()
    return made
  }

  private func bindAnywhere() throws {
    var place = Self.address(0)
    let result = withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Fault(description: "no port: \(errno)") }
  }

  /// - Parameter host: an IPv4 address as a number; loopback where none is given.
  static func connected(to port: Int, at host: in_addr_t = 0x7F00_0001) throws -> BlockingSocket {
    let made = BlockingSocket(stream())
    var place = address(port, host)
    let result = withUnsafePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(made.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw Fault(description: "cannot connect: \(errno)") }
    return made
  }

  var port: Int {
    var place = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &place) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
    }
    return Int(in_port_t(bigEndian: place.sin_port))
  }

  func accepted() throws -> BlockingSocket {
    let taken = accept(descriptor, nil, nil)
    guard taken >= 0 else { throw Fault(description: "nobody connected: \(errno)") }
    return BlockingSocket(taken)
  }

  func send(_ bytes: [UInt8]) throws {
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        Foundation.send(
          descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw Fault(description: "cannot send: \(errno)") }
      sent += count
    }
  }

  /// Sends as much as is taken without waiting longer than `patience`; returns how much that was.
  func send(_ bytes: [UInt8], patience milliseconds: Int32) -> Int {
    var sent = 0
    while sent < bytes.count {
      var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      guard poll(&waiting, 1, milliseconds) > 0 else { break }
      let count = bytes.withUnsafeBytes {
        Foundation.send(
          descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent,
          Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      }
      guard count > 0 else { break }
      sent += count
    }
    return sent
  }

  func receive(exactly count: Int) throws -> [UInt8] {
    var received: [UInt8] = []
    while received.count < count {
      let part = try receiveSome(atMost: min(count - received.count, 1 << 16))
      received += part
    }
    return received
  }

  func receive(until end: [UInt8]) throws -> [UInt8] {
    var received: [UInt8] = []
    while received.count < end.count || !received.suffix(end.count).elementsEqual(end) {
      received += try receiveSome(atMost: 1)
    }
    return received
  }

  /// Ends this direction; the other goes on.
  func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// All that comes until the other side ends, in order or not.
  func receiveToEnd() -> [UInt8] {
    var received: [UInt8] = []
    while let part = try? receiveSome(atMost: 1 << 16) { received += part }
    return received
  }

  private func receiveSome(atMost size: Int) throws -> [UInt8] {
    var room = [UInt8](repeating: 0, count: size)
    let count = recv(descriptor, &room, size, 0)
    guard count > 0 else {
      throw Fault(description: count == 0 ? "the other side closed" : "nothing came: \(errno)")
    }
    return Array(room.prefix(count))
  }

  /// Closes with a reset.
  func reset() {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  /// What a look at the socket found.
  enum Arrival: Equatable {
    case bytes([UInt8])
    case nothing
    /// The other side ended its direction in order.
    case finished
    case reset
  }

  /// Takes what has arrived, without waiting for it.
  func takeArrived() -> Arrival {
    if isClosed.withLock({ $0 }) { return .nothing }
    var room = [UInt8](repeating: 0, count: 1 << 16)
    let count = recv(descriptor, &room, room.count, Int32(MSG_DONTWAIT))
    if count > 0 { return .bytes(Array(room.prefix(count))) }
    if count == 0 { return .finished }
    return errno == EAGAIN || errno == EINTR ? .nothing : .reset
  }

  /// Waits until one of the sockets has something to be taken, or time is up.
  static func awaitArrival(on sockets: [BlockingSocket], milliseconds: Int32) {
    var waiting = sockets.filter { !$0.isClosed.withLock { $0 } }
      .map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
    poll(&waiting, nfds_t(waiting.count), milliseconds)
  }

  /// How many of the bytes sent have not reached the other side's kernel yet.
  var unsent: Int32 {
    var count: Int32 = 0
    _ = ioctl(descriptor, UInt(TIOCOUTQ), &count)
    return count
  }

  /// How many bytes have arrived and were not read yet.
  var arrived: Int {
    var room = [UInt8](repeating: 0, count: 4096)
    return max(recv(descriptor, &room, room.count, Int32(MSG_PEEK | MSG_DONTWAIT)), 0)
  }
}
