import AckCorrelation
import NIOCore
import SessionDecoder
import SocketReadiness
import TLSRecords

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The connections of one splice loop, and what it does with them. Confined to the loop's thread.
///
/// A tick reads what has arrived on all of them into one arena, writes the records in one go, and only then sends
/// the bytes on (promise P2). A leg is read only while its partner takes everything (P5). How a direction ends is
/// passed on as it happened: an orderly end as half-close, a reset as reset.
struct SpliceTable: ~Copyable {
  var queue: ReadinessQueue
  let recorder: TrafficRecorder
  /// Receives one line for each thing worth telling a person.
  let diagnose: @Sendable (_ line: String) -> Void
  var connections = SpliceSlots()
  private var freeSlots: [Int] = []
  /// Slots that became free in this tick: what the queue found for them may not have been handled yet.
  private var slotsToFree: [Int] = []
  private var openCount = 0

  /// Where connections come from that no event loop has seen; nil where there is no such door, or not any more.
  var open: OpenDoor?

  private let arena: UnsafeMutableRawPointer
  private var used = 0
  /// Where records of TLS are read to, and where they are sealed, which takes more; never both at once.
  let sealedRoom: UnsafeMutableRawPointer
  var steps: [SpliceStep] = []
  private var notes: [SpliceNote] = []
  private var sends: [Send] = []
  private var sending: [Send] = []
  /// Outputs to end, legs to reset, and legs that failed while they were sent to, all behind this tick's bytes.
  var ending: [Place] = []
  var doomed: [Place] = []
  var failures: [Place] = []

  /// A leg of a connection.
  struct Place {
    let slot: Int
    let leg: Leg

    var partner: Place { Place(slot: slot, leg: leg.partner) }
    var token: UInt64 { UInt64(slot) << 1 | (leg == .client ? 0 : 1) }

    init(slot: Int, leg: Leg) {
      self.slot = slot
      self.leg = leg
    }

    init(token: UInt64) {
      slot = Int(truncatingIfNeeded: token >> 1)
      leg = token & 1 == 0 ? .client : .upstream
    }
  }

  /// Bytes in the arena that go to a leg.
  private struct Send {
    let place: Place
    let range: Range<Int>
  }

  private static let arenaBytes = 1 << 20
  /// One read takes this much at most, and so does what may wait for a slow peer, but for the last read of a leg.
  /// It is also one connection's share of a tick: the others wait while a flood of tiny frames of this much is decoded.
  static let readBytes = 64 << 10
  static let wakeupToken = UInt64.max
  static let listenerToken = UInt64.max - 1

  init(
    recorder: TrafficRecorder, wakeup: Int32, diagnose: @escaping @Sendable (_ line: String) -> Void
  ) throws(ReadinessQueue.Fault) {
    var queue = try ReadinessQueue()
    try queue.watch(wakeup, token: Self.wakeupToken, for: .readable)
    self.queue = queue
    self.recorder = recorder
    self.diagnose = diagnose
    arena = .allocate(byteCount: Self.arenaBytes, alignment: 64)
    sealedRoom = .allocate(byteCount: RecordLayer.sealedCount(of: Self.readBytes), alignment: 64)
  }

  deinit {
    arena.deallocate()
    sealedRoom.deallocate()
  }

  /// Passes bytes until the loop has stopped.
  mutating func run(for loop: SpliceLoop) {
    var abortTime: Timestamp?
    var whenEmpty: EventLoopPromise<Void>?
    while true {
      if tick(until: [abortTime, dueTime].compactMap { $0 }.min()) {
        let inbox = loop.collect()
        for connection in inbox.arrivals { add(connection) }
        if let door = inbox.door { open(door) }
        if let grace = inbox.stopGrace {
          abortTime = abortTime ?? recorder.now.adding(grace.nanoseconds / 1000)
          closeDoor()
          for slot in connections.indices { stop(slot) }
        }
        whenEmpty = inbox.whenEmpty
      }
      if open != nil { giveBackLateOnes() }
      if let time = abortTime, recorder.now >= time { abort() }
      settle()
      if let whenEmpty, openCount == 0 { return whenEmpty.succeed() }
    }
  }

  /// Waits until `time` at the latest, and handles what happened on the sockets meanwhile.
  ///
  /// - Returns: whether the loop was called from another thread.
  private mutating func tick(until time: Timestamp?) -> Bool {
    queue.wait(nanoseconds: time.map { max($0.since(recorder.now), 0) * 1000 })
    var isCalled = false
    for readiness in queue.ready {
      switch readiness.token {
      case Self.wakeupToken: isCalled = true
      case Self.listenerToken: accept()
      default: handle(readiness)
      }
    }
    settle()
    freeSlots += slotsToFree
    slotsToFree.removeAll(keepingCapacity: true)
    return isCalled
  }

