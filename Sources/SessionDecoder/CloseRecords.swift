import AckCorrelation

/// The `close` records of connections, which outcomes name as evidence before they are written.
///
/// A leg ends earlier than its connection, so when the correlator is told, the record that shows it does not exist
/// yet. It is told a reference instead; outcomes that hold one wait, for a moment, until the record is there.
struct CloseRecords {
  private var seqs: [UInt32: UInt64] = [:]
  private var order: [UInt32] = []
  private var waiting: [(outcome: Outcome, since: Timestamp)] = []
  private var patience = Self.longestWait

  private static let mark: UInt64 = 1 << 63
  private static let kept = 4096
  /// Microseconds that an outcome waits for its evidence; then it goes without.
  private static let longestWait: Int64 = 1_000_000

  /// Stands for the `close` record that the connection will have.
  static func reference(to connection: ConnectionNumber) -> RecordSeq {
    RecordSeq(mark | UInt64(connection.number))
  }

  /// The record is there.
  mutating func add(_ seq: UInt64, for connection: ConnectionNumber) {
    seqs[connection.number] = seq
    order.append(connection.number)
    if order.count > Self.kept {
      for number in order.prefix(Self.kept / 2) { seqs[number] = nil }
      order.removeFirst(Self.kept / 2)
    }
  }

  /// The evidence with references replaced by what they stand for, and those that stand for nothing yet left out.
  func resolved(_ evidence: [RecordSeq]) -> [UInt64] {
    var numbers: [UInt64] = []
    for seq in evidence {
      guard
        let number = seq.number & Self.mark == 0 ? seq.number : seqs[UInt32(truncatingIfNeeded: seq.number)],
        !numbers.contains(number)
      else { continue }
      numbers.append(number)
    }
    return numbers
  }

  private func isComplete(_ evidence: [RecordSeq]) -> Bool {
    evidence.allSatisfy { $0.number & Self.mark == 0 || seqs[UInt32(truncatingIfNeeded: $0.number)] != nil }
  }

  var hasWaiting: Bool { !waiting.isEmpty }

  /// From now on nothing waits.
  mutating func stopWaiting() {
    patience = -1
  }

  /// Takes an outcome in; gives it back if its evidence is all there.
  mutating func admit(_ outcome: Outcome, at time: Timestamp) -> Outcome? {
    let evidence =
      switch outcome {
      case .verdict(let verdict): verdict.evidence
      case .finding(let finding): finding.evidence
      }
    if patience < 0 || isComplete(evidence) { return outcome }
    waiting.append((outcome, time))
    return nil
  }

  /// The outcomes that need not wait any longer, in the order in which they came.
  mutating func takeReady(at time: Timestamp) -> [Outcome] {
    guard !waiting.isEmpty else { return [] }
    var ready: [Outcome] = []
    var rest: [(outcome: Outcome, since: Timestamp)] = []
    for entry in waiting {
      let evidence =
        switch entry.outcome {
        case .verdict(let verdict): verdict.evidence
        case .finding(let finding): finding.evidence
        }
      if isComplete(evidence) || time.since(entry.since) > patience {
        ready.append(entry.outcome)
      } else {
        rest.append(entry)
      }
    }
    waiting = rest
    return ready
  }
}
