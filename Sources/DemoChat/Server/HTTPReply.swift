import NIOCore
import NIOHTTP1

/// The answer that one HTTP request is waiting for; sent once, now or later. Confined to its channel's loop.
final class HTTPReply {
  private var channel: (any Channel)?
  private var keepsAlive: Bool
  private let version: HTTPVersion
  /// Called when the connection is gone before the answer was sent.
  var abandoned: (() -> Void)?

  init(channel: any Channel, request: HTTPRequestHead) {
    self.channel = channel
    keepsAlive = request.isKeepAlive
    version = request.version
  }

  /// Sends the answer; the second and later calls do nothing.
  func send(_ status: HTTPResponseStatus, _ contentType: String, _ body: String) {
    guard let channel else { return }
    self.channel = nil
    abandoned = nil
    var head = HTTPResponseHead(version: version, status: status)
    head.headers = [
      "content-type": contentType, "content-length": String(body.utf8.count), "cache-control": "no-store",
    ]
    if !keepsAlive { head.headers.add(name: "connection", value: "close") }
    channel.write(HTTPServerResponsePart.head(head), promise: nil)
    channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
    let end = channel.writeAndFlush(HTTPServerResponsePart.end(nil))
    if !keepsAlive { end.whenComplete { _ in channel.close(promise: nil) } }
  }

  /// Sends one of Engine.IO's errors; to a WebSocket handshake as text, and the connection ends (PROTOCOL.md A.9).
  func refuse(_ refusal: EngineRefusal, isUpgrade: Bool = false) {
    if isUpgrade {
      keepsAlive = false
      return send(.badRequest, "text/html", refusal.message)
    }
    let body = #"{"code":\#(refusal.rawValue),"message":"\#(refusal.message)"}"#
    send(.badRequest, "application/json", body)
  }

  func connectionClosed() {
    channel = nil
    let notify = abandoned
    abandoned = nil
    notify?()
  }
}
