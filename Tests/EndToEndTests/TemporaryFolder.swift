import Foundation

/// A folder of its own for one test; removed with the value.
final class TemporaryFolder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("ackscope-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  /// A path in the folder; nothing is made.
  func file(_ name: String) -> URL { url.appendingPathComponent(name) }

  /// Writes a file and returns its place.
  func file(_ name: String, holding text: String) throws -> URL {
    let place = file(name)
    try Data(text.utf8).write(to: place)
    return place
  }
}
