/// How an emit of a client ended, as the client sees it.
package enum EmitOutcome: Sendable, Equatable {
  case acknowledged(SocketIOMessage)
  /// The emit asked for no ack.
  case notAsked
  /// The session ended first.
  case connectionEnded
  /// The session had ended already.
  case notSent
}
