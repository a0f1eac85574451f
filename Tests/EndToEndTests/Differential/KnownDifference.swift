import SocketIOPackets

/// A rule by which the python parsers differ from what Ackscope says, on purpose.
///
/// Ackscope reads as the JavaScript parsers do, which most peers are; what it says of python is for the packets that
/// occur, not for every oddity that python's `int()` and `b64decode()` let pass.
struct KnownDifference: Sendable {
  /// The rule in words, with its place in PROTOCOL.md.
  let rule: String
  private let explains: @Sendable (Difference) -> Bool

  /// A member that differs, with all that is known of it.
  struct Difference: Sendable {
    var member: String
    var input: DifferentialCase
    var claim: DifferentialCase.Claim
    var theirs: JSON

    /// Why python refuses the input; empty where it does not.
    var problem: String { theirs["problem"]?.string ?? "" }
    /// Whether python takes what Ackscope believes it to refuse.
    var isTakenAfterAll: Bool { member == "accepted" && !claim.isAccepted }
    /// Whether python refuses what Ackscope believes it to take.
    var isRefusedAfterAll: Bool { member == "accepted" && claim.isAccepted }
    var text: String { String(decoding: input.input, as: UTF8.self) }

    func isRefused(for reasons: PacketRefusal.Reason...) -> Bool {
      claim.refusals.contains { reasons.contains($0.reason) }
    }
  }

  /// The rule that explains a difference, or nil.
  static func explaining(_ difference: Difference) -> KnownDifference? {
    all.first { $0.explains(difference) }
  }

  private static let all: [KnownDifference] = socket + msgpack + engine

  // MARK: Socket.IO text

  private static let socket: [KnownDifference] = [
    KnownDifference(rule: "python strips everything from `?` on in every namespace, JavaScript in none (E)") {
      $0.input.kind == .socket && $0.member == "namespace" && $0.text.contains("?")
    },
    KnownDifference(
      rule:
        "an id of python-socketio 5 has 100 digits at most; JavaScript's is as long as it likes (B.1 rule 4)"
    ) {
      $0.input.kind == .socket && $0.member == "accepted"
        && ($0.problem.contains("id field is too long") || hasLongNumber($0.text))
    },
    KnownDifference(rule: "python takes up to ten digits and a dash as an attachment count in every type (E)")
    {
      $0.input.kind == .socket && countAndDash($0.text)
    },
    KnownDifference(rule: "white space counts as a digit of the id in JavaScript alone (B.1 rule 4)") {
      $0.input.kind == .socket && spaceInID($0.text)
    },
    KnownDifference(rule: "digits of other scripts are digits to python alone (E)") {
      $0.input.kind != .msgpack
        && $0.text.unicodeScalars.contains { !$0.isASCII && $0.properties.numericType != nil }
    },
    KnownDifference(
      rule:
        "a binary type without a dash has no count in python, and no more digits in JavaScript (B.1 rule 2)"
    ) {
      $0.input.kind == .socket && $0.isRefused(for: .attachmentCountNotTerminated, .attachmentCountNotANumber)
    },
    KnownDifference(
      rule:
        "JavaScript of revision 4 goes on after an unknown type, and so does python, with an error inside (E)"
    ) {
      $0.input.kind == .socket && $0.input.version == .v3 && $0.isRefused(for: .unknownPacketType)
    },
    KnownDifference(
      rule: "an empty text is no message to Ackscope (A.3); python's parser makes an EVENT of it"
    ) {
      $0.input.kind == .socket && $0.input.input.isEmpty
    },
    KnownDifference(
      rule: "python takes any truthy `_placeholder`, and counts a negative `num` from the end (B.2)"
    ) {
      $0.input.kind == .socket && $0.text.contains("_placeholder")
        && ($0.isRefused(for: .placeholderOutOfRange, .placeholderNotANumber)
          || $0.problem.hasPrefix("IndexError") || $0.problem.hasPrefix("TypeError"))
    },
    KnownDifference(rule: "of two faults in one JSON text Ackscope names the first, which python lets pass") {
      $0.input.kind == .socket && $0.isRefusedAfterAll && $0.isRefused(for: .notFinite)
        && $0.problem.hasPrefix("JSONDecodeError")
    },
    KnownDifference(rule: "a python integer has 100 digits at most, in JSON too") {
      $0.problem.contains("Integer is too large")
    },
  ]

