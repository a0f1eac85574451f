import NIOCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The system calls that set up a connection.
enum UpgradeSocket {
  /// Takes the next connection from a listening socket, with the client's address; nil with `errno` where there is none.
  static func accepted(from listener: Int32) -> (descriptor: Int32, client: SocketAddress?)? {
    var address = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let descriptor = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        accept(listener, $0, &size)
      }
    }
    guard descriptor >= 0 else { return nil }
    // Linux lets it inherit TCP_NODELAY; other systems the rest as well.
    makeOurs(descriptor)
    #if !canImport(Glibc)
      sendAtOnce(descriptor)
    #endif
    return (descriptor, socketAddress(&address))
  }

  /// Begins to connect; nil where that failed already.
  static func connecting(to upstream: SocketAddress) -> Int32? {
    let family = upstream.protocol == .inet6 ? AF_INET6 : AF_INET
    #if canImport(Glibc)
      let descriptor = socket(
        family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    #else
      let descriptor = socket(family, SOCK_STREAM, 0)
    #endif
    guard descriptor >= 0 else { return nil }
    #if !canImport(Glibc)
      makeOurs(descriptor)
    #endif
    sendAtOnce(descriptor)
    let result = upstream.withSockAddr { connect(descriptor, $0, socklen_t($1)) }
    guard result == 0 || errno == EINPROGRESS else {
      systemClose(descriptor)
      return nil
    }
    return descriptor
  }

  /// Whether connecting is done and went well.
  static func isConnected(_ descriptor: Int32) -> Bool {
    var address = sockaddr_storage()
    var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(descriptor, $0, &size) == 0 }
    }
  }

  enum Peeked {
    case bytes
    case nothing
    case end
    case failure
  }

  /// What the next read would find.
  static func peek(_ descriptor: Int32) -> Peeked {
    var byte: UInt8 = 0
    let count = recv(descriptor, &byte, 1, Int32(MSG_PEEK))
    if count > 0 { return .bytes }
    if count == 0 { return .end }
    return errno == EAGAIN || errno == EINTR ? .nothing : .failure
  }

  /// Small messages are not kept back for others to come.
  static func sendAtOnce(_ descriptor: Int32) {
    var isOn: Int32 = 1
    setsockopt(
      descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
  }

  private static func makeOurs(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
  }

  private static func socketAddress(_ address: inout sockaddr_storage) -> SocketAddress? {
    withUnsafePointer(to: &address) { pointer in
      switch Int32(pointer.pointee.ss_family) {
      case AF_INET: pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { SocketAddress($0.pointee) }
      case AF_INET6:
        pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { SocketAddress($0.pointee) }
      default: nil
      }
    }
  }
}
