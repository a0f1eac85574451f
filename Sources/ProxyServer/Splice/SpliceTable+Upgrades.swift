import AckCorrelation
import NIOCore
import NIOHTTP1
import SessionDecoder
import SocketReadiness

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// Connections from their first byte to their upgrade. One step after the other, or the connection is given to an event
// loop, which knows all the others.

extension SpliceTable {
  // MARK: the door

  /// Begins to take connections.
  mutating func open(_ door: OpenDoor) {
    open = door
    do throws(ReadinessQueue.Fault) {
      try queue.watch(door.listener, token: Self.listenerToken, for: .readable)
    } catch {
      diagnose("no connections can be accepted: \(String(cString: strerror(error.number)))")
    }
  }

  /// Takes no more connections.
  mutating func closeDoor() {
    guard let listener = open?.listener, listener >= 0 else { return }
    queue.forget(listener)
    systemClose(listener)
    open?.listener = -1
    open?.closedUntil = nil
  }

  /// Takes the connections that stand at the door.
  mutating func accept() {
    guard let door = open, door.listener >= 0 else { return }
    for _ in 0..<Self.acceptsPerTick {
      guard let (descriptor, client) = UpgradeSocket.accepted(from: door.listener) else {
        switch errno {
        case EINTR, ECONNABORTED: continue
        case EAGAIN, EPROTO: return
        default: return pauseAccepting(errno)
        }
      }
      open?.isShort = false
      let admission = door.door.admit(client)
      let number = door.door.nextNumber()
      guard admission == .admitted, let client else {
        door.door.giveBack(
          ReturnedConnection(
            number: number, client: descriptor, address: client, request: [], admission: admission))
        continue
      }
      let slot = add(
        SplicedConnection(
          number: number, client: SplicedLeg(descriptor: descriptor, received: 0), upstream: .none,
          upgrade: PendingUpgrade(client: client), ended: door.door.ended))
      open?.waiting.append((slot, number, recorder.now))
    }
  }

  /// Those that wait are looked at in between.
  private static let acceptsPerTick = 64

  /// Leaves connections at the door for a moment: there is no descriptor for them.
  private mutating func pauseAccepting(_ error: Int32) {
    guard let door = open else { return }
    if !door.isShort {
      diagnose(
        "connections wait to be accepted: \(String(cString: strerror(error))); raise the limit of open files (ulimit -n)"
      )
    }
    queue.change(door.listener, token: Self.listenerToken, for: [])
    open?.isShort = true
    open?.closedUntil = recorder.now.adding(Self.pause)
  }

  /// Microseconds until the next try.
  private static let pause: Int64 = 100_000

  /// When something is to be done although nothing has happened.
  var dueTime: Timestamp? {
    guard let door = open else { return nil }
    let first = door.waiting.first.map { $0.since.adding(door.door.patience) }
    guard let again = door.closedUntil else { return first }
    return first.map { min($0, again) } ?? again
  }

  /// Gives the connections whose upgrade takes long to event loops, which have timers, and opens a closed door again.
  mutating func giveBackLateOnes() {
    while let door = open?.door, let first = open?.waiting.first {
      let isPending =
        connections[first.slot]?.number == first.number
        && connections[first.slot]?.upgrade.map { $0.stage != .answer } == true
      if isPending {
        guard recorder.now.since(first.since) >= door.patience else { break }
        giveBack(first.slot)
      }
      open?.waiting.removeFirst()
    }
    guard let door = open, let again = door.closedUntil, recorder.now >= again else { return }
    open?.closedUntil = nil
    queue.change(door.listener, token: Self.listenerToken, for: .readable)
  }

  // MARK: the steps

  /// Something happened on a leg of a connection that is not upgraded yet.
  mutating func advance(_ place: Place, _ readiness: ReadinessQueue.Readiness) {
    guard let stage = connections[place.slot]?.upgrade?.stage else { return }
    switch (stage, place.leg) {
    case (.request, _): requestArrived(place)
    case (.connecting, .upstream): connectingEnded(place.slot)
    case (.connecting, .client), (.answer, .client):
      if readiness.isWritable { sendWaiting(place) }
      clientSpoke(place, readiness)
    case (.answer, .upstream):
      if readiness.isWritable { sendWaiting(place) }
      if readiness.isReadable, connections[place.slot]?.upstream.isOpen == true { answerArrived(place) }
    }
  }

  /// The request is taken whole or not at all.
  private mutating func requestArrived(_ place: Place) {
    guard let door = open?.door, let range = read(place), connections[place.slot] != nil else { return }
    let bytes = stored(range)
    connections[place.slot]?.client.received = UInt64(range.count)
    connections[place.slot]?.upgrade?.request = Array(bytes)
    // The decoder has limits of its own, which are somewhat lower than these bytes.
    guard bytes.count <= door.limits.headerBytes / 2,
      case .whole(let head, bytes.count) = UpgradeHead.request(
        bytes, maximumFields: door.limits.headerFields / 2),
      let forwarded = door.forwarding.wholeRequest(head)
    else { return giveBack(place.slot) }
    connections[place.slot]?.upgrade?.head = head
    connections[place.slot]?.upgrade?.forwarded = forwarded
    connect(place.slot)
  }