  /// Whether more than 100 digits stand in a row.
  private static func hasLongNumber(_ text: String) -> Bool {
    text.split { !$0.isNumber }.contains { $0.count > 100 }
  }

  /// Whether digits and a dash stand behind the type, as far as python looks.
  private static func countAndDash(_ text: String) -> Bool {
    let rest = text.dropFirst()
    let digits = rest.prefix { $0.isNumber }
    return !digits.isEmpty && rest.dropFirst(digits.count).first == "-"
  }

  /// Whether white space stands where the id is, or right behind.
  private static func spaceInID(_ text: String) -> Bool {
    var rest = text.dropFirst()
    if text.hasPrefix("5") || text.hasPrefix("6"), let dash = rest.firstIndex(of: "-"),
      rest[..<dash].allSatisfy({ $0.isNumber || $0.isWhitespace || $0 == "e" })
    {
      rest = rest[rest.index(after: dash)...]
    }
    if rest.first == "/" { rest = rest.drop { $0 != "," }.dropFirst() }
    let scalars = rest.unicodeScalars.drop { $0.properties.numericType != nil }
    return scalars.first.map { $0.properties.isWhitespace || $0 == "\u{FEFF}" } ?? false
  }

  // MARK: msgpack

  private static let msgpack: [KnownDifference] = [
    KnownDifference(rule: "python refuses strings that are not UTF-8; JavaScript replaces what is none") {
      $0.input.kind == .msgpack && $0.isRefusedAfterAll && $0.problem.hasPrefix("UnicodeDecodeError")
    },
    KnownDifference(
      rule: "python takes strings and bytes only as keys of a map; JavaScript makes strings of all"
    ) {
      $0.input.kind == .msgpack && $0.isRefusedAfterAll
        && ($0.problem.contains("strict_map_key") || $0.problem.contains("unhashable"))
    },
    KnownDifference(
      rule: "python refuses timestamps of a length or a time that cannot be; JavaScript knows none"
    ) {
      $0.input.kind == .msgpack && $0.isRefusedAfterAll && $0.problem.lowercased().contains("timestamp")
    },
    KnownDifference(
      rule: "extensions of a negative code are refused by python, and a pair of code and bytes to JavaScript"
    ) {
      $0.input.kind == .msgpack && $0.isRefusedAfterAll && $0.problem.contains("code must be 0~127")
    },
    KnownDifference(rule: "python checks neither the namespace nor the data nor the id (C.1)") {
      $0.input.kind == .msgpack && $0.isTakenAfterAll && $0.isRefused(for: .namespaceNotAString)
    },
    KnownDifference(rule: "to python every type that equals none of its own is unknown, whatever it is (C.1)")
    {
      $0.input.kind == .msgpack && $0.isRefusedAfterAll && $0.isRefused(for: .packetTypeOutOfRange)
    },
    KnownDifference(rule: "python's parser makes an EVENT of no bytes at all") {
      $0.input.kind == .msgpack && $0.input.input.isEmpty
    },
    KnownDifference(
      rule: "of two faults in one packet Ackscope names the first; python refuses for the other"
    ) {
      $0.input.kind == .msgpack && $0.isRefusedAfterAll && !$0.claim.refusals.isEmpty
        && $0.problem.hasPrefix("ExtraData")
    },
    KnownDifference(rule: "an id that is no integer is none in JavaScript, and any value in python (C.1)") {
      $0.input.kind == .msgpack && $0.member == "id" && $0.isRefused(for: .idNotAnInteger)
    },
  ]

  // MARK: Engine.IO

