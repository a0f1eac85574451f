import JSONText

@testable import AckCorrelation

/// A story of the wire as text, played into a correlator, and what the correlator concluded, as text.
///
/// One happening a line: milliseconds, `>>` for the client or `<<` for the server, a verb and its arguments.
/// Every such line is a record; the first has seq 1. Lines of one peer at one time on one connection are one batch.
/// Without a time: `on s1 c1 ws` or `on s1 c1 polling` says where the following lines belong.
///
///     on s1 c1 ws
///     0 << open
///     1 >> connect
///     1 << connect sid
///     2 >> emit 7 "send" {"text":"hi"}
///     3 << ack 7
///     9 -- end
struct WireScript: ~Copyable {
  private var correlator: AckCorrelator
  private var session: SessionNumber? = SessionNumber(1)
  private var connection = ConnectionNumber(1)
  private var transport = Transport.websocket
  private var seq: UInt64 = 0
  private var batch: UInt32 = 0
  private var batchKey = ""
  private(set) var lines: [String] = []

  /// Plays a script and returns the outcomes, a line each.
  ///
  /// - Parameter ackTimeout: milliseconds.
  static func play(
    _ script: String, ackTimeout: Double = 300, limits: CorrelationLimits = CorrelationLimits()
  ) -> String {
    var player = WireScript(ackTimeout: ackTimeout, limits: limits)
    for line in script.split(separator: "\n") { player.play(String(line)) }
    return player.lines.joined(separator: "\n")
  }

  init(ackTimeout: Double, limits: CorrelationLimits = CorrelationLimits()) {
    correlator = AckCorrelator(ackTimeout: Int64(ackTimeout * 1000), limits: limits)
  }

  var counts: CorrelationCounts { correlator.counts }

  mutating func play(_ line: String) {
    var words = Words(line)
    guard let first = words.next(), !first.hasPrefix("//") else { return }
    if first == "on" {
      while let word = words.next() {
        switch word {
        case "ws": transport = .websocket
        case "polling": transport = .polling
        case "s-": session = nil
        default:
          guard let number = UInt32(word.dropFirst()) else { continue }
          if word.hasPrefix("s") { session = SessionNumber(number) }
          if word.hasPrefix("c") { connection = ConnectionNumber(number) }
        }
      }
      return
    }
    guard let milliseconds = Double(first), let arrow = words.next(), let verb = words.next() else {
      lines.append("? \(line)")
      return
    }
    seq += 1
    let at = Timestamp(microseconds: Int64((milliseconds * 1000).rounded()))
    let from: Peer = arrow == "<<" ? .server : .client
    let key = "\(milliseconds) \(arrow) \(connection.number)"
    if key != batchKey {
      batchKey = key
      batch += 1
    }
    if !act(verb, &words, from, Ender(from), at, RecordSeq(seq)) { lines.append("? \(line)") }
    drain()
  }

