import NIOCore
import NIOPosix

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why a server could not be reached, in words for the person who gave its address.
package enum ConnectionWords {
  /// Nil for what TCP and names do not say.
  package static func explain(_ error: any Error) -> String? {
    switch error {
    case let error as IOError: String(cString: strerror(error.errnoCode))
    case let error as NIOConnectionError:
      if let first = error.connectionErrors.first {
        explain(first.error) ?? "\(first.error)"
      } else {
        "the name '\(error.host)' has no address"
      }
    case ChannelError.connectTimeout: "no answer in time"
    case let error as TLSHandshake.Failed: error.explanation
    default: nil
    }
  }
}
