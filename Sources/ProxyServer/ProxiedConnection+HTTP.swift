import AckCorrelation
import NIOCore
import NIOHTTP1
import SessionDecoder

// HTTP passes in both directions, message by message, until an upgrade.

extension ProxiedConnection {
  // MARK: HTTP from the client

  func requestPartReceived(_ part: HTTPServerRequestPart) {
    client.bytesAtLastPart = client.bytes
    if certificateShown != nil { certificateTaken() }
    var part = part
    if case .head(let head) = part {
      guard let admitted = admitted(head), let routed = routed(admitted) else { return }
      do throws(ForwardedRequest.Refusal) {
        try ForwardedRequest.expectPassable(routed)
      } catch {
        proxy.diagnose("connection \(number.number): client \(clientAddress): \(error.explanation); refused")
        return answer(error.status, "ackscope: \(error.explanation)\n")
      }
      part = .head(routed)
    } else if pendingTunnel != nil {
      if case .end = part { tunnelRequested() }
      return
    }
    pass(part)
  }

  /// A part of a request that is let through and knows where it goes.
  func pass(_ part: HTTPServerRequestPart) {
    switch phase {
    case .waiting:
      guard case .head = part else { return }
      stopIdleTimer()
      phase = .connecting([part])
      connect()
    case .connecting(var parts):
      parts.append(part)
      phase = .connecting(parts)
    case .relaying: relay(part)
    case .refusing(let explanation): refuse(part, explanation)
    case .answered, .spliced, .handedOver, .closed: return
    }
  }

  func relay(_ part: HTTPServerRequestPart) {
    switch part {
    case .head(let head):
      stopIdleTimer()
      relay(head)
    case .body(let buffer):
      guard let exchange = exchanges.last else { return }
      if exchange.isObserved { tick.observe(number, .requestBody(buffer)) }
      writeUpstream(.body(.byteBuffer(buffer)))
    case .end(let trailers):
      guard let last = exchanges.indices.last else { return }
      exchanges[last].requestEnded = true
      if exchanges[last].isObserved, !isRequestOnRecord { tick.observe(number, .requestEnded) }
      writeUpstream(.end(trailers))
    }
  }

  func relay(_ head: HTTPRequestHead) {
    let forwarded: HTTPRequestHead
    do throws(ForwardedRequest.Refusal) {
      forwarded = try forwarding.head(from: head)
    } catch {
      return answer(error.status, "ackscope: \(error.explanation)\n")
    }
    begin(exchange: head)
    writeUpstream(.head(forwarded))
  }

  /// The rules of this connection's requests. Within a tunnel the client names the host that it means itself.
  private var forwarding: ForwardedRequest {
    ForwardedRequest(
      upstream: target ?? UpstreamAddress.nowhere,
      preservesHost: proxy.configuration.preservesHost || tunnel != nil)
  }

  func begin(exchange head: HTTPRequestHead) {
    let request = RequestHead(
      method: head.method.rawValue, target: head.uri, headers: head.headers.map { ($0.name, $0.value) })
    let exchange = Exchange(
      isObserved: request.asksForWebSocket || proxy.isEngineIO(head.uri),
      asksForWebSocket: request.asksForWebSocket,
      isHead: head.method == .HEAD)
    exchanges.append(exchange)
    wasObserved = wasObserved || exchange.isObserved
    if exchange.isObserved, !isRequestOnRecord { tick.observe(number, .requestStarted(request)) }
  }

  /// Not only reads bring parts: what a decoder held back comes without the end of a read behind it.
  func writeUpstream(_ part: HTTPClientRequestPart) {
    upstream.channel?.write(part, promise: nil)
    tick.flush(self, .upstream)
  }

  /// Reads a request for which there is no upstream, so that what it carried is on record, and answers it.
  func refuse(_ part: HTTPServerRequestPart, _ explanation: String) {
    switch part {
    case .head(let head):
      begin(exchange: head)
      if exchanges.last?.isObserved == true { tick.observe(number, .undeliverable(to: .server)) }
    case .body(let buffer):
      if exchanges.last?.isObserved == true { tick.observe(number, .requestBody(buffer)) }
    case .end:
      if exchanges.last?.isObserved == true { tick.observe(number, .requestEnded) }
      answer(.badGateway, explanation)
    }
  }

