import SeededRandom
import Testing

@testable import TLSRecords

@Suite struct RecordLayerTests {
  // MARK: bytes

  @Test(arguments: CipherSuite.allCases)
  func whatIsSentArrivesHoweverItIsCutUp(_ suite: CipherSuite) throws {
    var random = SeededRandom(UInt64(suite.rawValue))
    let ends = Ends(suite, recordsPerKey: 5)
    for _ in 0..<60 {
      let size = [0, 1, 125, 16_384, 16_385, 70_000].randomElement(using: &random) ?? 0
      let sent = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      let (from, to) = Bool.random(using: &random) ? (ends.client, ends.server) : (ends.server, ends.client)
      var wire = from.sealed(sent)[...]
      var arrived: [UInt8] = []
      while !wire.isEmpty {
        let part = wire.prefix(Int.random(in: 1...40_000, using: &random))
        wire = wire.dropFirst(part.count)
        let opened = to.opened(Array(part))
        #expect(opened.end == nil)
        arrived += opened.bytes
      }
      #expect(arrived == sent)
      #expect(!to.isWithinRecord)
    }
  }

  @Test func everySplitGivesTheSameBytes() {
    let first = Ends()
    let wire = first.client.sealed(Array("one".utf8)) + first.client.sealed(Array("another".utf8))
    for cut in 0...wire.count {
      let ends = Ends()
      let head = ends.server.opened(Array(wire[..<cut]))
      let tail = ends.server.opened(Array(wire[cut...]))
      #expect(head.bytes + tail.bytes == Array("oneanother".utf8), "cut at \(cut)")
      #expect(head.end == nil && tail.end == nil)
    }
  }

  @Test func paddingIsNoContent() {
    var keys = Ends.clientKeys()
    let padded = sealed(Array("hello".utf8) + [Record.applicationData, 0, 0, 0, 0], type: 0, &keys)
    #expect(Ends().server.opened(padded) == (Array("hello".utf8), nil))
  }

  @Test func aSocketMayEndWithinARecord() {
    let ends = Ends()
    _ = ends.server.opened(Array(ends.client.sealed([1, 2, 3]).dropLast()))
    #expect(ends.server.isWithinRecord)
  }

  // MARK: ends

  @Test func anEndIsSaidOnceAndHeard() throws {
    let ends = Ends()
    let bytes = ends.client.sealed([7])
    let end = try #require(ends.client.sayEnd())
    #expect(ends.client.sayEnd() == nil)
    // What comes behind it is nothing.
    #expect(ends.server.opened(bytes + end + [9, 9, 9]) == ([7], .closeNotify))
  }

  @Test func aFaultIsToldToWhoeverMadeIt() throws {
    let ends = Ends()
    let alert = try #require(ends.server.tell(.notAuthentic))
    #expect(ends.client.opened(alert) == ([], .fault(.alert(20))))
    #expect(ends.client.tell(.alert(20)) == nil)
    #expect(ends.server.sayEnd() == nil)
  }

  @Test func whoIsAboutToCloseMaySaySo() {
    var keys = Ends.clientKeys()
    let wire =
      sealed([1, 90], type: Record.alert, &keys) + sealed([1, 0], type: Record.alert, &keys)
    #expect(Ends().server.opened(wire) == ([], .closeNotify))
  }

  // MARK: keys

  @Test(arguments: CipherSuite.allCases)
  func newKeysArePassedOver(_ suite: CipherSuite) {
    var keys = Ends.clientKeys(suite)
    let ends = Ends(suite)
    for round in 0..<5 {
      let update = sealed([24, 0, 0, 1, UInt8(round % 2)], type: Record.handshake, &keys)
      let isUpdated = keys.update()
      #expect(isUpdated)
      let wire = update + sealed([UInt8(round)], &keys)
      #expect(ends.server.opened(wire) == ([UInt8(round)], nil))
      // Whoever was asked for new keys has them with what it sends next.
      let answer = ends.server.sealed([42])
      #expect((answer.count > 1 + Record.overhead) == (round % 2 == 1))
      #expect(ends.client.opened(answer) == ([42], nil))
    }
  }

