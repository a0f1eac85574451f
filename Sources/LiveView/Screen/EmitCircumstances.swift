import CaptureFormat

/// What the traffic so far tells of an emit that is overdue and has no verdict yet: not why, but where to look first.
struct EmitCircumstances {
  let traffic: TrafficModel
  let emit: BoardEmit

  private var event: EventRow? {
    traffic.events.rows.indices.contains(emit.event) ? traffic.events.rows[emit.event] : nil
  }

  /// `event acked 3 of 4`; empty where nothing is known.
  var brief: String {
    guard let event, event.asked > 0 else { return "" }
    return "event acked \(WireText.count(event.answered)) of \(WireText.count(event.asked))"
  }

  /// The same in sentences, and whether its connection is alive.
  var sentences: String {
    guard let event, event.asked > 0 else { return "" }
    let receiver = emit.from == .server ? "client" : "server"
    var text = ""
    if event.answered == 0 {
      text =
        event.asked == 1
        ? "This event was emitted once, and not acked so far"
        : "None of the \(WireText.count(event.asked)) emits of this event was acked so far"
      text +=
        ": look first whether the \(receiver) has a handler of exactly this name, and whether it answers."
    } else {
      text =
        "\(WireText.count(event.answered)) of \(WireText.count(event.asked)) emits of this event were acked, "
      text +=
        "so the \(receiver) has a handler: look first what is different about these arguments, and whether it is slow."
    }
    if let conn = emit.conn, let row = traffic.connections[conn] {
      let answered = row.emits - row.pending - row.endedBadly
      if row.closed != nil {
        text += " Connection #\(conn) has closed."
      } else if answered > 0 {
        text += " Connection #\(conn) is open, and \(WireText.count(answered)) of its emits were acked."
      } else {
        text += " Connection #\(conn) is open, and none of its emits was acked yet."
      }
    }
    return text
  }
}
