/// One figure over the rounds.
package struct FigureSeries: Equatable, Sendable {
  package private(set) var values: [Double] = []

  package init(_ values: [Double] = []) {
    self.values = values
  }

  /// Another round's value.
  package mutating func append(_ value: Double) { values.append(value) }

  /// The middle value, or the mean of the middle two; nil without values.
  package var median: Double? {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  package var minimum: Double? { values.min() }
  package var maximum: Double? { values.max() }
}