  private mutating func act(
    _ verb: String, _ words: inout Words, _ from: Peer, _ ender: Ender, _ at: Timestamp, _ seq: RecordSeq
  ) -> Bool {
    switch verb {
    case "open":
      guard let session else { return false }
      var facts = SessionFacts()
      var isAttached = transport == .websocket
      while let word = words.next() {
        let parts = word.split(separator: "=")
        switch parts[0] {
        case "eio3": facts.revision = 3
        case "ping":
          let times = parts[1].split(separator: "/")
          facts.pingInterval = Int64(times[0]) ?? 0
          facts.pingTimeout = Int64(times[1]) ?? 0
        case "max": facts.maximumPayload = Int(parts[1])
        case "python": facts.server = .python
        case "javascript": facts.server = .javascript
        case "midway": facts.beganBeforeCapture = true
        case "client": facts.clientFingerprint = UInt64(parts[1]) ?? 0
        default: isAttached = false
        }
      }
      correlator.sessionOpened(session, facts, at: at, seq: seq)
      if isAttached {
        correlator.webSocketAttached(
          session: session, connection: connection, isUpgrade: false, at: at, seq: seq)
      }
    case "attach":
      guard let session else { return false }
      correlator.webSocketAttached(
        session: session, connection: connection, isUpgrade: true, at: at, seq: seq)
    case "connect":
      guard let session else { return false }
      let namespace = words.namespace(&correlator)
      var hasSid = false
      var recovery = ""
      while let word = words.next() {
        if word == "sid" { hasSid = true }
        if word.hasPrefix("pid=") { recovery = String(word.dropFirst(4)) }
      }
      recovery.withBytes { pid in
        if from == .client {
          correlator.connectRequested(
            session: session, namespace: namespace, recoveryID: pid, at: at, seq: seq)
        } else {
          correlator.connected(
            session: session, namespace: namespace, hasSid: hasSid, recoveryID: pid, at: at, seq: seq)
        }
      }
    case "refuse":
      guard let session else { return false }
      let namespace = words.namespace(&correlator)
      words.rest().withBytes {
        correlator.connectRefused(session: session, namespace: namespace, payload: $0, at: at, seq: seq)
      }
    case "disconnect":
      guard let session else { return false }
      let namespace = words.namespace(&correlator)
      correlator.disconnected(
        session: session, namespace: namespace, from: from, batch: batch, at: at, seq: seq)
    case "emit":
      guard let session else { return false }
      let namespace = words.namespace(&correlator)
      let id = words.next() ?? "-"
      var emit = Emit(
        session: session, connection: connection, from: from, transport: transport, namespace: namespace,
        id: id.withBytes { AckID(digits: $0) }, seq: seq, at: at)
      emit.batch = batch
      while let option = words.option() {
        if option.hasPrefix("bytes=") { emit.messageBytes = Int(option.dropFirst(6)) ?? 0 }
        if option.hasPrefix("refusal=") { emit.refusal = Refusal(rawValue: String(option.dropFirst(8))) }
      }
      let event = words.literal()
      let arguments = words.rest()
      event.withBytes { event in
        arguments.withBytes { correlator.emitted(emit, event: event, arguments: $0) }
      }
    case "ack":
      guard let session else { return false }
      let namespace = words.namespace(&correlator)
      guard let id = (words.next() ?? "").withBytes({ AckID(digits: $0) }) else { return false }
      _ = correlator.acknowledged(
        session: session, connection: connection, from: from, namespace: namespace, id: id, at: at, seq: seq)
    case "packet":
      guard let session else { return false }
      let kinds: [String: EnginePacketKind] = [
        "close": .close, "ping": .ping, "pong": .pong, "upgrade": .upgrade, "noop": .noop,
        "probe-ping": .probePing, "probe-pong": .probePong,
      ]
      let word = words.next() ?? ""
      if let kind = kinds[word] {
        correlator.enginePacketSeen(
          session: session, connection: connection, from: from, kind, at: at, seq: seq)
      } else if let refusal = Refusal(rawValue: word) {
        correlator.packetRefused(session: session, from: from, refusal, at: at, seq: seq)
      } else {
        return false
      }
    case "frame":
      correlator.closeFrameSeen(
        connection: connection, from: from, code: words.next().flatMap { UInt16($0) }, at: at, seq: seq)
    case "fin", "reset":
      correlator.legClosed(
        connection: connection, by: words.next() == "proxy" ? .proxy : ender, verb == "fin" ? .fin : .reset,
        at: at, seq: seq)
    case "closed": correlator.connectionClosed(connection, at: at, seq: seq)
    case "get", "post":
      guard let session else { return false }
      correlator.pollStarted(
        session: session, connection: connection, verb == "get" ? .get : .post, at: at, seq: seq)
    case "answer":
      let status = Int(words.next() ?? "") ?? 0
      var code: Int?
      var packets = 0
      while let word = words.next() {
        if word.hasPrefix("code=") { code = Int(word.dropFirst(5)) }
        if word.hasPrefix("packets=") { packets = Int(word.dropFirst(8)) ?? 0 }
      }
      correlator.pollAnswered(
        connection: connection, status: status, code: code, packets: packets, at: at, seq: seq)
    case "unknown":
      correlator.sessionUnknown(
        session: session, connection: connection, isUpgrade: words.next() == "upgrade", at: at, seq: seq)
    case "refuse-handshake":
      let status = Int(words.next() ?? "") ?? 0
      let code = Int(words.next() ?? "")
      let message = words.rest()
      correlator.handshakeRefused(
        connection: connection, status: status, code: code, message: message,
        isVersion: message.contains("version"), at: at, seq: seq)
    case "version": correlator.versionMismatched(session: session, connection: connection, at: at, seq: seq)
    case "undecodable":
      guard let session else { return false }
      correlator.decodingStopped(session: session, from: from, at: at, seq: seq)
    case "undelivered":
      correlator.deliveryFailed(
        connection: connection, to: from.other, since: RecordSeq(UInt64(words.next() ?? "") ?? 0), at: at,
        seq: seq)
    case "breaks":
      correlator.ruleBroken(connection: connection, from: from, rule: words.rest(), at: at, seq: seq)
    case "after-close":
      correlator.sentAfterClose(
        connection: connection, from: from, close: RecordSeq(UInt64(words.next() ?? "") ?? 0), at: at,
        seq: seq)
    case "custom": correlator.customParserSeen(session: session, connection: connection, at: at, seq: seq)
    case "stalled":
      let start = Int64(words.next() ?? "") ?? 0
      correlator.peerStalled(
        connection: connection, from, from: Timestamp(microseconds: start * 1000), at: at, seq: seq)
    case "tick": correlator.expire(at: at)
    case "end": correlator.captureEnded(at: at)
    default: return false
    }
    return true
  }

