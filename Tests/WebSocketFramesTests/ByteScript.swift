import Testing
import WebSocketFrames

/// Bytes of one direction with what was negotiated for it: the raw material of laws that hold however it is cut.
struct ByteScript: Sendable {
  var name: String
  var bytes: [UInt8]
  var masking = MessageStream.Masking.forbidden
  var compression: DeflateParameters?
  var limits = WebSocketLimits()

  func events(_ pieces: [[UInt8]]) -> [SeenEvent] {
    WebSocketFramesTests.events(pieces, from: masking, compression: compression, limits: limits)
  }

  /// A script by hand for each way that bytes are taken.
  static let corpus: [ByteScript] = {
    let key: [UInt8] = [0x37, 0xFA, 0x21, 0x3D]
    let deflate = DeflateParameters()
    let long = [UInt8](repeating: 0x61, count: 130)
    func fragmented(_ key: [UInt8]?) -> [UInt8] {
      NaiveFrame(fin: false, key: key, payload: Array("h\u{E9}llo \u{1F600}".utf8.prefix(9))).bytes
        + NaiveFrame(opcode: 9, key: key, payload: [1, 2, 3]).bytes
        + NaiveFrame(fin: false, opcode: 0, key: key).bytes
        + NaiveFrame(opcode: 0, key: key, payload: Array("h\u{E9}llo \u{1F600}".utf8.dropFirst(9))).bytes
        + NaiveFrame(opcode: 8, key: key, payload: [3, 232, 0x6F, 0x6B]).bytes
        + NaiveFrame.text("late", key: key).bytes
    }
    func compressed(_ key: [UInt8]?) -> [UInt8] {
      let deflater = Deflater()
      let text = Array("42[\"chat\",{\"text\":\"hello hello hello\"}]".utf8)
      let first = deflater.message(text)
      let second = deflater.message(text, ending: .bareFinalBlock, flushAt: 9)
      let third = deflater.message(text + text, ending: .finalBlock)
      return NaiveFrame(fin: false, rsv: 4, key: key, payload: Array(first.prefix(7))).bytes
        + NaiveFrame(opcode: 10, key: key, payload: [5]).bytes
        + NaiveFrame(opcode: 0, key: key, payload: Array(first.dropFirst(7))).bytes
        + NaiveFrame(rsv: 4, opcode: 2, key: key, payload: second).bytes
        + NaiveFrame.text("plain", key: key).bytes
        + NaiveFrame(rsv: 4, key: key, payload: third).bytes
    }
    func faulty(_ bytes: [UInt8]) -> [UInt8] {
      NaiveFrame.text("ok").bytes + bytes + NaiveFrame.text("no").bytes
    }
    var scripts = [
      ByteScript(name: "fragments of a server", bytes: fragmented(nil)),
      ByteScript(name: "fragments of a client", bytes: fragmented(key), masking: .required),
      ByteScript(
        name: "fragments beyond the limit", bytes: fragmented(key), masking: .required,
        limits: WebSocketLimits(payload: 3)),
      ByteScript(name: "compressed by a server", bytes: compressed(nil), compression: deflate),
      ByteScript(
        name: "compressed by a client", bytes: compressed(key), masking: .required, compression: deflate),
      ByteScript(
        name: "compressed beyond the limit", bytes: compressed(key), masking: .required, compression: deflate,
        limits: WebSocketLimits(payload: 20)),
      ByteScript(
        name: "takeover in spite of the promise",
        bytes: compressed(nil), compression: DeflateParameters(serverNoContextTakeover: true)),
      ByteScript(
        name: "length forms",
        bytes: NaiveFrame(key: key, payload: long).bytes
          + NaiveFrame(opcode: 2, key: key, payload: long, form: .sixtyFourBits).bytes
          + NaiveFrame(key: key, payload: [], form: .sixteenBits).bytes, masking: .required),
      ByteScript(
        name: "a client without masks",
        bytes: NaiveFrame.text("ok", key: key).bytes + NaiveFrame.text("no").bytes,
        masking: .required),
      ByteScript(name: "a refusal", bytes: StrayResponseTests.refusal + [1, 2, 3]),
      ByteScript(name: "almost a refusal", bytes: Array("HTTP/1.0 400 Bad".utf8)),
      ByteScript(name: "a refusal without end", bytes: Array("HTTP/1.1 400 Bad Request\r\n\r\nno".utf8)),
    ]
    let faults: [(String, [UInt8])] = [
      ("mask", NaiveFrame.text("x", key: key).bytes), ("reserved bit", NaiveFrame(rsv: 2).bytes),
      ("reserved opcode", NaiveFrame(opcode: 5, payload: [1]).bytes),
      ("fragmented ping", NaiveFrame(fin: false, opcode: 9).bytes),
      ("large ping", NaiveFrame(opcode: 9, payload: long).bytes), ("orphan", NaiveFrame(opcode: 0).bytes),
      ("interrupted", NaiveFrame(fin: false).bytes), ("top bit", [0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]),
      ("half a close code", NaiveFrame(opcode: 8, payload: [3]).bytes),
      ("close code", NaiveFrame.close(999).bytes),
      ("close reason", NaiveFrame.close(1005, [0x61, 0xFF]).bytes),
      ("text", NaiveFrame(payload: [0x61, 0xE2, 0x28, 0xA1]).bytes),
      ("text without end", NaiveFrame(payload: [0x61, 0xE2, 0x82]).bytes),
      (
        "text in fragments",
        NaiveFrame(fin: false, payload: [0x61, 0xF0]).bytes + NaiveFrame(opcode: 0, payload: [0x80]).bytes
      ),
      ("compressed ping", NaiveFrame(rsv: 4, opcode: 9).bytes),
      (
        "compressed continuation",
        NaiveFrame(fin: false, rsv: 4, payload: [0xF2]).bytes
          + NaiveFrame(rsv: 4, opcode: 0, payload: [0x48]).bytes
      ),
      ("deflate", NaiveFrame(rsv: 4, payload: [0xFF, 0xFF]).bytes),
      ("deflate without end", NaiveFrame(rsv: 4, payload: [0xF2, 0x48, 0xCD]).bytes),
      ("deflated text", NaiveFrame(rsv: 4, payload: Deflater().message([0x61, 0xFF, 0x62])).bytes),
    ]
    for (name, bytes) in faults {
      scripts.append(ByteScript(name: "fault: \(name)", bytes: faulty(bytes), compression: deflate))
    }
    return scripts
  }()
}

extension ByteScript: CustomTestStringConvertible {
  var testDescription: String { name }
}
