import AckCorrelation
import JSONText

/// What the body of an Engine.IO error answer says (PROTOCOL.md A.9).
struct ServerRefusal {
  /// The error code, given as such or known by its text.
  var code: Int?
  var message: String

  /// Reads `{"code":n,"message":"…"}` of JavaScript servers, their bare text on upgrades, and the JSON strings of
  /// Python servers.
  init(_ body: [UInt8]) {
    let text = String(decoding: body.prefix(1024), as: UTF8.self)
    if body.count <= 1024, let value = try? JSONValue(parsing: body) {
      code = value["code"]?.integer
      message = value["message"]?.string ?? value.string ?? ""
    } else {
      message = text
    }
    guard code == nil else { return }
    switch message {
    case "Transport unknown", "Invalid transport": code = 0
    case "Session ID unknown": code = 1
    case "Bad handshake method": code = 2
    case "Bad request": code = 3
    case "Forbidden": code = 4
    case "Unsupported protocol version": code = 5
    default:
      if message.hasPrefix("Invalid session") { code = 1 }
    }
  }

  /// Whether it says that the protocol versions do not fit.
  var isVersion: Bool { code == 5 || message.contains("unsupported version of the Socket.IO") }
}

/// The open packet's payload (PROTOCOL.md A.2).
struct OpenPacket {
  var sid: String
  var facts: SessionFacts

  /// Nil where the payload is no object with a `sid`.
  init?(_ payload: UnsafeRawBufferPointer) {
    guard payload.count <= 64 << 10, let value = try? JSONValue(parsing: payload),
      let sid = value["sid"]?.string,
      case .object(let members) = value
    else { return nil }
    self.sid = sid
    facts = SessionFacts()
    facts.pingInterval = Int64(value["pingInterval"]?.integer ?? 0)
    facts.pingTimeout = Int64(value["pingTimeout"]?.integer ?? 0)
    facts.maximumPayload = value["maxPayload"]?.integer
    let names = members.map(\.name)
    if let timeout = names.firstIndex(of: "pingTimeout"), let interval = names.firstIndex(of: "pingInterval")
    {
      facts.server = timeout < interval ? .python : .javascript
    }
  }
}
