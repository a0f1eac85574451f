import SeededRandom
import Testing

@testable import TLSRecords

@Suite struct HandshakeWatchTests {
  /// What goes over the wire of a connection, record by record.
  private struct Conversation {
    typealias Part = (fromClient: Bool, bytes: [UInt8])

    static let random = [UInt8](repeating: 0xAB, count: 32)
    var parts: [Part] = []
    /// The part with which the server has said so much that both know the secrets.
    var secretsKnown = 0
    var fromClient: UInt64 = 0
    var fromServer: UInt64 = 0
    let suite: CipherSuite

    static func hello(_ kind: UInt8, _ rest: [UInt8]) -> [UInt8] {
      let body = [3, 3] + random + rest
      return [22, 3, 3, 0, UInt8(body.count + 4), kind, 0, 0, UInt8(body.count)] + body
    }

    /// A handshake as it goes in TLS 1.3, an old box's change of ciphers included.
    init(_ suite: CipherSuite) {
      self.suite = suite
      let choice = [UInt8(suite.rawValue >> 8), UInt8(suite.rawValue & 0xFF)]
      var serverHandshake = RecordProtection(suite, secret: secret(suite, 50), seals: true)!
      var clientHandshake = RecordProtection(suite, secret: secret(suite, 51), seals: true)!
      parts.append((true, Self.hello(1, [0, 0, 2] + choice)))
      parts.append((false, Self.hello(2, [2, 7, 7] + choice + [0])))
      parts.append((false, [20, 3, 3, 0, 1, 1]))
      parts.append((false, sealed([8, 0, 0, 0], type: 22, &serverHandshake)))
      parts.append((false, sealed([UInt8](repeating: 20, count: 900), type: 22, &serverHandshake)))
      secretsKnown = parts.count
      parts.append((true, [20, 3, 3, 0, 1, 1]))
      parts.append((true, sealed([UInt8](repeating: 20, count: 36), type: 22, &clientHandshake)))
    }

    mutating func say(fromClient isClient: Bool, _ bytes: [UInt8], type: UInt8 = 23) {
      let seed = isClient ? Ends.clientSeed : Ends.serverSeed
      let number = isClient ? fromClient : fromServer
      var keys = RecordProtection(suite, secret: secret(suite, seed), seals: true, from: number)!
      parts.append((isClient, sealed(bytes, type: type, &keys)))
      if isClient { fromClient += 1 } else { fromServer += 1 }
    }

    mutating func upgrade() {
      say(fromClient: false, [4, 0, 0, 2, 1, 2, 4, 0, 0, 1, 1], type: 22)
      say(fromClient: true, Array("GET /socket.io/ HTTP/1.1\r\n\r\n".utf8))
      say(fromClient: false, Array("HTTP/1.1 101 Switching Protocols\r\n\r\n".utf8))
      say(fromClient: false, Array("frame".utf8))
    }

    /// Shows it to a watch on the server's side or on the client's, cut up as `cut` says.
    func show(
      _ watch: inout HandshakeWatch, isServer: Bool, _ secrets: HandshakeSecrets, cut: (Int) -> Int = { $0 }
    ) {
      for (number, part) in parts.enumerated() {
        var bytes = part.bytes[...]
        if number == secretsKnown {
          for (label, seed) in [("CLIENT", Ends.clientSeed), ("SERVER", Ends.serverSeed)] {
            secrets.note(
              "\(label)_TRAFFIC_SECRET_0 \(Self.random.hex) \(secret(suite, seed).hex)".utf8)
          }
        }
        while !bytes.isEmpty {
          let piece = Array(bytes.prefix(cut(bytes.count)))
          bytes = bytes.dropFirst(piece.count)
          piece.withUnsafeBytes { watch.take($0, part.fromClient == isServer ? .incoming : .outgoing) }
        }
      }
    }
  }

  private func takenOver(
    _ conversation: Conversation, isServer: Bool = true, budget: Int = 1 << 18, cut: (Int) -> Int = { $0 }
  ) -> RecordLayer? {
    let secrets = HandshakeSecrets()
    var watch = HandshakeWatch(isServer: isServer, secrets: secrets, budget: budget)
    conversation.show(&watch, isServer: isServer, secrets, cut: cut)
    let layer = watch.takeOver()
    let isOver = watch.isOver
    #expect(isOver)
    #expect(secrets.count == 0)
    return layer
  }

