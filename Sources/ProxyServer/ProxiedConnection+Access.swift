import NIOHTTP1

// Who may use the proxy, as far as a request tells.

extension ProxiedConnection {
  /// The request without the credentials that were meant for the proxy; nil where they were missing, and that was answered.
  func admitted(_ head: HTTPRequestHead) -> HTTPRequestHead? {
    let access = proxy.configuration.access
    // Who has dug a tunnel has shown them then.
    guard access.credentials != nil, tunnel == nil else { return head }
    let isForward = proxy.configuration.forward != nil
    // Clients of a reverse proxy do not know it as a proxy: to them it is the server that asks.
    let field = isForward ? "proxy-authorization" : "authorization"
    guard access.isSatisfied(by: head.headers, field: field) else {
      switch phase {
      case .answered, .closed: return nil
      default: break
      }
      proxy.diagnose(
        "connection \(number.number): client \(clientAddress) gave no user and password, or wrong ones")
      answer(
        isForward ? .proxyAuthenticationRequired : .unauthorized,
        "ackscope: this proxy asks for a user and a password\n",
        [(isForward ? "Proxy-Authenticate" : "WWW-Authenticate", "Basic realm=\"ackscope\"")])
      return nil
    }
    var admitted = head
    admitted.headers.remove(name: field)
    return admitted
  }
}
