import Foundation
import SocketIOPackets

/// Makes packets, valid ones and ones that are a little wrong, the same for the same seed.
struct PacketGenerator {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  // MARK: inputs

  /// The next input of a kind.
  mutating func next(_ kind: DifferentialCase.Kind, _ version: EngineIOVersion) -> DifferentialCase {
    switch kind {
    case .socket: socketCase(version)
    case .msgpack: DifferentialCase(kind: kind, version: version, input: mutated(msgpackPacket()))
    case .message: messageCase(version)
    case .body: version == .v4 ? body4() : chance(2) ? body3() : binaryBody3()
    }
  }

  private mutating func socketCase(_ version: EngineIOVersion) -> DifferentialCase {
    var wanted = DifferentialCase(kind: .socket, version: version, input: [])
    let type = number(6)
    var count = 0
    var data = chance(6) ? "" : payload(type, &count)
    if type < 5 { count = 0 }
    if chance(30) { data += pick([" ", "]", "x", ",1", "\u{FEFF}"]) }
    wanted.attachments = (0..<count).map { _ in bytes(number(5)) }
    if count > 0, chance(12) { wanted.attachments.removeLast() }
    if chance(30) { wanted.attachments.append([1]) }
    var text = "\(type)"
    if type >= 5 {
      text +=
        pick(["\(count)", "\(count)", "\(count)", "\(count)", "0\(count)", "", " \(count)", "1e0"]) + "-"
    }
    if type < 5, chance(40) { text += "\(number(20))-" }
    text += namespace()
    text += id()
    text += data
    wanted.input = mutatedText(text)
    return wanted
  }

  private mutating func namespace() -> String {
    switch number(9) {
    case 0...4: ""
    case 5: "/,"
    case 6: "/chat,"
    case 7: "/\(string(letters: 6)),"
    case 8: "/a?token=\(number(9)),"
    default: pick(["/", "/chat", "/a/b,", "/é,", "//,"])
    }
  }

  private mutating func id() -> String {
    switch number(9) {
    case 0...3: ""
    case 4...7: "\(number(1000))"
    case 8:
      pick(["0", "007", "9007199254740993", "18446744073709551616", "٣", "²", "1 2", " 1", "1\t", "\u{A0}"])
    default: String(repeating: "9", count: pick([18, 19, 20, 99, 100, 101, 120]))
    }
  }

  /// A payload; for types with attachments it counts the placeholders that it holds.
  private mutating func payload(_ type: Int, _ count: inout Int) -> String {
    switch type {
    case 0, 4: chance(3) ? json(2, &count) : "{\"sid\":\(jsonString())}"
    case 1: chance(2) ? "" : json(1, &count)
    default:
      chance(10)
        ? json(3, &count)
        : "["
          + (["\(chance(8) ? json(1, &count) : jsonString())"] + (0..<number(3)).map { _ in json(3, &count) })
          .joined(separator: chance(9) ? " ,\n" : ",") + "]"
    }
  }

