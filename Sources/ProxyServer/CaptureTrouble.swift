/// What keeps records from where the capture is to be.
package enum CaptureTrouble: Equatable, Sendable {
  /// The present file takes no more: records are lost from here on, until it does again.
  case notWritten(path: String, reason: String)
  /// The next file cannot be had; the present one goes on, and nothing is lost yet.
  case notContinued(reason: String)
  /// Somebody removed the file; the capture goes on in another.
  case removed(path: String, next: String, lost: UInt64)
}