  private mutating func drain() {
    var fresh: [String] = []
    correlator.drainOutcomes { fresh.append(Self.describe($0)) }
    lines += fresh
  }

  /// An outcome as a line. A verdict that may still change ends with an ellipsis.
  static func describe(_ outcome: Outcome) -> String {
    switch outcome {
    case .verdict(let verdict):
      var parts = ["#\(verdict.emit.number)", "\(verdict.from.name)"]
      if verdict.namespace != "/" { parts.append(verdict.namespace) }
      parts.append(verdict.id.map { $0.isWide ? "wide" : "\($0.value)" } ?? "-")
      parts += [verdict.event, verdict.verdict.rawValue]
      if let cause = verdict.cause { parts += [cause.rawValue, verdict.certainty.rawValue] }
      if !verdict.evidence.isEmpty { parts.append(list(verdict.evidence)) }
      if let ender = verdict.endedBy { parts.append("ended_by=\(ender.name)") }
      if let how = verdict.how { parts.append("how=\(how.rawValue)") }
      if let silent = verdict.silent { parts.append("silent=\(silent.name)") }
      if let next = verdict.nextAttempt {
        parts.append("next=#\(next.number)/\(verdict.nextAttemptID.map { "\($0.value)" } ?? "-")")
      }
      if verdict.evicted { parts.append("evicted") }
      if verdict.unverified { parts.append("unverified") }
      parts.append("\(Double(verdict.age) / 1000)ms")
      if !verdict.isFinal { parts.append("...") }
      return parts.joined(separator: " ")
    case .finding(let finding):
      var parts = ["!", finding.kind.rawValue]
      if let session = finding.session { parts.append("s\(session.number)") }
      if let connection = finding.connection { parts.append("c\(connection.number)") }
      parts += [finding.certainty.rawValue, list(finding.evidence)]
      for (name, value) in finding.details {
        let text =
          switch value {
          case .number(let number): "\(number)"
          case .flag(let flag): "\(flag)"
          case .text(let text), .json(let text): text
          case .id(let id): "\(id.value)"
          }
        parts.append("\(name)=\(text)")
      }
      return parts.joined(separator: " ")
    }
  }

  private static func list(_ seqs: [RecordSeq]) -> String {
    "[" + seqs.map { "\($0.number)" }.joined(separator: ",") + "]"
  }
}

/// The words of a line, taken one by one.
private struct Words {
  private var text: Substring

  init(_ line: String) {
    text = Substring(line)
  }

  private mutating func skipSpaces() {
    text = text.drop { $0 == " " }
  }

  mutating func next() -> String? {
    skipSpaces()
    let word = text.prefix { $0 != " " }
    text = text.dropFirst(word.count)
    return word.isEmpty ? nil : String(word)
  }

  /// A word like `name=value`, if one stands here.
  mutating func option() -> String? {
    skipSpaces()
    let word = text.prefix { $0 != " " }
    guard let first = word.first, first.isLetter, word.contains("=") else { return nil }
    return next()
  }

  /// A JSON literal without spaces outside strings.
  mutating func literal() -> String {
    skipSpaces()
    guard text.first == "\"" else { return next() ?? "" }
    var isEscaped = false
    var end = text.index(after: text.startIndex)
    while end < text.endIndex {
      let character = text[end]
      end = text.index(after: end)
      if !isEscaped, character == "\"" { break }
      isEscaped = !isEscaped && character == "\\"
    }
    let literal = text[..<end]
    text = text[end...]
    return String(literal)
  }

  mutating func rest() -> String {
    skipSpaces()
    defer { text = "" }
    return String(text)
  }

  /// A namespace, if the next word is one; the default one otherwise.
  mutating func namespace(_ correlator: inout AckCorrelator) -> NamespaceID {
    skipSpaces()
    guard text.first == "/", let word = next() else { return .root }
    return word.withBytes { correlator.namespace($0) }
  }
}

extension String {
  /// The text's UTF-8 bytes.
  func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    var text = self
    return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
  }
}
