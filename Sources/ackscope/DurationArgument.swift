import ArgumentParser

/// A duration on the command line: `500ms`, `5s`, `2m`, `1h`.
struct DurationArgument: ExpressibleByArgument, CustomStringConvertible {
  let microseconds: Int64

  init(microseconds: Int64) {
    self.microseconds = microseconds
  }

  init?(argument: String) {
    let units: [(String, Double)] = [("us", 1), ("ms", 1e3), ("s", 1e6), ("m", 6e7), ("h", 3.6e9)]
    for (suffix, scale) in units where argument.hasSuffix(suffix) {
      guard let number = Double(argument.dropLast(suffix.count)), number >= 0, number * scale < 9e15 else {
        continue
      }
      microseconds = Int64((number * scale).rounded())
      return
    }
    return nil
  }

  var description: String {
    switch microseconds {
    case let time where time % 1_000_000 == 0: "\(time / 1_000_000)s"
    case let time where time % 1000 == 0: "\(time / 1000)ms"
    default: "\(microseconds)us"
    }
  }

  var defaultValueDescription: String { description }
}

/// A size on the command line: `1024`, `64KiB`, `10MiB`, `1GiB`; `kB` and `MB` count in thousands.
struct SizeArgument: ExpressibleByArgument, CustomStringConvertible {
  let bytes: Int

  init(bytes: Int) {
    self.bytes = bytes
  }

  init?(argument: String) {
    let units: [(String, Int)] = [
      ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("kB", 1000), ("MB", 1_000_000),
      ("GB", 1_000_000_000),
      ("B", 1), ("", 1),
    ]
    for (suffix, scale) in units where argument.hasSuffix(suffix) {
      guard let number = Int(argument.dropLast(suffix.count)), number >= 0 else { continue }
      let (product, overflow) = number.multipliedReportingOverflow(by: scale)
      guard !overflow else { return nil }
      bytes = product
      return
    }
    return nil
  }

  var description: String {
    switch bytes {
    case let size where size > 0 && size % (1 << 20) == 0: "\(size >> 20)MiB"
    case let size where size > 0 && size % (1 << 10) == 0: "\(size >> 10)KiB"
    default: "\(bytes)B"
    }
  }

  var defaultValueDescription: String { description }
}
