import Foundation
import Testing

/// `ackscope decode` on facts about the wire, most of which were run against the reference parsers.
@Suite struct Decode {
  struct Vector: Sendable, CustomTestStringConvertible {
    let json: JSON
    var testDescription: String { json["id"]?.string ?? "?" }
    var attachments: [String] { json["attachments_b64"]?.array?.compactMap(\.string) ?? [] }

    static func of(_ layer: String) throws -> [Vector] {
      let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("SocketIOPacketsTests/vectors.jsonl")
      let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
      return try lines.map { Vector(json: try JSON(parsing: String($0))) }.filter { vector in
        vector.json["layer"]?.string == layer
          // What spans several text messages cannot be pasted as one.
          && vector.json["next"] == nil
      }
    }
  }

  @Test func socketPacketsDecodeAsTheReferenceParserHasThem() async throws {
    let vectors = try Vector.of("sio5")
    #expect(vectors.count > 60)
    for vector in vectors {
      // To the stream an empty message is no packet.
      if vector.testDescription == "sio5-empty" { continue }
      // Half a surrogate pair stays as it was sent; Foundation does not read it.
      if vector.testDescription == "sio5-event-lone-surrogate" { continue }
      var arguments = ["decode", "--layer", "socket"]
      if !vector.attachments.isEmpty {
        arguments += ["--attachments", vector.attachments.joined(separator: ",")]
      }
      arguments += ["--", try #require(vector.json["input_text"]?.string)]
      let command = try await ProxyProcess.finish(arguments)
      try check(vector, command)
      guard let expected = vector.json["expect"], let line = command.output.first else { continue }
      let packet = try JSON(parsing: line)
      let names = ["connect", "disconnect", "event", "ack", "connect_error"]
      let type = packet["socket"]?.string?.replacing("binary_", with: "")
      #expect(type == expected["type"]?.int.map { names[$0] }, "\(vector)")
      #expect(packet["namespace"] == expected["nsp"], "\(vector)")
      #expect((packet["id"] == nil) == (expected["id"] == nil), "\(vector)")
      #expect(packet["attachments"]?.array?.compactMap(\.string) ?? [] == vector.attachments, "\(vector)")
      if type == "event", let name = expected["data"]?[0] { #expect(packet["event"] == name, "\(vector)") }
      #expect(packet["engine"] == nil, "\(vector)")
    }
  }

  @Test func webSocketMessagesDecodeAsTheReferenceParserHasThem() async throws {
    let vectors = try Vector.of("eio4-ws")
    #expect(vectors.count == 15)
    for vector in vectors {
      var arguments = ["decode", "--layer", "ws"]
      if vector.json["opcode"] == .string("binary") { arguments.append("--base64") }
      let input = try #require((vector.json["input_text"] ?? vector.json["input_b64"])?.string)
      let command = try await ProxyProcess.finish(arguments + ["--", input])
      // Text in a message that is no Socket.IO packet is refused one layer up.
      let isEngineOnly = vector.json["expect"]?["type"] != .string("message")
      guard isEngineOnly else { continue }
      try check(vector, command)
      if let type = vector.json["expect"]?["type"] {
        #expect(try JSON(parsing: command.output.first ?? "")["engine"] == type, "\(vector)")
      }
    }
  }

  private func check(_ vector: Vector, _ command: FinishedCommand) throws {
    let isRefused = vector.json["error"] != nil
    #expect(command.ending == .exited(isRefused ? 1 : 0), "\(vector): \(command.output)")
    #expect(command.errors.isEmpty, "\(vector)")
    #expect(command.output.count == 1, "\(vector): \(command.output)")
    let line = try JSON(parsing: command.output.last ?? "")
    #expect((line["error"]?.string?.isEmpty == false) == isRefused, "\(vector)")
    if isRefused { #expect(line["offset"]?.int != nil, "\(vector)") }
  }

  @Test func linesOfStandardInputAreInputs() async throws {
    let command = try await ProxyProcess.finish(
      ["decode"], input: [#"42["a",1]"#, "x", #"43/chat,7["ok"]"#])
    #expect(command.ending == .exited(1))
    let lines = try command.output.map(JSON.init(parsing:))
    #expect(lines.map { $0["socket"]?.string } == ["event", nil, "ack"])
    #expect(lines.count == 3 && lines[1]["error"] != nil)
    #expect(lines[2]["id"] == .int(7))
  }

  @Test func aPollingBodyIsAPacketALine() async throws {
    let command = try await ProxyProcess.finish(
      ["decode", "--layer", "polling", "42[\"a\"]\u{1E}2\u{1E}43[]"])
    #expect(command.ending == .exited(1) || command.ending == .exited(0))
    let lines = try command.output.map(JSON.init(parsing:))
    #expect(lines.prefix(2).map { $0["engine"]?.string } == ["message", "ping"])
  }
}
