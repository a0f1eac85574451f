import JSONText

/// What one run of the load client found.
package struct LoadResult: Equatable, Sendable {
  /// Latencies in nanoseconds, from the time at which an emit was meant to be sent.
  package struct Latency: Equatable, Sendable {
    package var p50: Int64
    package var p90: Int64
    package var p99: Int64
    package var p999: Int64
    package var maximum: Int64
  }

  /// Emits with their ack, or connections set up, within the measured time.
  package var completed: Int
  /// Emits that had no ack when patience ended.
  package var unanswered = 0
  /// The measured time in nanoseconds.
  package var nanoseconds: Int64
  /// Processor time of the watched processes within the measured time; nil when none are.
  package var processorMicroseconds: Int64?
  package var latency: Latency?

  /// A second's share of `completed`.
  package var perSecond: Double { nanoseconds > 0 ? Double(completed) * 1e9 / Double(nanoseconds) : 0 }

  /// Processor time for each one completed, in microseconds.
  package var processorMicrosecondsEach: Double? {
    guard let processorMicroseconds, completed > 0 else { return nil }
    return Double(processorMicroseconds) / Double(completed)
  }

  /// The result as one line of JSON; `init(line:)` reads it.
  package var line: String {
    var sink = ByteSink()
    sink.append("{\"completed\":\(completed),\"unanswered\":\(unanswered),\"ns\":\(nanoseconds)")
    if let processorMicroseconds { sink.append(",\"cpu_us\":\(processorMicroseconds)") }
    if let latency {
      sink.append(
        ",\"p50\":\(latency.p50),\"p90\":\(latency.p90),\"p99\":\(latency.p99),\"p999\":\(latency.p999)")
      sink.append(",\"max\":\(latency.maximum)")
    }
    sink.append(0x7D)
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  package init(completed: Int, nanoseconds: Int64) {
    self.completed = completed
    self.nanoseconds = nanoseconds
  }

  /// Reads what `line` gives; nil for anything else.
  package init?(line: String) {
    guard let value = try? JSONValue(parsing: line), let completed = value["completed"]?.integer,
      let nanoseconds = value["ns"]?.integer
    else { return nil }
    self.init(completed: completed, nanoseconds: Int64(nanoseconds))
    unanswered = value["unanswered"]?.integer ?? 0
    processorMicroseconds = value["cpu_us"]?.integer.map(Int64.init)
    func time(_ name: String) -> Int64? { value[name]?.integer.map(Int64.init) }
    if let p50 = time("p50"), let p90 = time("p90"), let p99 = time("p99"), let p999 = time("p999"),
      let maximum = time("max")
    {
      latency = Latency(p50: p50, p90: p90, p99: p99, p999: p999, maximum: maximum)
    }
  }
}
