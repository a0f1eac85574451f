import CaptureFormat
import JSONText

/// Keeps secrets out of what is told of a run: those that a name gives away, as in captures, and those that the user gave for it,
/// wherever a server repeats them.
package struct SecretVeil: Sendable {
  private let redactor: Redactor
  /// What was given, longest first, each with its mark.
  private let given: [(text: String, mark: String)]

  /// Given values that are shorter are not looked for: they are words of other texts.
  private static let shortest = 4

  /// - Parameter given: values that must not be told.
  package init(_ redactor: Redactor, given values: [String] = []) {
    self.redactor = redactor
    // A scheme before it, as in `Bearer …`, is none of the secret; in JSON it may have escapes.
    let words = values + values.compactMap { $0.split(separator: " ").last.map(String.init) }
    let escaped = words.map { word in
      var sink = ByteSink()
      sink.append(jsonString: word)
      return String(decoding: sink.bytes.dropFirst().dropLast(), as: UTF8.self)
    }
    given = Set(words + escaped).filter { $0.utf8.count >= Self.shortest }
      .sorted { ($0.utf8.count, $0) > ($1.utf8.count, $1) }
      .map { ($0, Self.mark(of: $0, redactor)) }
  }

  private static func mark(of secret: String, _ redactor: Redactor) -> String {
    var sink = ByteSink()
    secret.withBytes { redactor.append(redacted: $0, to: &sink) }
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  /// The text, which may be JSON or have some in it, without secrets.
  package func text(_ text: String) -> String {
    var sink = ByteSink(capacity: text.utf8.count + 32)
    text.withBytes { _ = redactor.append(json: $0, lineBreaksToSpaces: false, to: &sink) }
    var result = String(decoding: sink.bytes, as: UTF8.self)
    for (secret, mark) in given where result.contains(secret) {
      result = result.replacing(secret, with: mark)
    }
    return result
  }

  /// The value at a path, without secrets.
  func value(_ value: JSONValue, at path: JSONPath) -> JSONValue {
    let isSecret = path.steps.contains { step in
      guard case .member(let name) = step else { return false }
      return name.withBytes { redactor.names.contains($0) }
    }
    if !isSecret { return (try? JSONValue(parsing: text(value.text))) ?? .string(text(value.text)) }
    guard case .string(let secret) = value else { return .string(Self.mark(of: value.text, redactor)) }
    return .string(Self.mark(of: secret, redactor))
  }
}

extension Difference {
  /// The same without secrets.
  package func told(behind veil: SecretVeil) -> Difference {
    var told = self
    told.words = veil.text(words)
    told.expected = expected.map(veil.text)
    told.actual = actual.map(veil.text)
    told.places = places.map { place in
      JSONDifference(
        path: place.path, expected: place.expected.map { veil.value($0, at: place.path) },
        actual: place.actual.map { veil.value($0, at: place.path) }, note: veil.text(place.note))
    }
    return told
  }
}
