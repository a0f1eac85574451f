/// What a capture held that a HAR has no place for.
package struct HARLosses: Equatable, Sendable {
  package var verdicts = 0
  package var findings = 0
  /// Verdicts that rest on what no HAR tells, so that reading it judges otherwise.
  package var unprovable = 0
  /// Messages that were compressed on the wire.
  package var compressed = 0
  /// Messages in more than one frame.
  package var fragmented = 0
  /// Packets of other parsers, written in the form of the default one.
  package var otherParsers = 0
  /// Payloads that the capture itself has only the beginning of.
  package var truncated = 0
  package var undecodable = 0
  package var gaps = 0

  /// One line for people for each kind of loss, empty where nothing is lost.
  package var lines: [String] {
    func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
    var lines: [String] = []
    if verdicts + findings > 0 {
      lines.append(
        "\(counted(verdicts, "verdict")) and \(counted(findings, "finding")) are not in a HAR; reading it judges anew"
      )
    }
    if unprovable > 0 {
      lines.append(
        "\(counted(unprovable, "verdict")) will be another one, because a HAR does not tell what never reached the server or could not be decoded"
      )
    }
    if compressed + fragmented > 0 {
      lines.append(
        "a HAR has messages, not frames: that \(compressed) were compressed and \(fragmented) fragmented is lost"
      )
    }
    if otherParsers > 0 {
      lines.append(
        "\(counted(otherParsers, "packet")) of another parser are written in the default text form")
    }
    if truncated > 0 {
      lines.append("\(counted(truncated, "payload")) cut off in the capture are cut off in the HAR")
    }
    if undecodable > 0 {
      lines.append("that \(counted(undecodable, "direction")) became undecodable is lost, and all behind it")
    }
    if gaps > 0 { lines.append("\(counted(gaps, "gap")) of the capture cannot be seen in the HAR") }
    return lines
  }
}
