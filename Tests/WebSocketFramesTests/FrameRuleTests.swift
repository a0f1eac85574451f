import Testing
import WebSocketFrames

/// One test for each rule that a sender can break (PROTOCOL.md F.2, F.4).
@Suite struct FrameRuleTests {
  private func only(_ seen: [SeenEvent]) -> WebSocketViolation.Reason? {
    seen.count == 1 ? seen[0].violation?.reason : nil
  }

  private let key: [UInt8] = [1, 2, 3, 4]

  @Test func anUnmaskedClientFrameIsAViolation() {
    #expect(only(events([NaiveFrame.text("x").bytes], from: .required)) == .maskMissing)
    #expect(only(events([NaiveFrame(opcode: 9).bytes], from: .required)) == .maskMissing)
  }

  @Test func aMaskedServerFrameIsAViolation() {
    #expect(only(events([NaiveFrame.text("x", key: key).bytes])) == .maskForbidden)
    #expect(only(events([NaiveFrame(opcode: 8, key: key).bytes])) == .maskForbidden)
  }

  @Test(arguments: [1, 2, 3, 5, 6, 7] as [UInt8]) func reservedBitsAreAViolation(_ rsv: UInt8) {
    let bytes = NaiveFrame(rsv: rsv, payload: [0]).bytes
    #expect(only(events([bytes], compression: rsv & 3 == 0 ? nil : DeflateParameters())) == .reservedBit)
  }

  @Test func theFirstReservedBitIsAViolationWhereNothingWasNegotiated() {
    #expect(only(events([NaiveFrame(rsv: 4, payload: [0]).bytes])) == .reservedBit)
    #expect(only(events([NaiveFrame(rsv: 4, opcode: 9).bytes])) == .reservedBit)
  }

