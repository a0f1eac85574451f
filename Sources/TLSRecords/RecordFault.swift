/// What is wrong with the records of a peer: its connection cannot go on.
package enum RecordFault: Error, Equatable {
  /// A record that was not sealed with the peer's keys, or was changed on its way.
  case notAuthentic
  /// A record longer than TLS 1.3 allows.
  case tooLong
  /// Something that has no place after a handshake.
  case unexpected
  /// A message of the handshake protocol that is not well-formed.
  case malformed
  /// The peer says with this alert that it cannot go on.
  case alert(UInt8)
  /// libcrypto refused; the fault is ours.
  case cipher

  /// The alert that tells the peer (RFC 8446 §6.2); nil where it is the one who said so.
  package var alertToSend: UInt8? {
    switch self {
    case .notAuthentic: 20
    case .tooLong: 22
    case .unexpected: 10
    case .malformed: 50
    case .cipher: 80
    case .alert: nil
    }
  }
}
