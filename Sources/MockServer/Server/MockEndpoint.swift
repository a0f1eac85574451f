import JSONText
import NIOCore
import NIOHTTP1
import SocketIOPeers

/// Answers the HTTP requests of one connection to the mock: handshakes, polls, posts, preflights of browsers, and what is none of
/// these.
///
/// Every polling request has a connection of its own: only the first request of a connection can become a WebSocket here, and some
/// clients (aiohttp) use a connection that they have polled on.
struct MockEndpoint {
  let engine: MockEngine

  func answer(_ head: HTTPRequestHead, _ body: ByteBuffer, _ reply: HTTPReply) {
    let fields = Self.crossOriginFields(head)
    if head.method == .OPTIONS { return reply.send(.noContent, "text/plain", "", fields: fields) }
    let request = MockRequest(target: head.uri)
    guard request.transport == "polling" || request.transport == "websocket" else {
      return refuse(reply, 0, "Transport unknown", fields)
    }
    if let sid = request.sid {
      guard let session = engine.session(sid) else { return refuse(reply, 1, "Session ID unknown", fields) }
      switch head.method {
      case .GET where request.transport == "polling":
        session.pollArrived(
          MockSession.PendingPoll(reply: reply, callback: request.callback, fields: fields))
      case .POST:
        session.postArrived(
          body, contentType: head.headers.first(name: "content-type"),
          isForm: request.callback != nil, reply, fields: fields)
      default: refuse(reply, 3, "Bad request", fields)
      }
      return
    }
    if let refusal = engine.refusal(of: request) {
      engine.refusalGiven(to: request, refusal)
      let status = HTTPResponseStatus(statusCode: refusal.status)
      if request.transport == "websocket" {
        return reply.send(status, "text/html", refusal.message, fields: fields, closes: true)
      }
      let code = refusal.code.map { JSONValue.number("\($0)") } ?? .null
      let body = JSONValue.object([("code", code), ("message", .string(refusal.message))])
      return reply.send(status, "application/json", body.text, fields: fields)
    }
    // A request for a WebSocket that came without the fields of an upgrade.
    guard request.transport == "polling" else { return refuse(reply, 3, "Bad request", fields) }
    guard head.method == .GET else { return refuse(reply, 2, "Bad handshake method", fields) }
    engine.open(request).pollArrived(
      MockSession.PendingPoll(reply: reply, callback: request.callback, fields: fields))
  }

  /// Engine.IO's errors (PROTOCOL.md A.9).
  private func refuse(_ reply: HTTPReply, _ code: Int, _ message: String, _ fields: [(String, String)]) {
    reply.send(
      .badRequest, "application/json", #"{"code":\#(code),"message":"\#(message)"}"#, fields: fields)
  }

  /// Pages of any origin may use the mock: it is for the machine of whoever develops them.
  private static func crossOriginFields(_ head: HTTPRequestHead) -> [(String, String)] {
    guard let origin = head.headers.first(name: "origin") else { return [] }
    var fields = [
      ("access-control-allow-origin", origin), ("access-control-allow-credentials", "true"),
      ("vary", "origin"),
    ]
    if head.method == .OPTIONS {
      fields.append(("access-control-allow-methods", "GET, POST"))
      if let names = head.headers.first(name: "access-control-request-headers") {
        fields.append(("access-control-allow-headers", names))
      }
    }
    return fields
  }
}
