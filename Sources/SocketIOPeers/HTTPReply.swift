import NIOCore
import NIOHTTP1

/// The answer that one HTTP request is waiting for; sent once, now or later. Confined to its channel's loop.
package final class HTTPReply {
  private var channel: (any Channel)?
  private let keepsAlive: Bool
  private let version: HTTPVersion
  /// Called when the connection is gone before the answer was sent.
  package var abandoned: (() -> Void)?

  package init(channel: any Channel, request: HTTPRequestHead) {
    self.channel = channel
    keepsAlive = request.isKeepAlive
    version = request.version
  }

  /// Sends the answer; the second and later calls do nothing.
  ///
  /// - Parameters:
  ///   - fields: header fields besides those of the body.
  ///   - closes: whether the connection ends behind it.
  package func send(
    _ status: HTTPResponseStatus, _ contentType: String, _ body: String, fields: [(String, String)] = [],
    closes: Bool = false
  ) {
    guard let channel else { return }
    self.channel = nil
    abandoned = nil
    var head = HTTPResponseHead(version: version, status: status)
    head.headers = [
      "content-type": contentType, "content-length": String(body.utf8.count), "cache-control": "no-store",
    ]
    for field in fields { head.headers.add(name: field.0, value: field.1) }
    let keepsAlive = keepsAlive && !closes
    if !keepsAlive { head.headers.add(name: "connection", value: "close") }
    channel.write(HTTPServerResponsePart.head(head), promise: nil)
    channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: body))), promise: nil)
    let end = channel.writeAndFlush(HTTPServerResponsePart.end(nil))
    if !keepsAlive { end.whenComplete { _ in channel.close(promise: nil) } }
  }

  /// The connection is gone.
  package func connectionClosed() {
    channel = nil
    let notify = abandoned
    abandoned = nil
    notify?()
  }
}
