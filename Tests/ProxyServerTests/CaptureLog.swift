import Foundation
import JSONText

/// The records of a running proxy as its loops make them, for a thread that waits for one.
final class CaptureLog: @unchecked Sendable {
  // `condition` guards both.
  private let condition = NSCondition()
  private var numbers: [String: Int] = [:]
  private var closed: Set<Int> = []

  func append(_ records: String) {
    condition.lock()
    defer { condition.unlock() }
    for line in records.split(separator: "\n")
    where line.contains(#""type":"open""#) || line.contains(#""type":"close""#) {
      guard let record = try? JSONValue(parsing: String(line)), let number = record["conn"]?.integer else {
        continue
      }
      if let client = record["client"]?.string { numbers[client] = number } else { closed.insert(number) }
    }
    condition.broadcast()
  }

  /// Waits for the `close` record of the connection from this port; false where none came.
  func awaitClose(clientPort: Int) -> Bool {
    condition.lock()
    defer { condition.unlock() }
    let deadline = Date(timeIntervalSinceNow: 30)
    while !(numbers["127.0.0.1:\(clientPort)"].map(closed.contains) ?? false) {
      guard condition.wait(until: deadline) else { return false }
    }
    return true
  }
}
