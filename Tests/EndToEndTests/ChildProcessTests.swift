import Foundation
import Testing

@Suite struct ChildProcesses {
  private let patient = [
    "-c", #"trap 'echo told; exit 7' INT; echo ready; while read line; do echo "got $line"; done"#,
  ]

  @Test func aChildHearsAnInterrupt() async throws {
    let child = try ChildProcess("/bin/bash", patient)
    #expect(await child.output.next() == "ready")
    child.signal(SIGINT)
    #expect(await child.end() == .exited(7))
    #expect(child.output.all == ["ready", "told"])
  }

  @Test func linesGoInAndOut() async throws {
    let child = try ChildProcess("/bin/bash", patient)
    try child.send("one ✓")
    #expect(await child.output.first { $0.hasPrefix("got") } == "got one ✓")
    child.closeInput()
    #expect(await child.end() == .exited(0))
    #expect(throws: PeerFailure.self) { try child.send("two") }
  }

  @Test func aChildEndsAtTheLatestAfterItsLongestLife() async throws {
    let child = try ChildProcess("/bin/bash", patient, longestLife: .milliseconds(1))
    #expect(await child.end() == .signalled(SIGKILL))
  }

  @Test func waitingForALineEndsWithTheTask() async throws {
    let child = try ChildProcess("/bin/bash", patient)
    let waiting = Task { await child.output.first { $0 == "never" } }
    #expect(await child.output.next() == "ready")
    waiting.cancel()
    #expect(await waiting.value == nil)
  }
}
