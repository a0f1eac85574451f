/// Parses the filter language: `!` binds tightest, then juxtaposition and `&`, then `|`; parentheses group.
///
/// A word ends at white space, at a `)` that closes nothing inside it, and before `|~`, `&~`, `|!`, `&!`: so `(`, `|` and `&`
/// inside a word belong to its regular expression. Quotes, single or double, hold any word together; inside them
/// a backslash keeps a quote, and is left alone otherwise.
struct CaptureFilterParser {
  /// Facts are bits of one word; nobody types more terms than that.
  private static let maximumFacts = 64
  private static let maximumDepth = 64

  private let text: [Character]
  private var index = 0
  private var depth = 0
  /// The terms about what never changes, in order; `Node.fact` holds places in it.
  private(set) var facts: [CaptureFilter.FactTerm] = []

  init(_ source: String) {
    text = Array(source)
  }

  /// Parses all of the text.
  mutating func parse() throws(CaptureFilterFault) -> CaptureFilter.Node {
    skipSpace()
    if index == text.count {
      throw fault("an empty filter; write a term such as ~ev send_message or ~pending")
    }
    let node = try alternatives()
    if index < text.count { throw fault("a \")\" without its \"(\"") }
    return node
  }

  private mutating func alternatives() throws(CaptureFilterFault) -> CaptureFilter.Node {
    var nodes = [try conjunction()]
    while next == "|" {
      index += 1
      nodes.append(try conjunction())
    }
    return nodes.count == 1 ? nodes[0] : .any(nodes)
  }

  private mutating func conjunction() throws(CaptureFilterFault) -> CaptureFilter.Node {
    var nodes = [try negation()]
    while let character = next, character != "|", character != ")" {
      if character == "&" { index += 1 }
      nodes.append(try negation())
    }
    return nodes.count == 1 ? nodes[0] : .all(nodes)
  }

  private mutating func negation() throws(CaptureFilterFault) -> CaptureFilter.Node {
    var isNegated = false
    while next == "!" {
      index += 1
      isNegated.toggle()
    }
    let node = try term()
    return isNegated ? .not(node) : node
  }

  private mutating func term() throws(CaptureFilterFault) -> CaptureFilter.Node {
    switch next {
    case nil: throw fault("a term is missing here; write one such as ~ev send_message or ~pending")
    case ")", "|", "&": throw fault("expected a term before \"\(text[index])\"")
    case "(":
      let opening = index
      guard depth < Self.maximumDepth else { throw fault("parentheses nested too deeply") }
      index += 1
      depth += 1
      let node = try alternatives()
      depth -= 1
      guard next == ")" else { throw fault("this \"(\" is never closed; add \")\"", at: opening) }
      index += 1
      return node
    case "~": return try operation()
    default:
      let start = index
      return try fact(.eventOrArgs(try pattern(try word(), at: start)), at: start)
    }
  }

  private mutating func operation() throws(CaptureFilterFault) -> CaptureFilter.Node {
    let start = index
    index += 1
    let nameStart = index
    while index < text.count, text[index].isLetter { index += 1 }
    let name = String(text[nameStart..<index])
    switch name {
    case "pending": return .state(.verdict(["pending", "overdue"]))
    case "overdue": return .state(.verdict(["overdue"]))
    case "late": return .state(.verdict(["late"]))
    case "exc":
      return .any([.state(.cause("exception_event")), try fact(.eventNamed("exception"), at: start)])
    case "ev":
      let (word, place) = try argument(of: name, "a regular expression")
      return try fact(.event(try pattern(word, at: place)), at: start)
    case "d":
      let (word, place) = try argument(of: name, "a regular expression")
      return try fact(.args(try pattern(word, at: place)), at: start)
    case "ns":
      let (word, _) = try argument(of: name, "a namespace such as /chat")
      return try fact(.namespace(word.hasPrefix("/") ? word : "/" + word), at: start)
    case "id":
      let (word, place) = try argument(of: name, "an ack id")
      guard word.allSatisfy({ $0.isASCII && $0.isNumber }) else {
        throw wrong(word, name, "an ack id such as 7", place)
      }
      return try fact(.id(word), at: start)
    case "conn":
      let (word, place) = try argument(of: name, "a connection's number")
      guard let number = Int(word.hasPrefix("#") ? String(word.dropFirst()) : word), number >= 0 else {
        throw wrong(word, name, "a connection's number such as 3", place)
      }
      return try fact(.conn(number), at: start)
    case "sid":
      let (word, _) = try argument(of: name, "a session id or its beginning")
      return try fact(.sid(word), at: start)
    case "from":
      let (word, place) = try argument(of: name, "client or server")
      guard word == "client" || word == "server" else { throw wrong(word, name, "client or server", place) }
      return try fact(.from(word == "client" ? .client : .server), at: start)
    case "tr":
      let (word, place) = try argument(of: name, "polling or websocket")
      guard word == "polling" || word == "websocket" else {
        throw wrong(word, name, "polling or websocket", place)
      }
      return try fact(.transport(word == "polling" ? .polling : .websocket), at: start)
    case "v":
      let (word, place) = try argument(of: name, "a verdict")
      guard CaptureNames.verdicts.contains(word) else {
        throw wrong(word, name, "one of " + CaptureNames.verdicts.joined(separator: ", "), place)
      }
      return .state(.verdict([word]))
    case "cause":
      let (word, place) = try argument(of: name, "a cause")
      guard CaptureNames.causes.contains(word) else {
        throw wrong(word, name, "one of " + CaptureNames.causes.joined(separator: ", "), place)
      }
      return .state(.cause(word))
    case "age": return .state(.age(try comparison(of: name)))
    case "lat": return .state(.latency(try comparison(of: name)))
    default:
      throw fault(
        "no operator \"~\(name)\"; there are ~ev ~ns ~id ~conn ~sid ~from ~v ~cause ~tr ~d ~age ~lat ~pending "
          + "~overdue ~late ~exc", at: start)
    }
  }

