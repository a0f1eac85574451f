import JSONText
import Testing

@testable import CaptureFormat

@Suite struct CaptureRecordTests {
  /// Scans a line and lends its record.
  static func scan<Result>(_ line: String, _ body: (CaptureRecord) throws -> Result) throws -> Result {
    var scanner = CaptureRecordScanner()
    return try Array(line.utf8).withUnsafeBytes { try body(try scanner.record(in: $0)) }
  }

  static let ack = """
    {"type":"packet","seq":42,"ts":"2026-11-23T10:00:02.122190Z","conn":3,"session":2,"from":"server","transport":"websocket",\
    "socket":"ack","namespace":"/","id":7,"args":[{"ok":true}],"bytes":15,"ack_of":41,"latency_us":1845}
    """

  @Test func membersAreSlicesOfTheLine() throws {
    try Self.scan(Self.ack) { record in
      #expect(record.kind == .packet && record.seq == 42 && record.conn == 3 && record.session == 2)
      #expect(record.from == .server && record.transport == .websocket && record.socketKind == .ack)
      #expect(record.time.microseconds == 1_795_428_002_122_190)
      #expect(record[.args].map { String(decoding: $0, as: UTF8.self) } == "[{\"ok\":true}]")
      #expect(record.integer(.ackOf) == 41 && record.integer(.latency) == 1845 && record.integer(.id) == 7)
      #expect(record.string(.namespace) == "/" && record[.event] == nil && record.string(.id) == nil)
    }
  }

  @Test func everyMemberIsFoundByTheNameThatCapturesSpell() throws {
    for member in CaptureRecordMember.allCases {
      if [.type, .seq, .ts, .conn, .session, .from].contains(member) { continue }
      let line = """
        {"type":"other","seq":1,"ts":"2026-11-23T10:00:02Z","\(member.name)":"found"}
        """
      try Self.scan(line) { #expect($0.string(member) == "found", "\(member.name)") }
      try Self.scan(line.replacing(member.name, with: member.name + "x")) { #expect($0[member] == nil) }
    }
  }

  @Test func orderWhiteSpaceEscapesAndRepeatsDoNotMatter() throws {
    let line = """
      { "ts" : "2026-11-23T10:00:02Z" , "unknown":[[{"seq":9}]], "from":"client","\\u0073eq":1,"type":"p\\u0061cket" , "seq": 5 }\r
      """
    try Self.scan(line) { record in
      #expect(record.kind == .packet && record.seq == 5 && record.from == .client && record.conn == nil)
      #expect(record.value(named: "unknown").map { String(decoding: $0, as: UTF8.self) } == "[[{\"seq\":9}]]")
      #expect(record.value(named: "absent") == nil)
    }
  }

  @Test(arguments: [
    ("{}", "type"), ("{\"type\":5,\"seq\":1,\"ts\":\"2026-11-23T10:00:02Z\"}", "type"),
    ("{\"type\":\"gap\",\"ts\":\"2026-11-23T10:00:02Z\"}", "seq"),
    ("{\"type\":\"gap\",\"seq\":-1,\"ts\":\"2026-11-23T10:00:02Z\"}", "seq"),
    ("{\"type\":\"gap\",\"seq\":1.5,\"ts\":\"2026-11-23T10:00:02Z\"}", "seq"),
    ("{\"type\":\"gap\",\"seq\":1}", "ts"), ("{\"type\":\"gap\",\"seq\":1,\"ts\":\"now\"}", "ts"),
    ("{\"type\":\"gap\",\"seq\":1,\"ts\":\"\"}", "ts"),
    ("{\"type\":\"gap\",\"seq\":1,\"ts\":\"2026-11-23T10:00:02Z\",\"conn\":\"3\"}", "conn"),
    ("{\"type\":\"gap\",\"seq\":1,\"ts\":\"2026-11-23T10:00:02Z\",\"from\":\"proxy\"}", "from"),
  ])
  func aRecordWithoutWhatEveryRecordHasIsAFault(_ line: String, _ member: String) {
    let fault = #expect(throws: CaptureRecordFault.self) { try Self.scan(line) { _ in } }
    #expect(fault?.reason.contains(member) == true)
  }

  @Test func everyPrefixOfALineIsAFaultAndNoTrap() {
    let bytes = Array(Self.ack.utf8)
    var scanner = CaptureRecordScanner()
    for length in 0..<bytes.count {
      let isRecord = bytes[..<length].withUnsafeBytes { (try? scanner.record(in: $0)) != nil }
      #expect(!isRecord, "prefix of \(length) bytes")
    }
  }

  /// The scanner takes short cuts through compact lines; a tree parser that takes none must agree.
  @Test func changedLinesAreJudgedAsTheTreeParserJudgesThem() {
    let seed: UInt64 = 20_261_123
    var state = seed
    func random(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    let replacements = Array("\"\\,:{}[]0 \n\tétu".utf8)
    var scanner = CaptureRecordScanner()
    var accepted = 0
    for round in 0..<20_000 {
      var bytes = Array(Self.ack.utf8)
      for _ in 0...random(2) {
        let place = random(bytes.count)
        switch random(3) {
        case 0: bytes[place] = replacements[random(replacements.count)]
        case 1: bytes.insert(replacements[random(replacements.count)], at: place)
        default: bytes.remove(at: place)
        }
      }
      let tree = try? JSONValue(parsing: bytes)
      let context: Comment = "seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self))"
      bytes.withUnsafeBytes { line in
        guard let record = try? scanner.record(in: line) else {
          let isWhole =
            tree?["type"]?.string != nil && tree?["seq"]?.integer != nil && tree?["conn"]?.integer != nil
            && tree?["session"]?.integer != nil && ["client", "server"].contains(tree?["from"]?.string)
            && Self.isTime(tree?["ts"]?.string)
          #expect(!isWhole, context)
          return
        }
        accepted += 1
        for member in CaptureRecordMember.allCases {
          let value = record[member].flatMap { try? JSONValue(parsing: $0) }
          #expect(value == tree?[member.name], context)
          _ = record.string(member) ?? "\(record.integer(member) ?? 0)"
        }
      }
    }
    #expect(accepted > 1_000 && accepted < 19_000)
  }

  private static func isTime(_ text: String?) -> Bool {
    text.map { Array($0.utf8).withUnsafeBytes { CaptureTimestamp(parsing: $0) != nil } } ?? false
  }

  @Test func attachmentSizesAreFoundWithoutDecoding() throws {
    let line = """
      {"type":"packet","seq":1,"ts":"2026-11-23T10:00:02Z","attachments":["","AQ==","AQI=","AQID","AQIDBA=="]}
      """
    let sizes = try Self.scan(line) { record in
      var sizes: [Int] = []
      record.forEachAttachmentSize { size in
        sizes.append(size)
        return true
      }
      return sizes
    }
    #expect(sizes == [0, 1, 2, 3, 4])
  }
}
