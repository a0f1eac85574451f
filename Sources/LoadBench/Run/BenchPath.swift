/// One way from the client to the server.
struct BenchPath {
  let name: String
  let port: UInt16
  /// Whose cost is the way's; nil for the direct way, or where it is not known.
  let process: Int32?
  /// The capture that is written on the way.
  let capture: String?

  /// The process and all that it has started.
  var processes: [Int32] { process.map { ProcessCost.family(of: $0) } ?? [] }
}
