import ArgumentParser
import JSONText
import SessionDecoder
import SocketIOPackets

extension OneShotDecoder.Layer: ExpressibleByArgument {}

/// `ackscope decode`: what pasted frames and payloads mean.
struct DecodeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "decode", abstract: "Decode pasted messages and payloads, one JSON object a line.")

  @Argument(help: ArgumentHelp("What to decode; without it, lines of standard input.", valueName: "TEXT"))
  var texts: [String] = []

  @Option(help: "The Engine.IO revision, 3 or 4.")
  var eio = 4

  @Option(
    help: "ws: a WebSocket message; polling: a body; socket: a packet without its Engine.IO digit; msgpack.")
  var layer = OneShotDecoder.Layer.ws

  @Flag(name: .customLong("base64"), help: "The inputs are base64; with --layer ws they are binary messages.")
  var isBase64 = false

  @Option(help: "The binary messages that follow, in base64, separated by commas.")
  var attachments: String?

  func validate() throws {
    if eio != 3 && eio != 4 { throw ValidationError("--eio is 3 or 4") }
  }

  func run() throws {
    let following = try (attachments ?? "").split(separator: ",", omittingEmptySubsequences: true).map {
      text in
      guard let bytes = Self.bytes(ofBase64: String(text)) else {
        throw Failure(explanation: "--attachments: '\(text)' is not base64")
      }
      return bytes
    }
    var refused = false
    if texts.isEmpty {
      while let line = readLine(strippingNewline: true) { refused = decode(line, following) || refused }
    } else {
      for text in texts { refused = decode(text, following) || refused }
    }
    if refused { throw ExitCode(ExitStatus.checkFailed) }
  }

  /// Writes the lines for one input; returns whether it was refused.
  private func decode(_ text: String, _ attachments: [[UInt8]]) -> Bool {
    let version: EngineIOVersion = eio == 3 ? .v3 : .v4
    // No msgpack packet is text, so there base64 is the only way to paste one.
    let isEncoded = isBase64 || layer == .msgpack
    guard let bytes = isEncoded ? Self.bytes(ofBase64: text) : Array(text.utf8) else {
      StandardOutput.write("{\"error\":\"input is not base64\",\"offset\":0}\n")
      return true
    }
    let outcome = bytes.withUnsafeBytes {
      OneShotDecoder.decode($0, layer: layer, version: version, isText: !isBase64, attachments: attachments)
    }
    let withEngine = layer == .ws || layer == .polling
    for packet in outcome.packets {
      PastedPacket.line(packet, version: version, withEngine: withEngine).withUnsafeBytes {
        StandardOutput.write($0)
      }
    }
    guard let refusal = outcome.refusal else { return false }
    PastedPacket.line(refusal).withUnsafeBytes { StandardOutput.write($0) }
    return true
  }

  private static func bytes(ofBase64 text: String) -> [UInt8]? {
    var decoded = ByteSink()
    var text = text
    let isValid = text.withUTF8 { Base64.decode(UnsafeRawBufferPointer($0), into: &decoded) }
    return isValid ? Array(decoded.bytes) : nil
  }
}
