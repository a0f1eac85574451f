import CaptureFormat

/// Something wrong that the header shows in plain words.
package struct ScreenAlert: Equatable, Sendable {
  package var text: String
  package var time: CaptureTimestamp
}
