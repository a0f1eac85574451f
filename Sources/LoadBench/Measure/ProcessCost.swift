#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What processes have cost so far, as the kernel tells in `/proc`; nil where there is none, or no such process.
enum ProcessCost {
  /// Microseconds of processor time, user and system, of all threads, living and ended.
  ///
  /// `/proc/PID/stat` counts in ticks of 10 ms: over seconds of load the error is below 1 %.
  static func processorMicroseconds(of processes: [Int32]) -> Int64? {
    var total: Int64 = 0
    for process in processes {
      guard let fields = stat(of: process), fields.count > 12, let user = Int64(fields[11]),
        let system = Int64(fields[12])
      else { return nil }
      total += (user + system) * 1_000_000 / Int64(max(1, sysconf(Int32(_SC_CLK_TCK))))
    }
    return processes.isEmpty ? nil : total
  }

  /// Bytes resident for these processes (`Pss`: a page shared by n processes counts as 1/n for each).
  static func residentBytes(of processes: [Int32]) -> Int64? {
    var total: Int64 = 0
    for process in processes {
      if let proportional = kibibytes("Pss:", in: "/proc/\(process)/smaps_rollup") {
        total += proportional
      } else if let resident = kibibytes("VmRSS:", in: "/proc/\(process)/status") {
        total += resident
      } else {
        return nil
      }
    }
    return processes.isEmpty ? nil : total << 10
  }

  /// A process and those that it and its children started: a server's workers belong to its cost.
  static func family(of ancestor: Int32) -> [Int32] {
    var family = [ancestor]
    var children: [Int32: [Int32]] = [:]
    guard let directory = opendir("/proc") else { return family }
    defer { closedir(directory) }
    while let entry = readdir(directory) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard let process = Int32(name), let fields = stat(of: process), fields.count > 1,
        let parent = Int32(fields[1])
      else { continue }
      children[parent, default: []].append(process)
    }
    var index = 0
    while index < family.count {
      family += children[family[index]] ?? []
      index += 1
    }
    return family
  }

  /// The fields of `/proc/PID/stat` behind the name, which may hold anything: the state is the first of them.
  private static func stat(of process: Int32) -> [Substring]? {
    guard let text = SmallFile.text(of: "/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else {
      return nil
    }
    return text[text.index(after: end)...].split(whereSeparator: { $0 == " " || $0 == "\n" })
  }

  private static func kibibytes(_ name: String, in path: String) -> Int64? {
    guard let text = SmallFile.text(of: path) else { return nil }
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      return line.split(separator: " ").dropFirst().first.flatMap { Int64($0) }
    }
    return nil
  }
}
