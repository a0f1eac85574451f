import Foundation

/// A port of loopback that refuses connections for as long as the value lives: bound, so that nobody else gets it,
/// and not listening.
final class ClosedPort: Sendable {
  let number: Int
  private let descriptor: Int32

  init() throws {
    let descriptor = try RawConnection.newSocket()
    self.descriptor = descriptor
    var address = RawConnection.loopback(port: 0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
      }
    }
    guard result == 0 else {
      close(descriptor)
      throw PeerFailure("no port could be bound: errno \(errno)")
    }
    number = Int(UInt16(bigEndian: address.sin_port))
  }

  deinit { close(descriptor) }
}
