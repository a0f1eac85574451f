import DemoChat
import JSONText
import Testing

@Suite struct WireTests {
  @Test(arguments: [
    "0", #"2["a"]"#, #"20["a",1]"#, #"2/ns,12["a"]"#, "1/ns,", #"0/ns,{"token":"t"}"#, #"37[]"#,
    #"4{"message":"m"}"#,
    #"51-3["a",{"_placeholder":true,"num":0}]"#, #"61-/ns,3[]"#, "2[7]",
  ])
  func anAcceptedPacketIsWrittenAsItWasRead(_ text: String) {
    #expect(SocketIOText(parsing: text)?.text == text)
  }

  @Test(arguments: [
    "", "7", "1{}", "43", "0[]", "2{}", "2[]", "2[null]", "2", #"2["connect"]"#, "5[]", "5-[]", #"511-["a"]"#,
    #"2["a"]x"#, #"299999999999999999999["a"]"#,
  ])
  func anythingElseIsRefused(_ text: String) {
    #expect(SocketIOText(parsing: text) == nil)
  }

  @Test func attachmentsAreJoinedInOrder() throws {
    var reader = SocketIOReader()
    let text = #"52-["two",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#
    #expect(try reader.textArrived(text) == nil)
    #expect(try reader.binaryArrived([1]) == nil)
    let message = try reader.binaryArrived([2, 3])
    #expect(message?.attachments == [[1], [2, 3]])
    #expect(message?.enginePackets == [.message(text), .binary([1]), .binary([2, 3])])
    #expect(throws: SocketIOFault.brokenAttachments) { try reader.binaryArrived([4]) }
  }

  @Test func textBetweenAttachmentsIsAFault() throws {
    var reader = SocketIOReader()
    _ = try reader.textArrived(#"51-["one",{"_placeholder":true,"num":0}]"#)
    #expect(throws: SocketIOFault.brokenAttachments) { try reader.textArrived(#"2["a"]"#) }
  }

  @Test(arguments: [[], [0], [0, 255], [1, 2, 3], Array(0...255)] as [[UInt8]])
  func binarySurvivesAPollingBody(_ bytes: [UInt8]) {
    let payload = PollingPayload(packets: [.message("2[\"é\"]"), .binary(bytes), .ping("")])
    #expect(PollingPayload(parsing: Array(payload.text.utf8)) == payload)
  }

  @Test(arguments: ["", "42[]\u{1E}", "\u{1E}", "7", "bA", "b====", "bAA=A", "b*AAA"])
  func aBrokenBodyIsTold(_ body: String) {
    #expect(PollingPayload(parsing: Array(body.utf8)).isBroken)
  }

  @Test func packetsBeforeABreakCount() {
    let payload = PollingPayload(parsing: Array("40\u{1E}x\u{1E}2".utf8))
    #expect(payload.packets == [.message("0")])
    #expect(payload.isBroken)
  }

  @Test func randomTextNeverTraps() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix64(seed: seed)
    let alphabet = Array(#"0123456789-/,[]{}":ab _"#.utf8)
    for _ in 0..<5000 {
      let text = (0..<Int(random.next() % 24)).map { _ in
        alphabet[Int(random.next() % UInt64(alphabet.count))]
      }
      if let packet = SocketIOText(parsing: String(decoding: text, as: UTF8.self)) {
        #expect(SocketIOText(parsing: packet.text) == packet, "seed \(seed)")
      }
      _ = PollingPayload(parsing: text)
    }
  }

  @Test func theGeneratorYieldsItsPublishedNumbers() {
    var random = SplitMix64(seed: 1_234_567)
    #expect(random.next() == 6_457_827_717_110_365_317)
    #expect(random.next() == 3_203_168_211_198_807_973)
  }
}
