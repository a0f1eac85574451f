import CaptureFormat
import CaptureStorage
import JSONText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Finds out which of the paths that a person gives are files of one capture, and in which order.
enum CaptureSetFiles {
  /// The paths in groups: the files of one set together, in the order of time; every other capture alone.
  ///
  /// A path that is no file, while numbered files of its name are there, stands for them.
  static func groups(_ paths: [String]) -> [[String]] {
    let files = withoutSeams(paths.flatMap(expanded))
    var groups: [[String]] = []
    var places: [String: Int] = [:]
    var parts: [String: Int] = [:]
    for path in files {
      guard files.count > 1, let mark = mark(of: path) else {
        groups.append([path])
        continue
      }
      parts[path] = mark.part
      if let place = places[mark.set] {
        if !groups[place].contains(path) { groups[place].append(path) }
      } else {
        places[mark.set] = groups.count
        groups.append([path])
      }
    }
    return groups.map { group in
      group.count == 1 ? group : group.sorted { (parts[$0] ?? 0, $0) < (parts[$1] ?? 0, $1) }
    }
  }

  /// How much there is of a first line in the file behind the last one of a group: what a kill between two files left
  /// behind, of which nothing was ever told.
  static func tornBeginning(behind group: [String]) -> Int {
    guard let last = group.last, let mark = mark(of: last) else { return 0 }
    return CaptureSetName.next(to: last, part: mark.part).flatMap(bytesWithoutLine) ?? 0
  }

  /// The files without those that a kill left behind before their first line was whole.
  private static func withoutSeams(_ files: [String]) -> [String] {
    files.enumerated().filter { index, path in
      guard index > 0, bytesWithoutLine(path) != nil, let before = mark(of: files[index - 1]) else {
        return true
      }
      return CaptureSetName.next(to: files[index - 1], part: before.part) != path
    }.map(\.element)
  }

  /// The size of a file that holds no whole line; nil for any other.
  private static func bytesWithoutLine(_ path: String) -> Int? {
    var status = stat()
    guard path != "-", stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      var file = try? CaptureFile(path: path)
    else { return nil }
    var size = 0
    while let block = try? file.nextBlock() {
      if block.contains(0x0A) { return nil }
      size += block.count
    }
    return size
  }

  private static func expanded(_ path: String) -> [String] {
    if path == "-" || access(path, F_OK) == 0 { return [path] }
    let slash = path.lastIndex(of: "/")
    let folder = slash.map { String(path[...$0]) } ?? ""
    let name = slash.map { String(path[path.index(after: $0)...]) } ?? path
    guard let directory = opendir(folder.isEmpty ? "." : folder) else { return [path] }
    defer { closedir(directory) }
    var found: [(part: UInt64, path: String)] = []
    while let entry = readdir(directory) {
      let entryName = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let part = CaptureSetName.part(of: entryName, base: name) {
        found.append((part, folder + entryName))
      }
    }
    return found.isEmpty ? [path] : found.sorted { $0.part < $1.part }.map(\.path)
  }

  /// What the first line of a file says of its set; nil for a capture that is one file, and for what cannot be read
  /// twice.
  private static func mark(of path: String) -> (set: String, part: Int)? {
    var status = stat()
    guard path != "-", stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      var file = try? CaptureFile(path: path), let block = try? file.nextBlock()
    else { return nil }
    var reader = CaptureReader()
    var mark: (String, Int)?
    var isFirst = true
    try? reader.bytesArrived(UnsafeRawBufferPointer(rebasing: block.prefix(64 << 10))) { item in
      if isFirst, case .record(let record) = item { mark = record.setMark }
      isFirst = false
    }
    return mark
  }
}

extension CaptureRecord {
  /// Which file of which set a `capture` record begins; nil where the capture is one file.
  var setMark: (set: String, part: Int)? {
    guard kind == .capture, let set = value(named: "set"), let part = value(named: "part") else { return nil }
    return Int(String(decoding: part, as: UTF8.self)).map { (JSONString.decode(set), $0) }
  }
}
