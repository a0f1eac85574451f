import NIOHTTP1
import Testing

@testable import ProxyServer

/// What is read without a decoder, and what is left to one.
@Suite struct UpgradeHeadTests {
  private static let request =
    "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a:80\r\nConnection: keep-alive, Upgrade\r\n"
    + "Upgrade: WebSocket\r\nX-Odd:\t a  b \t\r\nEmpty:\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
  private static let answer =
    "HTTP/1.1 101 Of Course\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n"

  private enum Result: Equatable {
    case incomplete
    case whole(Int)
    case other
  }

  private static func request(_ text: some Sequence<UInt8>, maximumFields: Int = 100) -> Result {
    Array(text).withUnsafeBytes { bytes in
      switch UpgradeHead.request(bytes, maximumFields: maximumFields) {
      case .incomplete: .incomplete
      case .whole(_, let length): .whole(length)
      case .other: .other
      }
    }
  }

  private static func answer(_ text: some Sequence<UInt8>) -> Result {
    Array(text).withUnsafeBytes { bytes in
      switch UpgradeHead.answer(bytes, maximumFields: 100) {
      case .incomplete: .incomplete
      case .whole(_, let length): .whole(length)
      case .other: .other
      }
    }
  }

  @Test func aRequestIsReadAsItStands() throws {
    try Array(Self.request.utf8).withUnsafeBytes { bytes in
      guard case .whole(let head, bytes.count) = UpgradeHead.request(bytes, maximumFields: 6) else {
        throw BlockingSocket.Fault(description: "not whole")
      }
      #expect(head.method == .GET && head.uri == "/socket.io/?EIO=4&transport=websocket")
      #expect(head.headers["x-odd"] == ["a  b"] && head.headers["empty"] == [""])
      #expect(head.headers.map(\.name).prefix(3) == ["Host", "Connection", "Upgrade"])
    }
  }

  @Test func everyBeginningIsIncomplete() {
    for count in 0..<Self.request.utf8.count {
      #expect(Self.request(Self.request.utf8.prefix(count)) == .incomplete, "\(count)")
    }
    for count in 0..<Self.answer.utf8.count {
      #expect(Self.answer(Self.answer.utf8.prefix(count)) == .incomplete, "\(count)")
    }
  }

  @Test func whatFollowsTheHeadIsNotRead() {
    #expect(Self.request(Array(Self.request.utf8) + [0x81, 0]) == .whole(Self.request.utf8.count))
    #expect(Self.answer(Array(Self.answer.utf8) + [0x81, 0]) == .whole(Self.answer.utf8.count))
  }

  @Test(arguments: [
    ("GET", "get"), ("GET", "POST"), ("HTTP/1.1", "HTTP/1.0"), ("GET /", "GET http://a/"),
    ("GET /", "GET  /"),
    ("GET /", "GET /x y"), ("websocket HTTP", "websocket#x HTTP"), ("Host: a:80\r\n", "Host: a:80\n"),
    ("Host: a:80\r\n", "Host: a:80\r"), ("X-Odd:", "X-Odd :"), ("X-Odd:", " X-Odd:"), ("X-Odd:", "X-Odd"),
    ("X-Odd:", ":"), ("X-Odd:", "X(Odd:"), ("a  b", "a\0b"), ("a  b", "a\u{7F}b"), ("a  b", "a\u{E9}b"),
    ("X-Odd:", "Content-Length:"), ("X-Odd:", "transfer-encoding:"), ("X-Odd:", "Expect:"),
    ("X-Odd:", "Trailer:"), ("Upgrade: WebSocket", "Upgrade: h2c"), (", Upgrade", ""),
  ])
  func whatIsNoPlainUpgradeIsLeftToTheDecoder(_ old: String, _ new: String) throws {
    let range = try #require(Self.request.firstRange(of: old))
    #expect(Self.request(Self.request.replacingCharacters(in: range, with: new).utf8) == .other)
  }

  @Test func moreFieldsThanAllowedAreLeftToTheDecoder() {
    #expect(Self.request(Self.request.utf8, maximumFields: 5) == .other)
  }

  @Test(arguments: [
    ("101", "200"), ("101", "1010"), ("HTTP/1.1", "HTTP/1.0"), ("HTTP/1.1", "ICY"),
    ("Upgrade: websocket\r\n", "Upgrade: websocket\r\n folded\r\n"),
    ("Upgrade: websocket\r\n", "Content-Length: 0\r\n"),
  ])
  func anAnswerThatDoesNotPlainlySwitchIsLeftToTheDecoder(_ old: String, _ new: String) throws {
    let range = try #require(Self.answer.firstRange(of: old))
    #expect(Self.answer(Self.answer.replacingCharacters(in: range, with: new).utf8) == .other)
  }

  @Test func anAnswerNeedsNoReason() {
    let text = "HTTP/1.1 101\r\n\r\n"
    #expect(Self.answer(text.utf8) == .whole(text.utf8.count))
  }

  /// What goes to the upstream is what the encoder of the event loops would send.
  @Test func theForwardedRequestIsWrittenFieldByField() throws {
    let rules = ForwardedRequest(
      upstream: try UpstreamAddress("http://10.0.0.1:81/prefix"), preservesHost: false)
    let head = HTTPRequestHead(
      version: .http1_1, method: .GET, uri: "/x?y",
      headers: ["Host": "a", "Connection": "Upgrade, X-Hop", "X-Hop": "1", "Upgrade": "websocket", "X": ""])
    let bytes = try #require(rules.wholeRequest(head))
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == "GET /prefix/x?y HTTP/1.1\r\nHost: 10.0.0.1:81\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX: \r\n\r\n"
    )
    #expect(rules.wholeRequest(HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")) == nil)
  }
}
