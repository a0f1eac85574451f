import Testing
import WebSocketFrames

/// Content codings of polling bodies (PROTOCOL.md A.10).
@Suite struct ContentDecoderTests {
  struct Coding: Sendable, CustomTestStringConvertible {
    var name: String
    var windowBits: Int32?
    var testDescription: String { "\(name) \(windowBits ?? 0)" }

    func encoded(_ plain: [UInt8]) -> [UInt8] {
      windowBits.map { Deflater(windowBits: $0).body(plain) } ?? plain
    }
  }

  static let codings = [
    Coding(name: "gzip", windowBits: 31), Coding(name: " X-GZip", windowBits: 31),
    Coding(name: "deflate", windowBits: 15), Coding(name: "Deflate", windowBits: 9),
    Coding(name: "deflate", windowBits: -15), Coding(name: "identity"), Coding(name: ""),
    Coding(name: "identity, gzip", windowBits: 31),
  ]

  static let plain = Array(
    "0{\"sid\":\"lv_VI97HAXpY6yYWAAAC\",\"upgrades\":[\"websocket\"],\"pingInterval\":25000}\u{1E}40".utf8)

  private func decoded(
    _ pieces: [[UInt8]], _ coding: String, limit: Int = 1 << 20
  ) throws -> (bytes: [UInt8], length: Int, isTruncated: Bool, outcome: ContentDecoder.Outcome) {
    guard var decoder = ContentDecoder(coding: coding, limit: limit) else {
      Issue.record("\(coding) is not decodable")
      return ([], 0, false, .incomplete)
    }
    var output: [UInt8] = []
    for piece in pieces { piece.withUnsafeBytes { decoder.receive($0, into: &output) } }
    let outcome = decoder.finish()
    return (output, decoder.length, decoder.isTruncated, outcome)
  }

  @Test(arguments: codings) func bodiesDecodeAtEverySplit(_ coding: Coding) throws {
    let body = coding.encoded(Self.plain)
    for cut in 0...body.count {
      let found = try decoded([Array(body[..<cut]), Array(body[cut...])], coding.name)
      #expect(found.bytes == Self.plain)
      #expect(found.outcome == .complete)
    }
    let found = try decoded(body.map { [$0] }, coding.name)
    #expect(found.bytes == Self.plain)
    #expect(found.outcome == .complete)
    #expect(!found.isTruncated)
  }

  @Test(arguments: codings) func emptyBodiesAreComplete(_ coding: Coding) throws {
    let none = try decoded([], coding.name)
    #expect(none.bytes == [] && none.outcome == .complete)
    let empty = try decoded([coding.encoded([])], coding.name)
    #expect(empty.bytes == [] && empty.outcome == .complete)
  }

  @Test(arguments: codings.filter { $0.windowBits != nil }) func aBodyCutShortIsIncomplete(_ coding: Coding)
    throws
  {
    let body = coding.encoded(Self.plain)
    for count in 1..<body.count {
      #expect(try decoded([Array(body[..<count])], coding.name).outcome == .incomplete)
    }
  }

  @Test(arguments: ["br", "zstd", "compress", "gzip, deflate", "gzip, gzip", "gzip;q=1"])
  func otherCodingsAreNotDecodable(_ coding: String) {
    let isDecodable = ContentDecoder(coding: coding, limit: 10) != nil
    #expect(!isDecodable)
  }

  @Test func damageIsReportedOnceAndBytesBehindItIgnored() throws {
    var body = Deflater(windowBits: 31).body(Self.plain)
    body[body.count - 5] ^= 1
    let found = try decoded([body, body, [1, 2, 3]], "gzip")
    #expect(found.bytes == Self.plain)
    guard case .corrupt(let offset) = found.outcome else {
      Issue.record("\(found.outcome)")
      return
    }
    #expect(offset > 0 && offset <= body.count)
    #expect(try decoded([[0x68, 0x69, 0x0A]], "gzip").outcome == .corrupt(offset: 2))
  }

  @Test func gzipMembersFollowEachOtherAndPaddingIsIgnored() throws {
    let first = Deflater(windowBits: 31).body(Array("ab".utf8))
    let second = Deflater(windowBits: 31).body(Array("cd".utf8))
    let body = first + second + [0, 0, 0x1F]
    #expect(try decoded([body], "gzip").bytes == Array("abcd".utf8))
    let slowly = try decoded(body.map { [$0] }, "gzip")
    #expect(slowly.bytes == Array("abcd".utf8))
    #expect(slowly.outcome == .complete)
  }

  @Test(arguments: ["gzip", "identity"]) func outputStopsAtTheLimitAndCountingDoesNot(_ coding: String) throws
  {
    let size = 8 << 20
    let plain = [UInt8](repeating: 0x30, count: size)
    let body = coding == "gzip" ? Deflater(windowBits: 31).body(plain) : plain
    let found = try decoded([body], coding, limit: 5000)
    #expect(found.bytes == [UInt8](repeating: 0x30, count: 5000))
    #expect(found.length == size)
    #expect(found.isTruncated)
    #expect(found.outcome == .complete)
  }

  @Test(arguments: 0..<60 as Range<UInt64>) func noiseNeverTraps(_ seed: UInt64) throws {
    var random = SplitMix64(seed: seed)
    let coding = ["gzip", "deflate"][random.below(2)]
    var body = random.bytes(random.below(100))
    if random.oneIn(2) {
      body = Deflater(windowBits: coding == "gzip" ? 31 : 15).body(Self.plain)
      body[random.below(body.count)] = UInt8(truncatingIfNeeded: random.next())
    }
    let whole = try decoded([body], coding)
    let slowly = try decoded(body.map { [$0] }, coding)
    #expect(whole.bytes == slowly.bytes && whole.outcome == slowly.outcome, "seed \(seed)")
  }
}
