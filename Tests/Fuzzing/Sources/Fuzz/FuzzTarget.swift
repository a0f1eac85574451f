import Foundation

/// What an input is given to, chosen by the environment variable `ACKSCOPE_FUZZ`.
enum FuzzTarget: String, CaseIterable {
  /// WebSocket frames of one direction: `MessageStream`.
  case frames
  /// Content codings of polling bodies: `ContentDecoder`.
  case content
  /// Engine.IO messages and polling bodies: `EngineIO`, `PollingPayload`, `JSONP`.
  case payloads
  /// A sequence of Engine.IO messages: `SocketPacketStream`.
  case packets
  /// One message of a msgpack session.
  case msgpack
  /// A filter and a capture: `CaptureFilter`, `CaptureReader`, `TerminalText`.
  case capture
  /// JSON text: `JSONScanner`, `JSONValue`, `JSONString`, `Redactor`.
  case redaction
  /// A list of calls: `TrafficDecoder`.
  case traffic

  static let chosen: FuzzTarget = {
    let name = ProcessInfo.processInfo.environment["ACKSCOPE_FUZZ"] ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
      let names = allCases.map(\.rawValue).joined(separator: ", ")
      FileHandle.standardError.write(Data("ACKSCOPE_FUZZ must be one of \(names)\n".utf8))
      exit(64)
    }
    return target
  }()

  /// Traps where a property does not hold.
  func run(_ bytes: UnsafeRawBufferPointer) {
    var input = FuzzInput(bytes)
    switch self {
    case .frames: FramesProperty.check(&input)
    case .content: ContentProperty.check(&input)
    case .payloads: PayloadsProperty.check(&input)
    case .packets: PacketsProperty.check(&input)
    case .msgpack: PacketsProperty.checkMsgpack(bytes)
    case .capture: CaptureProperty.check(&input)
    case .redaction: RedactionProperty.check(bytes)
    case .traffic: TrafficProperty.check(&input)
    }
  }
}

/// The entry point that libFuzzer calls for each input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafeRawPointer?, _ count: Int) -> CInt {
  FuzzTarget.chosen.run(UnsafeRawBufferPointer(start: start, count: count))
  return 0
}