  private mutating func connect(_ slot: Int) {
    guard let upstream = open?.door.upstream, let descriptor = UpgradeSocket.connecting(to: upstream) else {
      return giveBack(slot)
    }
    connections[slot]?.upstream = SplicedLeg(descriptor: descriptor, received: 0)
    connections[slot]?.upgrade?.stage = .connecting
    let isConnected = UpgradeSocket.isConnected(descriptor)
    if !isConnected { connections[slot]?.upstream.interest = .writable }
    watch(Place(slot: slot, leg: .upstream))
    if isConnected { connected(slot) }
  }

  private mutating func connectingEnded(_ slot: Int) {
    guard let descriptor = connections[slot]?.upstream.descriptor, UpgradeSocket.isConnected(descriptor)
    else {
      // It is tried once more there, and what comes of it, said.
      return giveBack(slot)
    }
    change(Place(slot: slot, leg: .upstream)) { $0 = .readable }
    connected(slot)
  }

  /// The upstream leg stands: the request goes on record and there.
  private mutating func connected(_ slot: Int) {
    guard let number = connections[slot]?.number, let upgrade = connections[slot]?.upgrade,
      let head = upgrade.head,
      let door = open?.door
    else { return giveBack(slot) }
    tell(
      .requested(
        client: ProxiedConnection.text(upgrade.client), upstream: door.upstreamName,
        RequestHead(
          method: head.method.rawValue, target: head.uri, headers: head.headers.map { ($0.name, $0.value) })),
      of: number)
    send(store(upgrade.forwarded), to: Place(slot: slot, leg: .upstream))
    connections[slot]?.upgrade?.stage = .answer
    connections[slot]?.upgrade?.head = nil
    connections[slot]?.upgrade?.forwarded = []
  }

  /// A client that waits for its upgrade has ended, or says more already: that is left where it is until then.
  private mutating func clientSpoke(_ place: Place, _ readiness: ReadinessQueue.Readiness) {
    guard let descriptor = connections[place.slot]?.client.descriptor, descriptor >= 0,
      readiness.isReadable || readiness.hasFailed
    else { return }
    switch UpgradeSocket.peek(descriptor) {
    case .bytes: return change(place) { $0.remove(.readable) }
    case .nothing: return
    case .end where connections[place.slot]?.isOnRecord == false: giveBack(place.slot)
    case .end: inputClosed(place)
    case .failure: failed(place)
    }
  }

  mutating func answerArrived(_ place: Place) {
    guard let door = open?.door, let range = read(place),
      let begun = connections[place.slot]?.upgrade?.answer
    else { return }
    let whole = begun.isEmpty ? range : store(begun + Array(stored(range)))
    let bytes = stored(whole)
    switch UpgradeHead.answer(bytes, maximumFields: door.limits.headerFields / 2) {
    case .incomplete where bytes.count <= door.limits.headerBytes / 2:
      connections[place.slot]?.upgrade?.answer = Array(bytes)
    case .whole(let head, let length)
    where length <= door.limits.headerBytes / 2 && ForwardedRequest.leavesAsIs(head):
      switched(place, head, whole.lowerBound..<whole.lowerBound + length)
      let rest = whole.lowerBound + length..<whole.upperBound
      if !rest.isEmpty { pass(rest, from: place) }
    default:
      connections[place.slot]?.upgrade?.answer = Array(bytes)
      giveBack(place.slot)
    }
  }
}

extension SpliceTable {
  /// The server has switched: from here on bytes pass.
  private mutating func switched(_ place: Place, _ head: HTTPResponseHead, _ range: Range<Int>) {
    guard let number = connections[place.slot]?.number else { return }
    let headers = head.headers.map { ($0.name, $0.value) }
    tell(.switched(ResponseHead(status: Int(head.status.code), headers: headers)), of: number)
    connections[place.slot]?.upstream.received = UInt64(range.count)
    connections[place.slot]?.upgrade = nil
    if connections[place.slot]?.client.outputEnded == false { send(range, to: place.partner) }
    if connections[place.slot]?.client.inputEnded == false { change(place.partner) { $0.insert(.readable) } }
  }

  /// Lets an event loop go on with a connection, where the proxy does not stop.
  mutating func giveBack(_ slot: Int) {
    guard let connection = connections[slot], let upgrade = connection.upgrade, let door = open else {
      return
    }
    guard door.listener >= 0, connection.client.isOpen else { return drop(slot) }
    var returned = ReturnedConnection(
      number: connection.number, client: connection.client.descriptor, address: upgrade.client,
      request: upgrade.request)
    queue.forget(connection.client.descriptor)
    if connection.upstream.isOpen {
      queue.forget(connection.upstream.descriptor)
      if upgrade.stage == .answer {
        returned.answered = (connection.upstream.descriptor, upgrade.answer)
      } else {
        systemClose(connection.upstream.descriptor)
      }
    }
    remove(slot)
    door.door.giveBack(returned)
  }

  /// Closes what there is of a connection.
  mutating func drop(_ slot: Int) {
    for leg in [Leg.upstream, .client] { close(Place(slot: slot, leg: leg)) }
  }
}
