import Testing

@testable import ProxyServer

@Suite struct SOCKSRequestTests {
  private static let name: [UInt8] = [5, 1, 0, 3, 4] + Array("chat".utf8) + [0x01, 0xBB]

  /// Plays bytes in pieces of a size; returns every step but waiting.
  private func play(_ bytes: [UInt8], inPiecesOf size: Int, credentials: String? = nil) -> [SOCKSRequest.Step]
  {
    var access = AccessRule()
    access.credentials = credentials
    var request = SOCKSRequest(access: access)
    var held: [UInt8] = []
    var steps: [SOCKSRequest.Step] = []
    for start in stride(from: 0, to: bytes.count, by: size) {
      held += bytes[start..<min(start + size, bytes.count)]
      while true {
        var rest = held[...]
        let step = request.received(&rest)
        held = Array(rest)
        guard step != .wait else { break }
        steps.append(step)
        switch step {
        case .connect, .refuse: return steps
        default: continue
        }
      }
    }
    return steps
  }

  @Test(arguments: [1, 2, 3, 7, 100])
  func aNameAndAPortComeThroughHoweverTheyAreCut(_ size: Int) {
    #expect(
      play([5, 2, 1, 0] + Self.name, inPiecesOf: size) == [
        .reply([5, 0]), .connect(host: "chat", port: 443),
      ])
  }

  @Test func addressesAreHostsToo() {
    #expect(
      play([5, 1, 0, 5, 1, 0, 1, 10, 0, 0, 7, 0, 80], inPiecesOf: 99).last
        == .connect(host: "10.0.0.7", port: 80))
    let six: [UInt8] = [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [7]
    #expect(
      play([5, 1, 0, 5, 1, 0, 4] + six + [1, 0], inPiecesOf: 99).last
        == .connect(host: "2001:db8:0:0:0:0:0:7", port: 256))
  }

  @Test(arguments: [1, 5, 100])
  func aPasswordIsAskedForAndHeld(_ size: Int) {
    let greeting: [UInt8] = [5, 2, 0, 2]
    func login(_ user: String, _ password: String) -> [UInt8] {
      [1, UInt8(user.utf8.count)] + Array(user.utf8) + [UInt8(password.utf8.count)] + Array(password.utf8)
    }
    #expect(
      play(greeting + login("ann", "s3:cret") + Self.name, inPiecesOf: size, credentials: "ann:s3:cret")
        == [.reply([5, 2]), .reply([1, 0]), .connect(host: "chat", port: 443)])
    let wrong = play(
      greeting + login("ann", "guess") + Self.name, inPiecesOf: size, credentials: "ann:s3:cret")
    #expect(wrong.last == .refuse([1, 1], reason: "the user or password is wrong"))
  }

  @Test func whoOffersNoPasswordIsRefusedWhereOneIsNeeded() {
    #expect(
      play([5, 1, 0], inPiecesOf: 9, credentials: "a:b")
        == [.refuse([5, 0xFF], reason: "a user and password are needed")])
  }

  @Test(
    arguments: [
      [5, 1, 0, 5, 2, 0, 1, 1, 2, 3, 4, 0, 80], [5, 1, 0, 5, 1, 0, 9, 1, 2, 3, 4, 0, 80], [4, 1, 0, 80],
      [5, 1, 1],
    ] as [[UInt8]])
  func whatIsNotOfferedIsRefused(_ bytes: [UInt8]) {
    guard case .refuse = play(bytes, inPiecesOf: 1).last else {
      Issue.record("not refused: \(bytes)")
      return
    }
  }

  @Test func randomBytesNeverTrap() {
    var random = Xorshift(state: 4711)
    for _ in 0..<2000 {
      let bytes = (0..<40).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      _ = play([5] + bytes, inPiecesOf: 3, credentials: random.next() & 1 == 0 ? "a:b" : nil)
    }
  }
}
