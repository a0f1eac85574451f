/// What client and server agreed on for permessage-deflate (RFC 7692 §7.1).
package struct DeflateParameters: Sendable, Equatable {
  /// The server starts every message with an empty window.
  package var serverNoContextTakeover: Bool
  /// The client starts every message with an empty window.
  package var clientNoContextTakeover: Bool
  /// Base-2 logarithm of the server's window, 8 to 15.
  package var serverWindowBits: UInt8
  /// Base-2 logarithm of the client's window, 8 to 15.
  package var clientWindowBits: UInt8

  /// The defaults are those of a response without parameters: takeover and 15 bits both ways.
  package init(
    serverNoContextTakeover: Bool = false, clientNoContextTakeover: Bool = false,
    serverWindowBits: UInt8 = 15,
    clientWindowBits: UInt8 = 15
  ) {
    self.serverNoContextTakeover = serverNoContextTakeover
    self.clientNoContextTakeover = clientNoContextTakeover
    self.serverWindowBits = serverWindowBits
    self.clientWindowBits = clientWindowBits
  }

  /// What the extensions header of a 101 response means for decoding.
  package enum Negotiation: Sendable, Equatable {
    /// No extension: frames are plain.
    case none
    /// permessage-deflate.
    case deflate(DeflateParameters)
    /// An extension that this decoder does not know: payloads are opaque, decoding cannot start.
    case unsupported(name: String)
    /// The header breaks a rule, told in words; a client fails the connection (RFC 7692 §7.1).
    case invalid(reason: String)
  }

  /// Judges the Sec-WebSocket-Extensions value of the *response*; several headers are joined by commas.
  ///
  /// The offer proves nothing by itself. Where it is given, the response must not answer what was not offered.
  package static func negotiated(response: String, offer: String?) -> Negotiation {
    guard let accepted = WebSocketExtension.list(response) else {
      return .invalid(reason: "the extensions header is malformed")
    }
    if let other = accepted.first(where: { $0.name != "permessage-deflate" }) {
      return .unsupported(name: other.name)
    }
    guard let deflate = accepted.first else { return .none }
    if accepted.count > 1 { return .invalid(reason: "permessage-deflate is accepted twice") }
    if let offer, let fault = faultOfAnswer(deflate, to: offer) { return .invalid(reason: fault) }
    return parameters(of: deflate)
  }

  private static func parameters(of deflate: WebSocketExtension) -> Negotiation {
    var result = DeflateParameters()
    var seen: Set<String> = []
    for parameter in deflate.parameters {
      guard seen.insert(parameter.name).inserted else {
        return .invalid(reason: "\(parameter.name) is given twice")
      }
      switch (parameter.name, parameter.value) {
      case ("server_no_context_takeover", nil): result.serverNoContextTakeover = true
      case ("client_no_context_takeover", nil): result.clientNoContextTakeover = true
      case ("server_max_window_bits", let value):
        guard let bits = windowBits(value) else {
          return .invalid(reason: "server_max_window_bits is not a number from 8 to 15")
        }
        result.serverWindowBits = bits
      case ("client_max_window_bits", let value):
        guard let bits = windowBits(value) else {
          return .invalid(reason: "client_max_window_bits is not a number from 8 to 15")
        }
        result.clientWindowBits = bits
      case ("server_no_context_takeover", _), ("client_no_context_takeover", _):
        return .invalid(reason: "\(parameter.name) has a value")
      default:
        return .invalid(reason: "permessage-deflate has no parameter \(parameter.name)")
      }
    }
    return .deflate(result)
  }

  private static func faultOfAnswer(_ deflate: WebSocketExtension, to offer: String) -> String? {
    let offers = (WebSocketExtension.list(offer) ?? []).filter { $0.name == "permessage-deflate" }
    if offers.isEmpty { return "permessage-deflate was not offered" }
    // RFC 7692 §7.1.2.2: only a client that said it understands the parameter may be told its window.
    let name = "client_max_window_bits"
    if deflate.parameters.contains(where: { $0.name == name }),
      !offers.contains(where: { $0.parameters.contains { $0.name == name } })
    {
      return "client_max_window_bits was not offered"
    }
    return nil
  }

  private static func windowBits(_ value: String?) -> UInt8? {
    switch value {
    case "8": 8
    case "9": 9
    case "10": 10
    case "11": 11
    case "12": 12
    case "13": 13
    case "14": 14
    case "15": 15
    default: nil
    }
  }
}
