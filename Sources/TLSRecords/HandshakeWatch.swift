/// Follows the records of one connection from its first on, beside the TLS stack that does the handshake and the HTTP
/// behind it, to know where a `RecordLayer` can go on.
///
/// Where application data begins is found by opening records with its keys: those of the handshake were sealed with others.
/// From there on the records are counted, and looked into for new keys, after which nothing could be taken over.
package struct HandshakeWatch: ~Copyable {
  /// Which of the two directions bytes go in.
  package enum Direction {
    case incoming
    case outgoing
  }

  private struct Way: ~Copyable {
    /// Nil until the secrets are known.
    var protection: RecordProtection?
    /// The beginning of a record whose rest has not come.
    var rest: [UInt8] = []
  }

  private let isServer: Bool
  private let secrets: HandshakeSecrets
  private var incoming = Way()
  private var outgoing = Way()
  /// What our own records are to be sealed with.
  private var outgoingSecret: [UInt8] = []
  private var random: [UInt8]?
  private var suite: CipherSuite?
  /// Something came that is not to be taken over, or not understood.
  private var hasGivenUp = false
  /// Bytes that may still be looked into: a connection that has not been taken over by then hardly ever is.
  private var budget: Int

  /// - Parameters:
  ///   - isServer: which side of the connection we are.
  ///   - budget: bytes in both directions after which it gives up.
  package init(isServer: Bool, secrets: HandshakeSecrets, budget: Int = 256 << 10) {
    self.isServer = isServer
    self.secrets = secrets
    self.budget = budget
  }

  /// Whether nothing more will come of it.
  package var isOver: Bool { hasGivenUp }

  /// The connection has ended, or nobody wants it any more.
  package mutating func giveUp() {
    hasGivenUp = true
    if let random { secrets.forget(random) }
    incoming = Way()
    outgoing = Way()
  }

  /// Takes in bytes behind those that went the same way before; incoming ones once the stack has read them, since only then
  /// does it know the secrets.
  package mutating func take(_ bytes: UnsafeRawBufferPointer, _ direction: Direction) {
    guard !hasGivenUp, !bytes.isEmpty else { return }
    budget -= bytes.count
    guard budget >= 0 else { return giveUp() }
    var whole: [UInt8] = []
    switch direction {
    case .incoming: swap(&whole, &incoming.rest)
    case .outgoing: swap(&whole, &outgoing.rest)
    }
    whole += bytes
    var position = 0
    whole.withUnsafeBytes { whole in
      while !hasGivenUp, whole.count - position >= Record.headerBytes {
        let body = Record.bodyCount(UnsafeRawBufferPointer(rebasing: whole[position...]))
        // Beyond that it is an older version (RFC 5246 §6.2.3), or no TLS.
        guard body <= Record.bodyBytes else { return giveUp() }
        guard whole.count - position >= Record.headerBytes + body else { return }
        let end = position + Record.headerBytes + body
        look(at: UnsafeRawBufferPointer(rebasing: whole[position..<end]), direction)
        position = end
      }
    }
    guard !hasGivenUp else { return }
    whole.removeFirst(position)
    switch direction {
    case .incoming: incoming.rest = whole
    case .outgoing: outgoing.rest = whole
    }
  }

  private mutating func look(at record: UnsafeRawBufferPointer, _ direction: Direction) {
    switch record[0] {
    case Record.handshake: lookAtHello(record)
    case Record.applicationData:
      learnKeys()
      switch direction {
      case .incoming: giveUpUnless(Self.isOrdinary(record, &incoming.protection))
      case .outgoing: giveUpUnless(Self.isOrdinary(record, &outgoing.protection))
      }
    // For old boxes on the way; it says nothing (RFC 8446 §D.4).
    case Record.changeCipherSpec: return
    default: giveUp()
    }
  }

  private mutating func giveUpUnless(_ isOrdinary: Bool) {
    if !isOrdinary { giveUp() }
  }

  /// Reads the client's random and the server's choice (RFC 8446 §4.1.2, §4.1.3), where the record begins with them.
  private mutating func lookAtHello(_ record: UnsafeRawBufferPointer) {
    // Header, kind and length of the message, version, random, length of the session's name.
    let randomStart = Record.headerBytes + 4 + 2
    guard record.count > randomStart + 32 else { return }
    switch record[Record.headerBytes] {
    case 1 where random == nil: random = Array(record[randomStart..<randomStart + 32])
    case 2:
      let suiteStart = randomStart + 33 + Int(record[randomStart + 32])
      guard record.count >= suiteStart + 2 else { return }
      suite = CipherSuite(rawValue: UInt16(record[suiteStart]) << 8 | UInt16(record[suiteStart + 1]))
    default: return
    }
  }

  private mutating func learnKeys() {
    guard incoming.protection == nil, let random, let suite, let pair = secrets.take(random) else { return }
    let (ours, theirs) = isServer ? (pair.server, pair.client) : (pair.client, pair.server)
    incoming.protection = RecordProtection(suite, secret: theirs, seals: false)
    // To look into what we send it is opened as the peer does.
    outgoing.protection = RecordProtection(suite, secret: ours, seals: false)
    outgoingSecret = ours
  }

  /// Whether a record is one of the handshake, or holds application data or tickets.
  private static func isOrdinary(_ record: UnsafeRawBufferPointer, _ protection: inout RecordProtection?)
    -> Bool
  {
    guard protection != nil else { return true }
    return withUnsafeTemporaryAllocation(byteCount: record.count, alignment: 1) { room in
      guard let start = room.baseAddress, let before = protection?.sequence else { return false }
      guard let (type, count) = protection?.open(record, into: start) else { return before == 0 }
      switch type {
      case Record.applicationData: return true
      case Record.handshake: return holdsTickets(UnsafeRawBufferPointer(start: start, count: count))
      default: return false
      }
    }
  }

  /// Whether there are only whole messages of the kind NewSessionTicket (RFC 8446 §4.6.1).
  private static func holdsTickets(_ messages: UnsafeRawBufferPointer) -> Bool {
    var position = 0
    while messages.count - position >= 4 {
      guard messages[position] == 4 else { return false }
      let length =
        Int(messages[position + 1]) << 16 | Int(messages[position + 2]) << 8 | Int(messages[position + 3])
      position += 4 + length
    }
    return position == messages.count
  }

  /// What goes on in place of the stack, once that has been stopped, has nothing left to send, and has read all that came.
  ///
  /// - Returns: nil where nothing can be taken over.
  package mutating func takeOver() -> RecordLayer? {
    guard !hasGivenUp, let suite, let opening = incoming.protection.take(),
      let sent = outgoing.protection.take(),
      opening.sequence > 0, sent.sequence > 0, outgoing.rest.isEmpty,
      let sealing = RecordProtection(suite, secret: outgoingSecret, seals: true, from: sent.sequence)
    else {
      giveUp()
      return nil
    }
    defer { giveUp() }
    return RecordLayer(opening: opening, sealing: sealing, rest: incoming.rest)
  }
}
