import Foundation
import Testing

@testable import ProxyServer

/// P4: what a client may ask before it has its answers.
@Suite(.serialized) struct RequestsAheadTests {
  /// The server takes whatever comes and answers nothing, so that only the proxy can hold the client back.
  @Test func aClientIsReadNoFurtherThanAFewRequestsAheadOfTheirAnswers() async throws {
    let listener = try BlockingSocket.listening()
    let proxy = try await RequestMeaningTests.proxy(before: listener.port)
    let client = try BlockingSocket.connected(to: proxy.port)
    let request =
      "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "a", count: 4000))\r\n\r\n"
    try client.send(Array(request.utf8))
    let server = try listener.accepted()
    // A thread of its own: it takes what comes until the proxy stops.
    Thread { _ = server.receiveToEnd() }.start()
    let all = Array(String(repeating: request, count: 8000).utf8)
    let taken = client.send(all, patience: 1500)
    // What is not taken stands in the sockets between the client and the proxy.
    #expect(taken < all.count)
    client.close()
    await proxy.stop()
  }
}
