import JSONText

/// What a filter is asked about, as far as it never changes: a packet, or any other record.
///
/// The slices are those of the record: valid as long as it is.
package struct CaptureFilterSubject {
  /// The event's name as JSON: a string with quotes, or a number.
  package var event: UnsafeRawBufferPointer?
  /// The namespace as a JSON string.
  package var namespace: UnsafeRawBufferPointer?
  /// The ack id, as the number on the wire.
  package var id: UnsafeRawBufferPointer?
  /// The arguments, data or text, as JSON.
  package var args: UnsafeRawBufferPointer?
  package var conn: Int?
  /// The Engine.IO session's id, which records carry as a number only.
  package var sid: String?
  package var from: CaptureRecord.Peer?
  package var transport: CaptureRecord.Transport?

  package init(
    event: UnsafeRawBufferPointer? = nil, namespace: UnsafeRawBufferPointer? = nil,
    id: UnsafeRawBufferPointer? = nil, args: UnsafeRawBufferPointer? = nil, conn: Int? = nil,
    sid: String? = nil,
    from: CaptureRecord.Peer? = nil, transport: CaptureRecord.Transport? = nil
  ) {
    self.event = event
    self.namespace = namespace
    self.id = id
    self.args = args
    self.conn = conn
    self.sid = sid
    self.from = from
    self.transport = transport
  }

  /// - Parameter sid: the id of the record's session, where it is known.
  package init(_ record: CaptureRecord, sid: String?) {
    event = record[.event]
    namespace = record[.namespace]
    id = record[.id]
    args = record[.args] ?? record[.data] ?? record[.text]
    conn = record.conn
    self.sid = sid
    from = record.from
    transport = record.transport
  }
}

/// What a filter is asked about, as far as it changes while an emit waits for its ack. All nil for what is no emit.
package struct CaptureFilterState {
  /// The emit's verdict, or `pending` or `overdue` while it is open.
  package var verdict: String?
  package var cause: String?
  /// Microseconds that the emit waited: until its ack, its verdict, or now.
  package var age: Int?
  /// Microseconds between emit and ack.
  package var latency: Int?

  package init(verdict: String? = nil, cause: String? = nil, age: Int? = nil, latency: Int? = nil) {
    self.verdict = verdict
    self.cause = cause
    self.age = age
    self.latency = latency
  }
}
