import Foundation
import Testing

/// Text kept beside the tests, that output is compared with. A run that has to record one fails.
enum Snapshot {
  static func path(_ folder: String, _ name: String) -> String {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("\(folder)/\(name)")
      .path
  }

  static func expect(_ text: String, matches name: String, sourceLocation: SourceLocation = #_sourceLocation)
  {
    let path = path("Snapshots", name)
    guard let bytes = FileManager.default.contents(atPath: path) else {
      _ = FileManager.default.createFile(atPath: path, contents: Data(text.utf8))
      Issue.record("recorded \(name): look at it, then run again", sourceLocation: sourceLocation)
      return
    }
    let expected = String(decoding: bytes, as: UTF8.self)
    if text == expected { return }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let wanted = expected.split(separator: "\n", omittingEmptySubsequences: false)
    let place = zip(lines, wanted).prefix { $0 == $1 }.count
    let (found, due) = (place < lines.count ? lines[place] : "", place < wanted.count ? wanted[place] : "")
    Issue.record(
      "\(name) differs from line \(place + 1) on:\n- \(due)\n+ \(found)", sourceLocation: sourceLocation)
  }
}
