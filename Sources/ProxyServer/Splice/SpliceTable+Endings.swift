import AckCorrelation
import NIOCore
import SessionDecoder
import SocketReadiness

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// How spliced connections end: by their peers, by faults, or because the proxy stops.

extension SpliceTable {
  /// The peer ended its direction in order: so does the partner, behind what it still gets.
  mutating func inputClosed(_ place: Place) {
    guard connections[place.slot]?[place.leg].inputEnded == false else { return }
    if let upgrade = connections[place.slot]?.upgrade {
      guard connections[place.slot]?.isOnRecord == true else { return drop(place.slot) }
      // The client is to have what came of the answer.
      if place.leg == .upstream, !upgrade.answer.isEmpty { return giveBack(place.slot) }
    }
    connections[place.slot]?[place.leg].inputEnded = true
    change(place) { $0.remove(.readable) }
    noteEnd(place, .fin)
    connections[place.slot]?[place.leg.partner].endsOutput = true
    ending.append(place.partner)
    if connections[place.slot]?[place.leg].outputEnded == true { close(place) }
  }

  /// Ends a leg's output, where everything has been sent; a leg whose input has ended too closes with it.
  mutating func endOutput(_ place: Place) {
    guard connections[place.slot]?[place.leg].isOpen == true,
      connections[place.slot]?[place.leg].outputEnded == false,
      connections[place.slot]?[place.leg].waiting.isEmpty == true
    else { return }
    sayEnd(place)
    // Whoever takes no more now is sent the end of TLS when it does, and comes here again.
    guard let leg = connections[place.slot]?[place.leg], leg.waiting.isEmpty else { return }
    connections[place.slot]?[place.leg].outputEnded = true
    guard !leg.inputEnded else { return close(place) }
    _ = shutdown(leg.descriptor, Int32(SHUT_WR))
  }

  /// A leg broke: so does its partner, once what had already arrived on that is on record.
  mutating func failed(_ place: Place) {
    guard connections[place.slot]?[place.leg].isOpen == true else { return }
    guard connections[place.slot]?.isOnRecord == true else { return drop(place.slot) }
    noteEnd(place, .reset)
    close(place)
    let partner = place.partner
    guard let rest = connections[partner.slot]?[partner.leg], rest.isOpen else { return }
    if connections[partner.slot]?.upgrade == nil {
      if !rest.inputEnded { receive(partner) }
    } else if partner.leg == .upstream, !rest.inputEnded {
      answerArrived(partner)
    }
    doomed.append(partner)
  }

  /// Resets a leg because its partner was reset.
  mutating func reset(_ place: Place) {
    guard let leg = connections[place.slot]?[place.leg], leg.isOpen else { return }
    var withoutWaiting = linger(l_onoff: 1, l_linger: 0)
    setsockopt(
      leg.descriptor, SOL_SOCKET, SO_LINGER, &withoutWaiting, socklen_t(MemoryLayout<linger>.size))
    close(place)
  }

  private mutating func noteEnd(_ place: Place, _ how: EndOfLeg) {
    guard let connection = connections[place.slot] else { return }
    if connection.closing == nil {
      connections[place.slot]?.closing = (place.leg == .client ? .client : .server, nil, nil)
    }
    steps.append(.legEnded(connection.number, place.leg.peer, how, at: recorder.now))
  }

  // MARK: stop

  /// Ends a connection because the proxy stops: its peers get a close frame with 1001 where it does not fall into a
  /// frame of theirs.
  mutating func stop(_ slot: Int) {
    guard let connection = connections[slot], !connection.isStopping else { return }
    guard connection.isOnRecord else { return drop(slot) }
    connections[slot]?.isStopping = true
    if connection.closing == nil {
      connections[slot]?.closing = (.proxy, 1001, "the proxy stops")
      steps.append(.proxyEnded(connection.number, at: recorder.now))
    }
    for leg in [Leg.client, .upstream] where !connection[leg].outputEnded {
      let place = Place(slot: slot, leg: leg)
      if recorder.mayInject(connection.number, toward: leg.peer) {
        var frame = ProxiedConnection.closeFrame(masked: leg == .upstream)
        frame.readWithUnsafeReadableBytes { bytes in
          transmit(bytes, to: place)
          return bytes.count
        }
      }
      connections[slot]?[leg].endsOutput = true
      ending.append(place)
    }
  }

  /// Ends all connections at once.
  mutating func abort() {
    for slot in connections.indices { drop(slot) }
  }
}
