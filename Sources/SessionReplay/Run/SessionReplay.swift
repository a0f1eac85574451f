import NIOCore
import RecordedSessions
import Synchronization

/// Plays a recording against a server: as often as asked, as many copies at once as asked.
package struct SessionReplay: Sendable {
  private let recording: Recording
  private let plan: ReplayPlan
  private let endpoint: ReplayEndpoint
  private let context: ComparisonContext

  package init(recording: Recording, plan: ReplayPlan, endpoint: ReplayEndpoint) {
    self.recording = recording
    self.plan = plan
    self.endpoint = endpoint
    context = ComparisonContext(
      recording: recording, rules: plan.rules, comparesEvents: plan.comparesEvents(of: recording))
  }

  /// Plays, and tells how each copy went, in their order. A copy that cannot reach the server ends the whole.
  ///
  /// Cancelling the task stops what is being played; what was seen until then is told.
  ///
  /// - Parameter progress: called from event loops, after each action: it must be quick.
  package func run(
    group: any EventLoopGroup, progress: @escaping @Sendable (ReplayProgress) -> Void
  ) async -> ReplayReport {
    let counter = ProgressCounter(
      copies: plan.repetitions * plan.parallel, actions: ReplayOrder(recording).actions.count)
    let clock = ContinuousClock()
    let began = clock.now
    var outcomes: [CopyOutcome] = []
    for repetition in 0..<plan.repetitions {
      if Task.isCancelled { break }
      let stops = Stops()
      let finished = await withTaskCancellationHandler {
        await withTaskGroup(of: CopyOutcome?.self) { tasks in
          for index in 0..<plan.parallel {
            let number = repetition * plan.parallel + index + 1
            let loop = group.next()
            tasks.addTask {
              try? await play(number, on: loop, stops) { played in
                progress(counter.played(played))
              }.get()
            }
          }
          var all: [CopyOutcome] = []
          for await outcome in tasks {
            guard let outcome else { continue }
            all.append(outcome)
            progress(counter.copyDone(differences: outcome.differences.count))
          }
          return all
        }
      } onCancel: {
        stops.stop()
      }
      outcomes += finished.sorted { $0.number < $1.number }
      if outcomes.contains(where: { $0.unreachable != nil }) { break }
    }
    return ReplayReport(recording: recording, plan: plan, outcomes: outcomes, duration: clock.now - began)
  }

  private func play(
    _ number: Int, on loop: any EventLoop, _ stops: Stops,
    progress: @escaping @Sendable (_ played: Int) -> Void
  ) -> EventLoopFuture<CopyOutcome> {
    loop.flatSubmit {
      var before = 0
      let copy = ReplayCopy(
        recording: recording, plan: plan, endpoint: endpoint, number: number, context: context, loop: loop,
        progress: { played, _ in
          progress(played - before)
          before = played
        })
      let bound = NIOLoopBound(copy, eventLoop: loop)
      stops.add { loop.execute { bound.value.stop() } }
      // The copy lives as long as it plays.
      return copy.run().always { _ in withExtendedLifetime(bound) {} }
    }
  }
}

/// What stops the copies that are being played.
private final class Stops: Sendable {
  private let state = Mutex<(isStopped: Bool, stops: [@Sendable () -> Void])>((false, []))

  func add(_ stop: @escaping @Sendable () -> Void) {
    let isStopped = state.withLock { state in
      state.stops.append(stop)
      return state.isStopped
    }
    if isStopped { stop() }
  }

  func stop() {
    let stops = state.withLock { state in
      state.isStopped = true
      return state.stops
    }
    for stop in stops { stop() }
  }
}

/// How far all copies are, counted from their loops.
private final class ProgressCounter: Sendable {
  private let state: Mutex<ReplayProgress>

  init(copies: Int, actions: Int) {
    var start = ReplayProgress()
    start.copies = copies
    start.total = actions * copies
    state = Mutex(start)
  }

  func played(_ count: Int) -> ReplayProgress {
    state.withLock { state in
      state.played += count
      return state
    }
  }

  func copyDone(differences: Int) -> ReplayProgress {
    state.withLock { state in
      state.copiesDone += 1
      state.differences += differences
      return state
    }
  }
}
