import JSONText
import Testing

@testable import CaptureFormat

@Suite struct CaptureTimestampTests {
  static func parse(_ text: String) -> Int64? {
    Array(text.utf8).withUnsafeBytes { CaptureTimestamp(parsing: $0)?.microseconds }
  }

  static func format(_ microseconds: Int64) -> String {
    var sink = ByteSink()
    sink.append(timestamp: CaptureTimestamp(microseconds: microseconds))
    return String(decoding: sink.bytes, as: UTF8.self)
  }

  @Test(
    arguments: [
      ("1970-01-01T00:00:00.000000Z", 0), ("1969-12-31T23:59:59.999999Z", -1),
      ("2026-11-23T10:00:02.120345Z", 1_795_428_002_120_345),
      ("2000-02-29T12:00:00.000001Z", 951_825_600_000_001),
      ("2100-03-01T00:00:00.000000Z", 4_107_542_400_000_000),
      ("1900-03-01T00:00:00.000000Z", -2_203_891_200_000_000),
    ] as [(String, Int64)])
  func knownMomentsAreReadAndWrittenBack(_ text: String, _ microseconds: Int64) {
    #expect(Self.parse(text) == microseconds)
    #expect(Self.format(microseconds) == text)
  }

  @Test func everyDayOfFourCenturiesComesBack() {
    for day in 0..<146_097 {
      let microseconds = Int64(day - 73_000) * 86_400_000_000 + 12_345
      #expect(Self.parse(Self.format(microseconds)) == microseconds)
    }
  }

  @Test func fractionsMayBeShortLongOrAbsent() {
    #expect(Self.parse("1970-01-01T00:00:01Z") == 1_000_000)
    #expect(Self.parse("1970-01-01T00:00:01.5Z") == 1_500_000)
    #expect(Self.parse("1970-01-01T00:00:01.123456789Z") == 1_123_456)
  }

  @Test(arguments: [
    "", "Z", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01T00:00:00+00:00", "1970-13-01T00:00:00Z",
    "1970-02-29T00:00:00Z", "1970-00-01T00:00:00Z", "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z",
    "1970-01-01T00:00:60Z", "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.1234567890Z",
    "1970-01-0xT00:00:00Z",
    "1970/01/01T00:00:00Z", "1970-01-01T00:00:00.12a456Z",
  ])
  func whatIsNoMomentInUTCIsRefused(_ text: String) {
    #expect(Self.parse(text) == nil)
  }
}
