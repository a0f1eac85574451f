import JSONText

extension BenchReport {
  /// The report as one JSON object. For each figure that was measured: `median`, `min`, `max`, `rounds`.
  package var json: JSONValue {
    let load = options.load
    return .object([
      (
        "machine",
        .object([
          ("processor", .string(machine.processor)), ("cores", .number("\(machine.cores)")),
          ("memory_gib", .number("\(machine.memoryGiB)")), ("system", .string(machine.system)),
        ])
      ),
      (
        "options",
        .object([
          ("connections", .number("\(load.connections)")), ("window", .number("\(load.window)")),
          ("payload", .number("\(load.payload)")), ("rate", .number("\(load.rate)")),
          ("duration_ms", .number("\(load.milliseconds)")), ("rounds", .number("\(options.rounds)")),
          ("transport", .string(load.transport.rawValue)),
          ("compression", .string(load.compresses ? "server" : "off")),
          ("idle_connections", .number("\(options.idleConnections)")),
          ("max_capture_payload", options.keptPayload.map { .number("\($0)") } ?? .null),
        ])
      ),
      ("paths", .array(paths.map(json))),
      (
        "ratios",
        .object(
          paths.map(\.name).filter { $0 != BenchRun.ownName }.map { name in
            (
              name,
              .object(
                Figure.compared.compactMap { figure in
                  ratio(of: figure, to: name).map { (figure.rawValue, Self.json($0)) }
                })
            )
          })
      ),
    ])
  }

  private func json(_ path: Path) -> JSONValue {
    var members: [(name: String, value: JSONValue)] = [("name", .string(path.name))]
    for figure in Figure.allCases {
      guard let series = path.figures[figure], let median = series.median, let low = series.minimum,
        let high = series.maximum
      else { continue }
      members.append(
        (
          figure.rawValue,
          .object([
            ("median", Self.json(median)), ("min", Self.json(low)), ("max", Self.json(high)),
            ("rounds", .array(series.values.map(Self.json))),
          ])
        ))
    }
    return .object(members)
  }

  /// A number with three digits behind the point, which no figure's accuracy exceeds.
  private static func json(_ value: Double) -> JSONValue {
    value.isFinite ? .number("\((value * 1000).rounded() / 1000)") : .null
  }
}