  @Test func keysAreRenewedBeforeTheyAreUsedUp() {
    let ends = Ends(recordsPerKey: 2)
    var sizes: [Int] = []
    for byte in 0..<6 {
      let wire = ends.client.sealed([UInt8(byte)])
      sizes.append(wire.count)
      #expect(ends.server.opened(wire) == ([UInt8(byte)], nil))
    }
    let (plain, withUpdate) = (1 + Record.overhead, 1 + 5 + 2 * Record.overhead)
    #expect(sizes == [plain, plain, withUpdate, plain, withUpdate, plain])
  }

  @Test func ticketsForLaterAreDroppedInPiecesToo() {
    var keys = Ends.clientKeys()
    let ticket: [UInt8] = [4, 0, 0, 6, 1, 2, 3, 4, 5, 6]
    var wire: [UInt8] = []
    for part in [ticket + ticket.prefix(3), ticket.dropFirst(3)] {
      wire += sealed(Array(part), type: Record.handshake, &keys)
    }
    wire += sealed([1], &keys)
    #expect(Ends().server.opened(wire) == ([1], nil))
  }

  // MARK: faults

  private struct Case: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let fault: RecordFault
    let wire: @Sendable (inout RecordProtection) -> [UInt8]
  }

  private static let cases: [Case] = [
    Case(testDescription: "garbage", fault: .unexpected) { _ in
      Array("GET / HTTP/1.1\r\n".utf8)
    },
    Case(testDescription: "garbage that would be long", fault: .unexpected) { _ in [9, 9, 9, 0xFF, 0xFF] },
    Case(testDescription: "a record of nobody", fault: .notAuthentic) { _ in
      [0x17, 3, 3, 0, 20] + [UInt8](repeating: 3, count: 20)
    },
    Case(testDescription: "too short for a tag", fault: .notAuthentic) { _ in [0x17, 3, 3, 0, 1, 3] },
    Case(testDescription: "nothing but zeros", fault: .notAuthentic) { sealed([0, 0, 0], type: 0, &$0) },
    Case(testDescription: "a header that announces too much", fault: .tooLong) { _ in
      [0x17, 3, 3, 0x41, 0x01]
    },
    Case(testDescription: "more content than allowed", fault: .tooLong) {
      sealed([UInt8](repeating: 1, count: Record.plainBytes + 1), &$0)
    },
    Case(testDescription: "a record that is not sealed", fault: .unexpected) { _ in [0x14, 3, 3, 0, 1, 1] },
    Case(testDescription: "a kind of content that is none", fault: .unexpected) {
      sealed([1], type: 99, &$0)
    },
    Case(testDescription: "an alert that says that nothing goes on", fault: .alert(80)) {
      sealed([2, 80], type: Record.alert, &$0)
    },
    Case(testDescription: "an alert of another length", fault: .unexpected) {
      sealed([2, 80, 1], type: Record.alert, &$0)
    },
    Case(testDescription: "a message that is for handshakes", fault: .unexpected) {
      sealed([13, 0, 0, 0], type: Record.handshake, &$0)
    },
    Case(testDescription: "an empty part of a message", fault: .unexpected) {
      sealed([], type: Record.handshake, &$0)
    },
    Case(testDescription: "data within a message", fault: .unexpected) {
      sealed([4, 0, 0, 9], type: Record.handshake, &$0) + sealed([1], &$0)
    },
    Case(testDescription: "a message without end", fault: .malformed) {
      sealed([4, 0xFF, 0, 0], type: Record.handshake, &$0)
    },
    Case(testDescription: "new keys with more behind them", fault: .unexpected) {
      sealed([24, 0, 0, 1, 0, 4], type: Record.handshake, &$0)
    },
    Case(testDescription: "new keys of another form", fault: .malformed) {
      sealed([24, 0, 0, 1, 2], type: Record.handshake, &$0)
    },
    Case(testDescription: "records without use and without end", fault: .unexpected) { keys in
      (0..<33).flatMap { _ in sealed([], &keys) }
    },
  ]

  @Test(arguments: cases)
  private func whatHasNoPlaceIsRefused(_ fault: Case) {
    var keys = Ends.clientKeys()
    let before = sealed([5], &keys)
    // What came before it counts.
    #expect(Ends().server.opened(before + fault.wire(&keys)) == ([5], .fault(fault.fault)))
  }

  @Test func someRecordsWithoutUseAreTaken() {
    var keys = Ends.clientKeys()
    let ends = Ends()
    for _ in 0..<3 {
      let wire = (0..<32).flatMap { _ in sealed([], &keys) } + sealed([1], &keys)
      #expect(ends.server.opened(wire) == ([1], nil))
    }
  }
}
