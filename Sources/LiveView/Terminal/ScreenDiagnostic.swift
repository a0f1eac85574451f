/// What a line for people, which the screen takes instead of standard error, is about.
package enum ScreenDiagnostic: Sendable {
  /// Something is wrong until a person has seen it.
  case problem
  /// A connection could not be served; over once one stands again.
  case connectionProblem
  /// Records are lost, until they can be written again.
  case captureProblem
  /// Good to know, and shown by the screen in its own way.
  case note
}
