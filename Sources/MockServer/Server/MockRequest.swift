import RecordedSessions

/// What the target of a request says about Engine.IO (PROTOCOL.md A.1).
struct MockRequest {
  let handshake: MockHandshake
  let transport: String?
  let sid: String?
  let wantsBase64: Bool
  /// The number of the callback that a JSONP client waits for; nil for others.
  let callback: String?

  init(target: String) {
    let parts = RequestTarget(target)
    transport = parts["transport"]
    sid = parts["sid"].flatMap { $0.isEmpty ? nil : $0 }
    wantsBase64 = parts["b64"] != nil
    callback = parts["j"]
    handshake = MockHandshake(
      eio: parts["EIO"] == "4" ? 4 : 3, isWebSocket: transport == "websocket", path: parts.path,
      query: parts.query.filter { !["EIO", "transport", "sid", "t", "b64", "j"].contains($0.name) })
  }
}
