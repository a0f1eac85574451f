import JSONText
import SeededRandom
import Testing

@testable import SocketIOPackets

/// Whatever comes, decoders stay within their input, within their limits, and alive.
@Suite struct HostileInputTests {
  private static let corpus: [[UInt8]] =
    WireVector.all.map(\.input) + [
      Array(#"{"type":2,"nsp":"/n","data":["a",{"x":[1]}],"id":12}"#.utf8),
      Array(#"___eio[0]("2:40");"#.utf8), Array(#"d=a\\n%20"#.utf8),
    ]

  private static func mutated(_ random: inout SeededRandom) -> [UInt8] {
    var bytes = corpus.randomElement(using: &random) ?? []
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      let index = Int.random(in: 0...bytes.count, using: &random)
      switch Int.random(in: 0..<6, using: &random) {
      case 0: bytes.insert(UInt8.random(in: 0...255, using: &random), at: index)
      case 1 where index < bytes.count: bytes[index] = UInt8.random(in: 0...255, using: &random)
      case 2 where index < bytes.count: bytes.remove(at: index)
      case 3: bytes.removeLast(bytes.count - index)
      case 4: bytes.insert(contentsOf: corpus.randomElement(using: &random) ?? [], at: index)
      default:
        bytes.insert(
          contentsOf: Array("[]{}\",:\\-0159/ e".utf8).shuffled(using: &random).prefix(2), at: index)
      }
    }
    return bytes
  }

  private static func isWithin(_ packet: SocketPacket, _ count: Int) -> Bool {
    let ranges =
      [packet.namespace, packet.namespaceName, packet.idDigits]
      + [packet.payload, packet.event, packet.arguments].compactMap { $0 }
    return ranges.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= count }
      && (packet.id == nil) == packet.idDigits.isEmpty
  }

  private static func isSound(_ outcome: StreamOutcome) -> Bool {
    (outcome.packets + outcome.waiting + outcome.partials + outcome.brokenPackets).allSatisfy {
      isWithin($0.packet, $0.text.count)
    }
      && outcome.packets.allSatisfy { packet in
        // What is given as JSON is JSON.
        packet.packet.isTruncated || packet.packet.payload == nil
          || isJSON(packet.text[packet.packet.payload ?? 0..<0])
      }
      && outcome.packets.allSatisfy { packet in
        packet.packet.arguments.map { isJSON(Array("[".utf8) + packet.text[$0] + Array("]".utf8)) } ?? true
      }
  }

  private static func isJSON(_ bytes: some Collection<UInt8>) -> Bool {
    Array(bytes).withUnsafeBytes { raw in
      var scanner = JSONScanner(raw)
      do throws(JSONFault) {
        try scanner.skipValue()
        try scanner.expectEnd()
        return true
      } catch {
        return false
      }
    }
  }

  @Test(arguments: [1, 2] as [UInt64]) func mutatedMessagesNeverLeaveTheirBounds(_ seed: UInt64) {
    var random = SeededRandom(seed)
    var limits = SocketPacketLimits()
    limits.packetBytes = 200
    limits.attachmentBytes = 20
    limits.attachments = 3
    limits.depth = 10
    for iteration in 0..<10_000 {
      let messages = (0..<Int.random(in: 1...4, using: &random)).map { _ in
        (isText: Int.random(in: 0..<3, using: &random) > 0, bytes: Self.mutated(&random))
      }
      let parser = [nil, SocketPacketParser.text, .msgpack, .json].randomElement(using: &random) ?? nil
      let outcome = decode(
        messages, revision: Bool.random(using: &random) ? .four : .five, limits: limits, parser: parser)
      #expect(Self.isSound(outcome), "seed \(seed), iteration \(iteration): \(messages)")
      #expect(outcome.packets.allSatisfy { $0.attachments.count <= 3 && $0.attachments.joined().count <= 20 })
    }
  }

  @Test(arguments: [3, 4] as [UInt64]) func mutatedBodiesNeverLeaveTheirBounds(_ seed: UInt64) {
    var random = SeededRandom(seed)
    for iteration in 0..<10_000 {
      let body = Self.mutated(&random)
      withBytes(body) { bytes in
        for version in [EngineIOVersion.v3, .v4] {
          for isBinary in [false, true] {
            let payload = PollingPayload(body: bytes, version: version, isBinary: isBinary)
            var position = 0
            for packet in payload.packets {
              #expect(
                packet.payload.lowerBound >= position && packet.payload.upperBound <= body.count,
                "seed \(seed), iteration \(iteration): \(body)")
              position = packet.payload.upperBound
            }
            #expect((payload.refusal?.offset ?? 0) <= body.count)
            _ = OneShotDecoder.decode(bytes, layer: .polling, version: version, isText: !isBinary)
          }
        }
        var sink = ByteSink()
        try? JSONP.unwrapResponse(bytes, into: &sink)
        try? JSONP.unwrapRequest(bytes, into: &sink)
        Base64.decode(bytes, into: &sink)
        #expect(sink.count <= 6 * body.count)
      }
    }
  }

  @Test func noiseIsRefusedOrDecodedButNeverFatal() {
    var random = SeededRandom(5)
    for _ in 0..<5000 {
      let bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in
        UInt8.random(in: 0...255, using: &random)
      }
      for parser in [nil, SocketPacketParser.text, .msgpack, .json] {
        #expect(Self.isSound(decode([(true, bytes), (false, bytes)], parser: parser)))
      }
    }
  }

  @Test func deepNestingEndsInARefusal() {
    let deep = String(repeating: "[", count: 2_000_000)
    #expect(decode(text: "2" + deep).refusals.map(\.reason) == [.tooDeep])
    #expect(decode(text: #"{"type":2,"nsp":"/","data":"# + deep).sawCustomParser)
    let placeholders = String(repeating: #"{"a":"#, count: 4000) + "1" + String(repeating: "}", count: 4000)
    #expect(!decode([(true, Array("51-[\"a\",\(placeholders)]".utf8)), (false, [1])]).isRefused)
  }
}