  /// Answers in the proxy's own name, where the client still waits for an answer, and closes.
  ///
  /// - Parameter fields: further header fields.
  func answer(
    _ status: HTTPResponseStatus, _ explanation: String, _ fields: [(String, String)] = []
  ) {
    closing = closing ?? (.proxy, nil, explanation.split(separator: "\n").first.map(String.init))
    var isBehindAnother = exchanges.count > 1 || exchanges.first?.status != nil
    // A whole request that waits for the upstream comes first too.
    if case .connecting(let parts) = phase {
      isBehindAnother = parts.contains { if case .end = $0 { true } else { false } }
    }
    guard let channel = client.channel, !client.outputEnded else { return close() }
    guard !isBehindAnother else { return close() }
    var head = HTTPResponseHead(
      version: .http1_1, status: status,
      headers: [
        "Content-Type": "text/plain; charset=utf-8", "Content-Length": "\(explanation.utf8.count)",
        "Connection": "close",
      ])
    head.headers.add(contentsOf: fields)
    if exchanges.first?.isObserved == true {
      tick.observe(
        number,
        .responseStarted(
          ResponseHead(status: Int(status.code), headers: head.headers.map { ($0.name, $0.value) })))
      tick.observe(number, .responseEnded)
    }
    channel.write(HTTPServerResponsePart.head(head), promise: nil)
    if exchanges.first?.isHead != true {
      channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(string: explanation))), promise: nil)
    }
    channel.write(HTTPServerResponsePart.end(nil), promise: nil)
    exchanges.removeAll()
    client.endsOutputAfterFlush = true
    upstream.closesAfterFlush = true
    // Closing at once could meet late bytes of the client with a reset, which would destroy the answer on its way.
    phase = .answered
    tick.flush(self, .client)
    tick.flush(self, .upstream)
    startIdleTimer(proxy.configuration.limits.stopGrace)
  }

  // MARK: HTTP from the upstream

  func responsePartReceived(_ part: HTTPClientResponsePart) {
    upstream.bytesAtLastPart = upstream.bytes
    guard case .relaying = phase, !exchanges.isEmpty else { return }
    switch part {
    case .head(let head): relay(head)
    case .body(let buffer):
      if exchanges[exchanges.startIndex].isObserved { tick.observe(number, .responseBody(buffer)) }
      client.channel?.write(HTTPServerResponsePart.body(.byteBuffer(buffer)), promise: nil)
    case .end(let trailers):
      let exchange = exchanges[exchanges.startIndex]
      if exchange.status == 101 { return splice() }
      if answerIsCutOff { return }
      exchanges.removeFirst()
      if exchanges.count == Self.exchangesAhead - 1 { tick.flush(self, .upstream) }
      if exchange.isObserved { tick.observe(number, .responseEnded) }
      if !exchange.answersWithoutBody {
        client.channel?.write(HTTPServerResponsePart.end(trailers), promise: nil)
      }
      if exchange.asksForWebSocket { renewRequestDecoder() }
      if exchanges.isEmpty { startIdleTimer() }
    }
  }

  func relay(_ head: HTTPResponseHead) {
    let status = Int(head.status.code)
    if status == 101, !exchanges[exchanges.startIndex].asksForWebSocket {
      proxy.diagnose(
        "connection \(number.number): the server switched protocols without being asked; answered 502")
      return answer(.badGateway, "ackscope: the server switched protocols without being asked\n")
    }
    let forwarded: HTTPResponseHead
    do throws(ForwardedRequest.Refusal) {
      forwarded = try ForwardedRequest.head(from: head)
    } catch {
      proxy.diagnose("connection \(number.number): from the server: \(error.explanation); answered 502")
      return answer(.badGateway, "ackscope: from the server: \(error.explanation)\n")
    }
    client.channel?.write(HTTPServerResponsePart.head(forwarded), promise: nil)
    // Other interim answers (RFC 9110 §15.2) only announce the one that counts.
    guard status >= 200 || status == 101 else { return }
    exchanges[exchanges.startIndex].status = status
    if exchanges[exchanges.startIndex].isObserved {
      let headers = head.headers.map { ($0.name, $0.value) }
      tick.observe(number, .responseStarted(ResponseHead(status: status, headers: headers)))
    }
  }

  /// The decoder stops behind every request that asks for an upgrade, whatever comes of it. After a refusal the
  /// client may go on with HTTP, so a new decoder takes over, with the bytes that the old one holds.
  func renewRequestDecoder() {
    guard let operations = client.channel?.pipeline.syncOperations, let http = client.http else { return }
    let generation = (http.decoderName.split(separator: "-").last.flatMap { Int($0) } ?? 0) + 1
    let name = "request-decoder-\(generation)"
    do {
      let context = try operations.context(name: http.decoderName)
      try operations.addHandler(requestDecoder(), name: name, position: .after(context.handler))
      client.http = (http.counter, name)
      operations.removeHandler(name: http.decoderName, promise: nil)
    } catch {
      close()
    }
  }
}