  private mutating func comparison(of name: String) throws(CaptureFilterFault) -> CaptureFilter.Comparison {
    let expected = "a comparison such as >2s or <=500ms"
    var (word, place) = try argument(of: name, expected)
    let relations: [(String, CaptureFilter.Comparison.Relation)] = [
      (">=", .atLeast), ("<=", .atMost), (">", .more), ("<", .less),
    ]
    guard let (sign, relation) = relations.first(where: { word.hasPrefix($0.0) }) else {
      throw wrong(word, name, expected, place)
    }
    word.removeFirst(sign.count)
    if word.isEmpty { (word, place) = try argument(of: name, "a duration such as 2s behind \(sign)") }
    guard let bound = DurationText.microseconds(parsing: word) else {
      throw wrong(word, name, "a duration such as 500ms, 2s or 1m", place)
    }
    return CaptureFilter.Comparison(relation: relation, bound: bound)
  }

  private mutating func fact(
    _ term: CaptureFilter.FactTerm, at start: Int
  ) throws(CaptureFilterFault) -> CaptureFilter.Node {
    guard facts.count < Self.maximumFacts else {
      throw fault(
        "more than \(Self.maximumFacts) terms; join some with a regular expression such as a|b", at: start)
    }
    facts.append(term)
    return .fact(facts.count - 1)
  }

  private func pattern(_ word: String, at place: Int) throws(CaptureFilterFault) -> CaptureFilterPattern {
    do {
      return try CaptureFilterPattern(word)
    } catch {
      throw fault("\"\(word)\" is not a regular expression: \(Self.firstLine(of: error))", at: place)
    }
  }

  private static func firstLine(of error: any Error) -> String {
    String("\(error)".split(separator: "\n", maxSplits: 1).first ?? "malformed")
  }

  private mutating func argument(
    of name: String, _ expected: String
  ) throws(CaptureFilterFault) -> (word: String, place: Int) {
    skipSpace()
    let start = index
    guard index < text.count, text[index] != ")", text[index] != "~" else {
      throw fault("~\(name) needs \(expected)")
    }
    return (try word(), start)
  }

  private mutating func word() throws(CaptureFilterFault) -> String {
    let start = index
    if text[index] == "\"" || text[index] == "'" { return try quoted(by: text[index]) }
    var open = 0
    var isInClass = false
    scan: while index < text.count {
      let character = text[index]
      switch character {
      case "\\" where index + 1 < text.count: index += 1
      case "[": isInClass = true
      case "]": isInClass = false
      case "(" where !isInClass: open += 1
      case ")" where !isInClass:
        if open == 0 { break scan }
        open -= 1
      case "|" where open == 0 && !isInClass, "&" where open == 0 && !isInClass:
        if index + 1 < text.count, text[index + 1] == "~" || text[index + 1] == "!" { break scan }
      default: if character.isWhitespace { break scan }
      }
      index += 1
    }
    return String(text[start..<min(index, text.count)])
  }

  private mutating func quoted(by quote: Character) throws(CaptureFilterFault) -> String {
    let start = index
    var word = ""
    index += 1
    while index < text.count {
      if text[index] == quote {
        index += 1
        return word
      }
      if text[index] == "\\", index + 1 < text.count, text[index + 1] == quote { index += 1 }
      word.append(text[index])
      index += 1
    }
    throw fault("this quote is never closed; add \(quote)", at: start)
  }

  /// The next character that is not white space.
  private var next: Character? {
    mutating get {
      skipSpace()
      return index < text.count ? text[index] : nil
    }
  }

  private mutating func skipSpace() {
    while index < text.count, text[index].isWhitespace { index += 1 }
  }

  private func wrong(_ word: String, _ name: String, _ expected: String, _ place: Int) -> CaptureFilterFault {
    fault("~\(name) needs \(expected), not \"\(word)\"", at: place)
  }

  private func fault(_ message: String, at place: Int? = nil) -> CaptureFilterFault {
    CaptureFilterFault(column: (place ?? index) + 1, message: TerminalText.harmless(message))
  }
}
