/// What the decoder is told when a capture begins.
package struct DecoderOptions: Sendable {
  /// `name/version`, for the capture's first line.
  package var tool: String
  /// Microseconds without an ack after which an emit counts as overdue.
  package var ackTimeout: Int64 = 5_000_000
  /// Bytes of one payload kept in the capture; more is forwarded, counted and not kept.
  package var capturePayload = 1 << 20
  /// Names the files that one run's capture is written to, where it is more than one.
  package var captureSet = ""
  /// Whether events and acks are noted beside their records, for one who looks on.
  package var notesPackets = false
  /// Which requests are Engine.IO.
  package var rule = EngineIORule()

  package init(tool: String) {
    self.tool = tool
  }
}
