import NIOCore
import NIOWebSocket
import Testing

@testable import SocketIOPeers

@Suite struct FragmentedMessageTests {
  private static func frame(
    _ opcode: WebSocketOpcode, _ text: String, fin: Bool = true, isCompressed: Bool = false
  ) -> WebSocketFrame {
    WebSocketFrame(fin: fin, rsv1: isCompressed, opcode: opcode, data: ByteBuffer(string: text))
  }

  @Test func anUnfragmentedMessageIsCompleteAtOnce() {
    var message = FragmentedMessage(maximumBytes: 10)
    #expect(
      message.frameArrived(Self.frame(.text, "ab"))
        == .complete(isText: true, isCompressed: false, ByteBuffer(string: "ab")))
    #expect(
      message.frameArrived(Self.frame(.binary, ""))
        == .complete(isText: false, isCompressed: false, ByteBuffer()))
  }

  @Test func fragmentsAreJoinedAndTheFirstSaysWhatTheyAre() {
    var message = FragmentedMessage(maximumBytes: 10)
    for _ in 0..<2 {
      #expect(
        message.frameArrived(Self.frame(.binary, "ab", fin: false, isCompressed: true)) == .incomplete)
      #expect(message.frameArrived(Self.frame(.continuation, "", fin: false)) == .incomplete)
      #expect(
        message.frameArrived(Self.frame(.continuation, "cd"))
          == .complete(isText: false, isCompressed: true, ByteBuffer(string: "abcd")))
    }
  }

  @Test func framesThatCannotStandThereAreMisplaced() {
    var message = FragmentedMessage(maximumBytes: 10)
    #expect(message.frameArrived(Self.frame(.continuation, "ab")) == .misplaced)
    #expect(message.frameArrived(Self.frame(.text, "ab", fin: false)) == .incomplete)
    #expect(message.frameArrived(Self.frame(.text, "ab")) == .misplaced)
    #expect(message.frameArrived(Self.frame(.continuation, "ab", isCompressed: true)) == .misplaced)
  }

  @Test func theLimitCountsAllFragments() {
    var message = FragmentedMessage(maximumBytes: 4)
    #expect(message.frameArrived(Self.frame(.text, "12345")) == .tooLong)
    #expect(message.frameArrived(Self.frame(.text, "12", fin: false)) == .incomplete)
    #expect(message.frameArrived(Self.frame(.continuation, "345", fin: false)) == .tooLong)
  }

  @Test func fragmentsWithoutEndAreTooLongEvenWhenEmpty() {
    var message = FragmentedMessage(maximumBytes: 4)
    #expect(message.frameArrived(Self.frame(.text, "", fin: false)) == .incomplete)
    let outcomes = (0..<5000).map { _ in message.frameArrived(Self.frame(.continuation, "", fin: false)) }
    #expect(outcomes.last == .tooLong)
  }
}
