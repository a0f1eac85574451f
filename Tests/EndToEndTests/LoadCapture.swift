import Foundation

/// A capture of tens of thousands of records, as far as a load round asks: read in one go, because that is quick.
struct LoadCapture {
  /// The records' numbers, in their order.
  private(set) var seqs: [Int] = []
  /// `seq` of each file's first record.
  private(set) var beginnings: [Int] = []
  /// Numbers that no record has. Where the last file had only begun when the proxy was killed, the one before may lack its
  /// last record, `rotated`, which is written when the next one stands, and tells of no message.
  var missing: [Int] {
    let numbers = Set(seqs)
    let expected = (seqs.first ?? 1)...max(seqs.last ?? 1, seqs.first ?? 1)
    let unwritten = beginnings.count > 1 ? beginnings.last.map { $0 - 1 } : nil
    return expected.filter { !numbers.contains($0) && $0 != unwritten }
  }
  /// How many records there are of each type.
  private(set) var types: [String: Int] = [:]
  /// The ids of the emits and of the acks on record.
  private(set) var emits: Set<Int> = []
  private(set) var acks: Set<Int> = []
  /// `lost` of each gap.
  private(set) var gaps: [Int] = []
  /// Whether the last line had no line break; it is not among the records.
  private(set) var isTorn = false

  /// Reads the files one after another. Throws where a line other than a torn last one of the last file is no record.
  init(_ files: URL...) throws { try self.init(files) }

  init(_ files: [URL]) throws {
    for file in files {
      guard !isTorn else { throw PeerFailure("\(file.lastPathComponent) follows a torn file") }
      let data = try Data(contentsOf: file)
      let end = data.lastIndex(of: UInt8(ascii: "\n")) ?? data.startIndex
      isTorn = end + 1 < data.endIndex
      var lines = Data("[".utf8)
      lines += data[..<end].map { $0 == UInt8(ascii: "\n") ? UInt8(ascii: ",") : $0 }
      lines += Data("]".utf8)
      guard let records = try JSONSerialization.jsonObject(with: lines) as? [[String: Any]] else {
        throw PeerFailure("\(file.lastPathComponent): a line is no object")
      }
      for record in records { take(record) }
    }
  }

  /// The files of a set, in the order of their names.
  static func files(ofSet base: URL) throws -> [URL] {
    let folder = base.deletingLastPathComponent()
    let stem = base.deletingPathExtension().lastPathComponent
    return try FileManager.default.contentsOfDirectory(atPath: folder.path).filter {
      $0.wholeMatch(of: /(.+)\.\d{6}\.jsonl/)?.1 == stem[...]
    }.sorted().map { folder.appendingPathComponent($0) }
  }

  private mutating func take(_ record: [String: Any]) {
    seqs.append(record["seq"] as? Int ?? -1)
    let type = record["type"] as? String ?? ""
    if type == "capture" { beginnings.append(seqs[seqs.count - 1]) }
    types[type, default: 0] += 1
    if type == "gap" { gaps.append(record["lost"] as? Int ?? -1) }
    guard type == "packet", let id = record["id"] as? Int else { return }
    switch record["socket"] as? String {
    case "event": emits.insert(id)
    case "ack": acks.insert(id)
    default: break
    }
  }
}