  /// Takes a connection over.
  ///
  /// - Returns: its slot.
  @discardableResult
  mutating func add(_ connection: SplicedConnection) -> Int {
    let slot: Int
    if let free = freeSlots.popLast() {
      slot = free
      connections[slot] = connection
    } else {
      slot = connections.count
      connections.append(connection)
    }
    openCount += 1
    for leg in [Leg.client, .upstream] where connection[leg].isOpen { watch(Place(slot: slot, leg: leg)) }
    return slot
  }

  /// Begins to wait for a leg.
  mutating func watch(_ place: Place) {
    guard let leg = connections[place.slot]?[place.leg] else { return }
    do throws(ReadinessQueue.Fault) {
      try queue.watch(leg.descriptor, token: place.token, for: leg.interest)
    } catch {
      // Nothing would ever be heard of it.
      failures.append(place)
    }
  }

  private mutating func handle(_ readiness: ReadinessQueue.Readiness) {
    // Room for the read of this leg and the last read of its partner.
    if Self.arenaBytes - used < 2 * Self.readBytes { settle() }
    let place = Place(token: readiness.token)
    guard connections[place.slot]?[place.leg].isOpen == true else { return }
    if connections[place.slot]?.upgrade != nil { return advance(place, readiness) }
    if readiness.isWritable { sendWaiting(place) }
    guard readiness.isReadable, connections[place.slot]?[place.leg].isOpen == true else { return }
    if connections[place.slot]?[place.leg].inputEnded == true {
      if readiness.hasFailed { failed(place) }
    } else if readiness.hasFailed
      || connections[place.slot]?[place.leg].interest.contains(.readable) == true
    {
      receive(place)
    }
  }

  // MARK: in

  /// Reads once.
  ///
  /// - Returns: whether there was something.
  @discardableResult
  mutating func receive(_ place: Place) -> Bool {
    if let tls = connections[place.slot]?[place.leg].tls { return receiveSealed(place, tls) }
    guard let range = read(place) else { return false }
    pass(range, from: place)
    return true
  }

  /// Reads once into the arena; deals with the end where that is what there is.
  mutating func read(_ place: Place) -> Range<Int>? {
    guard let descriptor = connections[place.slot]?[place.leg].descriptor else { return nil }
    let count = recv(descriptor, arenaEnd, roomInArena, 0)
    guard count > 0 else {
      if count == 0 {
        inputClosed(place)
      } else if errno != EAGAIN && errno != EINTR {
        failed(place)
      }
      return nil
    }
    return taken(count)
  }

  /// Where the next read goes to, and how much it may take.
  var arenaEnd: UnsafeMutableRawPointer { arena + used }
  var roomInArena: Int { min(Self.readBytes, Self.arenaBytes - used) }

  /// The place in the arena of so many bytes that were just read.
  mutating func taken(_ count: Int) -> Range<Int> {
    let range = used..<used + count
    used += count
    return range
  }

  /// Puts bytes from elsewhere into the arena. Nothing else stands there any longer where they would not have fitted.
  mutating func store(_ bytes: [UInt8]) -> Range<Int> {
    if Self.arenaBytes - used < bytes.count { settle() }
    let range = used..<used + min(bytes.count, Self.arenaBytes - used)
    bytes.withUnsafeBytes {
      (arena + range.lowerBound).copyMemory(
        from: $0.baseAddress ?? UnsafeRawPointer(arena), byteCount: range.count)
    }
    used = range.upperBound
    return range
  }

