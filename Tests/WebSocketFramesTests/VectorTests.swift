import Foundation
import Testing
import WebSocketFrames

/// The facts of `vectors.jsonl`, layer `pmd` (PROTOCOL.md section I).
@Suite struct VectorTests {
  struct Vector: Sendable, CustomTestStringConvertible {
    struct Expected: Sendable, Equatable, Decodable {
      var opcode: String
      var text: String?
      var b64: String?
      var code: UInt16?
      var reason: String?
    }

    struct Events: Sendable, Decodable { var events: [Expected]? }

    struct Parameters: Sendable, Decodable {
      var server_no_context_takeover: Bool?
      var client_no_context_takeover: Bool?
      var server_max_window_bits: UInt8?
      var client_max_window_bits: UInt8?

      var value: DeflateParameters {
        DeflateParameters(
          serverNoContextTakeover: server_no_context_takeover ?? false,
          clientNoContextTakeover: client_no_context_takeover ?? false,
          serverWindowBits: server_max_window_bits ?? 15, clientWindowBits: client_max_window_bits ?? 15)
      }
    }

    struct Negotiated: Sendable, Decodable {
      var permessage_deflate: Bool
      var params: Parameters?
      var extensions: [String]?
    }

    struct Line: Sendable, Decodable {
      var id: String
      var dir: String
      var input_b64: String?
      var input_text: String?
      var pmd: Parameters?
      var expect_before_error: Events?
      var error: String?
      var close_code: UInt16?
    }

    struct Expectation<Value: Decodable & Sendable>: Decodable, Sendable { var expect: Value? }

    var line: Line
    var json: Data
    var testDescription: String { line.id }

    /// The bytes of a vector of frames.
    var script: ByteScript {
      ByteScript(
        name: line.id, bytes: [UInt8](Data(base64Encoded: line.input_b64 ?? "") ?? Data()),
        masking: line.dir == "c2s" ? .required : .forbidden, compression: line.pmd?.value)
    }
  }

  static let all: [Vector] = {
    guard let url = Bundle.module.url(forResource: "vectors", withExtension: "jsonl"),
      let data = try? Data(contentsOf: url)
    else { return [] }
    return data.split(separator: 0x0A).map { line in
      do {
        return Vector(line: try JSONDecoder().decode(Vector.Line.self, from: line), json: line)
      } catch { preconditionFailure("a vector cannot be read: \(error)") }
    }
  }()

  static let ofFrames = all.filter { $0.line.input_b64 != nil }
  static let ofHeaders = all.filter { $0.line.input_text != nil }

  @Test func theWholeFileIsThere() {
    #expect(VectorTests.ofFrames.count == 26)
    #expect(VectorTests.ofHeaders.count == 6)
  }

  @Test(arguments: ofFrames) func framesDecodeAsTheReferenceReceiverDecodesThem(_ vector: Vector) throws {
    let line = vector.line
    let script = vector.script
    try #require(!script.bytes.isEmpty)
    let seen = script.events([script.bytes])
    let expected =
      try JSONDecoder().decode(Vector.Expectation<Vector.Events>.self, from: vector.json).expect?.events ?? []
    let faults = seen.compactMap(\.violation)
    guard line.error == nil else {
      let fault = try #require(faults.first)
      #expect(fault.closeCode == line.close_code)
      // A remark leaves the message standing that strict receivers refuse.
      let before = seen.prefix { $0.violation == nil }.compactMap(VectorTests.plain)
      #expect(before == line.expect_before_error?.events ?? [])
      return
    }
    #expect(faults.isEmpty)
    #expect(seen.compactMap(VectorTests.plain) == expected)
  }

  @Test(arguments: ofHeaders) func headersAreUnderstoodAsTheReferenceParserDoes(_ vector: Vector) throws {
    let line = vector.line
    let value = try #require(line.input_text)
    let isOffer = line.dir == "c2s" && line.id.contains("offer")
    let found =
      isOffer
      ? DeflateParameters.negotiated(response: "permessage-deflate", offer: value)
      : DeflateParameters.negotiated(response: value, offer: nil)
    guard line.error == nil else {
      guard case .invalid = found else {
        Issue.record("\(found) should be invalid")
        return
      }
      return
    }
    let expected = try #require(
      try JSONDecoder().decode(Vector.Expectation<Vector.Negotiated>.self, from: vector.json).expect)
    if expected.permessage_deflate {
      #expect(found == .deflate(try #require(expected.params?.value)))
    } else {
      #expect(found == .unsupported(name: try #require(expected.extensions?.first)))
    }
  }

  private static func plain(_ event: SeenEvent) -> Vector.Expected? {
    switch event {
    case .message(let message):
      message.isText
        ? Vector.Expected(opcode: "text", text: String(decoding: message.payload, as: UTF8.self))
        : Vector.Expected(opcode: "binary", b64: Data(message.payload).base64EncodedString())
    case .control(.close, _, let code, let reason, _, _):
      Vector.Expected(opcode: "close", code: code ?? 1005, reason: String(decoding: reason, as: UTF8.self))
    case .control(.ping, let payload, _, _, _, _):
      Vector.Expected(opcode: "ping", b64: Data(payload).base64EncodedString())
    case .control(.pong, let payload, _, _, _, _):
      Vector.Expected(opcode: "pong", b64: Data(payload).base64EncodedString())
    case .violation: nil
    }
  }
}
