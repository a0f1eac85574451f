import JSONText

/// What a server is for, apart from how clients are reached. Confined to the server's event loop.
protocol SocketApplication: AnyObject {
  /// Whether a client may join a namespace.
  func admission(to namespace: String, auth: JSONValue?) -> Admission
  /// A client joined a namespace; its CONNECT reply has been sent.
  func socketJoined(_ socket: ServerSocket)
  /// An event arrived on a namespace that its client has joined.
  func eventArrived(_ event: SocketEvent, on socket: ServerSocket)
  /// A client left a namespace, or its session ended. Nothing can be sent to it any more.
  func socketLeft(_ socket: ServerSocket)
}

/// The answer to a CONNECT packet.
enum Admission {
  case admitted
  /// Refused with a message and an optional `data` member (PROTOCOL.md B.4).
  case refused(message: String, data: JSONValue?)
}
