import CaptureFormat
import JSONText

/// What is counted of one capture whatever the filter: to check its numbering and its own totals.
struct CaptureAccount {
  /// The files, each with its first record's number.
  private(set) var files: [(path: String, firstSeq: Int)]
  /// Which set of files it is, and the number of the one read last; nil where it is one file.
  var mark: (set: String, part: Int)?
  /// Whether everything from the capture's first record on was read.
  var isWhole = true
  /// The name of the file that the last one read says is next.
  var next: String?
  var ackTimeout = 5_000_000
  var upstream: String?
  var firstTime: CaptureTimestamp?
  var lastTime: CaptureTimestamp?
  var connections = 0
  var sessions = 0
  var packets = 0
  var emits = 0
  var acks = 0
  var tally = VerdictTally()
  var hasEnd = false
  private var lastSeq: Int?

  init(path: String) {
    files = [(path, 0)]
  }

  /// The next records come from another file.
  mutating func fileOpened(path: String) {
    files.append((path, .max))
    next = nil
  }

  /// The files in the order in which they were read.
  var paths: [String] { files.map(\.path) }

  /// The file, or the first and the last of several.
  var name: String {
    files.count == 1 ? files[0].path : "\(files[0].path) … \(files[files.count - 1].path)"
  }

  /// Where a record stands.
  func path(ofSeq seq: Int) -> String { (files.last { $0.firstSeq <= seq } ?? files[0]).path }

  /// Takes note of a record's number and time; returns the number it should have had where that is another.
  mutating func recordRead(seq: Int, time: CaptureTimestamp) -> Int? {
    let expected = lastSeq.map { $0 &+ 1 }
    lastSeq = seq
    if let last = files.indices.last, files[last].firstSeq == .max { files[last].firstSeq = seq }
    if firstTime == nil { firstTime = time }
    lastTime = max(lastTime ?? time, time)
    return expected == seq ? nil : expected
  }

  /// Compares the totals of an `end` record with what was counted; returns one line for each difference.
  func differences(from end: CaptureRecord) -> [String] {
    var lines: [String] = []
    guard isWhole else { return lines }
    func compare(_ name: String, _ said: Int?, _ counted: Int) {
      if let said, said != counted {
        lines.append("its end record says \(name) \(said), but counted are \(counted)")
      }
    }
    compare("connections", end.integer(.connections), connections)
    compare("sessions", end.integer(.sessions), sessions)
    compare("packets", end.integer(.packets), packets)
    compare("emits", end.integer(.emits), emits)
    compare("acks", end.integer(.acks), acks)
    if let literal = end[.verdicts], let verdicts = try? JSONValue(parsing: literal) {
      for name in CaptureNames.verdicts where name != "pending" && name != "overdue" {
        compare("emits \(name)", verdicts[name]?.integer ?? 0, tally.count(of: name, cause: nil))
      }
    }
    return lines
  }

  /// Appends the `end` record that says what was counted.
  func appendEnd(seq: Int, time: CaptureTimestamp, to sink: inout ByteSink) {
    sink.append("{\"type\":\"end\",\"seq\":\(seq),\"ts\":\"" as String)
    sink.append(timestamp: time)
    sink.append(0x22)
    for (name, count) in [
      ("connections", connections), ("sessions", sessions), ("packets", packets), ("emits", emits),
      ("acks", acks),
    ] {
      sink.append(",\"\(name)\":\(count)" as String)
    }
    sink.append(",\"verdicts\":{" as StaticString)
    let known = tally.verdicts.filter { $0.name != "pending" && $0.name != "overdue" }
    for (index, verdict) in known.enumerated() {
      if index > 0 { sink.append(0x2C) }
      sink.append(jsonString: verdict.name)
      sink.append(":\(verdict.count)" as String)
    }
    sink.append("}}\n" as StaticString)
  }
}
