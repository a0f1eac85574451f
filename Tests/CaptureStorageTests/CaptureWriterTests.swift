import Foundation
import CaptureStorage
import Testing

@Suite struct CaptureWriterTests {
  private let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent("ackscope-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  private func write(_ text: String, to writer: inout CaptureWriter) -> (reason: String, written: Int)? {
    Array(text.utf8).withUnsafeBytes { writer.write($0) }
  }

  @Test func aNewCaptureIsForItsOwnerOnly() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var writer = try CaptureWriter(path: path("a.jsonl"))
    #expect(write("{}\n", to: &writer) == nil)
    #expect(writer.size == 3)
    let attributes = try FileManager.default.attributesOfItem(atPath: path("a.jsonl"))
    #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    #expect(try String(contentsOfFile: path("a.jsonl"), encoding: .utf8) == "{}\n")
  }

  @Test func anEmptyFileIsTakenAndAFullOneLeftAlone() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data().write(to: folder.appendingPathComponent("empty"))
    try Data("mine".utf8).write(to: folder.appendingPathComponent("full"))
    _ = try CaptureWriter(path: path("empty"))
    #expect(throws: CaptureWriter.Unwritable.self) { _ = try CaptureWriter(path: path("full")) }
    #expect(try String(contentsOfFile: path("full"), encoding: .utf8) == "mine")
  }

  @Test(arguments: ["", "missing/a.jsonl"])
  func anUnwritablePathIsExplained(_ name: String) throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = path(name)
    #expect {
      _ = try CaptureWriter(path: path)
    } throws: { error in
      (error as? CaptureWriter.Unwritable)?.explanation.contains("cannot write the capture '\(path)'") == true
    }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func aFullDeviceTakesNothingAndSaysWhy() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    var writer = try CaptureWriter(path: "/dev/full")
    let failure = try #require(write("{\"seq\":1}\n{\"seq\":2}\n", to: &writer))
    #expect(failure.written == 0)
    #expect(!failure.reason.isEmpty)
    #expect(writer.size == 0)
  }
}
