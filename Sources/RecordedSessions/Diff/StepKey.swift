/// What a client's step is, apart from what it carries: steps of two recordings with one key can be the same step.
struct StepKey: Hashable {
  private enum What: Hashable {
    case connect, disconnect, upgrade
    case emit(String)
  }

  private let what: What
  private let namespace: String

  /// Nil for a step of a server, and for a client's ack, which is told by the emit that it answers.
  init?(_ step: RecordedStep) {
    guard step.from == .client else { return nil }
    switch step.kind {
    case .connect: what = .connect
    case .disconnect: what = .disconnect
    case .upgrade: what = .upgrade
    case .emit(let emit): what = .emit(emit.event)
    case .ack, .connectError: return nil
    }
    namespace = step.namespace
  }
}
