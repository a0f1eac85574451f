import JSONText

/// A filter in the one language that view, inspect, watch and replay share (CLI.md, *Filters*).
///
/// An emit is judged in two steps, so that nobody has to keep its arguments until its ack comes: what never changes
/// becomes `Facts` (one word) when the packet is seen, and `matches` combines them with the emit's state later.
/// Not `Sendable`, because regular expressions are not: parse it where it is used.
package struct CaptureFilter {
  /// Which of the filter's terms hold for a subject, one bit each.
  package struct Facts: Equatable, Sendable {
    var bits: UInt64
  }

  /// A term about what never changes.
  enum FactTerm {
    case event(CaptureFilterPattern)
    case eventNamed(StaticString)
    case namespace(String)
    case id(String)
    case conn(Int)
    case sid(String)
    case from(CaptureRecord.Peer)
    case transport(CaptureRecord.Transport)
    case args(CaptureFilterPattern)
    case eventOrArgs(CaptureFilterPattern)
  }

  /// A term about an emit's state.
  enum StateTerm {
    case verdict([String])
    case cause(String)
    case age(Comparison)
    case latency(Comparison)
  }

  /// `>2s` and its kind; microseconds.
  struct Comparison {
    enum Relation { case less, atMost, more, atLeast }
    var relation: Relation
    var bound: Int

    func holds(_ value: Int?) -> Bool {
      guard let value else { return false }
      return switch relation {
      case .less: value < bound
      case .atMost: value <= bound
      case .more: value > bound
      case .atLeast: value >= bound
      }
    }
  }

  indirect enum Node {
    case fact(Int)
    case state(StateTerm)
    case not(Node)
    case all([Node])
    case any([Node])
  }

  /// The text that the filter was made from.
  package let source: String
  private let facts: [FactTerm]
  private let root: Node

  /// Parses a filter; the error names the column and what was expected there.
  package init(parsing source: String) throws(CaptureFilterFault) {
    var parser = CaptureFilterParser(source)
    self.source = source
    root = try parser.parse()
    facts = parser.facts
  }

  /// Which terms hold for what never changes about a packet.
  package func facts(of subject: CaptureFilterSubject) -> Facts {
    var bits: UInt64 = 0
    for (index, term) in facts.enumerated() where holds(term, subject) { bits |= 1 << UInt64(index) }
    return Facts(bits: bits)
  }

  /// Whether the filter lets through what has these facts and this state.
  package func matches(_ facts: Facts, state: CaptureFilterState = CaptureFilterState()) -> Bool {
    holds(root, facts, state)
  }

  /// Both steps at once.
  package func matches(
    _ subject: CaptureFilterSubject, state: CaptureFilterState = CaptureFilterState()
  ) -> Bool {
    matches(facts(of: subject), state: state)
  }

  private func holds(_ node: Node, _ facts: Facts, _ state: CaptureFilterState) -> Bool {
    switch node {
    case .fact(let index): facts.bits & (1 << UInt64(index)) != 0
    case .state(let term): holds(term, state)
    case .not(let node): !holds(node, facts, state)
    case .all(let nodes): nodes.allSatisfy { holds($0, facts, state) }
    case .any(let nodes): nodes.contains { holds($0, facts, state) }
    }
  }

  private func holds(_ term: StateTerm, _ state: CaptureFilterState) -> Bool {
    switch term {
    case .verdict(let names): state.verdict.map(names.contains) ?? false
    case .cause(let name): state.cause == name
    case .age(let comparison): comparison.holds(state.age)
    case .latency(let comparison): comparison.holds(state.latency)
    }
  }

  private func holds(_ term: FactTerm, _ subject: CaptureFilterSubject) -> Bool {
    switch term {
    case .event(let pattern): subject.event.map(pattern.isFound(inValue:)) ?? false
    case .eventNamed(let name): subject.event.map { JSONString.literal($0, equals: name) } ?? false
    case .namespace(let name): subject.namespace.map { says($0, name) } ?? false
    case .id(let number): subject.id?.elementsEqual(number.utf8) ?? false
    case .conn(let number): subject.conn == number
    case .sid(let start): subject.sid?.hasPrefix(start) ?? false
    case .from(let peer): subject.from == peer
    case .transport(let transport): subject.transport == transport
    case .args(let pattern): subject.args.map(pattern.isFound(in:)) ?? false
    case .eventOrArgs(let pattern):
      (subject.event.map(pattern.isFound(inValue:)) ?? false)
        || (subject.args.map(pattern.isFound(in:)) ?? false)
    }
  }

  private func says(_ literal: UnsafeRawBufferPointer, _ text: String) -> Bool {
    let inner = literal.dropFirst().dropLast()
    return inner.contains(0x5C) ? JSONString.decode(literal) == text : inner.elementsEqual(text.utf8)
  }
}
