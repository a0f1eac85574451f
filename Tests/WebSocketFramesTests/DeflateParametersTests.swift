import Testing
import WebSocketFrames

/// What the answer to an offer means (RFC 7692 §7.1, PROTOCOL.md C.3).
@Suite struct DeflateParametersTests {
  private func judged(_ response: String, _ offer: String? = nil) -> DeflateParameters.Negotiation {
    DeflateParameters.negotiated(response: response, offer: offer)
  }

  private func isInvalid(_ response: String, _ offer: String? = nil) -> Bool {
    if case .invalid = judged(response, offer) { true } else { false }
  }

  @Test(arguments: ["", "  ", ",", " , ,"]) func noExtensionIsNone(_ response: String) {
    #expect(judged(response, "permessage-deflate") == .none)
  }

  @Test func everyParameterIsUnderstood() {
    let expected = DeflateParameters(
      serverNoContextTakeover: true, clientNoContextTakeover: true, serverWindowBits: 8, clientWindowBits: 15)
    let all =
      "permessage-deflate;server_no_context_takeover ; client_no_context_takeover;"
      + "server_max_window_bits = 8;\tclient_max_window_bits=\"1\\5\""
    #expect(judged(all) == .deflate(expected))
    #expect(judged(all, "permessage-deflate; client_max_window_bits") == .deflate(expected))
    #expect(judged(", permessage-deflate ,") == .deflate(DeflateParameters()))
  }

  @Test(arguments: ["7", "16", "08", "015", "+9", "", "1e1", "\"\""]) func windowsAreNumbersFrom8To15(
    _ bits: String
  ) {
    #expect(isInvalid("permessage-deflate; server_max_window_bits=\(bits)"))
    #expect(isInvalid("permessage-deflate; client_max_window_bits=\(bits)"))
  }

  @Test(arguments: [
    "permessage-deflate; client_max_window_bits", "permessage-deflate; server_max_window_bits",
    "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_no_context_takeover=true",
    "permessage-deflate; level=9", "permessage-deflate, permessage-deflate", "permessage-deflate;",
    "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", "permessage-deflate x",
    "permessage-deflate; server_max_window_bits=\"9", "=", "permessage-deflate; =9",
    "perm\u{E9}ssage-deflate",
  ]) func brokenAnswersAreInvalid(_ response: String) {
    #expect(isInvalid(response))
  }

  @Test func aWindowForTheClientMustHaveBeenOffered() {
    let answer = "permessage-deflate; client_max_window_bits=10"
    #expect(isInvalid(answer, "permessage-deflate"))
    #expect(isInvalid(answer, "permessage-deflate, x; client_max_window_bits"))
    #expect(!isInvalid(answer, "permessage-deflate; client_max_window_bits=12, permessage-deflate"))
  }

  @Test(arguments: ["", "x-webkit-deflate-frame", ";"]) func anAnswerNeedsAnOffer(_ offer: String) {
    #expect(isInvalid("permessage-deflate", offer))
  }

  @Test func anyOtherExtensionIsNamed() {
    #expect(
      judged("x-webkit-deflate-frame; no_context_takeover") == .unsupported(name: "x-webkit-deflate-frame"))
    #expect(judged("permessage-deflate, permessage-bzip2") == .unsupported(name: "permessage-bzip2"))
  }
}
