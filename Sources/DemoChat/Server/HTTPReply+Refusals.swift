import SocketIOPeers

extension HTTPReply {
  /// Sends one of Engine.IO's errors; to a WebSocket handshake as text, and the connection ends (PROTOCOL.md A.9).
  func refuse(_ refusal: EngineRefusal, isUpgrade: Bool = false) {
    if isUpgrade { return send(.badRequest, "text/html", refusal.message, closes: true) }
    let body = #"{"code":\#(refusal.rawValue),"message":"\#(refusal.message)"}"#
    send(.badRequest, "application/json", body)
  }
}
