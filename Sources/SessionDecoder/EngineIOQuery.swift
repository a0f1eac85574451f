import SocketIOPackets

/// What the query of a request says about Engine.IO (PROTOCOL.md A.1).
package struct EngineIOQuery: Sendable, Equatable {
  /// `EIO=4` means revision 4; every other value, and none, means 3.
  package var version = EngineIOVersion.v3
  package var transport: String?
  package var sid: String?
  /// JSONP polling, `j=n`.
  package var isJSONP = false
  private var namesVersion = false

  /// Reads the query of a request target.
  package init(target: String) {
    guard let mark = target.utf8.firstIndex(of: 0x3F) else { return }
    let query = target[target.utf8.index(after: mark)...].prefix { $0 != "#" }
    for pair in query.split(separator: "&") {
      let name = pair.prefix { $0 != "=" }
      let value = pair.dropFirst(name.count + 1)
      switch name {
      case "EIO":
        namesVersion = true
        version = value == "4" ? .v4 : .v3
      case "transport": transport = String(value)
      case "sid": sid = value.isEmpty ? nil : String(value)
      case "j": isJSONP = true
      default: break
      }
    }
  }

  /// Whether the request belongs to Engine.IO, by its query alone.
  package var isEngineIO: Bool { namesVersion && transport != nil }

  /// Whether an upgraded connection speaks Engine.IO; old clients may leave `EIO` away.
  var isWebSocketTransport: Bool { transport == "websocket" }
}

/// Which requests the decoder reads as Engine.IO: those whose query says so, or those under a path prefix.
package struct EngineIORule: Sendable {
  private let pathPrefix: String?

  /// - Parameter pathPrefix: `--path`; nil for the rule by query.
  package init(pathPrefix: String? = nil) {
    self.pathPrefix = pathPrefix
  }

  package func covers(target: String) -> Bool {
    guard let pathPrefix else { return EngineIOQuery(target: target).isEngineIO }
    return target.hasPrefix(pathPrefix)
  }
}
