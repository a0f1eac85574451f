import CaptureFormat
import JSONText

/// The first line of a slice or a merged capture.
struct SliceHead {
  /// The first lines of the captures, as they stand there.
  let lines: [[UInt8]]
  /// The filter that chose the records, or nil.
  let filter: String?
  let takesWholeSessions: Bool

  /// Which capture began first: the slice has its first line, with its own `seq`.
  static func earliest(of lines: [[UInt8]]) -> Int {
    var found: (place: Int, time: CaptureTimestamp)?
    for (place, line) in lines.enumerated() {
      guard let time = member("ts", of: line)?.string.flatMap(CaptureTimestamp.init(text:)) else { continue }
      if found.map({ time < $0.time }) ?? true { found = (place, time) }
    }
    return found?.place ?? 0
  }

  /// Appends the line. Of several captures it names all under `merged`, takes the longest ack timeout (whatever is late by
  /// a shorter one has a record that says so), and says that secrets were kept where one of them kept them.
  func write(to sink: inout ByteSink) throws(JSONFault) {
    let trees = try lines.map { line throws(JSONFault) in try JSONValue(parsing: line) }
    guard case .object(var members) = trees[Self.earliest(of: lines)] else { return }
    func set(_ name: String, _ value: JSONValue) {
      if let place = members.firstIndex(where: { $0.name == name }) {
        members[place].value = value
      } else {
        members.append((name, value))
      }
    }
    set("seq", .number("1"))
    // It is one file, whatever the capture was.
    members.removeAll { $0.name == "set" || $0.name == "part" }
    if trees.count > 1 {
      let timeouts = trees.compactMap { $0["ack_timeout_us"]?.integer }
      if let longest = timeouts.max() { set("ack_timeout_us", .number("\(longest)")) }
      if trees.contains(where: { $0["redaction"]?.string == "off" }) { set("redaction", .string("off")) }
      let sources = trees.map { tree in
        JSONValue.object(
          ["listen", "upstream", "started"].compactMap { name in tree[name].map { (name, $0) } })
      }
      set("merged", .array(sources))
    }
    if let filter {
      set("filter", .string(filter))
      if takesWholeSessions { set("whole_sessions", .boolean(true)) }
    }
    JSONValue.object(members).write(to: &sink)
    sink.append(0x0A)
  }

  /// What shows that two captures are parts of one run: they share the numbers of connections, sessions and records.
  static func run(of line: [UInt8]) -> String {
    ["started", "listen", "upstream", "tool"].map { member($0, of: line)?.text ?? "" }
      .joined(separator: " ")
  }

  private static func member(_ name: String, of line: [UInt8]) -> JSONValue? {
    (try? JSONValue(parsing: line))?[name]
  }
}

extension CaptureTimestamp {
  fileprivate init?(text: String) {
    var text = text
    guard let time = text.withUTF8({ CaptureTimestamp(parsing: UnsafeRawBufferPointer($0)) }) else {
      return nil
    }
    self = time
  }
}
