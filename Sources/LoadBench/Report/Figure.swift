/// What a comparison tells about each way.
package enum Figure: String, CaseIterable, Sendable {
  case roundTrips = "round_trips_per_s"
  case processor = "proxy_cpu_us_per_round_trip"
  case latency50 = "latency_p50_us"
  case latency90 = "latency_p90_us"
  case latency99 = "latency_p99_us"
  case latency999 = "latency_p999_us"
  case added50 = "added_p50_us"
  case added90 = "added_p90_us"
  case added99 = "added_p99_us"
  case added999 = "added_p999_us"
  case answeredAtRate = "answered_at_rate_per_s"
  case processorAtRate = "proxy_cpu_us_per_round_trip_at_rate"
  case unanswered = "unanswered_at_rate"
  case setups = "setups_per_s"
  case idleMemory = "memory_kib_per_idle_connection"
  case captureBytes = "capture_bytes_per_record"

  /// What a table calls it.
  var title: String {
    switch self {
    case .roundTrips: "round trips/s"
    case .processor: "proxy CPU per round trip, µs"
    case .latency50: "latency at the rate: p50, µs"
    case .latency90: "p90, µs"
    case .latency99: "p99, µs"
    case .latency999: "p99.9, µs"
    case .added50: "added to direct: p50, µs"
    case .added90: "p90, µs"
    case .added99: "p99, µs"
    case .added999: "p99.9, µs"
    case .answeredAtRate: "answered/s at the rate"
    case .processorAtRate: "proxy CPU per round trip, µs"
    case .unanswered: "unanswered"
    case .setups: "connections set up/s"
    case .idleMemory: "memory per idle connection, KiB"
    case .captureBytes: "capture bytes per record"
    }
  }

  /// Digits behind the point in a table.
  var digits: Int {
    switch self {
    case .processor, .processorAtRate, .idleMemory, .captureBytes: 1
    default: 0
    }
  }

  /// Figures that a ratio between two ways says something about.
  static let compared: [Figure] = [
    .roundTrips, .processor, .added50, .added99, .processorAtRate, .setups, .idleMemory,
  ]
}
