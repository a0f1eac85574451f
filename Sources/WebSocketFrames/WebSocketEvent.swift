/// What became known while following one direction of a WebSocket connection.
///
/// Buffers inside are valid during the call that hands the event over, and no longer.
package enum WebSocketEvent {
  /// A data message is complete.
  case message(WebSocketMessage)
  /// A ping, pong or close frame is complete; it may stand between the fragments of a message.
  case control(WebSocketControl)
  /// The sender broke a rule. Where `endsDecoding` is set, this is the last event of the direction.
  case violation(WebSocketViolation)
}
