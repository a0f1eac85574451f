#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why a measurement cannot go on, in one line for people that names who failed.
package struct LoadFault: Error, Equatable, CustomStringConvertible {
  /// The line.
  package var description: String

  /// A fault in words.
  package init(_ description: String) {
    self.description = description
  }

  /// The call that just failed, with what `errno` says.
  init(system call: String) {
    let code = errno
    switch code {
    case EMFILE, ENFILE:
      description =
        "\(call): too many open files; raise the limit with 'ulimit -n' or ask for fewer connections"
    case EADDRNOTAVAIL:
      description = "\(call): no local port is left; ask for fewer connections"
    default: description = "\(call): \(String(cString: strerror(code)))"
    }
  }
}
