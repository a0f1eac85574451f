import JSONText
import Testing

@testable import LoadBench

@Suite("Reports")
struct BenchReportTests {
  private static let machine = MachineDescription(
    processor: "a processor", cores: 2, memoryGiB: 24, system: "Linux 6")

  private func report() throws -> BenchReport {
    var options = BenchOptions()
    options.vias = [try #require(BenchOptions.Via("haproxy=9101:77"))]
    options.rounds = 3
    var report = BenchReport(options, machine: Self.machine)
    for (direct, own, other) in [
      (50_000.0, 20_000.0, 40_000.0), (60_000, 33_000, 44_000), (70_000, 18_000, 20_000),
    ] {
      report.add(direct, to: .roundTrips, of: "direct")
      report.add(own, to: .roundTrips, of: "ackscope")
      report.add(other, to: .roundTrips, of: "haproxy")
    }
    report.add(12.5, to: .processor, of: "ackscope")
    for (direct, own) in [(100_000, 150_000), (110_000, 200_000), (300_000, 330_000)] as [(Int64, Int64)] {
      var slow = LoadResult(completed: 10, nanoseconds: 1000)
      slow.latency = .init(p50: own, p90: own, p99: own, p999: own, maximum: own)
      var quick = LoadResult(completed: 10, nanoseconds: 1000)
      quick.latency = .init(p50: direct, p90: direct, p99: direct, p999: direct, maximum: direct)
      report.roundOfLatencies([("ackscope", slow), ("direct", quick)])
    }
    return report
  }

  @Test func whatAWayAddsIsMeasuredInTheSameRound() throws {
    let own = try #require(try report().paths.first { $0.name == "ackscope" })
    #expect(own.figures[.added50]?.values == [50, 90, 30])
    #expect(own.figures[.added50]?.median == 50)
    #expect(try report().paths[0].figures[.added50] == nil)
  }

  @Test func aRatioIsTheMedianOfTheRoundsRatios() throws {
    #expect(try report().ratio(of: .roundTrips, to: "haproxy") == 0.75)
    #expect(try report().ratio(of: .processor, to: "haproxy") == nil)
  }

  @Test func whereARoundSaysNothingTheMediansAreCompared() throws {
    var report = try report()
    for value in [-5.0, 25, 50] { report.add(value, to: .added50, of: "haproxy") }
    #expect(report.ratio(of: .added50, to: "haproxy") == 2)
    for _ in 0..<4 { report.add(-1, to: .added50, of: "haproxy") }
    #expect(report.ratio(of: .added50, to: "haproxy") == nil)
  }

  @Test func theJSONHasTheWaysWithTheirFigures() throws {
    let json = try JSONValue(parsing: try report().json.text)
    #expect(json["options"]?["connections"]?.integer == 50)
    #expect(json["options"]?["compression"]?.string == "off")
    #expect(json["machine"]?["cores"]?.integer == 2)
    let names = json["paths"]?.array?.compactMap { $0["name"]?.string }
    #expect(names == ["direct", "ackscope", "haproxy"])
    let figure = json["paths"]?[1]?["round_trips_per_s"]
    #expect(figure?["median"]?.number == "20000.0")
    #expect(figure?["min"]?.number == "18000.0")
    #expect(figure?["max"]?.number == "33000.0")
    #expect(figure?["rounds"]?.array?.count == 3)
    #expect(json["paths"]?[0]?["proxy_cpu_us_per_round_trip"] == nil)
    #expect(json["ratios"]?["haproxy"]?["round_trips_per_s"]?.number == "0.75")
  }

  @Test func whatTheCaptureKeepsIsSaidWhereItWasAsked() throws {
    var options = BenchOptions()
    #expect(!BenchReport(options, machine: Self.machine).text.contains("the capture keeps"))
    options.keptPayload = 4096
    let report = BenchReport(options, machine: Self.machine)
    #expect(report.text.contains("the capture keeps 4096 bytes of a payload"))
    #expect(report.json["options"]?["max_capture_payload"]?.number == "4096")
  }

  @Test func theTextLinesItsColumnsUp() throws {
    let lines = try report().text.split(separator: "\n", omittingEmptySubsequences: false)
    let table = lines.drop { !$0.contains("direct") }.prefix { !$0.isEmpty }
    #expect(Set(table.map(\.count)).count == 1)
    #expect(table.contains { $0.contains("20,000 (18,000 – 33,000)") })
    #expect(!table.contains { $0.hasPrefix("unanswered") })
    #expect(lines.contains { $0.hasPrefix("a processor, 2 cores, 24 GiB, Linux 6") })
  }

  @Test(arguments: [
    (0.0, 0, "0"), (999.4, 0, "999"), (1234.5, 1, "1,234.5"), (1_000_000, 0, "1,000,000"), (0.05, 1, "0.1"),
    (-3.26, 1, "-3.3"), (-0.01, 1, "0.0"), (.infinity, 1, "–"),
  ])
  func numbersAreWrittenForPeople(value: Double, digits: Int, text: String) {
    #expect(BenchReport.number(value, digits: digits) == text)
  }

  @Test func theMedianIsTheMiddle() {
    #expect(FigureSeries([]).median == nil)
    #expect(FigureSeries([3, 1, 2]).median == 2)
    #expect(FigureSeries([4, 1, 2, 3]).median == 2.5)
  }
}
