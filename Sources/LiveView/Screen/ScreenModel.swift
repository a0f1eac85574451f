import CaptureFormat

/// The live view's whole state: what the traffic tells, and what the screen's user is doing with it.
package struct ScreenModel {
  /// The lists that one can be in.
  package enum Pane: Int, CaseIterable, Sendable {
    case board, events, stream, connections
  }

  /// What is looked at closely.
  package enum Detail: Equatable, Sendable {
    /// An emit's story, by the seq of its record.
    case emit(Int)
    /// Any other record, by its seq.
    case record(Int)
    /// A connection, by its number.
    case connection(Int)
  }

  /// What the board is sorted by.
  package enum BoardOrder: String, CaseIterable, Sendable {
    case age, newest, event, connection, verdict
  }

  /// What the events are sorted by.
  package enum EventOrder: String, CaseIterable, Sendable {
    case unanswered = "no ack", emits, name, slowest
  }

  /// What the records tell, up to now.
  package var traffic: TrafficModel
  /// The moment that ages count to.
  package var now = CaptureTimestamp(microseconds: 0)
  package var size: ScreenSize
  /// The path of the capture that is written or played, or nil.
  package var captureName: String?
  /// The path of the file that the capture is in now.
  var presentFile: String? {
    guard let captureName, let name = traffic.presentFile else { return captureName }
    let folder = captureName.lastIndex(of: "/").map { captureName[...$0] } ?? ""
    return folder + name
  }
  /// How a capture is played; nil for live traffic.
  package var playback: Playback?
  /// Whether `q` ends more than the view.
  package var quitEnds: String
  /// What to look at next for a verdict and its cause, or a finding.
  package let advice: @Sendable (String, String?) -> String

  package internal(set) var pane = Pane.board
  /// The pane below the board, where there is room for two.
  package internal(set) var lowerPane = Pane.stream
  /// Where each pane's list stands.
  var positions = [ListPosition](repeating: ListPosition(), count: Pane.allCases.count)
  package internal(set) var boardOrder = BoardOrder.age
  package internal(set) var eventOrder = EventOrder.unanswered
  /// Whether the stream keeps its newest row selected.
  package internal(set) var isFollowing = true
  /// What is shown while the screen is frozen.
  package internal(set) var frozen: TrafficModel?
  /// When the screen was frozen.
  package internal(set) var frozenAt = CaptureTimestamp(microseconds: 0)
  package internal(set) var detail: Detail?
  /// Lines scrolled away above, in the detail or the help.
  package internal(set) var scroll = 0
  /// What is looked for in the detail; empty for nothing.
  package internal(set) var search = ""
  package internal(set) var isHelpShown = false
  package internal(set) var prompt: ScreenPrompt?
  /// The filter as its user typed it; empty without one.
  package internal(set) var filterText = ""
  /// The last thing that a key did, or could not do.
  package internal(set) var notice: String?
  package internal(set) var noticeIsBad = false

  /// - Parameters:
  ///   - quitEnds: what `q` does, as the status line says it: "quits", "stops the proxy".
  ///   - advice: what to look at next, for a verdict and its cause, or for a finding and nil; empty for nothing to say.
  package init(
    size: ScreenSize, limits: TrafficModel.Limits = TrafficModel.Limits(), captureName: String? = nil,
    playback: Playback? = nil, quitEnds: String = "quits",
    advice: @escaping @Sendable (String, String?) -> String
  ) {
    self.size = size
    traffic = TrafficModel(limits: limits)
    self.captureName = captureName
    self.playback = playback
    self.quitEnds = quitEnds
    self.advice = advice
  }

  /// What is shown: the traffic, or its snapshot while frozen.
  package var shown: TrafficModel { frozen ?? traffic }
  /// The moment that shown ages count to.
  package var shownNow: CaptureTimestamp { frozen == nil ? now : frozenAt }

  /// Says something in the status line until the next key.
  package mutating func say(_ text: String, isBad: Bool = false) {
    notice = text
    noticeIsBad = isBad
  }

  /// Whether the board shows an emit that ended without its ack.
  func showsEnded(_ seq: Int) -> Bool {
    traffic.ended.last { $0.seq == seq }.map { traffic.isShown($0, at: now) } ?? false
  }

  /// Selects an emit that playing was stopped for, and says so.
  mutating func steppedTo(_ seq: Int) {
    guard let emit = traffic.ended.last(where: { $0.seq == seq }), let note = emit.note else { return }
    pane = .board
    detail = detail == nil ? nil : .emit(seq)
    scroll = 0
    let keys = keys(of: .board)
    if let index = keys.firstIndex(of: seq), let frame = ScreenLayout(self).frame(of: .board) {
      positions[Pane.board.rawValue].selected(index, in: keys, height: frame.list.count)
    }
    var why = note.verdict
    if let cause = note.cause { why += ": " + cause }
    say("stopped where an emit ended without an ack: \(TerminalText.harmless(why)); Enter tells its story")
  }

  // MARK: rows

  /// The keys of a pane's rows, in the order in which they are shown.
  func keys(of pane: Pane) -> [Int] {
    switch pane {
    case .board: boardRows.map(\.seq)
    case .events: eventRows
    case .stream: Array(shown.stream.all)
    case .connections: connectionRows.map(\.number)
    }
  }

  /// The emits on the board: those that wait first, so that none of them scrolls away.
  var boardRows: [BoardEmit] {
    let (traffic, now) = (shown, shownNow)
    var waiting = traffic.open.values.filter { traffic.isShown($0, at: now) }
    var ended = traffic.ended.filter { traffic.isShown($0, at: now) }
    func name(_ emit: BoardEmit) -> [UInt8] {
      traffic.events.rows.indices.contains(emit.event) ? traffic.events.rows[emit.event].event : []
    }
    switch boardOrder {
    case .age:
      waiting.sort { $0.seq < $1.seq }
      ended.sort { ($0.age(at: now), $0.seq) > ($1.age(at: now), $1.seq) }
    case .newest:
      waiting.sort { $0.seq > $1.seq }
      ended.sort { $0.seq > $1.seq }
    case .event:
      let names = traffic.events.rows.enumerated().sorted {
        $0.element.event.lexicographicallyPrecedes($1.element.event)
      }
      var ranks = [Int](repeating: 0, count: names.count)
      for (rank, row) in names.enumerated() { ranks[row.offset] = rank }
      func rank(_ emit: BoardEmit) -> Int { ranks.indices.contains(emit.event) ? ranks[emit.event] : 0 }
      waiting.sort { (rank($0), $0.seq) < (rank($1), $1.seq) }
      ended.sort { (rank($0), $0.seq) < (rank($1), $1.seq) }
    case .connection:
      waiting.sort { ($0.conn ?? -1, $0.seq) < ($1.conn ?? -1, $1.seq) }
      ended.sort { ($0.conn ?? -1, $0.seq) < ($1.conn ?? -1, $1.seq) }
    case .verdict:
      func rank(_ emit: BoardEmit) -> String {
        emit.verdict(at: now, ackTimeout: traffic.ackTimeout) + (emit.note?.cause ?? "")
      }
      waiting.sort { (rank($0), $0.seq) < (rank($1), $1.seq) }
      ended.sort { (rank($0), $0.seq) < (rank($1), $1.seq) }
    }
    return waiting + ended
  }

  /// The places of the events' rows.
  var eventRows: [Int] {
    let rows = shown.events.rows
    let places = rows.indices.filter { place in
      guard let filter = shown.filter else { return true }
      let row = rows[place]
      return row.event.withUnsafeBytes { event in
        row.namespace.withUnsafeBytes { namespace in
          filter.matches(CaptureFilterSubject(event: event, namespace: namespace, from: row.from))
        }
      }
    }
    func key(_ place: Int) -> Int {
      let row = rows[place]
      return switch eventOrder {
      case .unanswered: -(row.withoutAck &* 1_000_000 &+ min(row.asked &- row.answered, 999_999))
      case .emits: -row.emits
      case .name: 0
      case .slowest: -(row.latencies.percentile(99) ?? -1)
      }
    }
    let keys = Dictionary(places.map { ($0, key($0)) }, uniquingKeysWith: { $1 })
    return places.sorted { left, right in
      let (first, second) = (keys[left] ?? 0, keys[right] ?? 0)
      if first != second { return first < second }
      return rows[left].event.lexicographicallyPrecedes(rows[right].event)
    }
  }

  /// The connections: open ones first, each with the newest first.
  var connectionRows: [ConnectionRow] {
    let rows = shown.connections.rows.filter { row in
      guard let filter = shown.filter else { return true }
      return filter.matches(
        CaptureFilterSubject(conn: row.number, sid: row.sid, transport: row.transports.last))
    }
    return (rows.filter { $0.closed == nil }.reversed() + rows.filter { $0.closed != nil }.reversed())
  }

  /// Where a pane's list stands.
  func position(of pane: Pane) -> ListPosition { positions[pane.rawValue] }

  /// The selected row's key in a pane.
  func selectedKey(in pane: Pane) -> Int? {
    let keys = keys(of: pane)
    let index = position(of: pane).index
    return keys.indices.contains(index) ? keys[index] : nil
  }
}
