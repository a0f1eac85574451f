import JSONText
import Testing

@testable import SocketIOPackets

private let header = #"51-/n,7["a",{"_placeholder":true,"num":0}]"#

private func text(_ text: String) -> (isText: Bool, bytes: [UInt8]) { (true, Array(text.utf8)) }
private func binary(_ bytes: [UInt8]) -> (isText: Bool, bytes: [UInt8]) { (false, bytes) }

@Suite struct TextPacketTests {
  @Test func slicesPointAtWhatTheyAreNamedFor() throws {
    let packet = try #require(decode(text: #"2/admin,0012[ "a" , {"x": 1} , [2] ] "#).packets.first)
    #expect(packet.namespace == "/admin")
    #expect(packet.id == "12")
    #expect(packet.event == #""a""#)
    #expect(packet.arguments == #"{"x": 1} , [2]"#)
    #expect(packet.packet.payload.map(packet.string) == #"[ "a" , {"x": 1} , [2] ]"#)
    #expect(packet.packet.hasMembers)
    #expect(!packet.packet.hasLineBreaks)
  }

  @Test(
    arguments: [
      (#"2["a"]"#, #""a""#, ""), ("2[7]", "7", ""), ("2[-1.5e3,1]", "-1.5e3", "1"), ("3[]", nil, ""),
      ("3[ ]", nil, ""),
      (#"30["x",2]"#, nil, #""x",2"#), (#"2["a" ]"#, #""a""#, ""), ("2[null,1]", nil, "null,1"),
      ("2[]", nil, ""),
      (#"2{"a":1}"#, nil, nil), ("2", nil, nil), ("0{}", nil, nil), ("23", nil, nil),
    ] as [(String, String?, String?)])
  func eventAndArgumentsAreCutOut(_ input: String, _ event: String?, _ arguments: String?) throws {
    let packet = try #require(decode(text: input).packets.first)
    #expect(packet.event == event)
    #expect(packet.arguments == arguments)
  }

  @Test func zerosBeforeAnIDVanishAndZeroStays() {
    #expect(decode(text: "2000[\"a\"]").packets.first?.id == "0")
    #expect(decode(text: "2007[\"a\"]").packets.first?.id == "7")
    #expect(decode(text: "2007[\"a\"]").packets.first?.packet.id == AckID(7))
  }

  @Test func whiteSpacePassesForDigits() throws {
    for space in [" ", "\t", "\n", "\r\n", "\u{A0}", "\u{2028}", "\u{FEFF}", "\u{3000}"] {
      let blank = try #require(decode(text: "2/n,\(space)[\"a\",1]").packets.first)
      #expect(blank.id == "0")
      #expect(blank.namespace == "/n")
      #expect(blank.arguments == "1")
      #expect(decode(text: "2\(space)5\(space)[\"a\"]").packets.first?.id == "5")
      // `NaN`: nothing can answer it.
      let broken = try #require(decode(text: "25\(space)6[\"a\"]").packets.first)
      #expect(broken.id == nil)
      #expect(broken.packet.refusalElsewhere?.reason == .idNotANumber)
    }
    #expect(decode(text: "2 ").packets.first?.id == "0")
  }

  @Test func aBlankIDOfABinaryPacketIsWrittenOutToo() throws {
    let outcome = decode([text(#"51- ["a",{"_placeholder":true,"num":0}]"#), binary([9])])
    let packet = try #require(outcome.packets.first)
    #expect(packet.id == "0")
    #expect(packet.attachments == [[9]])
    #expect(!outcome.isRefused)
  }

  @Test func queriesOfNamespacesAreCutOffInRevision4Only() throws {
    let old = try #require(decode(text: "0/admin?token=1,", revision: .four).packets.first)
    #expect(old.namespace == "/admin?token=1")
    #expect(old.namespaceName == "/admin")
    let defaultNamespace = try #require(decode(text: "0/?a=b", revision: .four).packets.first)
    #expect(defaultNamespace.namespaceName == "/")
    #expect(try #require(decode(text: "0/admin?token=1,").packets.first).namespaceName == "/admin?token=1")
    #expect(try #require(decode(text: "2/a?b,[1]", revision: .four).packets.first).namespaceName == "/a?b")
  }

  @Test func whatCanBeReadOfBrokenTextIsGiven() throws {
    let partial = try #require(decode(text: #"2/n,1["x","#).partials.first)
    #expect(partial.packet.type == .event)
    #expect(partial.namespace == "/n")
    #expect(partial.id == "1")
    #expect(partial.event == #""x""#)
    #expect(partial.arguments == nil)
    #expect(partial.packet.payload.map(partial.string) == #"["x","#)
    #expect(partial.packet.hasMembers)
    #expect(try #require(decode(text: "21{").partials.first).event == nil)
    #expect(decode([text("2[\"a\"]"), text("x")]).partials.isEmpty)
  }

  @Test(arguments: [
    (#"2["a",NaN]"#, PacketRefusal.Reason.notFinite, 6), (#"2["a",-Infinity]"#, .notFinite, 7),
    (#"21["a" 1]"#, .json(.unexpectedByte), 7), ("2[\"a\"]x", .json(.trailingBytes), 6),
    ("51[\"a\"]", .attachmentCountNotTerminated, 1),
    ("5a-[\"a\"]", .attachmentCountNotANumber, 1), ("51.5-[\"a\"]", .attachmentCountNotANumber, 1),
    ("51e-1-[1]", .attachmentCountNotANumber, 1),
  ])
  func refusalsNameTheByte(_ input: String, _ reason: PacketRefusal.Reason, _ offset: Int) {
    let refusal = decode(text: input).refusals.first
    #expect(refusal?.reason == reason)
    #expect(refusal?.offset == offset)
  }

  @Test func reservedNamesAreFoundThroughEscapes() {
    for name in [
      "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
      #"\u0063onnect"#,
    ] {
      #expect(decode(text: "2[\"\(name)\"]").packets.first?.packet.refusal?.reason == .eventNameReserved)
      #expect(decode(text: "2[\"\(name)\"]", revision: .four).packets.first?.packet.refusal == nil)
      #expect(decode(text: "2[\"\(name)x\"]").packets.first?.packet.refusal == nil)
    }
    for name in ["error", "message", "ping", "Connect", "newlistener"] {
      #expect(decode(text: "2[\"\(name)\"]").packets.first?.packet.refusal == nil)
    }
  }

  @Test(arguments: [0, 1, 5, 8, 9, 12, 15, 17]) func theBeginningOfALongTextKeepsWhatItShows(_ length: Int) {
    let whole = #"2/n,12["name","long argument"]"#
    var stream = SocketPacketStream()
    var outcome = StreamOutcome()
    let cut = Array(whole.utf8.prefix(length))
    cut.withUnsafeBytes { outcome.take(stream.receiveText($0, isWhole: false), from: stream, $0) }
    guard length > 0 else { return }
    #expect(outcome.refusals.isEmpty)
    let packet = outcome.packets.first
    #expect(packet?.packet.isTruncated == true)
    #expect(packet?.arguments == nil)
    // Digits may be missing, so an id counts only once something follows it.
    #expect(packet?.id == (length > 6 ? "12" : nil))
    #expect(packet?.event == (length >= 13 ? #""name""# : nil))
  }
}

@Suite struct AttachmentTests {
  @Test func attachmentsCompleteTheirPacket() throws {
    let outcome = decode([text(header), binary([1, 2])])
    #expect(outcome.waiting.count == 1)
    let packet = try #require(outcome.packets.first)
    #expect(packet.namespace == "/n")
    #expect(packet.id == "7")
    #expect(packet.arguments == #"{"_placeholder":true,"num":0}"#)
    #expect(packet.attachments == [[1, 2]])
    #expect(!outcome.isRefused)
  }

  @Test func aTextPacketBreaksThemOffAndIsDecodedAllTheSame() throws {
    let outcome = decode([
      text(#"52-["a",{"_placeholder":true,"num":0}]"#), binary([1]), text(#"2["b"]"#), text("3[]"),
    ])
    #expect(outcome.refusals.map(\.reason) == [.textWhileAttachmentsPending])
    #expect(outcome.brokenPackets.map(\.event) == [#""a""#])
    #expect(outcome.brokenPackets.map(\.attachments) == [[[1]]])
    #expect(outcome.packets.map(\.packet.type) == [.event, .ack])
  }

  @Test func aBinaryPacketMayBreakOffAnother() {
    let outcome = decode([text(header), text(header), binary([5])])
    #expect(outcome.brokenPackets.count == 1)
    #expect(outcome.packets.map(\.attachments) == [[[5]]])
  }

  @Test func zeroAttachmentsSpoilWhatFollows() {
    let outcome = decode([text("50-[\"a\"]"), binary([1]), text("2[\"b\"]"), text("2[\"c\"]")])
    #expect(outcome.packets.map(\.packet.refusal?.reason) == [nil, .textAfterZeroAttachments, nil])
    #expect(outcome.refusals.map(\.reason) == [.binaryAfterZeroAttachments])
  }

  @Test func elevenAttachmentsAreAwaitedForParsersThatTakeThem() throws {
    let outcome = decode([text("511-[\"a\"]")] + (0..<11).map { binary([$0]) })
    #expect(outcome.waiting.first?.packet.refusal?.refusedBy == .newestJavaScript)
    let packet = try #require(outcome.packets.first)
    #expect(packet.attachments == (0..<11).map { [$0] })
    #expect(packet.packet.refusal?.reason == .tooManyAttachments)
  }

  @Test func theEndOfASessionGivesWhatCame() throws {
    var stream = SocketPacketStream()
    if case .some = stream.sessionEnded() { Issue.record("nothing was pending") }
    withBytes(Array(#"52-["a"]"#.utf8)) { _ = stream.receiveText($0) }
    withBytes([3]) { _ = stream.receiveBinary($0) }
    guard case .assembled(let packet)? = stream.sessionEnded() else {
      Issue.record("nothing was given")
      return
    }
    #expect(packet.refusal?.reason == .attachmentsMissing)
    let kept = stream.attachmentCountKept
    #expect(kept == 1)
    if case .some = stream.sessionEnded() { Issue.record("given twice") }
    withBytes(Array("2[\"b\"]".utf8)) { bytes in
      guard case .packet = stream.receiveText(bytes) else {
        Issue.record("the stream did not start anew")
        return
      }
    }
  }

  @Test func whatComesAfterTheReceiverLeftIsPassedOver() throws {
    var stream = SocketPacketStream()
    withBytes(Array(#"52-["a"]"#.utf8)) { _ = stream.receiveText($0) }
    guard case .assembled(let packet)? = stream.receiverLeft() else {
      Issue.record("nothing was given")
      return
    }
    #expect(packet.refusal?.reason == .attachmentsMissing)
    if case .some = stream.receiverLeft() { Issue.record("given twice") }
    for left in [1, 0] {
      withBytes([3]) { bytes in
        guard case .attachment(left) = stream.receiveBinary(bytes) else {
          Issue.record("an attachment of the packet that was given already is something else")
          return
        }
      }
    }
    if case .some = stream.sessionEnded() { Issue.record("given twice") }
  }

  @Test(arguments: [
    (#"{"_placeholder":true,"num":1}"#, PacketRefusal.Reason.placeholderOutOfRange),
    (#"{"_placeholder":true,"num":-1}"#, .placeholderOutOfRange),
    (#"{"_placeholder":true}"#, .placeholderNotANumber),
    (#"{"num":{},"_placeholder":true}"#, .placeholderNotANumber),
    (#"[[{"x":[{"_placeholder":true,"num":9e9}]}]]"#, .placeholderOutOfRange),
    (#"{"num":0,"_placeholder":true,"num":"0"}"#, .placeholderNotANumber),
    (#"{"\u005fplaceholder":true,"num":1}"#, .placeholderOutOfRange),
  ])
  func placeholdersThatPointNowhereAreRefused(_ argument: String, _ reason: PacketRefusal.Reason) {
    let packet = decode([text("51-[\"a\",\(argument)]"), binary([1])]).packets.first?.packet
    #expect(packet?.refusal?.reason == reason)
  }

  @Test(arguments: [
    #"{"_placeholder":true,"num":0.5}"#, #"{"_placeholder":1,"num":7}"#, #"{"_placeholder":false,"num":7}"#,
    #"{"num":7}"#,
    #"{"_placeholder":true,"num":0,"x":{"_placeholder":true,"num":9}}"#,
    #"{"_placeholder":true,"_placeholder":null,"num":9}"#,
    #""_placeholder""#, #"{"_placeholder":{"num":9},"num":9}"#, "[]",
  ])
  func placeholdersThatJavaScriptTakesAreTaken(_ argument: String) {
    #expect(decode([text("51-[\"a\",\(argument)]"), binary([1])]).packets.first?.packet.refusal == nil)
  }

  @Test func attachmentsBeyondTheLimitsAreCounted() throws {
    var limits = SocketPacketLimits()
    limits.attachmentBytes = 5
    limits.attachments = 2
    var stream = SocketPacketStream(limits: limits)
    withBytes(Array("53-[\"a\"]".utf8)) { _ = stream.receiveText($0) }
    for _ in 0..<3 { withBytes([1, 2, 3, 4]) { _ = stream.receiveBinary($0) } }
    let kept = (0..<stream.attachmentCountKept + 1).map { Array(stream.attachment(at: $0)) }
    #expect(kept == [[1, 2, 3, 4], [1], []])
    let (byteCount, isTruncated) = (stream.attachmentBytes, stream.isTruncated)
    #expect(byteCount == 12)
    #expect(isTruncated)
  }

  @Test func aHeaderBeyondTheLimitLosesItsAttachmentsOnly() {
    var limits = SocketPacketLimits()
    limits.packetBytes = 10
    let outcome = decode([text(header), binary([1]), text("2[\"b\"]")], limits: limits)
    #expect(outcome.refusals.map(\.reason) == [.tooLarge])
    #expect(outcome.partials.first?.id == "7")
    #expect(outcome.packets.map(\.event) == [#""b""#])
  }

  @Test func hugeCountsAreAwaitedWithoutRoomForThem() {
    let outcome = decode([text("5999999999999999999999999-[\"a\"]"), binary([1])])
    #expect(outcome.waiting.first?.packet.attachmentCount == .max)
    #expect(outcome.packets.isEmpty)
  }
}

@Suite struct ParserRecognitionTests {
  private let msgpackConnect = base64("g6R0eXBlAKRkYXRh1AAAo25zcKEv")

  @Test func msgpackIsRecognisedByItsFirstPacketAndStays() {
    let outcome = decode([binary(msgpackConnect), text("2[\"a\"]"), binary([0x01])])
    #expect(outcome.packets.map(\.packet.parser) == [.msgpack])
    #expect(outcome.refusals.map(\.reason) == [.textForMsgpackParser, .notAPacketMap])
  }

  @Test func msgpackIsNoPacketInATextSession() {
    let outcome = decode([text("0"), binary(msgpackConnect)])
    #expect(outcome.refusals.map(\.reason) == [.binaryWithoutPacket])
  }

  @Test func anUnknownEncodingStaysUnknown() {
    let outcome = decode([binary([1, 2, 3]), text("2[\"a\"]")])
    #expect(outcome.sawCustomParser)
    #expect(outcome.packets.isEmpty)
    #expect(decode([text("hello")]).sawCustomParser)
    #expect(decode([text("{\"a\":1}")]).sawCustomParser)
    // A map, but no packet.
    #expect(decode([binary([0x81, 0xA1, 0x61, 0x01])]).sawCustomParser)
  }

  @Test func theOtherDirectionMayTell() {
    #expect(decode([binary([1])], parser: .text).refusals.map(\.reason) == [.binaryWithoutPacket])
    #expect(decode([text("x")], parser: .text).refusals.map(\.reason) == [.unknownPacketType])
    #expect(decode([text("2[\"a\"]")], parser: .custom).sawCustomParser)
  }

  @Test func digitsAboveSixAreUnknownTypesRatherThanAnotherEncoding() {
    #expect(decode(text: "7[]").refusals.map(\.reason) == [.unknownPacketType])
  }
}
