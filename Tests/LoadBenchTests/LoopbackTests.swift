import Testing

@testable import LoadBench

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite("Client and server over loopback")
struct LoopbackTests {
  @Test(arguments: LoadPlan.Transport.allCases, [1, 100, 5000, 200_000])
  func everyEmitAtAFixedRateGetsItsAck(transport: LoadPlan.Transport, payload: Int) throws {
    let server = try RunningServer()
    var plan = LoadPlan(port: server.port, measure: .rate)
    plan.transport = transport
    plan.payload = payload
    plan.connections = 3
    plan.rate = 300
    plan.milliseconds = 100
    let result = try LoadClient.run(plan)
    #expect(result.unanswered == 0)
    let latency = try #require(result.latency)
    #expect(0 < latency.p50 && latency.p50 <= latency.p90 && latency.p90 <= latency.p99)
    #expect(latency.p99 <= latency.p999 && latency.p999 <= latency.maximum)
  }

  @Test(arguments: LoadPlan.Transport.allCases, [1, 7])
  func aClosedLoopGoesRoundUntilItsTimeIsOver(transport: LoadPlan.Transport, window: Int) throws {
    let server = try RunningServer()
    var plan = LoadPlan(port: server.port, measure: .closed)
    plan.transport = transport
    plan.window = window
    plan.connections = 5
    plan.milliseconds = 50
    plan.watched = [getpid()]
    let result = try LoadClient.run(plan)
    #expect(result.completed > 0)
    #expect(result.nanoseconds >= 50_000_000)
    #if os(Linux)
      #expect(result.processorMicroseconds != nil)
    #endif
  }

  @Test func compressedAcksAreCountedLikePlainOnes() throws {
    let server = try RunningServer(compresses: true)
    var plan = LoadPlan(port: server.port, measure: .rate)
    plan.compresses = true
    plan.connections = 2
    plan.rate = 500
    plan.milliseconds = 50
    #expect(try LoadClient.run(plan).unanswered == 0)
  }

  @Test func compressionThatIsNotPassedOnIsAFault() throws {
    let server = try RunningServer(compresses: false)
    var plan = LoadPlan(port: server.port, measure: .setup)
    plan.compresses = true
    #expect(throws: LoadFault.self) { try LoadClient.run(plan) }
  }

  @Test(arguments: LoadPlan.Transport.allCases)
  func asManyConnectionsAreSetUpAsWereAskedFor(transport: LoadPlan.Transport) throws {
    let server = try RunningServer()
    var plan = LoadPlan(port: server.port, measure: .setup)
    plan.transport = transport
    plan.connections = 7
    plan.setups = 40
    #expect(try LoadClient.run(plan).completed == 40)
  }

  @Test func idleConnectionsStayOpenUntilToldToStop() throws {
    let server = try RunningServer()
    var plan = LoadPlan(port: server.port, measure: .idle)
    plan.connections = 200
    var ends: [Int32] = [-1, -1]
    #expect(pipe(&ends) == 0)
    defer { close(ends[0]) }
    var held = 0
    let result = try LoadClient.run(plan, stop: ends[0]) {
      held += 1
      close(ends[1])
    }
    #expect(held == 1)
    #expect(result.completed == 200)
  }

  @Test func nobodyListeningIsAFaultThatNamesThePort() throws {
    let (listener, port) = try LoopbackSocket.listening(port: 0)
    close(listener)
    #expect {
      try LoadClient.run(LoadPlan(port: port, measure: .closed))
    } throws: {
      "\($0)".contains("127.0.0.1:\(port)")
    }
  }
}
