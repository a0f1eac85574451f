import AckCorrelation
import CaptureFormat
import Foundation
import HTTPArchive
import JSONText
import SessionDecoder
import Testing

/// The capture that was made of a HAR.
struct Converted {
  let lines: [String]
  let records: [JSONValue]
  let account: HARReader.Account

  init(har: String, keepsSecrets: Bool = false, redact: [String] = []) throws {
    let bytes = Array(har.utf8)
    let reader = try bytes.withUnsafeBytes { try HARReader($0) }
    var options = DecoderOptions(tool: "test/1")
    options.ackTimeout = reader.ackTimeout ?? options.ackTimeout
    var decoder = TrafficDecoder(
      options: options,
      redactor: Redactor(
        names: SecretNames(adding: redact), hash: KeyedHash(key: (1, 2)), isOn: !keepsSecrets))
    var text = ""
    account = reader.write(through: &decoder) { piece in
      text += String(decoding: piece, as: UTF8.self)
      return true
    }
    lines = text.split(separator: "\n").map(String.init)
    records = try lines.map { try JSONValue(parsing: $0) }
  }

  init(capture lines: [String]) throws {
    self.lines = lines
    records = try lines.map { try JSONValue(parsing: $0) }
    account = HARReader.Account()
  }

  /// The HAR that is made of the capture.
  func har() throws -> (text: String, losses: HARLosses) {
    var writer = HARWriter(tool: "ackscope/test")
    var scanner = CaptureRecordScanner()
    for line in lines {
      let bytes = Array(line.utf8)
      try bytes.withUnsafeBytes { writer.recordRead(try scanner.record(in: $0)) }
    }
    var text = ""
    writer.write { piece in
      text += String(decoding: piece, as: UTF8.self)
      return true
    }
    return (text, writer.losses)
  }

  func packets(_ socket: String) -> [JSONValue] { records.filter { $0["socket"]?.string == socket } }

  /// What was said, without times, numbers of records and bytes: one line for each emit and ack, by connection (the order of
  /// what different connections said in the same microsecond is nobody's business).
  var story: [String] {
    let packets = records.filter {
      ["event", "ack", "binary_event", "binary_ack"].contains($0["socket"]?.string ?? "")
    }
    let order = packets.indices.sorted {
      (packets[$0]["conn"]?.integer ?? 0, $0) < (packets[$1]["conn"]?.integer ?? 0, $1)
    }
    return order.map { place in
      ["conn", "from", "transport", "socket", "namespace", "id", "event", "args", "attachments"]
        .map { packets[place][$0]?.text ?? "-" }.joined(separator: " ")
    }
  }

  /// The final verdicts, with cause and certainty.
  var verdicts: [String] {
    records.filter { $0["type"]?.string == "verdict" && $0["final"]?.boolean == true }.map { verdict in
      ["event", "id", "verdict", "cause", "certainty"].map { verdict[$0]?.text ?? "-" }.joined(separator: " ")
    }.sorted()
  }

  private static let samples = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("captures")

  /// The captures of the repository's `captures`; those of somebody's own runs begin with a digit.
  static func sampleNames() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: samples.path).filter {
      $0.hasSuffix(".jsonl") && $0.first?.isNumber == false
    }.sorted()
  }

  /// One of them.
  static func sample(_ name: String) throws -> Converted {
    let text = try String(contentsOf: samples.appendingPathComponent(name), encoding: .utf8)
    return try Converted(capture: text.split(separator: "\n").map(String.init))
  }
}
