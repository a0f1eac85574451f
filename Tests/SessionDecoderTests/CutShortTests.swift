import AckCorrelation
import JSONText
import SessionDecoder
import Testing

/// A WebSocket message that the end of the connection cut short: it is on record as far as it came.
@Suite struct CutShortTests {
  /// The head of a client's text frame that announces `length` bytes, and the beginning of them.
  private func begin(_ tap: TapDriver, length: UInt16, _ text: String) {
    tap.raw(.client, [0x81, 0xFE, UInt8(length >> 8), UInt8(length & 255), 0, 0, 0, 0] + Array(text.utf8))
  }

  private func end(_ tap: TapDriver, _ peer: Peer, _ how: EndOfLeg) {
    tap.call { decoder, time in decoder.legEnded(tap.connection, peer, how, at: time) }
    tap.close()
    tap.endCapture()
    #expect(tap.records.count == tap.lines.count)
  }

  private func emit(_ tap: TapDriver) -> JSONValue? {
    tap.records("packet").last { $0["socket"]?.string == "event" }
  }

  @Test func aMessageCutShortByAResetIsRecordedAndItsEmitJudged() throws {
    let tap = TapDriver()
    tap.connect()
    begin(tap, length: 5000, #"427["upload",{"token":"hunter2"},"xxxx"#)
    #expect(emit(tap) == nil)
    end(tap, .client, .reset)
    let packet = try #require(emit(tap))
    #expect(packet["event"]?.string == "upload")
    #expect(packet["id"]?.integer == 7)
    #expect(packet["truncated"]?.boolean == true)
    #expect(packet["cut_short"]?.boolean == true)
    #expect(packet["refused"] == nil)
    #expect(packet["text"]?.string?.hasPrefix(#"["upload",{"token":"[redacted:"#) == true)
    let verdict = try #require(tap.records("verdict").last)
    #expect(verdict["emit"]?.integer == packet["seq"]?.integer)
    #expect(verdict["cause"]?.string == "disconnected_before_ack")
    #expect(tap.records("packet").filter { $0["cut_short"] != nil }.count == 1)
  }

  @Test func theServersTooLargeIsAboutTheMessageUnderWay() throws {
    let tap = TapDriver()
    tap.connect()
    begin(tap, length: 5000, #"427["upload","xxxx"#)
    tap.frame(.server, 0x88, [0x03, 0xF1])
    end(tap, .server, .fin)
    let verdict = try #require(tap.records("verdict").last)
    #expect(verdict["event"]?.string == "upload")
    #expect(verdict["cause"]?.string == "payload_too_large")
    #expect(verdict["certainty"]?.string == "proved")
    #expect(tap.records("finding").contains { $0["reason"]?.string == "payload_too_large" })
  }

  @Test func whatComesOfItAfterTheReceiversCloseIsNotToldAgain() {
    let tap = TapDriver()
    tap.connect()
    begin(tap, length: 20, #"427["upload","#)
    tap.frame(.server, 0x88, [0x03, 0xE8])
    tap.raw(.client, Array(#"1234567"#.utf8))
    tap.client(#"428["behind"]"#)
    end(tap, .client, .fin)
    let events = tap.records("packet").filter { $0["socket"]?.string == "event" }
    #expect(events.map { $0["event"]?.string } == ["upload", "behind"])
    #expect(events.map { $0["truncated"]?.boolean } == [true, nil])
  }

  @Test func anAckCutShortAcknowledgesNothing() throws {
    let tap = TapDriver()
    tap.connect()
    tap.client(#"421["ask"]"#)
    tap.raw(.server, [0x81, 100] + Array(#"431[{"ok":tr"#.utf8))
    end(tap, .server, .reset)
    let ack = try #require(tap.records("packet").last)
    #expect(ack["socket"]?.string == "ack")
    #expect(ack["ack_of"] == nil)
    #expect(ack["cut_short"]?.boolean == true)
    #expect(tap.records("verdict").last?["cause"]?.string == "disconnected_before_ack")
    #expect(tap.records("finding").allSatisfy { $0["finding"]?.string != "stray_ack" })
  }

  @Test(arguments: [
    "4", "42", "421", "4212", #"42["#, #"422["na"#, "41", "40", "1", "0{", "2pro", "43", "431", "49", "x",
  ])
  func aBeginningThatSaysTooLittleIsOnRecordAndMeansNothing(_ beginning: String) {
    for peer in [Peer.client, .server] {
      let tap = TapDriver()
      tap.connect()
      tap.client(#"421["ask"]"#)
      let mask: [UInt8] = peer == .client ? [0x81, 0x80 | 100, 0, 0, 0, 0] : [0x81, 100]
      tap.raw(peer, mask + Array(beginning.utf8))
      let seen = tap.records.count
      end(tap, peer, .reset)
      let first = tap.records[seen]
      #expect(first["cut_short"]?.boolean == true, "\(first)")
      #expect(first["refused"] == nil, "\(first)")
      let asked = tap.records("verdict").last { $0["event"]?.string == "ask" }
      #expect(asked?["cause"]?.string == "disconnected_before_ack", "\(tap.lines)")
      #expect(tap.records("finding").isEmpty, "\(tap.lines)")
    }
  }
}