  private mutating func json(_ depth: Int, _ count: inout Int) -> String {
    switch number(depth > 0 ? 12 : 7) {
    case 0: return "null"
    case 1: return pick(["true", "false"])
    case 2: return jsonNumber()
    case 3...6: return jsonString()
    case 7:
      return pick([
        "NaN", "-Infinity", "Infinity", "01", "1.", ".5", "+1", "'a'", "tru", "\"\\x41\"", "\"\\ud800\"",
        "[1,]", "{a:1}",
        "\"\u{7F}\"", "\"\t\"", "-", "1e400", "-0", "\"\u{2028}\"", "{\"a\":1,\"a\":2}", "1E-3",
        "\"\\u00e9\\/\"",
      ])
    case 8, 9:
      count += 1
      return
        "{\"_placeholder\":true,\"num\":\(chance(12) ? pick(["-1", "7", "0.5", "\"0\"", "true"]) : "\(count - 1)")}"
    case 10: return "[" + (0..<number(3)).map { _ in json(depth - 1, &count) }.joined(separator: ", ") + "]"
    default:
      return "{"
        + (0..<number(3)).map { _ in "\(jsonString()):\(json(depth - 1, &count))" }.joined(separator: ",")
        + "}"
    }
  }

  private mutating func jsonNumber() -> String {
    pick([
      "0", "-1", "1.50", "1e3", "123456789012345678901234567890", "0.1", "-0.0", "1E+2", "9007199254740993",
      "2.2250738585072011e-308",
    ])
  }

  private mutating func jsonString() -> String {
    var text = ""
    for _ in 0..<number(5) {
      text += pick([
        "a", "message", "é", "€", "😀", "\\n", "\\\"", "\\u0041", "\\ud83d\\ude00", " ", "/", ",", "[", "-",
        "7", "connect",
        "\u{1F468}\u{200D}\u{1F469}",
      ])
    }
    return "\"\(text)\""
  }

  private mutating func string(letters: Int) -> String {
    String((0..<letters).map { _ in pick(["a", "z", "-", "é", "0", "[", "\"", "%", "😀"]) }.joined())
  }

  // MARK: Engine.IO

  private mutating func enginePacket(_ version: EngineIOVersion) -> String {
    switch number(9) {
    case 0: return pick(["2", "3", "2probe", "3probe", "5", "6", "1"])
    case 1:
      let data = base64(bytes(number(6)))
      return version == .v4 ? "b\(data)" : "b4\(data)"
    case 2:
      return pick([
        "", "4", "7", "x", "b", "b4", "b!", "bAQ", "bA-_A", "bAQ==", "b4AQ", "bx", "٣", "9a", "0", "0{}",
      ])
    default: return "4" + String(decoding: socketCase(version).input, as: UTF8.self)
    }
  }

  private mutating func messageCase(_ version: EngineIOVersion) -> DifferentialCase {
    if chance(3) {
      let head: [UInt8] = version == .v3 ? [UInt8(number(7))] : []
      return DifferentialCase(kind: .message, version: version, input: head + bytes(number(9)), isText: false)
    }
    return DifferentialCase(kind: .message, version: version, input: mutatedText(enginePacket(version)))
  }

  private mutating func body4() -> DifferentialCase {
    let count = chance(10) ? 15 + number(4) : 1 + number(4)
    var text = (0..<count).map { _ in enginePacket(.v4) }.joined(separator: "\u{1E}")
    if chance(20) { text += "\u{1E}" }
    if chance(60) { text = "" }
    return DifferentialCase(kind: .body, version: .v4, input: mutatedText(text))
  }

  private mutating func body3() -> DifferentialCase {
    var text = ""
    for _ in 0..<(chance(10) ? 15 + number(4) : number(4)) {
      let packet = enginePacket(.v3)
      text += "\(packet.utf16.count)".replacing("9", with: chance(60) ? "8" : "9") + ":" + packet
    }
    return DifferentialCase(kind: .body, version: .v3, input: mutatedText(text))
  }

  private mutating func binaryBody3() -> DifferentialCase {
    var body: [UInt8] = []
    for _ in 0..<(1 + number(4)) {
      var packet = Array(enginePacket(.v3).utf8)
      let isBinary = chance(3)
      if isBinary { packet = [UInt8(number(6))] + bytes(number(8)) }
      body += [isBinary ? 1 : 0] + "\(packet.count)".utf8.map { $0 - 0x30 } + [0xFF] + packet
    }
    return DifferentialCase(
      kind: .body, version: .v3, input: chance(10) ? mutated(body) : body, isText: false)
  }

  // MARK: msgpack

  private mutating func msgpackPacket() -> [UInt8] {
    let type = number(4)
    var members: [[UInt8]] = [
      packed("type") + [UInt8(type)], packed("nsp") + packed(chance(3) ? "/chat" : "/"),
    ]
    switch type {
    case 0, 4:
      if chance(2) || type == 4 { members.append(packed("data") + [0x81] + packed("sid") + packedValue(1)) }
    case 1: if chance(3) { members.append(packed("data") + [0xC0]) }
    default:
      let count = number(3)
      members.append(
        packed("data") + [0x91 + UInt8(count)] + packed("message")
          + (0..<count).flatMap { _ in packedValue(2) })
    }
    if chance(2) {
      members.append(
        packed("id")
          + pick([[7], [0xCD, 1, 0], [0xCE, 0xFF, 0, 0, 0], [0xC0], [0xCB, 0x40, 0, 0, 0, 0, 0, 0, 0]]))
    }
    members.shuffle(using: &random)
    return [0x80 | UInt8(members.count)] + members.flatMap { $0 } + (chance(40) ? [0] : [])
  }

  private mutating func packed(_ text: String) -> [UInt8] {
    let text = Array(text.utf8.prefix(255))
    return text.count < 32 ? [0xA0 | UInt8(text.count)] + text : [0xD9, UInt8(text.count)] + text
  }

  private mutating func packedValue(_ depth: Int) -> [UInt8] {
    switch number(depth > 0 ? 14 : 11) {
    case 0: return [0xC0]
    case 1: return [pick([0xC2, 0xC3])]
    case 2: return [pick([0, 0x7F, 0xE0, 0xFF])]
    case 3: return [0xCB] + bytes(8)
    case 4: return [0xCA] + bytes(4)
    case 5: return [pick([0xCF, 0xD3])] + bytes(8)
    case 6: return [pick([0xCD, 0xD1])] + bytes(2)
    case 7: return packed(string(letters: number(9)))
    case 8: return [0xC4, 3] + bytes(3)
    case 9:
      return pick([
        [0xD4, 0, 0], [0xC7, 2, 0, 1, 2], [0xD7, 0, 0, 0, 1, 0x8B, 0, 0, 0, 0], [0xD5, 5, 1, 2],
      ])
    case 10, 11: return packed("short")
    case 12, 13:
      let count = number(3)
      return [0x90 | UInt8(count)] + (0..<count).flatMap { _ in packedValue(depth - 1) }
    default:
      let count = number(3)
      return [0x80 | UInt8(count)]
        + (0..<count).flatMap { index in packed("m\(index)") + packedValue(depth - 1) }
    }
  }

  // MARK: mutation and chance

  /// One input in three is changed in a few places.
  private mutating func mutated(_ bytes: [UInt8]) -> [UInt8] {
    guard chance(3), !bytes.isEmpty else { return bytes }
    var bytes = bytes
    for _ in 0...number(2) {
      let index = number(max(bytes.count - 1, 0))
      guard bytes.indices.contains(index) else { break }
      switch number(4) {
      case 0: bytes[index] = UInt8(number(255))
      case 1: bytes.remove(at: index)
      case 2: bytes.insert(pick([0x20, 0x2D, 0x2C, 0x22, 0x5B, 0x31, 0x00, 0x1E, 0x3A]), at: index)
      case 3: bytes.removeLast(bytes.count - index)
      default: bytes.insert(contentsOf: bytes[index..<min(index + 3, bytes.count)], at: index)
      }
    }
    return bytes
  }

  /// As `mutated`; what comes out is text again, for neither peer is given anything else.
  private mutating func mutatedText(_ text: String) -> [UInt8] {
    Array(String(decoding: mutated(Array(text.utf8)), as: UTF8.self).utf8)
  }

  private func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

  private mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(number(255)) } }

  /// A number from 0 to `limit`, both included.
  private mutating func number(_ limit: Int) -> Int { Int.random(in: 0...limit, using: &random) }

  private mutating func chance(_ one: Int) -> Bool { number(one - 1) == 0 }

  private mutating func pick<Element>(_ elements: [Element]) -> Element {
    elements[number(elements.count - 1)]
  }
}
