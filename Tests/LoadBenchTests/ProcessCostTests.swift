import Testing

@testable import LoadBench

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("What processes cost")
struct ProcessCostTests {
  #if os(Linux)
    @Test func thisProcessHasACost() throws {
      let own = getpid()
      #expect(ProcessCost.processorMicroseconds(of: [own]) != nil)
      #expect(try #require(ProcessCost.residentBytes(of: [own])) > 1 << 20)
      #expect(ProcessCost.family(of: own).first == own)
    }

    @Test func childrenBelongToTheFamily() throws {
      let child = try BenchChild("/bin/cat", [])
      #expect(ProcessCost.family(of: getpid()).contains(child.process))
      child.end()
    }
  #endif

  @Test func noProcessHasNoCost() {
    #expect(ProcessCost.processorMicroseconds(of: []) == nil)
    #expect(ProcessCost.residentBytes(of: [.max]) == nil)
  }
}
