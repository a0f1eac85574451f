import JSONText

/// One place in which two JSON values differ.
package struct JSONDifference: Sendable {
  package var path: JSONPath
  /// What was expected there; nil where nothing was.
  package var expected: JSONValue?
  /// What is there; nil where nothing is.
  package var actual: JSONValue?
  /// More about it, for people, or empty.
  package var note: String

  package init(path: JSONPath, expected: JSONValue?, actual: JSONValue?, note: String = "") {
    self.path = path
    self.expected = expected
    self.actual = actual
    self.note = note
  }
}
