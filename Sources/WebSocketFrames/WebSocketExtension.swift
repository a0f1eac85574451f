/// One element of a Sec-WebSocket-Extensions value (RFC 6455 §9.1).
struct WebSocketExtension {
  /// A parameter; `value` is `nil` where there is no `=`.
  struct Parameter {
    var name: String
    var value: String?
  }

  var name: String
  var parameters: [Parameter] = []

  /// Reads a whole value, several headers joined by commas included; `nil` where it breaks the grammar.
  static func list(_ value: String) -> [WebSocketExtension]? {
    var reader = Reader(rest: Array(value.utf8)[...])
    var list: [WebSocketExtension] = []
    while true {
      reader.skipBlanks()
      if reader.skip(",") { continue }
      if reader.rest.isEmpty { return list }
      guard let name = reader.token() else { return nil }
      var element = WebSocketExtension(name: name)
      reader.skipBlanks()
      while reader.skip(";") {
        reader.skipBlanks()
        guard let name = reader.token() else { return nil }
        reader.skipBlanks()
        var parameter = Parameter(name: name)
        if reader.skip("=") {
          reader.skipBlanks()
          guard let value = reader.quotedString() ?? reader.token() else { return nil }
          parameter.value = value
          reader.skipBlanks()
        }
        element.parameters.append(parameter)
      }
      list.append(element)
      guard reader.rest.isEmpty || reader.skip(",") else { return nil }
    }
  }

  private struct Reader {
    var rest: ArraySlice<UInt8>

    mutating func skipBlanks() { rest = rest.drop { $0 == 0x20 || $0 == 0x09 } }

    mutating func skip(_ mark: Unicode.Scalar) -> Bool {
      guard let next = rest.first, UInt32(next) == mark.value else { return false }
      rest.removeFirst()
      return true
    }

    mutating func token() -> String? {
      let token = rest.prefix(while: Reader.isTokenByte)
      guard !token.isEmpty else { return nil }
      rest = rest[token.endIndex...]
      return String(decoding: token, as: UTF8.self)
    }

    mutating func quotedString() -> String? {
      var copy = self
      guard copy.skip("\"") else { return nil }
      var text: [UInt8] = []
      while let byte = copy.rest.popFirst() {
        if byte == 0x22 {
          self = copy
          return String(decoding: text, as: UTF8.self)
        }
        if byte == 0x5C {
          guard let escaped = copy.rest.popFirst() else { return nil }
          text.append(escaped)
        } else {
          text.append(byte)
        }
      }
      return nil
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
      case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
      default: false
      }
    }
  }
}
