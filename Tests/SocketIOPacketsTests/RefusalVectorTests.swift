import JSONText
import Testing

@testable import SocketIOPackets

/// Who refuses an input, as the runs recorded in the vectors say.
@Suite struct RefusalVectorTests {
  static let refused = ["sio5", "msgpack"].flatMap(WireVector.of).filter(\.isRefused)

  @Test(arguments: refused) func refusalsNameTheParsersThatShareThem(_ vector: WireVector) throws {
    let outcome = decode(
      [(vector.layer == "sio5", vector.input)] + vector.followers,
      parser: vector.layer == "sio5" ? .text : .msgpack)
    let refusal = try #require(
      (outcome.waiting + outcome.packets).compactMap(\.packet.refusal).first ?? outcome.refusals.first)
    #expect(refusal.refusedBy.contains(.newestJavaScript))
    for run in vector.json["verified"]?.array ?? [] {
      let run = run.string ?? ""
      if run.hasPrefix("python") {
        #expect(
          refusal.refusedBy.contains(.python) == !run.contains("DISAGREES"), "\(refusal.reason.text): \(run)")
      }
      if run.hasPrefix("socket.io-parser 4.2.1") {
        #expect(
          refusal.refusedBy.contains(.olderJavaScript) == !run.contains("DISAGREES"),
          "\(refusal.reason.text): \(run)")
      }
    }
  }

  @Test func whatOnlyPythonRefusesIsNotedAndAccepted() throws {
    for text in ["5-[\"a\"]", "51e0-[\"a\",{\"_placeholder\":true,\"num\":0}]", "21 2[\"a\"]"] {
      let outcome = decode(text: text)
      let packet = try #require((outcome.packets + outcome.waiting).first?.packet)
      #expect(packet.refusal == nil)
      #expect(packet.refusalElsewhere?.refusedBy == .python)
    }
  }
}
