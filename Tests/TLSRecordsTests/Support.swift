import SeededRandom

@testable import TLSRecords

/// Bytes written in hexadecimal, with spaces between them or not.
func hex(_ text: String) -> [UInt8] {
  let digits = text.compactMap { $0.hexDigitValue.map(UInt8.init) }
  return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}

/// A secret of the suite's length, for the same seed the same.
func secret(_ suite: CipherSuite, _ seed: UInt8) -> [UInt8] {
  (0..<suite.secretBytes).map { seed &+ UInt8($0) &* 7 }
}

/// One record; traps where it cannot be sealed.
func sealed(_ bytes: [UInt8], type: UInt8 = Record.applicationData, _ keys: inout RecordProtection) -> [UInt8]
{
  var record = [UInt8](repeating: 0, count: bytes.count + Record.overhead)
  let count = record.withUnsafeMutableBytes { out in
    bytes.withUnsafeBytes { keys.seal($0, type: type, into: out.baseAddress!) }
  }
  precondition(count == record.count)
  return record
}

/// The two ends of a connection whose handshake is over.
struct Ends {
  let client: RecordLayer
  let server: RecordLayer
  /// What the client's end would be given, for records that none of the ends would make.
  static let clientSeed: UInt8 = 1
  static let serverSeed: UInt8 = 101

  init(_ suite: CipherSuite = .aes128GCM, recordsPerKey: UInt64 = 1 << 23) {
    client = RecordLayer(
      opening: RecordProtection(suite, secret: secret(suite, Self.serverSeed), seals: false)!,
      sealing: RecordProtection(suite, secret: secret(suite, Self.clientSeed), seals: true)!,
      recordsPerKey: recordsPerKey)
    server = RecordLayer(
      opening: RecordProtection(suite, secret: secret(suite, Self.clientSeed), seals: false)!,
      sealing: RecordProtection(suite, secret: secret(suite, Self.serverSeed), seals: true)!,
      recordsPerKey: recordsPerKey)
  }

  /// The keys with which the client seals, in the hands of a test.
  static func clientKeys(_ suite: CipherSuite = .aes128GCM) -> RecordProtection {
    RecordProtection(suite, secret: secret(suite, clientSeed), seals: true)!
  }
}

extension RecordLayer {
  func sealed(_ bytes: [UInt8]) -> [UInt8] {
    var out = [UInt8](repeating: 0, count: Self.sealedCount(of: bytes.count))
    let count = out.withUnsafeMutableBytes { out in
      bytes.withUnsafeBytes { seal($0, into: out.baseAddress!) }
    }
    return Array(out[..<count!])
  }

  /// What one read brings, behind what is held back of the last.
  func opened(_ arrived: [UInt8]) -> (bytes: [UInt8], end: Opened.End?) {
    var room = [UInt8](repeating: 0, count: Self.mostRest + arrived.count)
    let held = room.withUnsafeMutableBytes { restore(to: $0.baseAddress!) }
    room.replaceSubrange(held..<held + arrived.count, with: arrived)
    var plain = [UInt8](repeating: 0, count: held + arrived.count + 1)
    let opened = plain.withUnsafeMutableBytes { plain in
      room.withUnsafeBytes {
        open(UnsafeRawBufferPointer(rebasing: $0[..<(held + arrived.count)]), into: plain.baseAddress!)
      }
    }
    return (Array(plain[..<opened.count]), opened.end)
  }
}
