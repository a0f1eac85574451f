import COpenSSL

/// Why the authority cannot do what was asked, in words that name the thing and the way out.
package struct AuthorityFault: Error, Equatable, CustomStringConvertible {
  package var explanation: String
  package var description: String { explanation }

  init(_ explanation: String) {
    self.explanation = explanation
  }

  /// A call of libcrypto failed; its own reason is appended, and its queue of errors emptied.
  init(libcrypto task: String) {
    let code = ERR_get_error()
    ERR_clear_error()
    let reason = code == 0 ? nil : ERR_reason_error_string(code).map { String(cString: $0) }
    explanation = "cannot \(task): \(reason ?? "libcrypto gives no reason")"
  }
}

/// Throws where a call of libcrypto did not return 1 or more.
func succeed(_ result: Int32, _ task: String) throws(AuthorityFault) {
  guard result > 0 else { throw AuthorityFault(libcrypto: task) }
}
