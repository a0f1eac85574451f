import Testing

@testable import LoadBench

@Suite("What is handed between processes")
struct BenchWordsTests {
  @Test func aPlanIsReadAsItWasWritten() {
    var plan = LoadPlan(port: 1234, measure: .rate)
    plan.transport = .polling
    plan.compresses = true
    plan.connections = 3
    plan.window = 9
    plan.payload = 77
    plan.rate = 11
    plan.milliseconds = 22
    plan.setups = 33
    plan.watched = [1, 2]
    #expect(LoadPlan(words: plan.words) == plan)
    #expect(LoadPlan(words: LoadPlan(port: 1, measure: .idle).words) == LoadPlan(port: 1, measure: .idle))
  }

  @Test(arguments: ["port=70000", "measure=x", "connections=0", "rate=", "unknown=1", "port"])
  func aPlanOutOfBoundsIsNone(word: String) {
    #expect(LoadPlan(words: [word]) == nil)
  }

  @Test func aResultIsReadAsItWasWritten() {
    var result = LoadResult(completed: 5, nanoseconds: 6)
    #expect(LoadResult(line: result.line) == result)
    result.unanswered = 7
    result.processorMicroseconds = 8
    result.latency = .init(p50: 1, p90: 2, p99: 3, p999: 4, maximum: 5)
    #expect(LoadResult(line: result.line) == result)
    #expect(LoadResult(line: "nothing") == nil)
  }

  @Test func aViaHasANameAPortAndPerhapsAProcess() {
    #expect(BenchOptions.Via("nginx=9102")?.port == 9102)
    #expect(BenchOptions.Via("nginx=9102")?.process == nil)
    #expect(BenchOptions.Via("nginx=9102:41")?.process == 41)
    for text in [
      "", "nginx", "=1", "nginx=0", "nginx=1:", "nginx=1:0", "nginx=1:2:3", "a b=1", "nginx=70000",
    ] {
      #expect(BenchOptions.Via(text) == nil, "\(text)")
    }
  }
}
