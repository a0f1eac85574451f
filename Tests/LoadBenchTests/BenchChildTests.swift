import Testing

@testable import LoadBench

@Suite("Children")
struct BenchChildTests {
  @Test func aChildEndsWithItsStandardInput() throws {
    let child = try BenchChild("/bin/sh", ["-c", "echo started; cat; echo ended"])
    #expect(try child.line(within: 30_000_000_000, waiting: {}) == "started")
    child.closeInput()
    #expect(try child.line(within: 30_000_000_000, waiting: {}) == "ended")
    #expect(try child.line(within: 30_000_000_000, waiting: {}) == nil)
    child.end()
  }

  @Test func whatCannotBeStartedIsAFaultThatNamesIt() {
    #expect {
      _ = try BenchChild("/nowhere/nothing", [])
    } throws: {
      "\($0)".contains("/nowhere/nothing")
    }
  }

  @Test func waitingCanGiveUp() throws {
    let child = try BenchChild("/bin/cat", [])
    #expect(throws: LoadFault("enough")) {
      try child.line(within: 30_000_000_000) { () throws(LoadFault) in throw LoadFault("enough") }
    }
  }
}