  func stored(_ range: Range<Int>) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: arena + range.lowerBound, count: range.count)
  }

  /// Sends bytes from the arena at the end of the tick.
  mutating func send(_ range: Range<Int>, to place: Place) { sends.append(Send(place: place, range: range)) }

  /// Notes what has happened to a connection, for the end of the tick.
  mutating func tell(_ note: SpliceNote, of number: ConnectionNumber) {
    steps.append(.noted(number, notes.count, at: recorder.now))
    notes.append(note)
  }

  /// Shows bytes of a spliced connection to the decoder, and sends them.
  mutating func pass(_ range: Range<Int>, from place: Place) {
    let now = recorder.now
    connections[place.slot]?[place.leg].received &+= UInt64(range.count)
    guard let number = connections[place.slot]?.number else { return }
    let isDeliverable = connections[place.slot]?[place.leg.partner].outputEnded == false
    if !isDeliverable { steps.append(.undeliverable(number, to: place.leg.partner.peer, at: now)) }
    steps.append(.bytes(number, from: place.leg.peer, range, at: now))
    if isDeliverable { send(range, to: place.partner) }
  }

  // MARK: out

  /// Writes the records of what was seen, and then sends the bytes.
  mutating func settle() {
    repeat {
      if !steps.isEmpty {
        recorder.record(steps, arena: UnsafeRawPointer(arena), notes: notes)
        steps.removeAll(keepingCapacity: true)
        notes.removeAll(keepingCapacity: true)
      }
      swap(&sends, &sending)
      for send in sending {
        transmit(stored(send.range), to: send.place)
      }
      sending.removeAll(keepingCapacity: true)
      used = 0
      while let place = ending.popLast() { endOutput(place) }
      while let place = doomed.popLast() { reset(place) }
      while Self.arenaBytes - used >= Self.readBytes, let place = failures.popLast() { failed(place) }
    } while !steps.isEmpty || !sends.isEmpty || !ending.isEmpty || !doomed.isEmpty || !failures.isEmpty
  }

  /// Sends bytes whose records are written; what the peer does not take now, waits.
  mutating func transmit(_ bytes: UnsafeRawBufferPointer, to place: Place) {
    if let tls = connections[place.slot]?[place.leg].tls {
      guard !tls.hasSaidEnd else { return }
      return transmit(bytes, to: place, sealedBy: tls)
    }
    transmitSealed(bytes, to: place)
  }

  /// The same of bytes that are as they are to be on the wire.
  mutating func transmitSealed(_ bytes: UnsafeRawBufferPointer, to place: Place) {
    // Field by field: a copy of the connection would make what waits be copied before it grows.
    guard connections[place.slot]?[place.leg].outputEnded == false,
      let descriptor = connections[place.slot]?[place.leg].descriptor
    else { return }
    var taken = 0
    if connections[place.slot]?[place.leg].waiting.isEmpty == true {
      taken = Self.put(bytes, descriptor)
      guard taken >= 0 else { return failures.append(place) }
      if taken == bytes.count { return }
    }
    connections[place.slot]?[place.leg].waiting.append(UnsafeRawBufferPointer(rebasing: bytes[taken...]))
    if connections[place.slot]?[place.leg].stalledSince == nil {
      connections[place.slot]?[place.leg].stalledSince = recorder.now
      change(place) { $0.insert(.writable) }
      change(place.partner) { $0.remove(.readable) }
    }
  }

  mutating func sendWaiting(_ place: Place) {
    guard let descriptor = connections[place.slot]?[place.leg].descriptor,
      let start = connections[place.slot]?[place.leg].stalledSince
    else { return }
    var hasFailed = false
    connections[place.slot]?[place.leg].waiting.offer { bytes in
      let taken = Self.put(bytes, descriptor)
      hasFailed = taken < 0
      return max(taken, 0)
    }
    if hasFailed { return failures.append(place) }
    guard connections[place.slot]?[place.leg].waiting.isEmpty == true else { return }
    connections[place.slot]?[place.leg].stalledSince = nil
    change(place) { $0.remove(.writable) }
    if connections[place.slot]?[place.leg.partner].inputEnded == false {
      change(place.partner) { $0.insert(.readable) }
    }
    let now = recorder.now
    if now.since(start) >= ProxiedConnection.notableStall, let number = connections[place.slot]?.number {
      steps.append(.stalled(number, place.leg.peer, from: start, at: now))
    }
    if connections[place.slot]?[place.leg].endsOutput == true { ending.append(place) }
  }

  /// - Returns: how many bytes the socket took, or -1 where it failed.
  private static func put(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32) -> Int {
    while true {
      let count = systemSend(descriptor, bytes)
      if count >= 0 { return count }
      if errno == EINTR { continue }
      return errno == EAGAIN ? 0 : -1
    }
  }

  // MARK: sockets

  /// Changes what is waited for on a leg.
  mutating func change(_ place: Place, _ change: (inout ReadinessQueue.Interest) -> Void) {
    guard let leg = connections[place.slot]?[place.leg], leg.isOpen else { return }
    var interest = leg.interest
    change(&interest)
    guard interest != leg.interest else { return }
    connections[place.slot]?[place.leg].interest = interest
    queue.change(leg.descriptor, token: place.token, for: interest)
  }

  /// Closes a leg, and ends the connection where the other is closed too.
  mutating func close(_ place: Place) {
    guard connections[place.slot]?[place.leg].isOpen == true,
      let descriptor = connections[place.slot]?[place.leg].closed()
    else { return }
    // An event loop may not have closed its own descriptor of this socket yet.
    queue.forget(descriptor)
    systemClose(descriptor)
    guard connections[place.slot]?[place.leg.partner].isOpen == false,
      let connection = connections[place.slot]
    else { return }
    if connection.isOnRecord { tell(.closed(ClosedSplice(connection)), of: connection.number) }
    remove(place.slot)
    connection.ended()
  }

  /// Forgets a connection.
  mutating func remove(_ slot: Int) {
    connections[slot] = nil
    slotsToFree.append(slot)
    openCount -= 1
  }
}

/// The system's `close`, where a method of that name hides it.
func systemClose(_ descriptor: Int32) {
  _ = close(descriptor)
}

/// The system's `send`, likewise.
private func systemSend(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
  send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
}
