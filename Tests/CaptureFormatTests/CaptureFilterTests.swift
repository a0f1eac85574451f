import JSONText
import Testing

@testable import CaptureFormat

@Suite struct CaptureFilterTests {
  static let emit = """
    {"type":"packet","seq":41,"ts":"2026-11-23T10:00:02.120345Z","conn":3,"session":2,"from":"client","transport":"websocket",\
    "socket":"event","namespace":"/chat","id":7,"event":"send_message","args":[{"roomId":1,"message":"hi (all)"}],"bytes":52}
    """

  static func matches(
    _ expression: String, _ line: String = emit, sid: String? = "lv_VI97", state: CaptureFilterState = .init()
  ) throws -> Bool {
    let filter = try CaptureFilter(parsing: expression)
    return try CaptureRecordTests.scan(line) {
      filter.matches(CaptureFilterSubject($0, sid: sid), state: state)
    }
  }

  @Test(arguments: [
    "~ev send_message", "~ev ^send", "~ev message$", "~ns /chat", "~ns chat", "~id 7", "~conn 3", "~conn #3",
    "~sid lv_",
    "~from client", "~tr websocket", "~d roomId", "~d \"hi .all\"", "send", "roomId", "hi",
    "~d 'hi \\(all\\)'",
    "~ev ^(send|join)_message$", "(~ev send_message)", "! ~ev join", "!!send", "~ev send & ~conn 3",
    "~ev send ~conn 3",
    "~ev nothing | ~conn 3", "~ev nothing|~conn 3", "~ev x ~ev b | ~id 7", "!(~ev x | ~ev b)",
    "~ev send_[a-z]+",
    "  ~id 7  ", "~d [(]all[)]", "~ev s.*e & !~from server",
  ])
  func theEmitIsLetThrough(_ expression: String) throws {
    #expect(try Self.matches(expression))
  }

  @Test(arguments: [
    "~ev Send", "~ev roomId", "~ns /", "~ns /cha", "~id 77", "~conn 33", "~sid VI97", "~from server",
    "~tr polling",
    "~d send_message", "nothing", "~pending", "~v unanswered", "~age >0s", "~lat >0s", "~ev send & ~conn 4",
    "!send", "~ev x | ~ev b ~id 7", "~exc", "~cause retried",
  ])
  func theEmitIsHeldBack(_ expression: String) throws {
    #expect(try !Self.matches(expression))
  }

  @Test func stateTermsLookAtTheState() throws {
    let late = CaptureFilterState(
      verdict: "late", cause: "after_ack_timeout", age: 7_200_000, latency: 7_200_000)
    for expression in [
      "~late", "~v late", "~cause after_ack_timeout", "~lat >5s", "~lat >= 7200ms", "~age <2m",
    ] {
      #expect(try Self.matches(expression, state: late), "\(expression)")
    }
    for expression in ["~pending", "~overdue", "~lat <5s", "~lat > 7200ms", "~age >2m", "~v acknowledged"] {
      #expect(try !Self.matches(expression, state: late), "\(expression)")
    }
    #expect(try Self.matches("~pending", state: .init(verdict: "overdue")))
    #expect(try Self.matches("~pending", state: .init(verdict: "pending")))
    #expect(try !Self.matches("~overdue", state: .init(verdict: "pending")))
    #expect(try Self.matches("~exc", state: .init(verdict: "rejected", cause: "exception_event")))
    #expect(try Self.matches("~exc", Self.emit.replacing("send_message", with: "exception")))
  }

  @Test func namesAreComparedByWhatTheySay() throws {
    let line = Self.emit.replacing("\"/chat\"", with: "\"\\/ch\\u0061t\"").replacing(
      "\"send_message\"", with: "12")
    #expect(try Self.matches("~ns /chat", line))
    #expect(try Self.matches("~ev ^12$", line))
  }

  @Test(arguments: [
    ("", 1, "empty"), ("   ", 4, "empty"), ("~ev", 4, "~ev needs a regular expression"),
    ("~bogus x", 1, "~bogus"),
    ("~ev a )", 7, "without its"), ("(~ev a", 1, "never closed"), ("a |", 4, "missing"),
    ("a & | b", 5, "before"),
    ("~conn x", 7, "number"), ("~from proxy", 7, "client or server"), ("~v lost", 4, "acknowledged"),
    ("~cause x", 8, "retried"), ("~age 2s", 6, ">2s"), ("~age >2", 6, "500ms"), ("~age >", 7, "duration"),
    ("~ev [", 5, "regular expression"), ("~ev \"a", 5, "quote"), ("!", 2, "missing"), ("~id x", 5, "ack id"),
    ("~tr ws", 5, "polling or websocket"), ("~", 1, "no operator"), ("()", 2, "expected a term"),
  ])
  func aFaultNamesTheColumnAndTheWayOut(_ expression: String, _ column: Int, _ words: String) {
    let fault = #expect(throws: CaptureFilterFault.self) { try CaptureFilter(parsing: expression) }
    #expect(fault?.column == column)
    #expect(fault?.message.contains(words) == true, "\(fault?.message ?? "")")
  }

  @Test func limitsAreFaultsToo() {
    #expect(throws: CaptureFilterFault.self) {
      try CaptureFilter(
        parsing: String(repeating: "(", count: 10_000) + "a" + String(repeating: ")", count: 10_000))
    }
    #expect(throws: CaptureFilterFault.self) {
      try CaptureFilter(parsing: Array(repeating: "a", count: 65).joined(separator: " "))
    }
  }
}
