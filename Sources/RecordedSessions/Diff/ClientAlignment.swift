/// Which step of a client in one session is which in another: the longest common run of steps, those that carry the same
/// preferred.
struct ClientAlignment {
  /// For the place of a step in the second session, the place of the same step in the first.
  private(set) var firsts: [Int: Int] = [:]
  /// Places of the client's steps that only one of the sessions has.
  private(set) var onlyInFirst: [Int] = []
  private(set) var onlyInSecond: [Int] = []

  /// Above so many pairs, steps are held against the next few only.
  private static let exactPairs = 4_000_000
  private static let lookAhead = 64

  private struct Place {
    var index: Int
    var key: StepKey
    var payload: [UInt8]
  }

  init(_ first: RecordedSession, _ second: RecordedSession) {
    let left = Self.places(first)
    let right = Self.places(second)
    // Runs are mostly alike: what is equal at both ends needs no search.
    let start = zip(left, right).prefix { Self.worth($0, $1) == 3 }.count
    let end = zip(left[start...].reversed(), right[start...].reversed()).prefix { Self.worth($0, $1) == 3 }
      .count
    let leftMiddle = Array(left[start..<left.count - end])
    let rightMiddle = Array(right[start..<right.count - end])
    for place in 0..<start { firsts[right[place].index] = left[place].index }
    for place in 1..<end + 1 {
      firsts[right[right.count - place].index] = left[left.count - place].index
    }
    let pairs =
      leftMiddle.count * rightMiddle.count <= Self.exactPairs
      ? Self.longest(leftMiddle, rightMiddle) : Self.greedy(leftMiddle, rightMiddle)
    for pair in pairs { firsts[rightMiddle[pair.1].index] = leftMiddle[pair.0].index }
    let taken = Set(firsts.values)
    onlyInFirst = left.map(\.index).filter { !taken.contains($0) }
    onlyInSecond = right.map(\.index).filter { firsts[$0] == nil }
  }

  private static func places(_ session: RecordedSession) -> [Place] {
    session.steps.enumerated().compactMap { index, step in
      StepKey(step).map { Place(index: index, key: $0, payload: step.payload?.text ?? []) }
    }
  }

  /// Worth of a pair: 3 where both carry the same, 2 where they are of one kind, 0 where they cannot be the same step.
  private static func worth(_ left: Place, _ right: Place) -> Int32 {
    left.key == right.key ? (left.payload == right.payload ? 3 : 2) : 0
  }

  private static func longest(_ left: [Place], _ right: [Place]) -> [(Int, Int)] {
    let width = right.count + 1
    // The best worth of what stands from two places on.
    var best = [Int32](repeating: 0, count: (left.count + 1) * width)
    for row in stride(from: left.count - 1, through: 0, by: -1) {
      for column in stride(from: right.count - 1, through: 0, by: -1) {
        let worth = worth(left[row], right[column])
        var most = max(best[(row + 1) * width + column], best[row * width + column + 1])
        if worth > 0 { most = max(most, worth + best[(row + 1) * width + column + 1]) }
        best[row * width + column] = most
      }
    }
    var pairs: [(Int, Int)] = []
    var (row, column) = (0, 0)
    while row < left.count, column < right.count {
      let worth = worth(left[row], right[column])
      if worth > 0, best[row * width + column] == worth + best[(row + 1) * width + column + 1] {
        pairs.append((row, column))
        row += 1
        column += 1
      } else if best[(row + 1) * width + column] >= best[row * width + column + 1] {
        row += 1
      } else {
        column += 1
      }
    }
    return pairs
  }

  private static func greedy(_ left: [Place], _ right: [Place]) -> [(Int, Int)] {
    var pairs: [(Int, Int)] = []
    var column = 0
    for row in left.indices {
      let end = min(column + lookAhead, right.count)
      guard let found = (column..<end).first(where: { right[$0].key == left[row].key }) else { continue }
      pairs.append((row, found))
      column = found + 1
    }
    return pairs
  }
}
