import NIOCore
import NIOHTTP1
import SocketIOPeers

/// Answers the HTTP requests of one connection to the server: handshakes, polls, posts, and what is none of these.
struct PollingEndpoint {
  let server: EngineServer

  func answer(_ head: HTTPRequestHead, _ body: ByteBuffer, _ reply: HTTPReply) {
    guard head.uri.hasPrefix("/socket.io") else { return reply.send(.notFound, "text/plain", "not found") }
    let query = EngineQuery(target: head.uri)
    switch query.transport {
    case "polling": break
    // A WebSocket request that was not upgraded: the refusal tells why.
    case "websocket":
      return reply.refuse(
        server.refusal(of: query) ?? .badRequest, isUpgrade: head.headers.contains(name: "upgrade"))
    default: return reply.refuse(.unknownTransport)
    }
    if let refusal = server.refusal(of: query) { return reply.refuse(refusal) }
    guard let session = query.sid.flatMap(server.session) else {
      guard head.method == .GET else { return reply.refuse(.badHandshakeMethod) }
      let session = server.openSession()
      return reply.send(
        .ok, "text/plain; charset=UTF-8", EnginePacket.open(session.handshake).text)
    }
    switch head.method {
    case .GET: session.pollArrived(reply)
    case .POST where head.headers.first(name: "content-type") == "application/octet-stream":
      reply.send(.badRequest, "text/html", "")
      session.end(.protocolError)
    case .POST: session.postArrived(body, reply)
    default: reply.send(.internalServerError, "text/html", "")
    }
  }
}
