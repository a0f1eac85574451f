/// A recorded step, by the place of its session in the recording and its own in the session.
package struct StepPlace: Hashable, Sendable {
  package var session: Int
  package var step: Int

  /// Stands for the opening of a session, which is no step.
  static let opening = -1

  package init(session: Int, step: Int) {
    self.session = session
    self.step = step
  }
}
