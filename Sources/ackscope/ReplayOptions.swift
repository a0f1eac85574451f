import ArgumentParser
import CaptureFormat
import JSONText
import RecordedSessions
import SessionReplay

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// When a replayed client takes its next step.
enum PaceChoice: String, ExpressibleByArgument, CaseIterable {
  case causal, recorded, max
}

/// What counts as the same, for the commands that compare.
struct ComparisonOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Do not compare what stands at this path: '$.ts', 'message $..n', 'ack of create_room $.id'. Repeatable.",
      valueName: "[SUBJECT ]PATH"))
  var ignore: [String] = []

  @Flag(help: "Compare times, ids, tokens and recovery offsets too, which may differ otherwise.")
  var exact = false

  func rules() throws -> ComparisonRules {
    ComparisonRules(
      ignored: try ignore.map { text in
        do throws(JSONPath.Fault) {
          return try IgnoredPlace(parsing: text)
        } catch {
          throw Failure(explanation: "--ignore: \(error.explanation)")
        }
      }, usesDefaults: !exact)
  }
}

/// What a replay sends otherwise than recorded.
struct SubstitutionOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Members for the CONNECT payloads, such as '{\"token\":\"…\"}'; env:NAME takes them from the environment.",
      valueName: "JSON"))
  var auth: String?

  @Option(
    help: ArgumentHelp(
      "A field for every request, in place of a recorded one; the value may be env:NAME. Repeatable.",
      valueName: "NAME: VALUE"))
  var header: [String] = []

  @Option(
    help: ArgumentHelp(
      "A query parameter, in place of a recorded one; the value may be env:NAME. Repeatable.",
      valueName: "NAME=VALUE"))
  var query: [String] = []

  @Option(
    help: ArgumentHelp(
      "Send this value in members of that name (or at a path, or for a '[redacted:…]'): JSON or text, or env:NAME; {n} is the copy's number. Repeatable.",
      valueName: "NAME=VALUE"))
  var set: [String] = []

  @Option(
    help: ArgumentHelp(
      "Learn a value that the server makes up: 'room = ack of create_room $.id' puts it where clients send 'room'. Repeatable.",
      valueName: "RULE"))
  var bind: [String] = []

  func apply(to plan: inout ReplayPlan) throws {
    if let auth {
      let text = try Self.value(auth, of: "--auth")
      guard let json = try? JSONValue(parsing: text) else {
        throw Failure(explanation: "--auth is not JSON; give it like '{\"token\":\"…\"}'")
      }
      plan.auth = json
    }
    plan.headers = try header.map { text in
      let (name, value) = try Self.pair(text, ":", of: "--header", like: "'Authorization: Bearer …'")
      guard name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
        !value.utf8.contains(where: { $0 < 0x20 && $0 != 0x09 })
      else { throw Failure(explanation: "--header '\(name)' holds characters that no header field has") }
      return (name, value)
    }
    plan.query = try query.map { try Self.pair($0, "=", of: "--query", like: "room=7") }
    plan.sets = try set.map { text in
      let (name, value) = try Self.pair(text, "=", of: "--set", like: "password=secret")
      return SetRule(
        target: try Self.reading("--set") { () throws(JSONPath.Fault) in try ValueTarget(parsing: name) },
        value: (try? JSONValue(parsing: value)) ?? .string(value))
    }
    plan.binds = try bind.map { text in
      try Self.reading("--bind") { () throws(JSONPath.Fault) in try BindRule(parsing: text) }
    }
  }

  /// What of this must not be told: values from the environment, and those whose name gives them away.
  ///
  /// - Returns: the names under which they are sent, and the values.
  func secrets(in plan: ReplayPlan) -> (names: [String], values: [String]) {
    let known = SecretNames()
    var names: [String] = []
    var values: [String] = []
    func add(_ name: String, _ value: String, isHidden: Bool, isField: Bool = false) {
      guard isHidden || name.withBytes({ isField ? known.containsHeader($0) : known.contains($0) }) else {
        return
      }
      if !name.hasPrefix("-"), !name.hasPrefix("[") { names.append(name) }
      values.append(value)
    }
    func walk(_ value: JSONValue, under name: String, isHidden: Bool) {
      switch value {
      case .object(let members):
        for member in members {
          let isSecret = isHidden || member.name.withBytes { known.contains($0) }
          walk(member.value, under: member.name, isHidden: isSecret)
        }
      case .array(let elements): for element in elements { walk(element, under: name, isHidden: isHidden) }
      case .string(let text): add(name, text, isHidden: isHidden)
      default: if isHidden { add(name, value.text, isHidden: true) }
      }
    }
    func isHidden(_ text: String, _ separator: Character) -> Bool {
      text.firstIndex(of: separator).map {
        text[text.index(after: $0)...].drop { $0 == " " }.hasPrefix("env:")
      }
        ?? false
    }
    for (text, field) in zip(header, plan.headers) {
      add(field.name, field.value, isHidden: isHidden(text, ":"), isField: true)
    }
    for (text, pair) in zip(query, plan.query) { add(pair.name, pair.value, isHidden: isHidden(text, "=")) }
    for (text, rule) in zip(set, plan.sets) {
      let target = text.prefix { $0 != "=" }
      let name = target.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }.last ?? target
      walk(rule.value, under: String(name), isHidden: isHidden(text, "="))
    }
    if let auth, let json = plan.auth { walk(json, under: "", isHidden: auth.hasPrefix("env:")) }
    return (names, values)
  }

  private static func reading<Value>(
    _ option: String, _ parse: () throws(JSONPath.Fault) -> Value
  ) throws -> Value {
    do throws(JSONPath.Fault) {
      return try parse()
    } catch {
      throw Failure(explanation: "\(option): \(error.explanation)")
    }
  }

  private static func pair(
    _ text: String, _ separator: Character, of option: String, like example: String
  ) throws -> (String, String) {
    guard let place = text.firstIndex(of: separator), place > text.startIndex else {
      // What was given may be a secret.
      let fault = text.first == separator ? "no name before the '\(separator)'" : "no '\(separator)'"
      throw Failure(explanation: "what \(option) was given has \(fault); give it like \(example)")
    }
    let value = text[text.index(after: place)...].drop { $0 == " " && separator == ":" }
    return (String(text[..<place]), try Self.value(String(value), of: option))
  }

  /// The text, or what the environment has under the name behind `env:`, so that a secret is on no command line.
  private static func value(_ text: String, of option: String) throws -> String {
    guard text.hasPrefix("env:") else { return text }
    let name = String(text.dropFirst(4))
    guard let value = getenv(name) else {
      throw Failure(explanation: "\(option): the environment has no \(name)")
    }
    return String(cString: value)
  }
}
