import NIOHTTP1
import Testing

@testable import ProxyServer

@Suite struct ForwardedRequestTests {
  private func forward(
    _ fields: [(String, String)], method: HTTPMethod = .GET, target: String = "/",
    upstream: String = "http://chat:81/app",
    preservesHost: Bool = false
  ) throws -> HTTPRequestHead {
    let rules = ForwardedRequest(upstream: try UpstreamAddress(upstream), preservesHost: preservesHost)
    return try rules.head(
      from: HTTPRequestHead(version: .http1_1, method: method, uri: target, headers: HTTPHeaders(fields)))
  }

  private func lines(_ head: HTTPRequestHead) -> [String] { head.headers.map { "\($0.name): \($0.value)" } }

  @Test func hostBecomesTheUpstreamsInItsPlace() throws {
    let head = try forward([("X-a", "1"), ("hOST", "127.0.0.1:8090"), ("Accept", "*/*"), ("x-A", "2")])
    #expect(lines(head) == ["X-a: 1", "hOST: chat:81", "Accept: */*", "x-A: 2"])
    #expect(lines(try forward([("Host", "me")], preservesHost: true)) == ["Host: me"])
  }

  @Test func thePrefixIsPutBeforeTheTarget() throws {
    #expect(try forward([], target: "/socket.io/?EIO=4").uri == "/app/socket.io/?EIO=4")
    #expect(try forward([], target: "http://other/x?y").uri == "/app/x?y")
  }

  @Test func hopByHopFieldsEndHere() throws {
    let head = try forward([
      ("Host", "a"), ("Connection", "keep-alive, X-Mine"), ("X-Mine", "1"), ("Keep-Alive", "timeout=5"),
      ("TE", "trailers"),
      ("Proxy-Connection", "x"), ("Upgrade", "h2c"), ("X-Kept", "2"),
    ])
    #expect(lines(head) == ["Host: chat:81", "Connection: keep-alive", "X-Kept: 2"])
  }

  @Test func framingIsNotGivenUpOnAPeersWord() throws {
    let head = try forward(
      [("Host", "a"), ("Connection", "close, content-length, host"), ("Content-Length", "3")], method: .POST)
    #expect(lines(head) == ["Host: chat:81", "Connection: close", "Content-Length: 3"])
  }

  @Test func aWebSocketUpgradeIsPassedOn() throws {
    let head = try forward([
      ("Host", "a"), ("Connection", "keep-alive, Upgrade"), ("Upgrade", "websocket"),
      ("Sec-WebSocket-Key", "k"),
    ])
    #expect(
      lines(head)
        == ["Host: chat:81", "Connection: keep-alive, Upgrade", "Upgrade: websocket", "Sec-WebSocket-Key: k"])
  }

  @Test func otherTransferCodingsAndTunnelsAreRefused() {
    #expect(throws: ForwardedRequest.Refusal.self) {
      try forward([("Transfer-Encoding", "gzip, chunked")], method: .POST)
    }
    #expect(throws: ForwardedRequest.Refusal.self) { try forward([], method: .CONNECT) }
  }

  @Test func chunkedIsSpelledAsTheEncoderKnowsIt() throws {
    #expect(
      try forward([("Host", "a"), ("transfer-encoding", " Chunked")], method: .POST).headers[
        "Transfer-Encoding"] == ["chunked"])
  }
}
