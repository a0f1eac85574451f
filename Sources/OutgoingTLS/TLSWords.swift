import NIOSSL
import TLSRecords

/// What went wrong in TLS, in words for the person who has to put it right.
package enum TLSWords {
  /// Whether an error comes from TLS at all.
  package static func isTLS(_ error: any Error) -> Bool {
    error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError
      || error is NIOSSLCloseTimedOutError
  }

  /// Why TLS failed.
  ///
  /// - Parameter certificateOptions: the options with which a server that asks who its client is would be told.
  package static func explain(
    _ error: any Error, certificateOptions: String = "--upstream-cert, --upstream-key"
  ) -> String {
    switch error {
    case NIOSSLError.handshakeFailed(let inner): explain(inner, certificateOptions)
    case NIOSSLError.shutdownFailed(let inner): explain(inner, certificateOptions)
    case NIOSSLError.uncleanShutdown: "it ended without close_notify"
    case let error as BoringSSLError: explain(error, certificateOptions)
    case let error as NIOSSLExtraError: error.description
    default: "\(error)"
    }
  }

  private static func explain(_ error: BoringSSLError, _ certificateOptions: String) -> String {
    switch error {
    case .sslError(let stack), .unknownError(let stack), .invalidSNIName(let stack),
      .failedToSetALPN(let stack):
      stack.first.map { explain(reason: $0.description, certificateOptions) } ?? "no reason is given"
    case .zeroReturn, .syscallError: "the connection ended in the middle of the handshake"
    default: "\(error)"
    }
  }

  /// The reason within `Error: 268435610 error:1000009a:SSL routines:OPENSSL_internal:HTTP_REQUEST at …`.
  static func reason(in text: String) -> Substring {
    let end =
      text.firstRange(of: " at /")?.lowerBound ?? text.firstRange(of: " at ")?.lowerBound ?? text.endIndex
    return text[..<end].split(separator: ":").last ?? ""
  }

  private static func explain(reason text: String, _ certificateOptions: String) -> String {
    if text.contains("EOF during handshake") { return "the connection ended in the middle of the handshake" }
    let reason = reason(in: text)
    return switch reason {
    case "WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "INVALID_RECORD":
      "it does not speak TLS"
    case "UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION":
      "the two have no version of TLS in common (1.2 and 1.3 are spoken here)"
    // TLS 1.2 has one word for both.
    case "SSLV3_ALERT_HANDSHAKE_FAILURE":
      "the two have no cipher in common, or it asks for a client certificate (--upstream-cert, --upstream-key)"
    case "NO_SHARED_CIPHER", "TLSV1_ALERT_INSUFFICIENT_SECURITY", "WRONG_CURVE":
      "the two have no cipher in common"
    case "INAPPROPRIATE_FALLBACK":
      "it asks for an older version of TLS than the two have in common, as in a downgrade attack"
    case "TLSV1_ALERT_NO_APPLICATION_PROTOCOL", "NO_APPLICATION_PROTOCOL":
      "the two have no protocol in common (http/1.1 is spoken here)"
    case "TLSV1_ALERT_CERTIFICATE_REQUIRED", "TLSV13_ALERT_CERTIFICATE_REQUIRED":
      "it asks for a client certificate (\(certificateOptions))"
    case "CERTIFICATE_VERIFY_FAILED": "its certificate is refused"
    case "TLSV1_ALERT_UNKNOWN_CA": "it refuses the certificate: it does not trust the issuer"
    case "SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "TLSV1_ALERT_ACCESS_DENIED",
      "SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
      "TLSV1_ALERT_UNRECOGNIZED_NAME", "TLSV1_ALERT_BAD_CERTIFICATE_STATUS_RESPONSE":
      "it refuses the certificate (\(words(reason)))"
    default: words(reason)
    }
  }

  private static func words(_ reason: Substring) -> String {
    reason.lowercased().split(separator: "_").joined(separator: " ")
  }

  /// What is wrong with the records of a peer.
  package static func explain(_ fault: RecordFault) -> String {
    switch fault {
    case .notAuthentic: "it sent a record that is not sealed with its keys, or was changed on the way"
    case .tooLong: "it sent a record that is longer than TLS allows"
    case .unexpected: "it sent what has no place behind a handshake"
    case .malformed: "it sent a malformed message of the handshake"
    case .alert(let alert): "it says that it cannot go on (\(name(ofAlert: alert)))"
    case .cipher: "libcrypto refuses to work"
    }
  }

  /// What a peer says is wrong (RFC 8446 §6.2).
  package static func explain(alert: UInt8) -> String {
    switch alert {
    case 42...46, 48, 49, 112, 113:
      "it refuses the certificate (\(name(ofAlert: alert)))"
    case 40, 71: "the two have no cipher in common"
    case 70: "the two have no version of TLS in common (1.2 and 1.3 are spoken here)"
    case 120: "the two have no protocol in common (http/1.1 is spoken here)"
    case 0, 90: "it gave the handshake up"
    default: "it gave the handshake up (\(name(ofAlert: alert)))"
    }
  }

  /// Whether a peer does not take the certificate that it was shown.
  package static func refusesCertificate(alert: UInt8) -> Bool { (42...46).contains(alert) || alert == 48 }

  /// The same, of an alert that came encrypted: the stack has read it.
  package static func refusesCertificate(_ error: any Error) -> Bool {
    guard let reason = stackReason(of: error) else { return false }
    return [
      "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_BAD_CERTIFICATE", "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
      "SSLV3_ALERT_CERTIFICATE_EXPIRED", "SSLV3_ALERT_CERTIFICATE_REVOKED",
      "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
    ].contains(reason)
  }

  /// Whether a peer ended a handshake without a word of why (RFC 8446 §6.1).
  package static func givesUp(alert: UInt8) -> Bool { alert == 0 || alert == 90 }

  /// Whether a handshake failed because the peer ended the connection.
  package static func isHangUp(_ error: any Error) -> Bool {
    switch error {
    case NIOSSLError.handshakeFailed(.zeroReturn), NIOSSLError.handshakeFailed(.syscallError): true
    default: stackReason(of: error)?.contains("EOF during handshake") ?? false
    }
  }

  private static func stackReason(of error: any Error) -> String? {
    let inner: BoringSSLError
    switch error {
    case NIOSSLError.handshakeFailed(let failure): inner = failure
    case let failure as BoringSSLError: inner = failure
    default: return nil
    }
    switch inner {
    case .sslError(let stack), .unknownError(let stack):
      return stack.first.map {
        $0.description.contains("EOF during handshake") ? $0.description : String(reason(in: $0.description))
      }
    default: return nil
    }
  }

  private static func name(ofAlert alert: UInt8) -> String {
    switch alert {
    case 42: "bad certificate"
    case 43: "unsupported certificate"
    case 44: "revoked"
    case 45: "expired"
    case 46: "certificate unknown"
    case 48: "its issuer is not trusted"
    case 49: "access denied"
    case 112: "unrecognized name"
    case 113: "bad certificate status"
    default: "alert \(alert)"
    }
  }
}
