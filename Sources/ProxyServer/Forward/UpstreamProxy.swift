import NIOCore
import OutgoingTLS

/// Another proxy that all upstreams are reached through, by CONNECT (RFC 9110 §9.3.6).
package struct UpstreamProxy: Sendable {
  var host: String
  var port: Int
  /// `user:password` for it.
  var credentials: String?

  /// Parses `http://host:port` or `http://user:password@host:port`.
  package init(_ text: String) throws(UpstreamAddress.Malformed) {
    var address = text
    if let scheme = text.firstRange(of: "://"), let at = text.lastIndex(of: "@"), at > scheme.upperBound {
      credentials = Self.unescaped(text[scheme.upperBound..<at])
      address = String(text[..<scheme.upperBound] + text[text.index(after: at)...])
    }
    let parsed = try UpstreamAddress(address)
    guard !parsed.usesTLS, parsed.pathPrefix.isEmpty else {
      throw UpstreamAddress.Malformed(
        explanation:
          "--upstream-proxy is an address like http://127.0.0.1:3128, without TLS and without a path")
    }
    (host, port) = (parsed.host, parsed.port)
  }

  /// `%xx` undone (RFC 3986 §2.1).
  private static func unescaped(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let first = rest.popFirst() {
      let digits = rest.prefix(2)
      if first == UInt8(ascii: "%"), digits.count == 2,
        let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16)
      {
        bytes.append(value)
        rest = rest.dropFirst(2)
      } else {
        bytes.append(first)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The request for a way to a host; `via` lets proxies in a circle know themselves (RFC 9110 §7.6.3).
  func request(host: String, port: Int, via: [String]) -> ByteBuffer {
    let name = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    var text = "CONNECT \(name) HTTP/1.1\r\nHost: \(name)\r\nVia: \(via.joined(separator: ", "))\r\n"
    if let credentials {
      text += "Proxy-Authorization: Basic \(AccessRule.basic(credentials))\r\n"
    }
    return ByteBuffer(string: text + "\r\n")
  }
}

/// Waits for another proxy's answer to CONNECT, and leaves when the way is open.
final class ConnectAnswer: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer

  private var waiting: EventLoopPromise<any Channel>?
  private var held = ByteBuffer()
  private var deadline: Scheduled<Void>?

  private init(_ promise: EventLoopPromise<any Channel>) {
    waiting = promise
  }

  /// Asks on a connected channel; the channel comes back once it leads to the host.
  static func ask(_ request: ByteBuffer, on channel: any Channel, within limit: TimeAmount)
    -> EventLoopFuture<any Channel>
  {
    let promise = channel.eventLoop.makePromise(of: (any Channel).self)
    let answer = ConnectAnswer(promise)
    do {
      try channel.pipeline.syncOperations.addHandler(answer)
    } catch {
      promise.fail(error)
      return promise.futureResult
    }
    answer.deadline = channel.eventLoop.assumeIsolated().scheduleTask(in: limit) {
      answer.fail(ChannelError.connectTimeout(limit), channel)
    }
    channel.writeAndFlush(request, promise: nil)
    channel.read()
    return promise.futureResult
  }

  private func fail(_ error: any Error, _ channel: any Channel) {
    deadline?.cancel()
    waiting?.fail(error)
    waiting = nil
    channel.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard let promise = waiting else { return context.fireChannelRead(data) }
    var buffer = Self.unwrapInboundIn(data)
    held.writeBuffer(&buffer)
    let bytes = held.readableBytesView
    guard let end = bytes.firstRange(of: [13, 10, 13, 10]) else {
      if held.readableBytes > 16 << 10 {
        fail(TLSHandshake.Failed(explanation: "the upstream proxy's answer is too long"), context.channel)
      }
      return context.read()
    }
    let line = String(decoding: bytes.prefix { $0 != 13 }.prefix(100), as: UTF8.self)
    let words = line.split(separator: " ", maxSplits: 2)
    guard words.count >= 2, words[0].hasPrefix("HTTP/1."), words[1].count == 3, words[1].first == "2" else {
      let shown = words.dropFirst().joined(separator: " ").unicodeScalars.map {
        $0.value >= 0x20 && $0.value < 0x7F ? Character($0) : "?"
      }
      return fail(
        TLSHandshake.Failed(explanation: "the upstream proxy answered '\(String(shown))'"), context.channel)
    }
    held.moveReaderIndex(to: end.upperBound)
    deadline?.cancel()
    waiting = nil
    promise.succeed(context.channel)
    if held.readableBytes > 0 { context.fireChannelRead(NIOAny(held)) }
    context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard waiting != nil else { return context.fireErrorCaught(error) }
    fail(error, context.channel)
  }

  func channelInactive(context: ChannelHandlerContext) {
    fail(TLSHandshake.Failed(explanation: "the upstream proxy ended the connection"), context.channel)
    context.fireChannelInactive()
  }
}
