import CaptureFormat
import Foundation
import NIOPosix
import SessionDecoder
import Testing

@testable import ProxyServer

/// Requests and answers that two readers could take for two things are refused, never passed on. One at a time: the
/// sockets block their thread.
@Suite(.serialized) struct RequestMeaningTests {
  static func proxy(before port: Int) async throws -> ProxyServer {
    let decoder = TrafficDecoder(
      options: DecoderOptions(tool: "ackscope/test"), redactor: Redactor(hash: KeyedHash(key: (1, 2))))
    let recorder = TrafficRecorder(
      decoder: decoder, files: nil, clock: ProxyClock(), observer: nil, captureFailed: { _ in },
      captureRecovered: { _ in })
    var configuration = ProxyConfiguration(upstream: try UpstreamAddress("http://127.0.0.1:\(port)"))
    configuration.listenPort = 0
    return try await ProxyServer.start(
      configuration, recorder: recorder, isEngineIO: { EngineIORule().covers(target: $0) },
      group: MultiThreadedEventLoopGroup.singleton, ready: { recorder.begin(listen: $0, upstream: "test") },
      diagnose: { _ in })
  }

  /// The status of the answer, and all that came until the end.
  private static func ask(_ port: Int, _ request: [UInt8]) throws -> (status: Int, text: String) {
    let client = try BlockingSocket.connected(to: port)
    try client.send(request)
    client.endSending()
    let text = String(decoding: client.receiveToEnd(), as: UTF8.self)
    return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0, text)
  }

  private static let post = "POST /x HTTP/1.1\r\nHost: a\r\n"
  private static let chunked = post + "Transfer-Encoding: chunked\r\n\r\n"
  private static let empty = "Content-Length: 0\r\n\r\n"

  /// Nobody listens at the upstream: what is passed on is answered 502, and only what is refused as it stands is not.
  @Test func whatHasTwoMeaningsIsRefused() async throws {
    let silent = try BlockingSocket.silent()
    defer { silent.close() }
    let proxy = try await Self.proxy(before: silent.port)
    let refused: [String: String] = [
      "length and coding": Self.post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
      "coding and length": Self.post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
      "two lengths": Self.post + "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc",
      "one length twice": Self.post + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
      "a list of lengths": Self.post + "Content-Length: 2, 2\r\n\r\nab",
      "a length with a sign": Self.post + "Content-Length: +2\r\n\r\nab",
      "a negative length": Self.post + "Content-Length: -2\r\n\r\nab",
      "a length in hex": Self.post + "Content-Length: 0x2\r\n\r\nab",
      "a length with a gap": Self.post + "Content-Length: 2 2\r\n\r\nab",
      "a length of nothing": Self.post + "Content-Length: \r\n\r\nab",
      "a length beyond counting": Self.post + "Content-Length: 99999999999999999999999\r\n\r\nab",
      "an unknown coding": Self.post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
      "chunked not last": Self.post + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
      "chunked twice": Self.post
        + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "a blank before the colon": Self.post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
      "a coding behind a tabulator": Self.post + "Transfer-Encoding:\u{0B}chunked\r\n\r\n0\r\n\r\n",
      "a coding in HTTP/1.0": "POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "a folded field": Self.post + "X-A: b\r\n c\r\n" + Self.empty,
      "a folded coding": Self.post + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
      "a folded request line": "GET /x HTTP/1.1\r\n Host: a\r\n\r\n",
      "a bare CR in a value": Self.post + "X-A: b\rc: d\r\n" + Self.empty,
      "bare CRs as ends of lines": "GET /x HTTP/1.1\rHost: a\r\r",
      "bare LFs as ends of lines": "GET /x HTTP/1.1\nHost: a\n\n",
      "a bare LF between fields": Self.post + "X-A: b\nX-B: c\r\n" + Self.empty,
      "a NUL in a value": Self.post + "X-A: b\0c\r\n" + Self.empty,
      "a NUL in a name": Self.post + "X\0A: b\r\n" + Self.empty,
      "a blank in a name": Self.post + "X A: b\r\n" + Self.empty,
      "a field without a colon": Self.post + "XA\r\n" + Self.empty,
      "a field without a name": Self.post + ": b\r\n" + Self.empty,
      "two hosts": "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "no host": "GET /x HTTP/1.1\r\n\r\n",
      "a host that is none": "GET /x HTTP/1.1\r\nHost: a b/@c\r\n\r\n",
      "a blank in the target": "GET /x y HTTP/1.1\r\nHost: a\r\n\r\n",
      "a control character in the target": "GET /x\u{01}y HTTP/1.1\r\nHost: a\r\n\r\n",
      "a target that is no path": "GET x HTTP/1.1\r\nHost: a\r\n\r\n", "HTTP/0.9": "GET /x\r\n\r\n",
      "HTTP/2.0": "GET /x HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/11.1": "GET /x HTTP/11.1\r\nHost: a\r\n\r\n",
      "HTTP/2's preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "a method that is none": "G@T /x HTTP/1.1\r\nHost: a\r\n\r\n",
      "a chunk with a bare LF": Self.chunked + "2\nab\n0\n\n",
      "a chunk extension with a bare LF": Self.chunked + "2;a\nb\r\nab\r\n0\r\n\r\n",
      "a negative chunk": Self.chunked + "-2\r\nab\r\n0\r\n\r\n",
      "a chunk size with a prefix": Self.chunked + "0x2\r\nab\r\n0\r\n\r\n",
      "a chunk beyond counting": Self.chunked + "fffffffffffffffff\r\nab\r\n0\r\n\r\n",
      "a chunk longer than it says": Self.chunked + "2\r\nabc\r\n0\r\n\r\n",
      "a length in a trailer": Self.chunked + "2\r\nab\r\n0\r\nContent-Length: 5\r\n\r\n",
      "a tunnel": "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
      "several codings": Self.post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ]
    for (name, request) in refused.sorted(by: { $0.key < $1.key }) {
      let answer = try Self.ask(proxy.port, Array(request.utf8))
      let expected = ["a tunnel", "several codings", "an unknown coding"].contains(name) ? 501 : 400
      #expect(answer.status == expected, "\(name): \(answer.text.prefix(80))")
    }
    // What is fine goes on, so that the rest proves something.
    #expect(try Self.ask(proxy.port, Array((Self.chunked + "2\r\nab\r\n0\r\n\r\n").utf8)).status == 502)
    await proxy.stop()
  }

  /// The refusal of a second request must not become the answer to the first.
  @Test func aRefusalDoesNotOvertakeWhatWasAskedBefore() async throws {
    let listener = try BlockingSocket.listening()
    let proxy = try await Self.proxy(before: listener.port)
    let fine = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n"
    let answer = try Self.ask(
      proxy.port, Array((fine + "GET /y HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").utf8))
    #expect(answer.text.isEmpty)
    await proxy.stop()
  }

  @Test func whatIsTooLargeIsRefused() async throws {
    let silent = try BlockingSocket.silent()
    defer { silent.close() }
    let proxy = try await Self.proxy(before: silent.port)
    for request in [
      "GET /" + String(repeating: "x", count: 100_000) + " HTTP/1.1\r\nHost: a\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\nX: " + String(repeating: "y", count: 200_000) + "\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: a\r\n" + String(repeating: "X: y\r\n", count: 30_000) + "\r\n",
    ] {
      #expect(try Self.ask(proxy.port, Array(request.utf8)).status == 431)
    }
    await proxy.stop()
  }

  @Test(arguments: [
    ("length and coding", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX"),
    ("two lengths", "Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc"),
    ("an unknown coding", "Transfer-Encoding: xchunked\r\n\r\nabc"), ("a folded field", "X: a\r\n b\r\n\r\n"),
    ("a bare CR", "X: a\rEvil: b\r\nContent-Length: 0\r\n\r\n"),
    ("a NUL", "X: a\0b\r\nContent-Length: 0\r\n\r\n"),
  ])
  func anAnswerWithTwoMeaningsIsABadGateway(_ name: String, _ answer: String) async throws {
    let text = try await Self.answered("HTTP/1.1 200 OK\r\n" + answer)
    #expect(text.hasPrefix("HTTP/1.1 502 "), "\(name)")
  }

  @Test func anHTTP10AnswerHasNoTransferCoding() async throws {
    let text = try await Self.answered(
      "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n")
    #expect(text.hasPrefix("HTTP/1.1 502 "))
  }

  /// What a server sends unasked could become the answer to the client's next request.
  @Test func anAnswerThatNobodyAskedForIsDropped() async throws {
    let honest = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nab"
    let text = try await Self.answered(honest + "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
    #expect(text == honest)
  }

  /// What a client gets that asks once and is answered with these bytes.
  private static func answered(_ answer: String) async throws -> String {
    let listener = try BlockingSocket.listening()
    let proxy = try await Self.proxy(before: listener.port)
    let client = try BlockingSocket.connected(to: proxy.port)
    try client.send(Array("GET /x HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
    let server = try listener.accepted()
    _ = try server.receive(until: Array("\r\n\r\n".utf8))
    try server.send(Array(answer.utf8))
    server.endSending()
    let text = String(decoding: client.receiveToEnd(), as: UTF8.self)
    client.close()
    server.close()
    await proxy.stop()
    return text
  }
}
