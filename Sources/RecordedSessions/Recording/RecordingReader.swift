import CaptureFormat
import JSONText

/// Makes a `Recording` of a capture's records, in their order.
///
/// Everything that is to be played stays in memory: a recording is about as large as the emits in its capture.
package struct RecordingReader {
  private var recording = Recording()
  private let filter: CaptureFilter?
  /// Places in `recording.sessions`, by the sessions' numbers.
  private var places: [Int: Int] = [:]
  private var matches: Set<Int> = []
  /// Handshakes of WebSockets and of refused polls that no session has taken yet, by connection.
  private var handshakes: [Int: Handshake] = [:]
  /// The step that an emit became, by its seq.
  private var emits: [Int: (session: Int, step: Int)] = [:]
  /// Where a client's probe began, by session: it becomes a step once the upgrade is done.
  private var probes: [Int: (seq: Int, time: CaptureTimestamp)] = [:]
  private var hasHandshake: Set<Int> = []
  /// The connection of each session's WebSocket.
  private var webSockets: [Int: Int] = [:]
  private var damaged = 0
  private var incomplete = 0
  private var lost = 0
  private var websocketMessages = 0
  private var isFirst = true

  private struct Handshake {
    var request: RecordedHandshake
    var isCompressed: Bool
  }

  /// - Parameter filter: keeps the sessions in which any record matches.
  package init(filter: CaptureFilter? = nil) {
    self.filter = filter
  }

  // MARK: what was read

  /// The next record of the capture.
  package mutating func recordRead(_ record: CaptureRecord) {
    if isFirst { recording.began = record.time }
    isFirst = false
    recording.ended = max(recording.ended, record.time)
    switch record.kind {
    case .capture: recording.upstream = record.string(.upstream)
    case .session: sessionRead(record)
    case .handshake: handshakeRead(record)
    case .exchange: exchangeRead(record)
    case .packet: packetRead(record)
    case .control: controlRead(record)
    case .close: closeRead(record)
    case .finding: findingRead(record)
    case .gap: lost += record.integer(.lost) ?? 1
    case .end: recording.isComplete = true
    case .message: websocketMessages += 1
    // A file of a set, read without the one before: its open sessions are known by sid alone.
    case .carried: if record.string(.sid) != nil { sessionRead(record) }
    case .open, .verdict, .undecodable, .rotated, .other: break
    }
    if let filter, let number = record.session, !matches.contains(number), record.kind != .close {
      let sid = places[number].map { recording.sessions[$0].sid }
      if filter.matches(CaptureFilterSubject(record, sid: sid)) { matches.insert(number) }
    }
  }

  /// A line of the capture was no record.
  package mutating func damageFound(_ damage: CaptureDamage) {
    damaged += 1
    if damaged == 1 {
      recording.notes.append("line \(damage.line) is damaged and was skipped: \(damage.reason)")
    }
  }

  /// The capture is read.
  ///
  /// - Parameter torn: the length of its unfinished last line, 0 where there is none.
  package mutating func captureEnded(torn: Int) -> Recording {
    if torn > 0 {
      recording.notes.append("the last line is torn: \(torn) bytes without a line break, dropped")
    }
    if damaged > 1 { recording.notes.append("\(damaged) damaged lines in all were skipped") }
    if lost > 0 { recording.notes.append("\(lost) records could not be written when the capture was made") }
    recording.hasHoles = damaged > 0 || lost > 0
    if recording.hasHoles {
      recording.notes.append(
        "records are missing in the middle: what comes and has no record is not taken for a difference")
    }
    if incomplete > 0 {
      recording.notes.append(
        "\(incomplete) payloads are not whole in the capture: such emits are not played, such answers not compared"
      )
    }
    if websocketMessages > 0 {
      recording.notes.append("\(websocketMessages) WebSocket messages that are not Socket.IO are left out")
    }
    let open = recording.sessions.count { $0.ending == .open }
    if !recording.isComplete {
      recording.notes.append(
        "no end record: the capture was cut off or is still being written; \(open) sessions were open")
    }
    if filter != nil { recording.sessions.removeAll { !matches.contains($0.number) } }
    return recording
  }

  // MARK: sessions

  private mutating func sessionRead(_ record: CaptureRecord) {
    guard let number = record.session, places[number] == nil else { return }
    var session = RecordedSession(
      number: number, seq: record.seq, opened: record.time, sid: record.string(.sid) ?? "",
      eio: record.integer(.eio) ?? 4, handshake: RecordedHandshake())
    session.beganBeforeCapture =
      record.kind == .carried || record.value(named: "began_before_capture")?.first == 0x74
    if let path = record.string(.path) { session.handshake.path = path }
    if let conn = record.conn, let waiting = handshakes.removeValue(forKey: conn) {
      session.handshake = waiting.request
      session.isCompressed = waiting.isCompressed
      hasHandshake.insert(number)
    }
    places[number] = recording.sessions.count
    recording.sessions.append(session)
  }

  /// Changes a session's facts in place.
  private mutating func update(_ number: Int?, _ change: (inout RecordedSession) -> Void) {
    guard let number, let place = places[number] else { return }
    change(&recording.sessions[place])
  }

  private mutating func handshakeRead(_ record: CaptureRecord) {
    guard let conn = record.conn, let literal = record[.request],
      let request = try? JSONValue(parsing: literal),
      let target = request["target"]?.string
    else { return }
    let response = record[.response].flatMap { try? JSONValue(parsing: $0) }
    let status = response?["status"]?.integer ?? 101
    let parts = RequestTarget(target)
    guard parts["EIO"] != nil else { return }
    let accepted = Self.headers(response)
      .filter { $0.name.lowercased() == "sec-websocket-extensions" }
      .contains { $0.value.contains("permessage-deflate") }
    if parts["sid"] == nil {
      let handshake = Self.handshake(parts, request, .websocket)
      if status == 101 {
        handshakes[conn] = Handshake(request: handshake, isCompressed: accepted)
      } else {
        refused(record, parts, handshake, status)
      }
    } else if status == 101 {
      let offer = Self.compressionOffer(request)
      update(record.session) { session in
        if accepted { session.isCompressed = true }
        session.handshake.compressionOffer = offer
      }
    }
  }

  private mutating func exchangeRead(_ record: CaptureRecord) {
    guard let literal = record[.request], let request = try? JSONValue(parsing: literal),
      let target = request["target"]?.string
    else { return }
    let status = record[.response].flatMap { try? JSONValue(parsing: $0) }?["status"]?.integer
    let parts = RequestTarget(target)
    guard parts["EIO"] != nil else { return }
    if let number = record.session {
      if parts["sid"] == nil, hasHandshake.insert(number).inserted {
        let handshake = Self.handshake(parts, request, .polling)
        update(number) { $0.handshake = handshake }
      } else if !hasHandshake.contains(number) {
        // The handshake is not on record; what it was like shows in the requests that follow it.
        hasHandshake.insert(number)
        var handshake = Self.handshake(parts, request, .polling)
        handshake.headers = []
        update(number) { $0.handshake = handshake }
      }
      if let status, status >= 400 {
        end(
          number,
          RecordedClose(by: .server, manner: .refusal, code: status, seq: record.seq, time: record.time))
      }
    } else if parts["sid"] == nil, let status, status >= 300 {
      refused(record, parts, Self.handshake(parts, request, .polling), status)
    }
  }

  private mutating func refused(
    _ record: CaptureRecord, _ target: RequestTarget, _ handshake: RecordedHandshake, _ status: Int
  ) {
    // Whose Origin it was may be why it was refused.
    var handshake = handshake
    handshake.isSameOrigin = false
    recording.refusals.append(
      RecordedRefusal(
        seq: record.seq, time: record.time, eio: target["EIO"] == "3" ? 3 : 4, handshake: handshake,
        status: status))
  }

  private mutating func findingRead(_ record: CaptureRecord) {
    guard record.member(.finding, equals: "handshake_refused"), let evidence = record[.evidence],
      let seqs = try? JSONValue(parsing: evidence), let seq = seqs[0]?.integer,
      let place = recording.refusals.lastIndex(where: { $0.seq == seq })
    else { return }
    recording.refusals[place].code = record.integer(.code)
    recording.refusals[place].message = record.value(named: "message").map(JSONString.decode)
  }

  private static func headers(_ message: JSONValue?) -> [(name: String, value: String)] {
    (message?["headers"]?.array ?? []).compactMap { pair in
      guard let name = pair[0]?.string, let value = pair[1]?.string else { return nil }
      return (name, value)
    }
  }

  /// Fields that belong to a connection, to the WebSocket handshake, or to the body: a new request has its own.
  private static let ownFields: Set<String> = [
    "host", "connection", "upgrade", "content-length", "content-type", "transfer-encoding", "keep-alive",
    "te",
    "trailer", "proxy-connection", "accept-encoding", "expect",
  ]

  private static func handshake(
    _ target: RequestTarget, _ request: JSONValue, _ transport: CaptureRecord.Transport
  ) -> RecordedHandshake {
    var handshake = RecordedHandshake()
    handshake.transport = transport
    handshake.path = target.path
    handshake.query = target.query.filter { !RequestTarget.engineNames.contains($0.name) }
    handshake.wantsBase64 = target["b64"] != nil
    handshake.compressionOffer = compressionOffer(request)
    handshake.isSameOrigin = isSameOrigin(request)
    for field in headers(request) {
      let name = field.name.lowercased()
      if name == "sec-websocket-protocol" {
        handshake.subprotocols += field.value.split(separator: ",").map { part in
          String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
      } else if !ownFields.contains(name), !name.hasPrefix("sec-websocket-") {
        handshake.headers.append(field)
      }
    }
    return handshake
  }

  private static func isSameOrigin(_ request: JSONValue) -> Bool {
    let fields = headers(request)
    func field(_ name: String) -> String? {
      fields.first { $0.name.lowercased() == name }?.value.lowercased()
    }
    guard let host = field("host"), let origin = field("origin") else { return false }
    return origin == "http://" + host || origin == "https://" + host
  }

  /// Its offers of permessage-deflate alone: other extensions are not spoken.
  private static func compressionOffer(_ request: JSONValue) -> String? {
    let offers = headers(request)
      .filter { $0.name.lowercased() == "sec-websocket-extensions" }
      .flatMap { $0.value.split(separator: ",") }
      .map { $0.drop { $0 == " " } }
      .filter { $0.prefix { $0 != ";" && $0 != " " } == "permessage-deflate" }
    return offers.isEmpty ? nil : offers.joined(separator: ", ")
  }

  // MARK: packets

  private mutating func packetRead(_ record: CaptureRecord) {
    guard let number = record.session, let place = places[number], let from = record.from else { return }
    // A packet is from one transport; a session that began before its capture is known by what it uses.
    if !hasHandshake.contains(number), let transport = record.transport {
      hasHandshake.insert(number)
      recording.sessions[place].handshake.transport = transport
    }
    if record.transport == .websocket { webSockets[number] = record.conn }
    if record.member(.parser, equals: "msgpack") { recording.sessions[place].usesMsgpack = true }
    guard let kind = record.socketKind else { return enginePacketRead(record, number, from) }
    if case .closed = recording.sessions[place].ending { return }
    let namespace = record.string(.namespace) ?? "/"
    let step: RecordedStep.Kind
    switch kind {
    case .connect: step = .connect(dataPayload(record))
    case .connectError: step = .connectError(dataPayload(record))
    case .disconnect: step = .disconnect
    case .event, .binaryEvent:
      guard let literal = record[.event] else { return }
      let isNumber = literal.first != 0x22
      var emit = RecordedEmit(
        event: isNumber ? String(decoding: literal, as: UTF8.self) : JSONString.decode(literal),
        payload: argumentsPayload(record), id: record[.id].map { String(decoding: $0, as: UTF8.self) })
      emit.eventIsNumber = isNumber
      emits[record.seq] = (place, recording.sessions[place].steps.count)
      step = .emit(emit)
    case .ack, .binaryAck:
      var ack = RecordedAck(
        id: record[.id].map { String(decoding: $0, as: UTF8.self) } ?? "", payload: argumentsPayload(record))
      if let seq = record.integer(.ackOf), let emit = emits[seq], emit.session == place {
        ack.emit = emit.step
        let latency = record.integer(.latency)
        if case .emit(var answered) = recording.sessions[place].steps[emit.step].kind, answered.ack == nil {
          answered.ack = recording.sessions[place].steps.count
          answered.latency = latency
          recording.sessions[place].steps[emit.step].kind = .emit(answered)
        }
      }
      step = .ack(ack)
    }
    recording.sessions[place].steps.append(
      RecordedStep(
        seq: record.seq, time: record.time, from: from, namespace: namespace, kind: step,
        transport: record.transport))
  }

  private mutating func enginePacketRead(_ record: CaptureRecord, _ number: Int, _ from: CaptureRecord.Peer) {
    if record.member(.engine, equals: "close") {
      end(number, RecordedClose(by: from, manner: .packet, seq: record.seq, time: record.time))
    } else if from == .client, record.transport == .websocket {
      if record.member(.engine, equals: "ping"), record.member(.text, equals: "probe") {
        probes[number] = (record.seq, record.time)
      } else if record.member(.engine, equals: "upgrade"), let place = places[number],
        !recording.sessions[place].isUpgraded
      {
        let begun = probes[number] ?? (record.seq, record.time)
        recording.sessions[place].isUpgraded = true
        let step = RecordedStep(
          seq: begun.seq, time: begun.time, from: .client, namespace: "/", kind: .upgrade)
        let steps = recording.sessions[place].steps
        insert(step, at: steps.firstIndex { $0.seq > begun.seq } ?? steps.count, of: place)
      }
    }
  }

  /// Puts a step between others; what points behind it moves along.
  private mutating func insert(_ step: RecordedStep, at index: Int, of place: Int) {
    recording.sessions[place].steps.insert(step, at: index)
    for later in recording.sessions[place].steps.indices {
      switch recording.sessions[place].steps[later].kind {
      case .emit(var emit):
        if let ack = emit.ack, ack >= index {
          emit.ack = ack + 1
          recording.sessions[place].steps[later].kind = .emit(emit)
        }
        if later > index { emits[recording.sessions[place].steps[later].seq] = (place, later) }
      case .ack(var ack):
        if let emit = ack.emit, emit >= index {
          ack.emit = emit + 1
          recording.sessions[place].steps[later].kind = .ack(ack)
        }
      default: break
      }
    }
  }

  private mutating func argumentsPayload(_ record: CaptureRecord) -> RecordedPayload {
    var payload: RecordedPayload
    if let args = record[.args], !record.isTrue(.truncated) {
      payload = RecordedPayload(text: Array(args))
    } else if record[.args] == nil, record[.text] == nil, !record.isTrue(.truncated) {
      payload = RecordedPayload(text: Array("[]".utf8))
    } else {
      payload = RecordedPayload(
        text: Array((record[.args].map(Array.init) ?? Array("[]".utf8))), isIncomplete: true)
    }
    if let literal = record[.attachments], let list = try? JSONValue(parsing: literal) {
      payload.attachments = (list.array ?? []).map { $0.string.flatMap(Base64Bytes.decode) }
      if payload.attachments.contains(where: { $0 == nil }) { payload.isIncomplete = true }
    }
    if payload.isIncomplete { incomplete += 1 }
    return payload
  }

  private func dataPayload(_ record: CaptureRecord) -> RecordedPayload? {
    if let data = record[.data] { return RecordedPayload(text: Array(data)) }
    return record[.text].map { RecordedPayload(text: Array($0), isIncomplete: true) }
  }

  // MARK: endings

  private mutating func end(_ number: Int?, _ close: RecordedClose) {
    update(number) { if $0.ending == .open { $0.ending = .closed(close) } }
  }

  private mutating func controlRead(_ record: CaptureRecord) {
    guard record.member(.opcode, equals: "close"), let from = record.from,
      isOnWebSocket(record.session, record.conn)
    else {
      return
    }
    end(
      record.session,
      RecordedClose(
        by: from, manner: .frame, code: record.integer(.code), reason: record.string(.reason),
        seq: record.seq,
        time: record.time))
  }

  private mutating func closeRead(_ record: CaptureRecord) {
    if let conn = record.conn { handshakes.removeValue(forKey: conn) }
    // Polling connections come and go; only the end of its WebSocket ends a session.
    guard isOnWebSocket(record.session, record.conn), let by = record.string(.by), by != "proxy" else {
      return
    }
    end(
      record.session,
      RecordedClose(
        by: by == "client" ? .client : .server, manner: .connection, code: record.integer(.code),
        seq: record.seq, time: record.time))
  }

  private func isOnWebSocket(_ number: Int?, _ conn: Int?) -> Bool {
    guard let number, let place = places[number], let conn, webSockets[number] == conn else { return false }
    let session = recording.sessions[place]
    return session.isUpgraded || session.handshake.transport == .websocket
  }
}
