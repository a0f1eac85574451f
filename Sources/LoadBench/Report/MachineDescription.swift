#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The machine that figures are of.
package struct MachineDescription: Equatable, Sendable {
  package var processor: String
  package var cores: Int
  package var memoryGiB: Int
  package var system: String

  package init(processor: String, cores: Int, memoryGiB: Int, system: String) {
    self.processor = processor
    self.cores = cores
    self.memoryGiB = memoryGiB
    self.system = system
  }

  /// This machine.
  package static var here: MachineDescription {
    let processor = SmallFile.text(of: "/proc/cpuinfo")?.split(separator: "\n")
      .first { $0.hasPrefix("model name") }?.split(separator: ":", maxSplits: 1).last
      .map { String($0.drop { $0 == " " }) }
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    let page = sysconf(Int32(_SC_PAGESIZE))
    var name = utsname()
    uname(&name)
    func text<Tuple>(_ tuple: Tuple) -> String {
      withUnsafeBytes(of: tuple) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
    return MachineDescription(
      processor: processor ?? text(name.machine), cores: Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))),
      memoryGiB: Int((Double(pages) * Double(page) / Double(1 << 30)).rounded()),
      system: "\(text(name.sysname)) \(text(name.release))")
  }

  /// The machine in a line.
  var line: String { "\(processor), \(cores) cores, \(memoryGiB) GiB, \(system)" }
}
