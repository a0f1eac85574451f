/// A frame as a test wants it on the wire, written by the book and one byte at a time, rules broken included.
struct NaiveFrame {
  enum LengthForm { case shortest, sixteenBits, sixtyFourBits }

  var fin = true
  var rsv: UInt8 = 0
  var opcode: UInt8 = 1
  var key: [UInt8]?
  var payload: [UInt8] = []
  var form = LengthForm.shortest

  static func text(_ text: String, key: [UInt8]? = nil) -> NaiveFrame {
    NaiveFrame(key: key, payload: Array(text.utf8))
  }

  static func close(_ code: UInt16, _ reason: [UInt8] = []) -> NaiveFrame {
    NaiveFrame(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 255)] + reason)
  }

  var bytes: [UInt8] {
    var bytes = [(fin ? 0x80 : 0) | rsv << 4 | opcode]
    let mask: UInt8 = key == nil ? 0 : 0x80
    let count = payload.count
    switch form {
    case .shortest where count < 126: bytes.append(mask | UInt8(count))
    case .shortest where count < 65536, .sixteenBits:
      bytes += [mask | 126, UInt8(count >> 8), UInt8(count & 255)]
    default: bytes += [mask | 127] + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
    }
    guard let key else { return bytes + payload }
    return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
  }
}
