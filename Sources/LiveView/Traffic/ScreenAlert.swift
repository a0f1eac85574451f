import CaptureFormat

/// Something wrong that the header shows in plain words.
package struct ScreenAlert: Equatable, Sendable {
  package var text: String
  package var time: CaptureTimestamp
  /// Whether it is over once a connection stands again: the upstream could not be reached.
  package var endsWithConnection = false
  /// Whether it goes on until records can be written again; nobody can put it away before.
  package var lasts = false
}
