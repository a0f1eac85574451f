#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Non-blocking TCP sockets on 127.0.0.1, and nowhere else.
enum LoopbackSocket {
  /// What a read or a write came to.
  enum Outcome: Equatable {
    case moved(Int)
    /// Nothing is possible until the queue says so.
    case wouldBlock
    /// The other end has finished, or the connection failed.
    case ended
  }

  /// Listens; port 0 picks a free one.
  static func listening(port: UInt16) throws(LoadFault) -> (descriptor: Int32, port: UInt16) {
    let descriptor = try opened()
    var on: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = Self.address(port)
    let bound = withSocketAddress(&address) { bind(descriptor, $0, $1) }
    guard bound == 0, listen(descriptor, 4096) == 0 else {
      let fault = LoadFault(system: "listening on 127.0.0.1:\(port)")
      close(descriptor)
      throw fault
    }
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withSocketAddress(&address) { pointer, _ in getsockname(descriptor, pointer, &length) }
    return (descriptor, UInt16(bigEndian: address.sin_port))
  }

  /// Begins to connect; the socket becomes writable when it is, or has failed.
  static func connecting(to port: UInt16) throws(LoadFault) -> Int32 {
    let descriptor = try opened()
    setNoDelay(descriptor)
    var address = Self.address(port)
    let result = withSocketAddress(&address) { connect(descriptor, $0, $1) }
    guard result == 0 || errno == EINPROGRESS else {
      let fault = LoadFault(system: "connecting to 127.0.0.1:\(port)")
      close(descriptor)
      throw fault
    }
    return descriptor
  }

  /// The next client, or nil when none waits.
  static func accepted(from listener: Int32) -> Int32? {
    let descriptor = accept(listener, nil, nil)
    guard descriptor >= 0 else { return nil }
    configure(descriptor)
    setNoDelay(descriptor)
    return descriptor
  }

  /// Reads what there is, as much as fits.
  static func read(_ descriptor: Int32, into room: UnsafeMutableRawBufferPointer) -> Outcome {
    outcome(recv(descriptor, room.baseAddress, room.count, 0))
  }

  /// Writes as much as the socket takes.
  static func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Outcome {
    #if canImport(Glibc)
      let flags = Int32(MSG_NOSIGNAL)
    #else
      let flags: Int32 = 0
    #endif
    return outcome(send(descriptor, bytes.baseAddress, bytes.count, flags))
  }

  private static func outcome(_ count: Int) -> Outcome {
    if count > 0 { return .moved(count) }
    return count < 0 && (errno == EAGAIN || errno == EINTR) ? .wouldBlock : .ended
  }

  private static func opened() throws(LoadFault) -> Int32 {
    #if canImport(Glibc)
      let stream = Int32(SOCK_STREAM.rawValue)
    #else
      let stream = SOCK_STREAM
    #endif
    let descriptor = socket(AF_INET, stream, 0)
    guard descriptor >= 0 else { throw LoadFault(system: "a socket") }
    configure(descriptor)
    return descriptor
  }

  private static func configure(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
  }

  private static func setNoDelay(_ descriptor: Int32) {
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    return address
  }

  private static func withSocketAddress<Result>(
    _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Result
  ) -> Result {
    withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
