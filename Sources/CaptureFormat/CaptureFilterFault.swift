/// What is wrong with a filter, where, and the way out.
package struct CaptureFilterFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// The character, from 1, at which the fault stands; one behind the last where something is missing.
  package var column: Int
  /// What was expected or why it was refused, in words for people.
  package var message: String

  package var description: String { "filter, column \(column): \(message)" }
}
