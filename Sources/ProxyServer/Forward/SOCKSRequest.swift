/// The server's part of SOCKS 5 up to the request (RFC 1928), with a password where one is asked for (RFC 1929).
struct SOCKSRequest {
  /// What to do next. Replies go out before anything else.
  enum Step: Equatable {
    /// More bytes are needed; nothing to say.
    case wait
    case reply([UInt8])
    /// The client asks for a connection; `reply(_:)` answers it.
    case connect(host: String, port: Int)
    /// Said, and then closed.
    case refuse([UInt8], reason: String)
  }

  /// The codes of RFC 1928 §6 that are used.
  enum Outcome: UInt8 {
    case succeeded = 0, notAllowed = 2, hostUnreachable = 4
  }

  private enum Stage {
    case greeting, password, request
  }

  private let access: AccessRule
  private var stage = Stage.greeting

  init(access: AccessRule) {
    self.access = access
  }

  /// More bytes are there.
  ///
  /// - Parameter bytes: all that were not taken yet; what is taken is removed.
  mutating func received(_ bytes: inout ArraySlice<UInt8>) -> Step {
    switch stage {
    case .greeting: greeted(&bytes)
    case .password: passwordGiven(&bytes)
    case .request: requested(&bytes)
    }
  }

  /// The answer to a request, with no address that would mean anything.
  static func reply(_ outcome: Outcome) -> [UInt8] { [5, outcome.rawValue, 0, 1, 0, 0, 0, 0, 0, 0] }

  private mutating func greeted(_ bytes: inout ArraySlice<UInt8>) -> Step {
    let all = Array(bytes.prefix(257))
    guard all.count >= 2, all.count >= 2 + Int(all[1]) else { return .wait }
    guard all[0] == 5 else { return .refuse([], reason: "SOCKS version \(all[0]) is not spoken") }
    bytes = bytes.dropFirst(2 + Int(all[1]))
    let wanted: UInt8 = access.credentials == nil ? 0 : 2
    guard all[2..<2 + Int(all[1])].contains(wanted) else {
      return .refuse(
        [5, 0xFF], reason: wanted == 2 ? "a user and password are needed" : "no method in common")
    }
    stage = wanted == 2 ? .password : .request
    return .reply([5, wanted])
  }

  private mutating func passwordGiven(_ bytes: inout ArraySlice<UInt8>) -> Step {
    let all = Array(bytes.prefix(513))
    guard all.count >= 2 else { return .wait }
    let user = Int(all[1])
    guard all.count >= 3 + user, all.count >= 3 + user + Int(all[2 + user]) else { return .wait }
    let password = Int(all[2 + user])
    bytes = bytes.dropFirst(3 + user + password)
    guard
      all[0] == 1,
      access.isSatisfied(
        user: Array(all[2..<2 + user]), password: Array(all[(3 + user)..<(3 + user + password)]))
    else { return .refuse([1, 1], reason: "the user or password is wrong") }
    stage = .request
    return .reply([1, 0])
  }

  private mutating func requested(_ bytes: inout ArraySlice<UInt8>) -> Step {
    let all = Array(bytes.prefix(262))
    guard all.count >= 5 else { return .wait }
    guard all[0] == 5, all[1] == 1 else {
      return .refuse([5, 7, 0, 1, 0, 0, 0, 0, 0, 0], reason: "SOCKS command \(all[1]) is not offered")
    }
    let length: Int
    switch all[3] {
    case 1: length = 4
    case 3: length = Int(all[4])
    case 4: length = 16
    default:
      return .refuse([5, 8, 0, 1, 0, 0, 0, 0, 0, 0], reason: "SOCKS address type \(all[3]) is unknown")
    }
    let start = all[3] == 3 ? 5 : 4
    guard all.count >= start + length + 2 else { return .wait }
    let address = all[start..<start + length]
    let host: String =
      switch all[3] {
      case 1: address.map { String($0) }.joined(separator: ".")
      case 3: String(decoding: address, as: UTF8.self)
      default:
        stride(from: address.startIndex, to: address.endIndex, by: 2).map {
          String(Int(address[$0]) << 8 | Int(address[$0 + 1]), radix: 16)
        }.joined(separator: ":")
      }
    let port = Int(all[start + length]) << 8 | Int(all[start + length + 1])
    bytes = bytes.dropFirst(start + length + 2)
    return .connect(host: host, port: port)
  }
}
