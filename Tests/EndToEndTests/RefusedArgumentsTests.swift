import Foundation
import Testing

/// What the command line refuses: one line that names the thing, status 2, and nothing left behind.
@Suite struct RefusedArguments {
  private func expectRefusal(
    _ arguments: [String], naming thing: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    let command = try await ProxyProcess.finish(arguments)
    #expect(command.ending == .exited(2), "\(command.errors)", sourceLocation: sourceLocation)
    #expect(command.errors.count == 1, "\(command.errors)", sourceLocation: sourceLocation)
    #expect(command.errors.first?.hasPrefix("ackscope: ") == true, sourceLocation: sourceLocation)
    #expect(
      command.errors.first?.contains(thing) == true, "\(command.errors)", sourceLocation: sourceLocation)
    #expect(command.output.isEmpty, sourceLocation: sourceLocation)
  }

  private static let proxy = ["proxy", "http://127.0.0.1:1", "--listen", "127.0.0.1:0"]

  @Test func aPortInUse() async throws {
    let taken = try await ProxyProcess.start(upstream: "http://127.0.0.1:1")
    let folder = try TemporaryFolder()
    let file = folder.file("capture.jsonl")
    try await expectRefusal(
      ["proxy", "http://127.0.0.1:1", "--listen", "127.0.0.1:\(taken.port)", "--capture", file.path],
      naming: "\(taken.port)")
    #expect(!FileManager.default.fileExists(atPath: file.path))
    #expect(await taken.stop() == .exited(0))
  }

  @Test(arguments: [
    ("ftp://127.0.0.1:1", "ftp"), ("127.0.0.1:1", "127.0.0.1:1"), ("http://", "http://"),
    ("http://127.0.0.1:99999", "99999"),
  ])
  func anUpstreamThatIsNone(_ upstream: String, _ fault: String) async throws {
    try await expectRefusal(
      ["proxy", upstream, "--listen", "127.0.0.1:0", "--no-capture"], naming: "'\(fault)'")
  }

  @Test func aDirectoryForACapture() async throws {
    let folder = try TemporaryFolder()
    try await expectRefusal(Self.proxy + ["--capture", folder.url.path], naming: folder.url.path)
  }

  @Test func aCaptureInADirectoryThatIsNotThere() async throws {
    let folder = try TemporaryFolder()
    let file = folder.file("nowhere/capture.jsonl")
    try await expectRefusal(Self.proxy + ["--capture", file.path], naming: file.path)
  }

  @Test func aCaptureThatHoldsSomething() async throws {
    let folder = try TemporaryFolder()
    let file = try folder.file("capture.jsonl", holding: "keep me\n")
    try await expectRefusal(Self.proxy + ["--capture", file.path], naming: file.path)
    #expect(try String(contentsOf: file, encoding: .utf8) == "keep me\n")
  }

  @Test(arguments: [
    ["--listen", "nowhere"], ["--ack-timeout", "soon"], ["--ack-timeout", "0s"], ["--view", "3d"],
    ["--no-such-option"], ["--capture", "a", "--no-capture"],
  ])
  func anOptionThatMeansNothing(_ options: [String]) async throws {
    try await expectRefusal(["proxy", "http://127.0.0.1:1"] + options, naming: options[0])
  }

  @Test func aCommandThatIsNone() async throws {
    try await expectRefusal(["proxies"], naming: "proxies")
  }

  @Test func helpAndVersionAreFine() async throws {
    for arguments in [["--help"], ["proxy", "--help"], ["--version"]] {
      let command = try await ProxyProcess.finish(arguments)
      #expect(command.ending == .exited(0))
      #expect(command.output.isEmpty == false && command.errors.isEmpty)
    }
  }
}