  /// Whether what python's `int()` complains of has the letters of a JavaScript number, a byte order mark included.
  private static func isNumberToJavaScript(_ problem: String) -> Bool {
    guard problem.contains("invalid literal for int()"), let quote = problem.firstIndex(of: "'") else {
      return false
    }
    let literal = problem[quote...].dropFirst().prefix { $0 != "'" && $0 != "\"" }
    let rest = literal.replacing("\\", with: "").replacing("ufeff", with: "").replacing("xa0", with: "")
    return !literal.isEmpty && rest.allSatisfy { $0.isHexDigit || "xXoO.+- tn".contains($0) }
  }

  private static let engine: [KnownDifference] = [
    KnownDifference(
      rule: "text in the binary form is UTF-8 to python; Ackscope lends the bytes as they are (A.6)"
    ) {
      $0.input.kind == .body && !$0.input.isText && $0.isRefusedAfterAll
        && $0.problem.hasPrefix("UnicodeDecodeError")
    },
    KnownDifference(rule: "an empty list is written `0:` (A.6); python-engineio 3 makes a noop of it") {
      $0.input.kind == .body && $0.input.version == .v3 && $0.input.isText && $0.member == "packets"
        && ($0.theirs["packets"]?.string?.contains("[6, False, None]") ?? false)
    },
    KnownDifference(
      rule: "behind the first `=` base64 is over to JavaScript; python skips it where more follows (A.4)"
    ) {
      $0.isEngine && $0.member == "packets" && $0.text.contains("=")
    },
    KnownDifference(
      rule: "python raises on bad padding and on what is not ASCII; JavaScript is lenient (A.4)"
    ) {
      $0.isEngine && $0.isRefusedAfterAll
        && ($0.problem.hasPrefix("Error(") || $0.problem.contains("only ASCII"))
    },
    KnownDifference(rule: "base64 in the URL alphabet is skipped by python, and read by JavaScript (A.4)") {
      $0.isEngine && $0.member == "packets" && $0.text.contains("b")
        && $0.text.contains { $0 == "-" || $0 == "_" }
    },
    KnownDifference(rule: "python refuses more than 16 packets in one body (A.4)") {
      $0.input.kind == .body && $0.isRefusedAfterAll && $0.problem.contains("Too many packets")
    },
    KnownDifference(
      rule: "7, 8 and 9 and every other character are types that python hands on, and nobody handles"
    ) {
      $0.isEngine && $0.isTakenAfterAll && $0.isRefused(for: .unknownEnginePacketType)
    },
    KnownDifference(rule: "an empty packet is a noop to python-engineio 3") {
      $0.isEngine && $0.input.version == .v3 && $0.isTakenAfterAll && $0.isRefused(for: .emptyPacket)
    },
    KnownDifference(rule: "an undefined type (A.5) is a number to python, and a lone `b` an error") {
      $0.isEngine && $0.input.version == .v3 && $0.claim.members.contains { $0.contains("[null,") }
    },
    KnownDifference(
      rule: "python-engineio 3 takes no length for too large, and reads any number `int()` does (A.6)"
    ) {
      $0.input.kind == .body && $0.input.version == .v3 && $0.isTakenAfterAll
        && $0.isRefused(for: .lengthOverrunsBody, .lengthNotANumber, .lengthMissing, .lengthNotTerminated)
    },
    KnownDifference(
      rule: "lengths are what JavaScript's `Number()` reads, and python's `int()` may not (A.6)"
    ) {
      $0.input.kind == .body && $0.input.version == .v3 && $0.input.isText && $0.isRefusedAfterAll
        && isNumberToJavaScript($0.problem)
    },
    KnownDifference(rule: "python-engineio 3 counts code points, JavaScript UTF-16 code units (A.6)") {
      $0.input.kind == .body && $0.input.version == .v3 && $0.input.isText
        && $0.text.unicodeScalars.contains { $0.value > 0xFFFF }
    },
    KnownDifference(rule: "a binary packet with a type of 48 or more is text to python-engineio 3 (A.5)") {
      $0.input.kind == .message && $0.input.version == .v3 && !$0.input.isText
        && ($0.input.input.first ?? 0) >= 48
    },
  ]
}

extension KnownDifference.Difference {
  /// Whether the input is below Socket.IO.
  fileprivate var isEngine: Bool { input.kind == .message || input.kind == .body }
}
