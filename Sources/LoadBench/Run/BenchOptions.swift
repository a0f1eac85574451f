/// What a comparison measures, and how long.
package struct BenchOptions: Sendable {
  /// A proxy of the user's that stands in front of the bench server.
  package struct Via: Equatable, Sendable {
    package var name: String
    /// Its port on 127.0.0.1.
    package var port: UInt16
    /// The process whose processor time and memory are its cost, with all that it started; nil leaves them out.
    package var process: Int32?

    /// `NAME=PORT` or `NAME=PORT:PID`; nil for anything else.
    package init?(_ text: String) {
      let parts = text.split(separator: "=", omittingEmptySubsequences: false)
      guard parts.count == 2, !parts[0].isEmpty, parts[0].utf8.allSatisfy({ (0x21...0x7E).contains($0) })
      else {
        return nil
      }
      let numbers = parts[1].split(separator: ":", omittingEmptySubsequences: false)
      guard let first = numbers.first, let port = UInt16(first), port > 0, numbers.count <= 2 else {
        return nil
      }
      name = String(parts[0])
      self.port = port
      if numbers.count == 2 {
        guard let process = Int32(numbers[1]), process > 0 else { return nil }
        self.process = process
      }
    }
  }

  /// The load; `port`, `measure` and `watched` are set for each run.
  package var load = LoadPlan(port: 0, measure: .closed)
  package var rounds = 5
  package var vias: [Via] = []
  /// Where the bench server listens; 0 picks a port.
  package var serverPort: UInt16 = 0
  /// Connections that are held open to measure their memory; 0 leaves that out.
  package var idleConnections = 1000
  /// Bytes of one payload that the proxy's capture keeps; nil leaves the proxy's own limit.
  package var keptPayload: Int?

  package init() {}

  /// Roughly how long everything takes, in seconds.
  package var expectedSeconds: Int {
    let each = Double(load.milliseconds) / 1000 * 1.1 + 0.3
    return Int(Double(rounds * (vias.count + 2)) * (2 * each + 0.5)) + 3
  }
}
