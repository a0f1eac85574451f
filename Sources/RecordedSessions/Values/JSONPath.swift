import JSONText

/// Where in a JSON value something stands, or a pattern for such places: `$.a.b`, `$[0]`, `$['a b']`, `$.*`, `$[*]`,
/// `$..name` (RFC 9535, without filters, slices and lists).
///
/// Of a packet's arguments `$` is the only one where there is one, and the array of them where there are several.
package struct JSONPath: Sendable, Equatable, CustomStringConvertible {
  /// One step down.
  package enum Step: Sendable, Equatable {
    case member(String)
    case element(Int)
    /// Any member or element.
    case any
    /// Any number of steps, none included.
    case deep
  }

  /// Why a text is no path.
  package struct Fault: Error, Equatable {
    package var explanation: String
  }

  package var steps: [Step]

  package init(_ steps: [Step] = []) {
    self.steps = steps
  }

  /// Parses a path; `$` may be left out before a name.
  package init(parsing text: String) throws(Fault) {
    var rest = Substring(text)
    var steps: [Step] = []
    if rest.first == "$" {
      rest.removeFirst()
    } else if let first = rest.first, first != ".", first != "[" {
      rest = "." + rest
    }
    while let first = rest.first {
      rest.removeFirst()
      if first == ".", rest.first == "." {
        rest.removeFirst()
        steps.append(.deep)
        if rest.first == "[" { continue }
        steps.append(try Self.name(&rest, of: text))
      } else if first == "." {
        steps.append(try Self.name(&rest, of: text))
      } else if first == "[" {
        guard let end = rest.firstIndex(of: "]") else {
          throw Fault(explanation: "'\(text)' has a '[' without its ']'")
        }
        let inner = rest[..<end]
        rest = rest[rest.index(after: end)...]
        if inner == "*" {
          steps.append(.any)
        } else if let index = Int(inner), index >= 0 {
          steps.append(.element(index))
        } else if inner.count >= 2, let quote = inner.first, quote == "'" || quote == "\"",
          inner.last == quote
        {
          steps.append(.member(String(inner.dropFirst().dropLast())))
        } else {
          throw Fault(explanation: "'[\(inner)]' in '\(text)' is no index, no '*' and no quoted name")
        }
      } else {
        throw Fault(explanation: "'\(text)' is no path: '.' or '[' was expected before '\(first)'")
      }
    }
    self.steps = steps
  }

  private static func name(_ rest: inout Substring, of text: String) throws(Fault) -> Step {
    let name = rest.prefix { $0 != "." && $0 != "[" }
    guard !name.isEmpty else { throw Fault(explanation: "'\(text)' has a '.' without a name behind it") }
    rest = rest.dropFirst(name.count)
    return name == "*" ? .any : .member(String(name))
  }

  package func appending(_ step: Step) -> JSONPath { JSONPath(steps + [step]) }

  /// Whether this pattern matches that place.
  package func matches(_ place: JSONPath) -> Bool { Self.matches(steps[...], place.steps[...]) }

  private static func matches(_ pattern: ArraySlice<Step>, _ place: ArraySlice<Step>) -> Bool {
    guard let first = pattern.first else { return place.isEmpty }
    if first == .deep {
      // Each deep step looks at every rest of the place; both are short.
      return place.indices.contains { matches(pattern.dropFirst(), place[$0...]) }
        || matches(pattern.dropFirst(), place[place.endIndex...])
    }
    guard let step = place.first, first == step || first == .any else { return false }
    return matches(pattern.dropFirst(), place.dropFirst())
  }

  /// The values at the places that this pattern matches, in the order of the JSON.
  package func values(in value: JSONValue) -> [JSONValue] { Self.values(steps[...], value) }

  private static func values(_ pattern: ArraySlice<Step>, _ value: JSONValue) -> [JSONValue] {
    guard let first = pattern.first else { return [value] }
    let rest = pattern.dropFirst()
    switch first {
    case .member(let name): return value[name].map { values(rest, $0) } ?? []
    case .element(let index): return value[index].map { values(rest, $0) } ?? []
    case .any: return children(of: value).flatMap { values(rest, $0) }
    case .deep: return values(rest, value) + children(of: value).flatMap { values(pattern, $0) }
    }
  }

  private static func children(of value: JSONValue) -> [JSONValue] {
    switch value {
    case .array(let elements): elements
    case .object(let members): members.map(\.value)
    default: []
    }
  }

  package var description: String {
    var text = "$"
    var isDeep = false
    for step in steps {
      switch step {
      case .deep: text += ".."
      case .any: text += isDeep ? "*" : "[*]"
      case .element(let index): text += "[\(index)]"
      case .member(let name):
        let isPlain =
          !name.isEmpty
          && name.utf8.allSatisfy {
            $0 == 0x5F || $0 == 0x2D || $0 >= 0x30 && $0 <= 0x39 || $0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A
              || $0 >= 0x80
          }
        text += isPlain ? (isDeep ? name : ".\(name)") : "['\(name)']"
      }
      isDeep = step == .deep
    }
    return text
  }
}
