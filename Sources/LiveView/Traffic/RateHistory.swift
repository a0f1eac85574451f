/// Messages a second, each way, over the last minute of the traffic's own time.
package struct RateHistory: Sendable {
  /// Seconds that are remembered.
  static let length = 60

  private var client = [Int](repeating: 0, count: length)
  private var server = [Int](repeating: 0, count: length)
  /// The second, since 1970, that is being counted; nil before the first message.
  private var current: Int?

  /// A message passed at that second.
  @inline(__always)
  mutating func messagePassed(second: Int, isFromServer: Bool) {
    if current != second { advance(to: second) }
    // An earlier second than the current one, from a damaged capture, counts for now.
    let place = Int(UInt(bitPattern: current ?? second) % UInt(Self.length))
    if isFromServer { server[place] &+= 1 } else { client[place] &+= 1 }
  }

  /// So many messages passed at that second.
  mutating func messagesPassed(second: Int, fromClient: Int, fromServer: Int) {
    if current != second { advance(to: second) }
    let place = Int(UInt(bitPattern: current ?? second) % UInt(Self.length))
    client[place] &+= fromClient
    server[place] &+= fromServer
  }

  private mutating func advance(to second: Int) {
    guard let current, second > current else {
      if current == nil { current = second }
      return
    }
    for offset in 1...min(second - current, Self.length) {
      let place = Int(UInt(bitPattern: current &+ offset) % UInt(Self.length))
      client[place] = 0
      server[place] = 0
    }
    self.current = second
  }

  /// Counts of the `length` whole seconds before `now`, the oldest first.
  func history(isFromServer: Bool, now second: Int, length: Int) -> [Int] {
    guard let current else { return Array(repeating: 0, count: length) }
    return (1...max(length, 1)).reversed().map { back in
      let wanted = second &- back
      guard wanted <= current, wanted > current &- Self.length, wanted >= 0 else { return 0 }
      let place = Int(UInt(bitPattern: wanted) % UInt(Self.length))
      return isFromServer ? server[place] : client[place]
    }
  }
}
