/// What one run of the load client does.
package struct LoadPlan: Equatable, Sendable {
  /// How the packets travel.
  package enum Transport: String, CaseIterable, Sendable {
    /// Straight WebSocket, without polling before it.
    case websocket
    /// A GET that always waits, and a POST for what is to be sent.
    case polling
  }

  /// What is measured.
  package enum Measure: String, CaseIterable, Sendable {
    /// Each connection keeps `window` emits in flight: how many round trips there are.
    case closed
    /// Emits at a fixed rate, whatever becomes of them: how long each takes.
    case rate
    /// Connections are set up one after the other, as many at once as `connections`.
    case setup
    /// Connections are open and silent.
    case idle
  }

  /// The port on 127.0.0.1 to connect to.
  package var port: UInt16
  package var measure: Measure
  package var transport = Transport.websocket
  /// Whether to offer permessage-deflate, and to insist on it.
  package var compresses = false
  /// Connections open at once.
  package var connections = 50
  /// Emits in flight for each connection, when closed.
  package var window = 4
  /// Bytes of the echoed string.
  package var payload = 100
  /// Emits a second over all connections, at a fixed rate.
  package var rate = 5000
  /// How long is measured, in milliseconds; a tenth of it, half a second at most, goes before it uncounted.
  package var milliseconds = 5000
  /// How many connections are set up.
  package var setups = 1000
  /// Processes whose processor time is told with the result.
  package var watched: [Int32] = []

  /// A run against a port of this machine.
  package init(port: UInt16, measure: Measure) {
    self.port = port
    self.measure = measure
  }

  /// The plan as words for a child's command line; `init(words:)` reads them.
  package var words: [String] {
    [
      "port=\(port)", "measure=\(measure.rawValue)", "transport=\(transport.rawValue)",
      "compresses=\(compresses ? 1 : 0)", "connections=\(connections)", "window=\(window)",
      "payload=\(payload)",
      "rate=\(rate)", "milliseconds=\(milliseconds)", "setups=\(setups)",
      "watched=" + watched.map(String.init).joined(separator: ","),
    ]
  }

  /// Reads what `words` gives; nil when a word is unknown or out of bounds.
  package init?(words: [String]) {
    self.init(port: 0, measure: .closed)
    for word in words {
      let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return nil }
      let value = String(parts[1])
      func number(_ bounds: ClosedRange<Int>) -> Int? {
        Int(value).flatMap { bounds.contains($0) ? $0 : nil }
      }
      switch parts[0] {
      case "port":
        guard let read = UInt16(value) else { return nil }
        port = read
      case "measure":
        guard let read = Measure(rawValue: value) else { return nil }
        measure = read
      case "transport":
        guard let read = Transport(rawValue: value) else { return nil }
        transport = read
      case "compresses": compresses = value == "1"
      case "connections":
        guard let read = number(1...100_000) else { return nil }
        connections = read
      case "window":
        guard let read = number(1...65_536) else { return nil }
        window = read
      case "payload":
        guard let read = number(0...(64 << 20)) else { return nil }
        payload = read
      case "rate":
        guard let read = number(1...10_000_000) else { return nil }
        rate = read
      case "milliseconds":
        guard let read = number(1...3_600_000) else { return nil }
        milliseconds = read
      case "setups":
        guard let read = number(1...1_000_000) else { return nil }
        setups = read
      case "watched":
        watched = value.split(separator: ",").compactMap { Int32($0) }
      default: return nil
      }
    }
  }
}
