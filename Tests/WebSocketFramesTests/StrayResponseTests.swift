import Testing
import WebSocketFrames

/// The server that answers 101 and then refuses in HTTP (PROTOCOL.md A.9, trap).
@Suite struct StrayResponseTests {
  static let refusal = Array(
    ("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-type: text/html\r\nContent-Length: 28\r\n\r\n"
      + "Unsupported protocol version").utf8)

  private func expectRefusal(_ pieces: [[UInt8]], quote: [UInt8], limit: Int = 512) {
    var limits = WebSocketLimits()
    limits.quotedResponse = limit
    #expect(
      events(pieces, limits: limits) == [.violation(violation(.httpResponseAfterUpgrade, 0, quote: quote))])
  }

  @Test func aResponseIsQuotedWithItsBody() {
    expectRefusal([Self.refusal], quote: Self.refusal)
    expectRefusal(Self.refusal.map { [$0] }, quote: Self.refusal)
  }

  @Test func theQuoteIsThereAsSoonAsContentLengthSaysSo() {
    var stream = MessageStream(masking: .forbidden, compression: nil)
    var seen: [SeenEvent] = []
    for byte in Self.refusal {
      #expect(seen.isEmpty)
      [byte].withUnsafeBytes { stream.receive($0) { seen.append(SeenEvent($0)) } }
    }
    #expect(seen.count == 1)
    #expect(stream.violation?.quote == Self.refusal)
  }

  @Test func theQuoteStopsAtTheBodysEnd() {
    expectRefusal([Self.refusal + [0x81, 0]], quote: Self.refusal)
  }

  @Test func theQuoteStopsAtTheLimit() {
    let long = Array("HTTP/1.1 400 Bad Request\r\nContent-Length: 99999999999999999999\r\n\r\n".utf8)
    let body = [UInt8](repeating: 0x61, count: 2000)
    expectRefusal([long + body], quote: Array((long + body).prefix(512)))
    expectRefusal([Self.refusal], quote: Array(Self.refusal.prefix(20)), limit: 20)
  }

  @Test func aResponseWithoutLengthWaitsForTheEnd() {
    let bytes = Array("HTTP/1.1 400 Bad Request\r\n\r\nno".utf8)
    var stream = MessageStream(masking: .forbidden, compression: nil)
    var seen: [SeenEvent] = []
    bytes.withUnsafeBytes { stream.receive($0) { seen.append(SeenEvent($0)) } }
    #expect(seen.isEmpty)
    stream.ended { seen.append(SeenEvent($0)) }
    #expect(seen == [.violation(violation(.httpResponseAfterUpgrade, 0, quote: bytes))])
    stream.ended { _ in Issue.record("told twice") }
  }

  @Test func whatOnlyBeginsLikeAResponseIsABrokenFrame() {
    for bytes in ["H", "HTTP/1.0 400", "HTTP/1.1", "Hello"] {
      #expect(events([Array(bytes.utf8)]) == [.violation(violation(.reservedBit, 0))])
      #expect(events(bytes.utf8.map { [$0] }) == [.violation(violation(.reservedBit, 0))])
      #expect(
        events([Array(bytes.utf8)], compression: DeflateParameters())
          == [.violation(violation(.compressedControl, 0))])
    }
  }

  @Test func aClientSendsNoResponses() {
    #expect(events([Self.refusal], from: .required).first?.violation?.reason == .reservedBit)
  }

  @Test func aResponseBehindAFrameIsABrokenFrame() {
    let seen = events([NaiveFrame.text("x").bytes + Self.refusal])
    #expect(seen.last == .violation(violation(.reservedBit, 3)))
  }
}
