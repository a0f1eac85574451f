import Foundation
import JSONText
import SocketIOPackets
import Testing

/// One line of `vectors.jsonl` (PROTOCOL.md I): a fact about the wire, most of them run against the reference parsers.
struct WireVector: Sendable, CustomTestStringConvertible {
  let json: JSONValue

  var name: String { json["id"]?.string ?? "?" }
  var layer: String { json["layer"]?.string ?? "?" }
  var testDescription: String { name }
  /// Nil where the reference parser refuses the input.
  var expected: JSONValue? { json["expect"] }
  var isRefused: Bool { json["error"] != nil }

  var input: [UInt8] {
    if let text = json["input_text"]?.string { return Array(text.utf8) }
    return base64(json["input_b64"]?.string ?? "")
  }

  /// The inputs behind the first: attachments, then `next`.
  var followers: [(isText: Bool, bytes: [UInt8])] {
    let attachments = (json["attachments_b64"]?.array ?? []).map { (false, base64($0.string ?? "")) }
    let next = (json["next"]?.array ?? []).map { input -> (Bool, [UInt8]) in
      if let text = input["text"]?.string { return (true, Array(text.utf8)) }
      return (false, base64(input["b64"]?.string ?? ""))
    }
    return attachments + next
  }

  static let all: [WireVector] = {
    guard let url = Bundle.module.url(forResource: "vectors", withExtension: "jsonl"),
      let text = try? String(contentsOf: url, encoding: .utf8)
    else { return [] }
    return text.split(separator: "\n").compactMap { line in
      (try? JSONValue(parsing: String(line))).map(WireVector.init)
    }
  }()

  static func of(_ layer: String) -> [WireVector] { all.filter { $0.layer == layer } }
}

/// What standard base64 text encodes, by Foundation's decoder.
func base64(_ text: String) -> [UInt8] {
  Array(Data(base64Encoded: text) ?? Data("not base64: \(text)".utf8))
}

/// Calls `body` with the bytes as a raw buffer.
func withBytes<Result>(_ bytes: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
{
  try bytes.withUnsafeBytes { try body($0) }
}

@Suite struct WireVectorFileTests {
  @Test func everyLayerHasVectors() {
    let counts = Dictionary(grouping: WireVector.all, by: \.layer).mapValues(\.count)
    #expect(
      counts == [
        "sio5": 77, "sio4": 14, "msgpack": 15, "eio3-polling": 22, "eio4-polling": 16, "eio4-ws": 15,
        "eio3-ws": 11,
      ])
  }
}
