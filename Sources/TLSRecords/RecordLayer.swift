/// TLS 1.3 on one socket once its handshake is over: opens the records that arrive and seals what is sent (RFC 8446 §5).
///
/// Another TLS stack has done the handshake; from then on nothing but traffic is left, and what a full stack costs for it
/// is the larger part of a proxy's work. What peers may still say beside application data is handled here: closing (§6.1), alerts,
/// new keys (§4.6.3), tickets for later connections, which are dropped (§4.6.1). Not for use by two threads at once.
///
/// `@unchecked`: an event loop makes it, gives it to a splice loop through a lock, and keeps no reference.
package final class RecordLayer: @unchecked Sendable {
  /// What became of the bytes that arrived.
  package struct Opened {
    /// Bytes of application data that were written.
    package var count = 0
    package var end: End?

    package enum End: Equatable {
      /// The peer will send nothing more, and says so.
      case closeNotify
      case fault(RecordFault)
    }
  }

  private var opening: RecordProtection
  private var sealing: RecordProtection
  /// The beginning of a record whose rest has not arrived.
  private var rest: [UInt8]
  /// The beginning of a message of the handshake protocol, likewise.
  private var message: [UInt8] = []
  /// Records in a row that carried nothing of use.
  private var idleRecords = 0
  private var owesUpdate = false
  /// Nothing may be sealed any more.
  package private(set) var hasSaidEnd = false
  /// Records after which our own keys are renewed, below the limit of AES-GCM (RFC 8446 §5.5).
  private let recordsPerKey: UInt64

  /// - Parameter rest: bytes that have arrived beyond the last whole record.
  package init(
    opening: consuming RecordProtection, sealing: consuming RecordProtection, rest: [UInt8] = [],
    recordsPerKey: UInt64 = 1 << 23
  ) {
    self.opening = opening
    self.sealing = sealing
    self.rest = rest
    self.recordsPerKey = recordsPerKey
  }

  /// The most bytes that can be held back between two reads.
  package static let mostRest = Record.headerBytes + Record.bodyBytes

  // MARK: in

  /// Puts what was held back of the last read before what is read next.
  ///
  /// - Parameter room: at least `mostRest` bytes.
  /// - Returns: how many bytes it is; what arrives goes behind them, and everything to `open`.
  package func restore(to room: UnsafeMutableRawPointer) -> Int {
    rest.withUnsafeBytes { rest in
      if let start = rest.baseAddress { room.copyMemory(from: start, byteCount: rest.count) }
    }
    defer { rest.removeAll() }
    return rest.count
  }

  /// Whether the socket ended within a record.
  var isWithinRecord: Bool { !rest.isEmpty }

  /// Opens all whole records, and holds back the beginning of the next.
  ///
  /// - Parameter plain: has room for as many bytes as arrived; does not overlap them.
  package func open(_ arrived: UnsafeRawBufferPointer, into plain: UnsafeMutableRawPointer) -> Opened {
    var opened = Opened()
    var position = 0
    while opened.end == nil, arrived.count - position >= Record.headerBytes {
      let tail = UnsafeRawBufferPointer(rebasing: arrived[position...])
      let body = Record.bodyCount(tail)
      guard tail[0] == Record.applicationData else {
        opened.end = .fault(.unexpected)
        break
      }
      guard body <= Record.bodyBytes else {
        opened.end = .fault(.tooLong)
        break
      }
      let count = Record.headerBytes + body
      guard tail.count >= count else { break }
      position += count
      guard
        let (type, length) = opening.open(
          UnsafeRawBufferPointer(rebasing: tail[..<count]), into: plain + opened.count)
      else {
        opened.end = .fault(.notAuthentic)
        break
      }
      guard length <= Record.plainBytes else {
        opened.end = .fault(.tooLong)
        break
      }
      if type == Record.applicationData, length > 0, message.isEmpty {
        idleRecords = 0
        opened.count += length
      } else {
        opened.end = handle(type, UnsafeRawBufferPointer(start: plain + opened.count, count: length))
      }
    }
    if opened.end == nil, position < arrived.count { rest = Array(arrived[position...]) }
    return opened
  }

  private static let mostIdleRecords = 32

  /// A record that carries no application data.
  private func handle(_ type: UInt8, _ content: UnsafeRawBufferPointer) -> Opened.End? {
    idleRecords += 1
    guard idleRecords <= Self.mostIdleRecords else { return .fault(.unexpected) }
    switch type {
    case Record.applicationData where message.isEmpty: return nil
    case Record.handshake where !content.isEmpty:
      message += content
      return readMessages()
    case Record.alert where content.count == 2 && message.isEmpty:
      switch content[1] {
      case Self.closeNotify: return .closeNotify
      // It is about to close, and says so next.
      case Self.userCanceled: return nil
      default: return .fault(.alert(content[1]))
      }
    default: return .fault(.unexpected)
    }
  }

  private static let closeNotify: UInt8 = 0
  private static let userCanceled: UInt8 = 90
  private static let newSessionTicket: UInt8 = 4
  private static let keyUpdate: UInt8 = 24
  private static let mostMessageBytes = 1 << 17

  private func readMessages() -> Opened.End? {
    while message.count >= 4 {
      let length = Int(message[1]) << 16 | Int(message[2]) << 8 | Int(message[3])
      guard length <= Self.mostMessageBytes else { return .fault(.malformed) }
      guard message.count >= 4 + length else { return nil }
      switch message[0] {
      case Self.newSessionTicket: break
      case Self.keyUpdate:
        // New keys begin with a record of their own (RFC 8446 §5.1).
        guard message.count == 4 + length else { return .fault(.unexpected) }
        guard length == 1, message[4] <= 1 else { return .fault(.malformed) }
        guard opening.update() else { return .fault(.cipher) }
        if message[4] == 1 { owesUpdate = true }
      default: return .fault(.unexpected)
      }
      message.removeFirst(4 + length)
    }
    return nil
  }

  // MARK: out

  /// The most bytes that `seal` makes of so many, news of new keys included.
  package static func sealedCount(of count: Int) -> Int {
    count + (count / Record.plainBytes + 1) * (Record.overhead + updateBytes)
  }

  private static let updateBytes = Record.overhead + 5

  /// Seals bytes as records, in their order.
  ///
  /// - Parameter out: has room for `sealedCount` bytes; does not overlap `plain`.
  /// - Returns: how many bytes were written; nil where libcrypto refuses, and the connection cannot go on.
  package func seal(_ plain: UnsafeRawBufferPointer, into out: UnsafeMutableRawPointer) -> Int? {
    var written = 0
    var position = 0
    while position < plain.count {
      let end = min(position + Record.plainBytes, plain.count)
      if owesUpdate || sealing.sequence >= recordsPerKey {
        guard let count = renewKeys(out + written) else { return nil }
        written += count
      }
      guard
        let count = sealing.seal(
          UnsafeRawBufferPointer(rebasing: plain[position..<end]), type: Record.applicationData,
          into: out + written)
      else { return nil }
      written += count
      position = end
    }
    return written
  }

  /// Says that our keys are new from here on (RFC 8446 §4.6.3), as an answer or of our own accord.
  private func renewKeys(_ out: UnsafeMutableRawPointer) -> Int? {
    owesUpdate = false
    let update: [UInt8] = [Self.keyUpdate, 0, 0, 1, 0]
    guard let count = update.withUnsafeBytes({ sealing.seal($0, type: Record.handshake, into: out) }),
      sealing.update()
    else { return nil }
    return count
  }

  /// Says that nothing more will be sent (RFC 8446 §6.1).
  ///
  /// - Returns: the record; nil where it was said already, or libcrypto refuses.
  package func sayEnd() -> [UInt8]? {
    guard !hasSaidEnd else { return nil }
    hasSaidEnd = true
    return sealedAlert(level: 1, Self.closeNotify)
  }

  /// Tells the peer what is wrong with what it sent; nil where nothing can be told any more.
  package func tell(_ fault: RecordFault) -> [UInt8]? {
    guard !hasSaidEnd, let alert = fault.alertToSend else { return nil }
    hasSaidEnd = true
    return sealedAlert(level: 2, alert)
  }

  private func sealedAlert(level: UInt8, _ description: UInt8) -> [UInt8]? {
    var record = [UInt8](repeating: 0, count: 2 + Record.overhead)
    let count = record.withUnsafeMutableBytes { out in
      out.baseAddress.flatMap { out in
        [level, description].withUnsafeBytes { sealing.seal($0, type: Record.alert, into: out) }
      }
    }
    return count == record.count ? record : nil
  }
}