  /// The peer of whoever is taken over.
  private func peer(_ conversation: Conversation, isServer: Bool) -> RecordLayer {
    let (suite, ours) = (conversation.suite, isServer ? Ends.serverSeed : Ends.clientSeed)
    let theirs = isServer ? Ends.clientSeed : Ends.serverSeed
    let sent = isServer ? conversation.fromServer : conversation.fromClient
    let heard = isServer ? conversation.fromClient : conversation.fromServer
    return RecordLayer(
      opening: RecordProtection(suite, secret: secret(suite, theirs), seals: false, from: heard)!,
      sealing: RecordProtection(suite, secret: secret(suite, ours), seals: true, from: sent)!)
  }

  @Test(arguments: CipherSuite.allCases, [true, false])
  func itGoesOnWhereTheStackWasHoweverTheBytesCame(_ suite: CipherSuite, _ isServer: Bool) throws {
    var random = SeededRandom(7)
    var conversation = Conversation(suite)
    conversation.upgrade()
    for round in 0..<40 {
      let layer = try #require(
        takenOver(conversation, isServer: isServer) {
          round == 0 ? $0 : Int.random(in: 1...$0, using: &random)
        })
      let peer = peer(conversation, isServer: !isServer)
      #expect(layer.opened(peer.sealed([1, 2])) == ([1, 2], nil))
      #expect(peer.opened(layer.sealed([3])) == ([3], nil))
    }
  }

  @Test func aRecordThatHasOnlyBegunIsGoneOnWith() throws {
    var conversation = Conversation(.aes128GCM)
    conversation.upgrade()
    let next = peer(conversation, isServer: false).sealed(Array("hello".utf8))
    for cut in 0..<next.count {
      var begun = conversation
      begun.parts.append((true, Array(next[..<cut])))
      let layer = try #require(takenOver(begun))
      #expect(layer.isWithinRecord == (cut > 0))
      #expect(layer.opened(Array(next[cut...])) == (Array("hello".utf8), nil))
    }
  }

  @Test func withoutDataInBothDirectionsNothingIsTakenOver() {
    var conversation = Conversation(.aes128GCM)
    #expect(takenOver(conversation) == nil)
    conversation.say(fromClient: true, [1])
    #expect(takenOver(conversation) == nil)
    conversation.say(fromClient: false, [1])
    #expect(takenOver(conversation) != nil)
  }

  @Test(arguments: [true, false])
  func newKeysEndIt(_ fromClient: Bool) {
    var conversation = Conversation(.aes128GCM)
    conversation.upgrade()
    conversation.say(fromClient: fromClient, [24, 0, 0, 1, 0], type: 22)
    #expect(takenOver(conversation) == nil)
  }

  @Test func anEndEndsIt() {
    var conversation = Conversation(.aes128GCM)
    conversation.upgrade()
    conversation.say(fromClient: true, [1, 0], type: 21)
    #expect(takenOver(conversation) == nil)
  }

  @Test func aRecordThatDoesNotFollowEndsIt() {
    var conversation = Conversation(.aes128GCM)
    conversation.upgrade()
    conversation.fromClient += 1
    conversation.say(fromClient: true, [1])
    #expect(takenOver(conversation) == nil)
  }

  @Test func aTicketInPiecesEndsIt() {
    var conversation = Conversation(.aes128GCM)
    conversation.upgrade()
    conversation.say(fromClient: false, [4, 0, 0, 9, 1], type: 22)
    #expect(takenOver(conversation) == nil)
  }

  @Test func muchTrafficEndsIt() {
    var conversation = Conversation(.aes128GCM)
    conversation.upgrade()
    for _ in 0..<20 { conversation.say(fromClient: true, [UInt8](repeating: 1, count: 100)) }
    #expect(takenOver(conversation, budget: 4000) != nil)
    #expect(takenOver(conversation, budget: 2000) == nil)
  }

  @Test func anOlderVersionIsNotTakenOver() {
    // Its secrets are never told in this form.
    var conversation = Conversation(.aes128GCM)
    conversation.secretsKnown = .max
    conversation.upgrade()
    #expect(takenOver(conversation) == nil)
  }

  @Test func garbageIsNotTakenOver() {
    var random = SeededRandom(3)
    for _ in 0..<200 {
      let secrets = HandshakeSecrets()
      var watch = HandshakeWatch(isServer: true, secrets: secrets)
      for _ in 0..<20 {
        let bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
          [UInt8](arrayLiteral: 1, 2, 3, 20, 22, 23, 0, 0xFF).randomElement(using: &random) ?? 0
        }
        bytes.withUnsafeBytes { watch.take($0, Bool.random(using: &random) ? .incoming : .outgoing) }
      }
      let isTakenOver = watch.takeOver() != nil
      #expect(!isTakenOver)
    }
  }
}

extension [UInt8] {
  fileprivate var hex: String {
    map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
  }
}
