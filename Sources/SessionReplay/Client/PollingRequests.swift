import NIOCore
import NIOHTTP1
import SocketIOPeers

/// The requests of a polling client, one at a time, over a connection that is made anew wherever the server has ended it: servers end
/// connections that were idle for some seconds, or behind every answer. Confined to its event loop.
final class PollingRequests {
  /// A request on a used connection that fails so soon has met the server's end of it, and is made once more, as browsers do.
  private static let crossing = TimeAmount.seconds(1)

  private let endpoint: ReplayEndpoint
  private let loop: any EventLoop
  private var connection: HTTPClientConnection?
  /// Whether the connection has brought an answer.
  private var isUsed = false
  private var isClosed = false

  init(endpoint: ReplayEndpoint, loop: any EventLoop) {
    self.endpoint = endpoint
    self.loop = loop
  }

  /// Makes the first connection, so that nobody waits for it later.
  func open() -> EventLoopFuture<Void> {
    HTTPClientConnection.open(
      host: endpoint.host, port: endpoint.port, hostField: endpoint.hostField, tls: endpoint.tls, loop: loop
    )
    .assumeIsolated()
    .flatMapThrowing { [self] made in
      guard !isClosed else {
        _ = made.value.close()
        throw PeerConnectionError.connectionEnded
      }
      connection = made.value
      isUsed = false
    }.nonisolated()
  }

  /// Makes a request; the caller waits for the answer before it makes the next.
  func request(
    _ method: HTTPMethod, _ target: String, headers: [(name: String, value: String)], body: ByteBuffer? = nil
  ) -> EventLoopFuture<HTTPAnswer> {
    guard let connection, connection.isOpen else {
      return open().assumeIsolated().flatMap { [self] in
        ask(method, target, headers, body)
      }.nonisolated()
    }
    let began = NIODeadline.now()
    let mayCross = isUsed
    return ask(method, target, headers, body).assumeIsolated().flatMapError { [self] error in
      guard mayCross, !isClosed, NIODeadline.now() - began < Self.crossing else {
        return loop.makeFailedFuture(error)
      }
      return open().assumeIsolated().flatMap { [self] in ask(method, target, headers, body) }.nonisolated()
    }.nonisolated()
  }

  private func ask(
    _ method: HTTPMethod, _ target: String, _ headers: [(name: String, value: String)], _ body: ByteBuffer?
  ) -> EventLoopFuture<HTTPAnswer> {
    guard let connection else { return loop.makeFailedFuture(PeerConnectionError.connectionEnded) }
    return connection.request(method, target, headers: headers, body: body).assumeIsolated().map {
      [self] answer in
      isUsed = true
      return answer
    }.nonisolated()
  }

  /// Ends the connection for good; an answer still due fails.
  func close() {
    isClosed = true
    _ = connection?.close()
    connection = nil
  }
}