  @Test func theFirstReservedBitMayOnlyStandOnAMessagesFirstFrame() {
    let first = NaiveFrame(fin: false, rsv: 4, payload: [0xF2]).bytes
    let second = NaiveFrame(rsv: 4, opcode: 0, payload: [0x48]).bytes
    let seen = events([first + second], compression: DeflateParameters())
    #expect(only(seen) == .compressedContinuation)
    #expect(seen[0].violation?.offset == 3)
    #expect(
      only(events([NaiveFrame(rsv: 4, opcode: 9).bytes], compression: DeflateParameters()))
        == .compressedControl)
  }

  @Test(arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8]) func reservedOpcodesAreAViolation(
    _ opcode: UInt8
  ) {
    #expect(only(events([NaiveFrame(opcode: opcode).bytes])) == .reservedOpcode)
    #expect(only(events([NaiveFrame(opcode: opcode, key: key).bytes], from: .required)) == .reservedOpcode)
  }

  @Test(arguments: [8, 9, 10] as [UInt8]) func controlFramesAreWholeAndShort(_ opcode: UInt8) {
    #expect(only(events([NaiveFrame(fin: false, opcode: opcode).bytes])) == .fragmentedControl)
    let long = [UInt8](repeating: 0x61, count: 126)
    #expect(only(events([NaiveFrame(opcode: opcode, payload: long).bytes])) == .oversizedControl)
    let longForm = NaiveFrame(opcode: opcode, payload: [], form: .sixteenBits)
    #expect(only(events([longForm.bytes])) == .oversizedControl)
  }

  @Test func aPingOf125BytesIsLegal() {
    let payload = [UInt8](repeating: 0xFF, count: 125)
    let seen = events([NaiveFrame(opcode: 9, key: key, payload: payload).bytes], from: .required)
    #expect(
      seen == [.control(.ping, payload: payload, code: nil, reason: [], isAfterClose: false, offset: 0)])
  }

  @Test func aContinuationNeedsAMessage() {
    #expect(only(events([NaiveFrame(opcode: 0).bytes])) == .orphanContinuation)
    let seen = events([NaiveFrame.text("a").bytes + NaiveFrame(opcode: 0).bytes])
    #expect(seen.last?.violation == seen.compactMap(\.violation).first)
    #expect(seen.last?.violation?.reason == .orphanContinuation)
    #expect(seen.last?.violation?.offset == 3)
  }

  @Test(arguments: [1, 2] as [UInt8]) func aMessageMayNotBeginInsideAnother(_ opcode: UInt8) {
    let seen = events([NaiveFrame(fin: false, payload: [0x61]).bytes + NaiveFrame(opcode: opcode).bytes])
    #expect(only(seen) == .interruptedMessage)
  }

  @Test func aLengthWithItsTopBitSetIsAViolation() {
    #expect(only(events([[0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0]])) == .lengthTopBit)
    #expect(only(events([[0x82, 127, 0xFF, 255, 255, 255, 255, 255, 255, 255]])) == .lengthTopBit)
  }

  @Test(arguments: [NaiveFrame.LengthForm.sixteenBits, .sixtyFourBits])
  func lengthsNeedNotBeMinimal(_ form: NaiveFrame.LengthForm) {
    var frame = NaiveFrame.text("Hello")
    frame.form = form
    #expect(events([frame.bytes]).map(\.text) == ["Hello"])
    frame.payload = []
    #expect(events([frame.bytes]).map(\.text) == [""])
  }

  @Test func aCloseOfOneByteIsAViolation() {
    #expect(only(events([NaiveFrame(opcode: 8, payload: [3]).bytes])) == .halfCloseCode)
  }

  @Test func aCloseWithoutACodeHasNone() {
    #expect(
      events([NaiveFrame(opcode: 8).bytes])
        == [.control(.close, payload: [], code: nil, reason: [], isAfterClose: false, offset: 0)])
  }

  @Test func exactlyTheCodesOfTheRegistryAreLegal() {
    for code in UInt16.min...5100 {
      let isLegal = [1000...1003, 1007...1014, 3000...4999].contains { $0.contains(code) }
      let seen = events([NaiveFrame.close(code).bytes])
      let close = SeenEvent.control(
        .close, payload: [UInt8(code >> 8), UInt8(code & 255)], code: code, reason: [], isAfterClose: false,
        offset: 0)
      #expect(seen.last == close)
      #expect(seen.compactMap(\.violation).map(\.reason) == (isLegal ? [] : [.illegalCloseCode]))
    }
  }

  @Test(arguments: [[0xFF], [0xC3], [0x61, 0xED, 0xA0, 0x80]] as [[UInt8]])
  func aBadCloseReasonIsReportedAndTheCloseGiven(_ reason: [UInt8]) {
    let seen = events([NaiveFrame.close(1000, reason).bytes + NaiveFrame.text("late").bytes])
    #expect(seen.count == 3)
    #expect(seen.first?.violation?.reason == .invalidCloseReason)
    #expect(
      seen.dropFirst().first
        == .control(
          .close, payload: [3, 232] + reason, code: 1000, reason: reason, isAfterClose: false, offset: 0))
  }

  @Test func whatComesAfterACloseIsDecodedAndMarked() {
    let seen = events([
      NaiveFrame.text("a").bytes + NaiveFrame.close(1000).bytes + NaiveFrame.text("b").bytes
        + NaiveFrame(opcode: 9).bytes
    ])
    #expect(seen.compactMap(\.message).map(\.isAfterClose) == [false, true])
    #expect(
      seen.last == .control(.ping, payload: [], code: nil, reason: [], isAfterClose: true, offset: 10))
  }

  @Test func controlFramesMayStandInsideAMessage() {
    let bytes =
      NaiveFrame(fin: false, payload: [0xE2, 0x82]).bytes + NaiveFrame(opcode: 9, payload: [7]).bytes
      + NaiveFrame(fin: false, opcode: 0).bytes + NaiveFrame(opcode: 10).bytes
      + NaiveFrame(opcode: 0, payload: [0xAC]).bytes
    #expect(
      events([bytes]) == [
        .control(.ping, payload: [7], code: nil, reason: [], isAfterClose: false, offset: 4),
        .control(.pong, payload: [], code: nil, reason: [], isAfterClose: false, offset: 9),
        .message(.init(payload: [0xE2, 0x82, 0xAC], length: 3, wireBytes: 3, frames: 3, offset: 0)),
      ])
  }

  @Test func invalidTextIsReportedAtTheByte() {
    let whole = NaiveFrame(payload: [0x61, 0x62, 0xC0, 0x80]).bytes
    #expect(events([whole]) == [.violation(violation(.invalidText, 4))])
    let masked = NaiveFrame(key: key, payload: [0x61, 0x62, 0xC0, 0x80]).bytes
    #expect(events([masked], from: .required) == [.violation(violation(.invalidText, 8))])
    let unfinished = NaiveFrame(payload: [0x61, 0xE2, 0x82]).bytes
    #expect(events([unfinished]) == [.violation(violation(.invalidText, 5))])
    #expect(events([NaiveFrame(opcode: 2, payload: [0xC0]).bytes]).compactMap(\.violation).isEmpty)
  }

  @Test func aLargeFrameBreaksARuleOnce() {
    var payload = [UInt8](repeating: 0x61, count: 5000)
    for place in [100, 101, 3000, 4999] { payload[place] = 0xFF }
    let limits = WebSocketLimits(payload: 10)
    let plain = events([NaiveFrame(key: key, payload: payload).bytes], from: .required, limits: limits)
    #expect(plain == [.violation(violation(.invalidText, 108))])
    let noise = NaiveFrame(rsv: 4, key: key, payload: [UInt8](repeating: 0xFF, count: 5000))
    let deflated = events([noise.bytes], from: .required, compression: DeflateParameters())
    #expect(deflated == [.violation(violation(.invalidDeflate, 0))])
  }

  @Test func bytesBehindAFatalViolationAreCountedAndIgnored() {
    var stream = MessageStream(masking: .forbidden, compression: nil)
    let seen = events([[0x83, 0], NaiveFrame.text("x").bytes, [1, 2, 3]], through: &stream)
    #expect(only(seen) == .reservedOpcode)
    #expect(stream.offset == 8)
    #expect(stream.violation == seen.first?.violation)
    #expect(stream.storedBytes == 0)
  }

  @Test func aDirectionThatEndsInsideAMessageSaysSo() {
    for (bytes, isInside) in [
      ([], false), ([0x81], true), ([0x81, 2, 0x61], true), ([0x01, 1, 0x61], true),
      ([0x81, 1, 0x61], false),
    ] as [([UInt8], Bool)] {
      var stream = MessageStream(masking: .forbidden, compression: nil)
      _ = events([bytes], through: &stream)
      #expect(stream.isInsideMessage == isInside, "\(bytes)")
    }
  }

  @Test func everyReasonCitesARuleAndACode() {
    for reason in WebSocketViolation.Reason.allCases where reason != .decoderOutOfMemory {
      let found = violation(reason, 0)
      #expect(found.rule.hasPrefix("RFC "))
      #expect(found.closeCode == 1002 || found.closeCode == 1007)
      #expect(found.isFaultOfSender)
    }
  }
}
