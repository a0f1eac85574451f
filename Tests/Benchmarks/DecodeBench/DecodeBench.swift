import CAllocationCount

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Pushes emits and their acks through the decoder, from bytes to records, without sockets: what a message costs in
/// time, in records and in allocations.
///
/// `decode-bench [--messages N] [--payload BYTES] [--window N] [--most-allocations X]` exits with 1 where a message
/// takes more than X allocations.
@main
enum DecodeBench {
  static func main() {
    var messages = 1_000_000
    var payload = 100
    var window = 4
    var most: Double?
    var words = CommandLine.arguments.dropFirst()
    while let name = words.popFirst() {
      guard let value = words.popFirst().flatMap(Double.init), value >= 0, value < 1e9 else { usage() }
      switch name {
      case "--messages": messages = max(2, Int(value))
      case "--payload": payload = Int(value)
      case "--window": window = max(1, Int(value))
      case "--most-allocations": most = value
      default: usage()
      }
    }
    var traffic = MessageTraffic(payload: payload, window: window)
    // Everything that is allocated once is allocated before counting.
    _ = traffic.push(messages: max(1000, messages / 20))
    let done = traffic.push(messages: messages)
    let nanoseconds = Double(done.nanoseconds) / Double(done.messages)
    let each = Double(done.allocations) / Double(done.messages)
    let counted = ackscope_counts_allocations() == 1
    print("messages             \(done.messages)")
    print("ns per message       \(rounded(nanoseconds, 10))")
    print("bytes per record     \(rounded(Double(done.bytes) / Double(max(1, done.records)), 10))")
    print("records per message  \(rounded(Double(done.records) / Double(done.messages), 1000))")
    print("mallocs per message  \(counted ? "\(rounded(each, 10_000))" : "not counted here")")
    guard done.records >= done.messages else {
      print("FAILED: fewer records than messages; this was no measurement")
      exit(1)
    }
    if let most, counted, each > most {
      print("FAILED: more than \(most) mallocs per message")
      exit(1)
    }
  }

  private static func usage() -> Never {
    print("usage: decode-bench [--messages N] [--payload BYTES] [--window N] [--most-allocations X]")
    exit(2)
  }

  private static func rounded(_ value: Double, _ scale: Double) -> Double {
    (value * scale).rounded() / scale
  }
}

/// The clock of the benchmark.
enum MonotonicTime {
  /// Nanoseconds since some moment before the process began.
  static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
