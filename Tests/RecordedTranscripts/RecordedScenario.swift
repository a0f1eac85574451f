import AckCorrelation
import Foundation
import JSONText

/// A recorded session of real peers with its truth (`transcripts.jsonl`).
package struct RecordedScenario: Sendable, CustomStringConvertible {
  /// Its name, such as `sio-late-ack-polling`.
  package let id: String
  /// The ack timeout to judge it with, in microseconds.
  package let ackTimeout: Int64
  /// Everything that happened, in order of time.
  package let steps: [RecordedStep]
  /// Connections for which the server could not be reached.
  package let refused: Set<Int>
  /// Whether the recording relay told a client late that its server's side had ended, or a server late what its client did:
  /// what happened on both sides meanwhile crossed on its way.
  package let endsCross: Bool
  /// What became of its emits.
  package let truth: TranscriptTruth

  package var description: String { id }

  /// All recordings.
  package static let all: [RecordedScenario] = {
    guard let url = Bundle.module.url(forResource: "transcripts", withExtension: "jsonl"),
      let text = try? String(contentsOf: url, encoding: .utf8)
    else { return [] }
    return text.split(separator: "\n").compactMap { line in
      (try? JSONValue(parsing: String(line))).flatMap(RecordedScenario.init)
    }
  }()

  private init?(_ json: JSONValue) {
    guard let id = json["id"]?.string else { return nil }
    self.id = id
    ackTimeout = Int64(json["settings"]?["ack_timeout_ms"]?.integer ?? 5000) * 1000
    endsCross =
      json["settings"]?["relay_delay_of_server_end_ms"] != nil
      || json["settings"]?["relay_delay_to_server_ms"] != nil
    truth = TranscriptTruth(json["truth"])
    var steps: [RecordedStep] = []
    for connection in json["connections"]?.array ?? [] {
      for event in connection["events"]?.array ?? [] {
        guard let number = connection["conn"]?.integer, let what = Self.what(event) else { return nil }
        let milliseconds = Double(event["ms"]?.number ?? "0") ?? 0
        steps.append(
          RecordedStep(time: Int64((milliseconds * 1000).rounded()), connection: number, what: what))
      }
    }
    // A stable sort: within a connection the recorded order counts.
    self.steps = steps.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
      .map(\.element)
    refused = Set(
      steps.filter { if case .refused = $0.what { true } else { false } }.map(\.connection))
  }

  private static func what(_ event: JSONValue) -> RecordedStep.What? {
    let peer: Peer = event["from"]?.string == "client" ? .client : .server
    switch event["kind"]?.string {
    case "connect": return .connected
    case "refused": return .refused
    case "fin": return .finished(peer)
    case "reset": return .reset(peer)
    case nil:
      return event["b64"]?.string.flatMap { Data(base64Encoded: $0) }.map { .bytes(Array($0), from: peer) }
    default: return nil
    }
  }
}
