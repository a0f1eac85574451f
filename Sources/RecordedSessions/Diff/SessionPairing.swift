/// Which session of one recording is which of another: clients that did the same, the most alike first, and of equals in
/// the order in which they came.
struct SessionPairing {
  /// Places in the first and in the second recording.
  private(set) var pairs: [(first: Int, second: Int)] = []
  private(set) var onlyInFirst: [Int] = []
  private(set) var onlyInSecond: [Int] = []

  /// What a session is told by.
  private struct Traits {
    var steps: [StepKey: Int]
    var count: Int
    /// Everything that its client did, in order, with what it carried.
    var exact: Int
    /// The same without what it carried.
    var shape: Int
    var transports: Int
    var path: String

    init(_ session: RecordedSession) {
      var exact = Hasher()
      var shape = Hasher()
      steps = [:]
      count = 0
      for step in session.steps {
        guard let key = StepKey(step) else { continue }
        steps[key, default: 0] += 1
        count += 1
        shape.combine(key)
        exact.combine(key)
        exact.combine(step.payload?.text)
      }
      path = session.handshake.path
      transports = session.isUpgraded ? 3 : session.handshake.transport == .polling ? 1 : 2
      shape.combine(path)
      exact.combine(path)
      exact.combine(session.handshake.query.map { "\($0.name)=\($0.value)" })
      self.exact = exact.finalize()
      self.shape = shape.finalize()
    }

    /// From 0, nothing in common, to about 1.
    func likeness(_ other: Traits) -> Double {
      guard path == other.path else { return 0 }
      let common = steps.reduce(0) { $0 + min($1.value, other.steps[$1.key] ?? 0) }
      let share = count + other.count == 0 ? 1 : 2 * Double(common) / Double(count + other.count)
      return share == 0 ? 0 : share + (transports == other.transports ? 0.05 : 0)
    }
  }

  /// Beyond so many pairs left over, sessions are held against those that came at about the same place only.
  private static let likenessPairs = 250_000
  private static let neighbourhood = 50

  init(_ first: [RecordedSession], _ second: [RecordedSession]) {
    let left = first.map(Traits.init)
    let right = second.map(Traits.init)
    var openLeft = Array(left.indices)
    var openRight = Array(right.indices)
    for trait in [\Traits.exact, \Traits.shape] {
      var waiting: [Int: [Int]] = [:]
      for place in openRight.reversed() { waiting[right[place][keyPath: trait], default: []].append(place) }
      openLeft = openLeft.filter { place in
        guard let found = waiting[left[place][keyPath: trait]]?.popLast() else { return true }
        pairs.append((place, found))
        return false
      }
      let taken = Set(pairs.map(\.second))
      openRight = openRight.filter { !taken.contains($0) }
    }
    pairByLikeness(left, right, &openLeft, &openRight)
    onlyInFirst = openLeft
    onlyInSecond = openRight
    pairs.sort { $0.first < $1.first }
  }

  private mutating func pairByLikeness(
    _ left: [Traits], _ right: [Traits], _ openLeft: inout [Int], _ openRight: inout [Int]
  ) {
    var candidates: [(likeness: Double, first: Int, second: Int)] = []
    let isSmall = openLeft.count * openRight.count <= Self.likenessPairs
    for (rank, place) in openLeft.enumerated() {
      let from = isSmall ? 0 : max(0, rank - Self.neighbourhood)
      let until = isSmall ? openRight.count : min(openRight.count, rank + Self.neighbourhood)
      for other in openRight[min(from, until)..<until] {
        let likeness = left[place].likeness(right[other])
        if likeness > 0 { candidates.append((likeness, place, other)) }
      }
    }
    candidates.sort { ($1.likeness, $0.first, $0.second) < ($0.likeness, $1.first, $1.second) }
    var takenLeft: Set<Int> = []
    var takenRight: Set<Int> = []
    for each in candidates where !takenLeft.contains(each.first) && !takenRight.contains(each.second) {
      takenLeft.insert(each.first)
      takenRight.insert(each.second)
      pairs.append((each.first, each.second))
    }
    openLeft.removeAll { takenLeft.contains($0) }
    openRight.removeAll { takenRight.contains($0) }
  }
}
