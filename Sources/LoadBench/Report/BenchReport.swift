/// What a comparison found: for each way and figure, a value for each round.
package struct BenchReport: Sendable {
  /// One way's figures.
  package struct Path: Sendable {
    package let name: String
    package fileprivate(set) var figures: [Figure: FigureSeries] = [:]
  }

  package let options: BenchOptions
  package let machine: MachineDescription
  /// Direct first, Ackscope second, then the others in their order.
  package private(set) var paths: [Path]

  package init(_ options: BenchOptions, machine: MachineDescription = .here) {
    self.options = options
    self.machine = machine
    paths = (["direct", BenchRun.ownName] + options.vias.map(\.name)).map { Path(name: $0) }
  }

  /// Another round's value of a figure.
  package mutating func add(_ value: Double, to figure: Figure, of name: String) {
    guard let index = paths.firstIndex(where: { $0.name == name }) else { return }
    paths[index].figures[figure, default: FigureSeries()].append(value)
  }

  /// One round's latencies of all ways; what a way adds is the difference to direct in the same round.
  package mutating func roundOfLatencies(_ results: [(name: String, result: LoadResult)]) {
    let direct = results.first { $0.name == "direct" }?.result.latency
    for (name, result) in results {
      guard let latency = result.latency else { continue }
      add(Double(result.unanswered), to: .unanswered, of: name)
      let pairs: [(Figure, Figure, KeyPath<LoadResult.Latency, Int64>)] = [
        (.latency50, .added50, \.p50), (.latency90, .added90, \.p90), (.latency99, .added99, \.p99),
        (.latency999, .added999, \.p999),
      ]
      for (whole, added, share) in pairs {
        add(Double(latency[keyPath: share]) / 1000, to: whole, of: name)
        if let direct, name != "direct" {
          add(Double(latency[keyPath: share] - direct[keyPath: share]) / 1000, to: added, of: name)
        }
      }
    }
  }

  /// Ackscope's figure as a multiple of another way's: the median of the rounds' ratios, since rounds differ more than
  /// what is side by side in one. Where a round's figure of the other way is not above 0, as what a quick way adds may
  /// be, the ratio of the medians. Nil where that says nothing either.
  package func ratio(of figure: Figure, to name: String) -> Double? {
    guard let own = paths.first(where: { $0.name == BenchRun.ownName })?.figures[figure],
      let other = paths.first(where: { $0.name == name })?.figures[figure]
    else { return nil }
    if own.values.count == other.values.count, other.values.allSatisfy({ $0 > 0 }) {
      return FigureSeries(zip(own.values, other.values).map { $0 / $1 }).median
    }
    guard let mine = own.median, let theirs = other.median, mine > 0, theirs > 0 else { return nil }
    return mine / theirs
  }
}
