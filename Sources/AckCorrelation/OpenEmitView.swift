/// An emit without a final verdict, as a capture that goes on in another file names it.
package struct OpenEmitView: Sendable {
  /// The record of the emit.
  package var emit: RecordSeq
  /// The event name as its JSON literal; empty where it has none.
  package var event: String
  package var namespace: String
  package var id: AckID
  package var connection: ConnectionNumber
  package var session: SessionNumber
  package var from: Peer
  /// When it was sent.
  package var at: Timestamp
  /// Whether an outcome has said that it is overdue.
  package var isOverdue: Bool
}

extension AckCorrelator {
  /// The emits without a final verdict, oldest first; as many as `CorrelationLimits.pendingEmits` at most.
  package var openEmits: [OpenEmitView] {
    var slots: [Int32] = []
    slots.reserveCapacity(emits.count)
    for head in [oldestOverdue, oldest] {
      var slot = head
      while slot >= 0 {
        slots.append(slot)
        slot = emits[slot].later
      }
    }
    held.forEach { slots.append($0.slot) }
    return slots.map { slot in
      let emit = emits[slot]
      return OpenEmitView(
        emit: emit.seq,
        event: emit.unlistedEvent.isEmpty ? names.text(emit.event.number) : emit.unlistedEvent,
        namespace: text(emit.namespace), id: emit.id, connection: emit.connection, session: emit.session,
        from: emit.peer, at: emit.at, isOverdue: emit.marks.contains(.overdue))
    }.sorted { $0.emit.number < $1.emit.number }
  }
}
