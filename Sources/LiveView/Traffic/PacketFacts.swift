import CaptureFormat
import JSONText

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What is counted of an event or an ack, read off a line as this program writes it, without walking over its arguments.
///
/// For records that come too fast to be kept. A line of any other shape (other packets, strays, what was cut or refused) is
/// not understood, and has to be read as a whole. Slices are of the line.
struct PacketFacts {
  /// What the packet is.
  enum Kind {
    /// Names as JSON.
    case event(namespace: UnsafeRawBufferPointer, event: UnsafeRawBufferPointer, asksForAck: Bool)
    /// The seq of the emit that it answers, and microseconds since then.
    case ack(of: Int, latency: Int)
  }

  var seq: Int
  var conn: Int
  var isFromServer: Bool
  var kind: Kind
  /// Payload bytes.
  var bytes: Int

  /// Reads a line without its line break; nil where it is not understood.
  init?(_ line: UnsafeRawBufferPointer) {
    var head = Head(line)
    guard head.skip("{\"type\":\"packet\",\"seq\":"), let seq = head.number(), head.skip(",\"ts\":\""),
      head.skip(bytes: Self.timeLength), head.skip("\",\"conn\":"), let conn = head.number()
    else { return nil }
    self.seq = seq
    self.conn = conn
    if head.skip(",\"session\":"), head.number() == nil { return nil }
    // The common shapes first, in one comparison each: this is done for every packet of a flood.
    if head.skip(",\"from\":\"client\",\"transport\":\"websocket\",\"socket\":") {
      isFromServer = false
    } else if head.skip(",\"from\":\"server\",\"transport\":\"websocket\",\"socket\":") {
      isFromServer = true
    } else {
      guard head.skip(",\"from\":\"") else { return nil }
      if head.skip("client") {
        isFromServer = false
      } else if head.skip("server") {
        isFromServer = true
      } else {
        return nil
      }
      guard head.skip("\",\"transport\":"), head.string() != nil, head.skip(",\"socket\":") else {
        return nil
      }
    }
    var tail = Tail(line)
    if head.skip("\"event\",\"namespace\":\"/\",") {
      // Behind the name's comma.
      let namespace = UnsafeRawBufferPointer(rebasing: line[(head.place - 4)..<(head.place - 1)])
      var asksForAck = false
      if head.skip("\"id\":") {
        guard head.number() != nil, head.skip(",") else { return nil }
        asksForAck = true
      }
      guard head.skip("\"event\":"), let event = head.string(), let bytes = tail.payloadBytes() else {
        return nil
      }
      kind = .event(namespace: namespace, event: event, asksForAck: asksForAck)
      self.bytes = bytes
      return
    }
    if head.skip("\"event\"") || head.skip("\"binary_event\"") {
      guard head.skip(",\"namespace\":"), let namespace = head.string() else { return nil }
      var asksForAck = false
      if head.skip(",\"id\":") {
        guard head.number() != nil else { return nil }
        asksForAck = true
      }
      guard head.skip(",\"event\":"), let event = head.string(), let bytes = tail.payloadBytes() else {
        return nil
      }
      kind = .event(namespace: namespace, event: event, asksForAck: asksForAck)
      self.bytes = bytes
    } else if head.skip("\"ack\"") || head.skip("\"binary_ack\"") {
      guard let latency = tail.number("latency_us"), let emit = tail.number("ack_of"),
        let bytes = tail.payloadBytes()
      else { return nil }
      kind = .ack(of: emit, latency: latency)
      self.bytes = bytes
    } else {
      return nil
    }
  }

  /// `2026-11-24T10:10:01.185845Z`
  private static let timeLength = 27

  /// Reads forward from the line's beginning.
  private struct Head {
    private let line: UnsafeRawBufferPointer
    private(set) var place = 0

    @inline(__always)
    init(_ line: UnsafeRawBufferPointer) { self.line = line }

    @inline(__always)
    mutating func skip(_ text: StaticString) -> Bool {
      let length = text.utf8CodeUnitCount
      guard line.count &- place >= length, let start = line.baseAddress,
        memcmp(start + place, text.utf8Start, length) == 0
      else { return false }
      place &+= length
      return true
    }

    @inline(__always)
    mutating func skip(bytes: Int) -> Bool {
      place &+= bytes
      return place < line.count
    }

    @inline(__always)
    mutating func number() -> Int? {
      var value = 0
      let start = place
      while place < line.count, line[place] &- 0x30 <= 9 {
        value = value &* 10 &+ Int(line[place] &- 0x30)
        place &+= 1
      }
      return place > start && place &- start <= 18 ? value : nil
    }

    /// A string with its quotes.
    @inline(__always)
    mutating func string() -> UnsafeRawBufferPointer? {
      guard place < line.count, line[place] == 0x22 else { return nil }
      var end = place &+ 1
      while end < line.count, line[end] != 0x22 { end &+= line[end] == 0x5C ? 2 : 1 }
      guard end < line.count else { return nil }
      defer { place = end &+ 1 }
      return UnsafeRawBufferPointer(rebasing: line[place...end])
    }
  }

  /// Reads members with whole numbers backward from the line's end, where no argument can be mistaken for them.
  private struct Tail {
    private let line: UnsafeRawBufferPointer
    /// Behind the next member.
    private var end: Int

    @inline(__always)
    init(_ line: UnsafeRawBufferPointer) {
      self.line = line
      // The brace that closes the record.
      end = line.last == 0x7D ? line.count &- 1 : 0
    }

    /// Behind it stands how the packet travelled, where that was not in one text frame.
    @inline(__always)
    mutating func payloadBytes() -> Int? {
      if let bytes = number("bytes") { return bytes }
      skip(",\"eio\":3")
      skip(",\"compressed\":true")
      _ = number("frames")
      skip(",\"parser\":\"msgpack\"")
      skip(",\"parser\":\"json\"")
      return number("bytes")
    }

    private mutating func skip(_ text: StaticString) {
      let length = text.utf8CodeUnitCount
      guard end >= length, let start = line.baseAddress,
        memcmp(start + (end &- length), text.utf8Start, length) == 0
      else { return }
      end &-= length
    }

    @inline(__always)
    mutating func number(_ name: StaticString) -> Int? {
      var start = end
      var value = 0
      var weight = 1
      while start > 0, line[start &- 1] &- 0x30 <= 9 {
        start &-= 1
        value = value &+ Int(line[start] &- 0x30) &* weight
        weight = weight &* 10
      }
      let length = name.utf8CodeUnitCount
      // ,"name":
      guard start < end, end &- start <= 18, start >= length &+ 4, line[start &- 1] == 0x3A,
        line[start &- 2] == 0x22, line[start &- length &- 3] == 0x22, line[start &- length &- 4] == 0x2C,
        let base = line.baseAddress, memcmp(base + (start &- length &- 2), name.utf8Start, length) == 0
      else { return nil }
      end = start &- length &- 4
      return value
    }
  }
}
