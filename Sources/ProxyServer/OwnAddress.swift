import NIOCore
import Synchronization

/// Where the proxy listens, so that it never goes to itself.
final class OwnAddress: Sendable {
  private let listening = Mutex<(address: SocketAddress, machine: [[UInt8]])?>(nil)
  /// Tells this proxy in a chain of proxies.
  let mark: String

  init() {
    mark = "ackscope-" + String(UInt64.random(in: .min ... .max), radix: 36)
  }

  /// The address is bound.
  ///
  /// - Parameter machine: all addresses of this machine.
  func bound(to address: SocketAddress, machine: [SocketAddress]) {
    listening.withLock { $0 = (address, machine.map(AddressRange.bytes)) }
  }

  /// Whether a connection to that address is a connection to the proxy: what counts is where it leads, not how it was named.
  func isReached(by remote: SocketAddress?) -> Bool {
    guard let remote else { return false }
    return listening.withLock { listening in
      guard let listening, remote.port == listening.address.port else { return false }
      // As bytes: an address has several spellings, an IPv4 address in IPv6 among them.
      let own = AddressRange.bytes(of: listening.address)
      let reached = AddressRange.bytes(of: remote)
      let isEverywhere = own.allSatisfy { $0 == 0 }
      return reached == own
        || isEverywhere && (AddressRange.isLoopback(remote) || listening.machine.contains(reached))
    }
  }
}
