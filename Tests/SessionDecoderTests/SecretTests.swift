import AckCorrelation
import Foundation
import JSONText
import SessionDecoder
import Testing

/// Secrets are planted wherever traffic has a place for them; then all bytes of the capture are searched (promise P7).
@Suite struct SecretTests {
  private let secret = "hunter2-Zm9v"

  private func expectHidden(_ tap: TapDriver, keeps kept: String...) {
    tap.close()
    tap.endCapture()
    let text = String(decoding: tap.bytes, as: UTF8.self)
    #expect(!text.contains(secret), "\(text)")
    #expect(!text.contains(Data(secret.utf8).base64EncodedString().dropLast(4)), "\(text)")
    #expect(text.contains("[redacted:"), "\(text)")
    #expect(tap.records.count == tap.lines.count, "\(text)")
    for word in kept { #expect(text.contains(word), "\(text)") }
  }

  @Test(arguments: [
    "Authorization", "Proxy-Authorization", "Cookie", "cookie", "X-Api-Key", "X-Auth-Token", "x-csrf-token",
  ])
  func requestHeaders(_ name: String) {
    let tap = TapDriver()
    tap.upgrade(request: [(name, "Bearer \(secret)"), ("User-Agent", "kept")])
    expectHidden(tap, keeps: "kept")
  }

  @Test func responseHeaders() {
    let tap = TapDriver()
    tap.upgrade(response: [("Set-Cookie", "io=\(secret); Path=/"), ("Server", "kept")])
    expectHidden(tap, keeps: "kept")
  }

  @Test func headersOfAPollingHandshake() {
    let tap = TapDriver()
    tap.open()
    tap.request("GET", "/socket.io/?EIO=4&transport=polling", [("Cookie", "a=\(secret)")])
    tap.respond(200, [("Set-Cookie", "a=\(secret)")], body: Array(#"0{"sid":"S"}"#.utf8))
    expectHidden(tap)
  }

  @Test(arguments: [
    "token=hunter2-Zm9v", "accessToken=hunter2-Zm9v&x=1", "tok%65n=hunter2-Zm9v", "a=1;password=hunter2-Zm9v",
    "api_key=hunter2-Zm9v", "jwt=hunter2-Zm9v",
  ])
  func queryValues(_ query: String) {
    let tap = TapDriver()
    tap.upgrade("/socket.io/?EIO=4&transport=websocket&\(query)")
    tap.server(#"0{"sid":"S"}"#)
    expectHidden(tap)
    let polling = TapDriver()
    polling.open()
    polling.get(Array(#"0{"sid":"S"}"#.utf8), "/socket.io/?EIO=4&transport=polling&\(query)")
    polling.post("40", "/socket.io/?EIO=4&transport=polling&sid=S&\(query)")
    expectHidden(polling)
  }

  @Test func queryValuesInReferrers() {
    let tap = TapDriver()
    tap.upgrade(request: [("Referer", "http://h/p?token=\(secret)"), ("Cookie", "x")])
    expectHidden(tap)
  }

  @Test(arguments: [
    ("Location", "/then#access_token=hunter2-Zm9v&x=kept"),
    ("X-User", #"{"name":"kept","jwt":"hunter2-Zm9v"}"#),
    ("X-Debug", "{'name': 'kept', 'token': 'hunter2-Zm9v'}"),
  ])
  func secretsInFieldsOfAnyName(_ name: String, _ value: String) {
    let tap = TapDriver()
    tap.upgrade(response: [(name, value)])
    expectHidden(tap, keeps: "kept")
  }

  @Test func fieldsThatOnlySpeakOfSecretsAreKept() {
    let tap = TapDriver()
    tap.upgrade(response: [
      ("Access-Control-Allow-Credentials", "true"), ("Set-Cookie", "a=\(secret)"),
    ])
    expectHidden(tap, keeps: #"["Access-Control-Allow-Credentials","true"]"#)
  }

  /// As languages print their values that quote with apostrophes.
  @Test(arguments: [
    "{'token': 'hunter2-Zm9v', 'kept': 1}", "don't: {'kept': 'it''s', 'password':'hunter2-Zm9v'}",
    "{'secret': [('a', 'hunter2-Zm9v'), {'b': \"hunter2-Zm9v\"}], 'x': 'kept'}",
    "kept {'api_key': b'hunter2-Zm9v'}", "kept {'token': 'it\\'s hunter2-Zm9v'}",
    "kept {'token': 'hunter2-Zm9v",
    "kept {'jwt' : hunter2-Zm9v}",
  ])
  func textBetweenApostrophes(_ text: String) {
    let tap = TapDriver()
    tap.connect()
    tap.server(#"42["failed",\#(JSONValue.string(text).text)]"#)
    tap.server("44" + JSONValue.object([("message", .string(text))]).text)
    expectHidden(tap, keeps: "kept")
  }

  @Test func apostrophesWithoutSecretsStay() {
    let tap = TapDriver()
    tap.connect()
    let text = "it's 'token' and 'tea': 'hot', isn't it? 'token':"
    tap.server(#"42["said",\#(JSONValue.string(text).text),{"token":"\#(secret)"}]"#)
    expectHidden(tap, keeps: text)
  }

  @Test func theQueryThatEngineIO3AppendsToANamespace() {
    let tap = TapDriver()
    tap.connect("/socket.io/?EIO=3&transport=websocket")
    tap.client("40/chat?token=\(secret),")
    tap.client(#"42/chat?token=\#(secret),["a",{"token":"x"}]"#)
    expectHidden(tap)
  }

  @Test(arguments: [
    #""{\"token\":\"hunter2-Zm9v\"}""#,
    #"{"body":"{ \"user\": {\"password\" : \"hunter2-Zm9v\"} }"}"#,
    #""[{\"a\":\"{\\\"apiKey\\\":\\\"hunter2-Zm9v\\\"}\"}]""#,
    #""{\"tok\\u0065n\":\"hunter2-Zm9v\"}""#, #""{\"\u0074oken\":\"hunter2-Zm9v\"}""#,
    #""{\"token\":\"hunter2-Zm9v""#,
    #""https://h/x?token=hunter2-Zm9v""#, #""/x?a=1&access_token=hunter2-Zm9v#top""#,
    #"{"url":"wss://h/?EIO=4&tok%65n=hunter2-Zm9v"}"#, #""see https://h/#jwt=hunter2-Zm9v, or not""#,
    #""user=a;password=hunter2-Zm9v""#, #""https:\/\/h\/x?token=hunter2-Zm9v""#,
    #""{\"next\":\"/login?passwd=hunter2-Zm9v\"}""#,
  ])
  func stringsThatHoldJSONOrAQuery(_ argument: String) {
    let tap = TapDriver()
    tap.connect()
    tap.client(#"421["kept","before",\#(argument),"behind"]"#)
    tap.server(#"431[\#(argument)]"#)
    tap.client(#"42["kept",\#(argument)"#)
    expectHidden(tap, keeps: "kept", "before", "behind")
  }

  @Test(arguments: [
    #""2 + 2 = 4""#, #""a \"token\" is a coin""#, #""{\"room\":\"x=1\",\"n\":[1]}""#,
    #""https://h/x?page=2&sort=up""#,
    #""what is a token?""#, #""token=""#, #""{\"token\":null}""#,
  ])
  func stringsWithoutASecretStayAsTheyAre(_ argument: String) {
    let tap = TapDriver()
    tap.connect()
    tap.client(#"421["a",{"b":\#(argument)},\#(argument)]"#)
    #expect(
      tap.lines.last?.contains(#""args":[{"b":\#(argument)},\#(argument)]"#) == true,
      "\(tap.lines.last ?? "")")
  }

  @Test func theConnectPayload() {
    let tap = TapDriver()
    tap.connect()
    tap.client(#"40/a,{"token":"\#(secret)","deep":{"list":[{"Password":"\#(secret)"}]},"room":"kept"}"#)
    tap.server(#"44/a,{"message":"no","data":{"jwt":"\#(secret)"}}"#)
    expectHidden(tap, keeps: "kept")
  }

  @Test func argumentsOfEventsAndAcksAtAnyDepth() {
    let tap = TapDriver()
    tap.connect()
    tap.client(#"421["login",[[{"a":{"client_secret":"\#(secret)"}}]],"kept"]"#)
    tap.server(#"431[{"session-cookie":"\#(secret)","apiKey":["\#(secret)",{"x":"\#(secret)"}]}]"#)
    tap.client(#"42["login",{"\u0074oken":"\#(secret)"}]"#)
    tap.client(#"42["login", { "token" : "\#(secret)" } ]"#)
    tap.client(#"42["login",{"token":123456789}]"#)
    expectHidden(tap, keeps: "kept")
    #expect(!String(decoding: tap.bytes, as: UTF8.self).contains("123456789"))
  }

  @Test func eventsThatNobodyAnswersAndThatAreRetried() {
    let tap = TapDriver { $0.ackTimeout = 1000 }
    tap.connect()
    tap.client(#"421["login",{"token":"\#(secret)"}]"#)
    tap.call(after: 5000) { decoder, time in decoder.expire(at: time) }
    tap.client(#"422["login",{"token":"\#(secret)"}]"#)
    tap.server(#"42["exception",{"message":"no","cause":{"pattern":"login","data":{"token":"\#(secret)"}}}]"#)
    expectHidden(tap)
  }

  @Test func attachmentsThatAreSecrets() {
    let tap = TapDriver()
    tap.connect()
    tap.client(#"452-["login",{"token":{"_placeholder":true,"num":1},"a":{"_placeholder":true,"num":0}}]"#)
    tap.client([1, 2, 3])
    tap.client(Array(secret.utf8))
    expectHidden(tap, keeps: "AQID")
  }

  @Test func attachmentsOfBrokenPackets() {
    let tap = TapDriver()
    tap.connect()
    tap.client(#"452-["login",{"token":{"_placeholder":true,"num":0},"secret":"\#(secret)"}]"#)
    tap.client(Array(secret.utf8))
    tap.client(#"42["next"]"#)
    expectHidden(tap, keeps: "next")
  }

  @Test func msgpack() {
    let tap = TapDriver()
    tap.upgrade()
    tap.server(#"0{"sid":"S"}"#)
    func text(_ text: String) -> [UInt8] { [0xA0 | UInt8(text.utf8.count)] + Array(text.utf8) }
    let head = text("type") + [2] + text("nsp") + text("/") + text("data")
    tap.client(
      [0x83] + head + [0x92] + text("login") + [0x82] + text("token") + text(secret) + text("a")
        + text("kept"))
    tap.client(
      [0x83] + head + [0x92] + text("login") + [0x81] + text("token") + [0xC4, 12] + Array(secret.utf8))
    tap.client(
      [0x83] + head + [0x92] + text("login") + [0x81] + text("token") + [0xC7, 12, 0] + Array(secret.utf8))
    expectHidden(tap, keeps: "kept")
  }

  @Test func jsonOnlyParsers() {
    let tap = TapDriver()
    tap.upgrade()
    tap.server(#"0{"sid":"S"}"#)
    tap.client(#"4{"type":2,"nsp":"/","data":["login",{"token":"\#(secret)","a":"kept"}]}"#)
    expectHidden(tap, keeps: "kept")
  }

  @Test func unknownParsersWithText() {
    let tap = TapDriver()
    tap.upgrade()
    tap.server(#"0{"sid":"S"}"#)
    tap.client(#"4<packet>{"token":"\#(secret)","a":"kept"}"#)
    expectHidden(tap, keeps: "kept")
  }

  @Test func compressedMessages() {
    let tap = TapDriver()
    tap.upgrade(response: [("Sec-WebSocket-Extensions", "permessage-deflate")])
    tap.server(#"0{"sid":"S"}"#)
    // One stored block (RFC 1951 §3.2.4), and the empty one whose end the sender leaves out (RFC 7692 §7.2.1).
    let text = Array(#"42["login",{"token":"\#(secret)"}]"#.utf8)
    let count = UInt16(text.count)
    tap.frame(
      .client, 0xC1,
      [0, UInt8(count & 255), UInt8(count >> 8), ~UInt8(count & 255), ~UInt8(count >> 8)] + text + [0])
    #expect(tap.records("packet").last?["compressed"]?.boolean == true)
    expectHidden(tap)
  }

  @Test func bodiesThatAreCompressed() {
    let tap = TapDriver()
    tap.open()
    tap.get(Array(#"0{"sid":"S"}"#.utf8), "/socket.io/?EIO=4&transport=polling")
    let text = Array(#"42["login",{"token":"\#(secret)"}]"#.utf8)
    let count = UInt16(text.count)
    tap.get(
      [1, UInt8(count & 255), UInt8(count >> 8), ~UInt8(count & 255), ~UInt8(count >> 8)] + text,
      "/socket.io/?EIO=4&transport=polling&sid=S", [("content-encoding", "deflate")])
    #expect(tap.records("packet").last?["compressed"]?.boolean == true)
    expectHidden(tap)
  }

  @Test func messagesThatAreNotEngineIO() {
    let tap = TapDriver()
    tap.upgrade("/chat?token=\(secret)")
    tap.client(#"{"event":"login","data":{"token":"\#(secret)","a":"kept"}}"#)
    tap.client(#"token=x {"token":"\#(secret)"}"#)
    expectHidden(tap, keeps: "kept")
  }

  @Test func malformedJSON() {
    let tap = TapDriver()
    tap.connect()
    tap.client(#"42["login",{"token":"\#(secret)","a":"kept",}]"#)
    tap.client(#"42["login",{"token":'\#(secret)'}]"#)
    tap.client(#"2{"token":"\#(secret)"}"#)
    tap.client(#"x{"token":"\#(secret)"}"#)
    expectHidden(tap, keeps: "kept")
  }

  /// Every length of what is kept, so that the cut falls before, into and behind the secret and its name.
  @Test func messagesThatAreCutAnywhere() {
    let message = #"421["login",{"a":"kept","to\u006ben":"\#(secret)","b":{"_placeholder":true,"num":0}}]"#
    for limit in 1...message.utf8.count + 2 {
      let tap = TapDriver { $0.capturePayload = limit }
      tap.connect()
      tap.client(message)
      tap.close()
      tap.endCapture()
      let text = String(decoding: tap.bytes, as: UTF8.self)
      for count in 4...secret.utf8.count {
        #expect(!text.contains("\"" + secret.prefix(count)), "limit \(limit): \(text)")
      }
      #expect(!text.contains("hunter"), "limit \(limit): \(text)")
      #expect(tap.records.count == tap.lines.count, "limit \(limit)")
    }
  }

  @Test func bodiesThatAreCutAnywhere() {
    let body = #"42["login",{"password":"\#(secret)\#(secret)"}]"#
    for limit in stride(from: 1, through: body.utf8.count, by: 3) {
      let tap = TapDriver { $0.capturePayload = limit }
      tap.open()
      tap.get(Array(#"0{"sid":"S"}"#.utf8), "/socket.io/?EIO=4&transport=polling")
      tap.post(body)
      tap.get(Array((String(repeating: " ", count: 64 << 10) + body).utf8))
      tap.endCapture()
      #expect(!String(decoding: tap.bytes, as: UTF8.self).contains("hunter"), "limit \(limit)")
    }
  }

  @Test func closeReasons() {
    let tap = TapDriver()
    tap.connect()
    tap.frame(.server, 0x88, [3, 0xE8] + Array(#"{"token":"\#(secret)"}"#.utf8))
    expectHidden(tap)
  }

  @Test func refusalsOfTheServer() {
    let tap = TapDriver()
    tap.open()
    tap.request("GET", "/socket.io/?EIO=4&transport=polling", [("Cookie", "x")])
    tap.respond(400, body: Array(#"{"code":4,"message":"bad {\"token\":\"\#(secret)\"}"}"#.utf8))
    expectHidden(tap)
  }

  @Test func pingsOfTheWebSocket() {
    let tap = TapDriver()
    tap.connect()
    tap.client(#"42["a",{"token":1}]"#)
    tap.frame(.client, 0x89, Array(#"{"token":"\#(secret)"}"#.utf8))
    tap.close()
    // Payloads of pings are opaque and written as base64; they are no place for Socket.IO's secrets.
    #expect(!String(decoding: tap.bytes, as: UTF8.self).contains(secret))
  }

  @Test func whatIsKeptOnRequest() {
    let tap = TapDriver(keepsSecrets: true)
    tap.upgrade("/socket.io/?EIO=4&transport=websocket&token=\(secret)1", request: [("Cookie", secret + "2")])
    tap.server(#"0{"sid":"S"}"#)
    tap.client(#"42["a",{"token":"\#(secret)3"}]"#)
    let text = String(decoding: tap.bytes, as: UTF8.self)
    for number in 1...3 { #expect(text.contains("\(secret)\(number)")) }
    #expect(!text.contains("[redacted:"))
    #expect(tap.records.first?["redaction"]?.string == "off")
  }

  @Test func equalSecretsLookEqual() {
    let tap = TapDriver()
    tap.connect()
    for value in ["one", "two", "one"] { tap.client(#"42["a",{"token":"\#(value)"}]"#) }
    let seen = tap.records("packet").compactMap { $0["args"]?[0]?["token"]?.string }
    #expect(seen.count == 3 && seen[0] == seen[2] && seen[0] != seen[1])
  }
}
