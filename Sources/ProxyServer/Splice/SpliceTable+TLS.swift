import AckCorrelation
import NIOCore
import OutgoingTLS
import SessionDecoder
import TLSRecords

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

// TLS on the legs of spliced connections: records are opened into the arena, and sealed on their way out of it.

extension SpliceTable {
  /// Reads once from a leg with TLS, and passes what the records hold.
  ///
  /// - Returns: whether they held something.
  mutating func receiveSealed(_ place: Place, _ tls: RecordLayer) -> Bool {
    guard let descriptor = connections[place.slot]?[place.leg].descriptor else { return false }
    let held = tls.restore(to: sealedRoom)
    // Records take more room than what they hold.
    let count = recv(descriptor, sealedRoom + held, roomInArena - held, 0)
    if count < 0, errno != EAGAIN && errno != EINTR {
      failed(place)
      return false
    }
    let opened = tls.open(
      UnsafeRawBufferPointer(start: sealedRoom, count: held + max(count, 0)), into: arenaEnd)
    if opened.count > 0 { pass(taken(opened.count), from: place) }
    switch opened.end {
    case .closeNotify: inputClosed(place)
    case .fault(let fault): sealFailed(place, tls, fault)
    case nil where count == 0:
      connections[place.slot]?[place.leg].isCutOff = true
      inputClosed(place)
    case nil: break
    }
    return opened.count > 0
  }

  /// The records of a leg are not those of its peer, or the peer says that ours are not.
  private mutating func sealFailed(_ place: Place, _ tls: RecordLayer, _ fault: RecordFault) {
    guard let number = connections[place.slot]?.number else { return }
    // What a peer complains of once its partner is gone is news to nobody.
    if connections[place.slot]?.closing == nil {
      diagnose(
        "connection \(number.number): TLS of the \(place.leg == .client ? "client" : "server") failed: \(TLSWords.explain(fault))"
      )
    }
    if let alert = tls.tell(fault) { alert.withUnsafeBytes { transmitSealed($0, to: place) } }
    failed(place)
  }

  /// Seals bytes whose records are written, and sends them.
  mutating func transmit(_ bytes: UnsafeRawBufferPointer, to place: Place, sealedBy tls: RecordLayer) {
    var position = 0
    while position < bytes.count {
      let end = min(position + Self.readBytes, bytes.count)
      let part = UnsafeRawBufferPointer(rebasing: bytes[position..<end])
      guard let count = tls.seal(part, into: sealedRoom) else { return failures.append(place) }
      transmitSealed(UnsafeRawBufferPointer(start: sealedRoom, count: count), to: place)
      position = end
    }
  }

  /// Says on a leg with TLS that nothing more comes, unless what its partner sent was cut off: then its peer is to know.
  mutating func sayEnd(_ place: Place) {
    guard let tls = connections[place.slot]?[place.leg].tls,
      connections[place.slot]?[place.leg.partner].isCutOff == false, let end = tls.sayEnd()
    else { return }
    end.withUnsafeBytes { transmitSealed($0, to: place) }
  }
}
