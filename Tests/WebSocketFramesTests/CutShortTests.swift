import Testing

@testable import WebSocketFrames

/// A message whose end never comes (`MessageStream.wasCutShort`).
@Suite struct CutShortTests {
  private let key: [UInt8] = [9, 8, 7, 6]

  private func cut(_ stream: inout MessageStream) -> [(seen: SeenEvent, isCutShort: Bool)] {
    var seen: [(SeenEvent, Bool)] = []
    stream.wasCutShort { event in
      let isCutShort = if case .message(let message) = event { message.isCutShort } else { false }
      seen.append((SeenEvent(event), isCutShort))
    }
    return seen
  }

  @Test(arguments: [false, true]) func whatCameOfItIsToldAtEveryPlace(_ isMasked: Bool) {
    let payload = Array("42[\"a\",\"zwölf\"]".utf8)
    let whole = NaiveFrame(opcode: 1, key: isMasked ? key : nil, payload: payload).bytes
    let head = whole.count - payload.count
    for count in 0...whole.count {
      var stream = MessageStream(masking: isMasked ? .required : .forbidden, compression: nil)
      let before = events([Array(whole[..<count])], through: &stream)
      #expect(before.count == (count == whole.count ? 1 : 0))
      let told = cut(&stream)
      guard count > head, count < whole.count else {
        #expect(told.isEmpty, "\(count)")
        continue
      }
      #expect(told.map(\.isCutShort) == [true])
      let message = told.first?.seen.message
      #expect(message?.payload == Array(payload[..<(count - head)]))
      #expect(message?.length == payload.count)
      #expect(message?.wireBytes == count - head)
      #expect(message?.isTruncated == true)
      #expect(cut(&stream).isEmpty, "it is told once")
    }
  }

  @Test func fragmentsThatCameAreToldTogether() {
    var stream = MessageStream(masking: .forbidden, compression: nil)
    let bytes =
      NaiveFrame(fin: false, opcode: 1, key: nil, payload: Array("one ".utf8)).bytes
      + NaiveFrame(opcode: 9, key: nil, payload: Array("ping".utf8)).bytes
      + NaiveFrame(fin: false, opcode: 0, key: nil, payload: Array("two ".utf8)).bytes
    _ = events([bytes], through: &stream)
    let told = cut(&stream)
    #expect(told.first?.seen.text == "one two ")
    #expect(told.first?.seen.message?.frames == 2)
    #expect(told.first?.seen.message?.isTruncated == true)
  }

  @Test func whatIsBehindItIsStillTold() {
    var stream = MessageStream(masking: .forbidden, compression: nil)
    let whole = NaiveFrame(opcode: 1, key: nil, payload: Array("first".utf8)).bytes
    let next = NaiveFrame(opcode: 1, key: nil, payload: Array("next".utf8)).bytes
    _ = events([Array(whole[..<4])], through: &stream)
    #expect(cut(&stream).first?.seen.text == "fi")
    let rest = events([Array(whole[4...]) + next + next], through: &stream)
    #expect(rest.map(\.text) == ["next", "next"])
  }
}
