import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing
import WebSocketFrames

@testable import SocketIOPeers

/// Two ends of a WebSocket, frame by frame.
@Suite struct WebSocketLinkTests {
  /// One end: what it got, how it ended, and what it wrote.
  private final class End {
    let channel: EmbeddedChannel
    let link: WebSocketLink
    var got: [SocketIOPeers.WebSocketMessage] = []

    init(_ role: WebSocketLink.Role, maximum: Int = 1 << 16, compression: DeflateParameters? = nil) throws {
      link = WebSocketLink(role: role, maximumMessage: maximum, compression: compression)
      channel = EmbeddedChannel(handler: link)
      try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
      link.messageArrived = { [unowned self] in got.append($0) }
    }

    /// The next frame as it is on the wire: masking is what the encoder does.
    func written() throws -> WebSocketFrame? {
      guard var frame: WebSocketFrame = try channel.readOutbound() else { return nil }
      if let key = frame.maskKey { frame.data.webSocketMask(key) }
      return frame
    }

    func receive(_ frame: WebSocketFrame) throws { try channel.writeInbound(frame) }
  }

  private static let key: WebSocketMaskingKey = [1, 2, 3, 4]

  private static func frame(
    _ opcode: WebSocketOpcode, _ bytes: [UInt8], fin: Bool = true, masked: Bool = false,
    isCompressed: Bool = false
  ) -> WebSocketFrame {
    var data = ByteBuffer(bytes: bytes)
    if masked { data.webSocketMask(key) }
    return WebSocketFrame(
      fin: fin, rsv1: isCompressed, opcode: opcode, maskKey: masked ? key : nil, data: data)
  }

  /// The code of the close frame that an end wrote, or nil.
  private static func closeCode(_ end: End) throws -> Int? {
    while let frame = try end.written() {
      if frame.opcode == .connectionClose {
        return frame.unmaskedData.getInteger(at: frame.unmaskedData.readerIndex, as: UInt16.self).map(
          Int.init)
      }
    }
    return nil
  }

  @Test(
    arguments: [
      nil, DeflateParameters(),
      DeflateParameters(serverNoContextTakeover: true, clientNoContextTakeover: true),
      DeflateParameters(serverWindowBits: 9, clientWindowBits: 10),
      DeflateParameters(clientWindowBits: 8),
    ] as [DeflateParameters?])
  func messagesArriveWhateverWasNegotiated(_ compression: DeflateParameters?) throws {
    let client = try End(.client, compression: compression)
    let server = try End(.server, compression: compression)
    let texts = (0..<20).map { #"42["message",{"id":\#($0),"text":"the same again and again"}]"# }
    for (from, to) in [(client, server), (server, client)] {
      for text in texts {
        from.link.send([.text(ByteBuffer(string: text)), .binary(ByteBuffer(string: text))])
      }
      from.link.send([.binary(ByteBuffer())])
      var frames = 0
      var compressed = 0
      while let frame = try from.written() {
        frames += 1
        if frame.rsv1 { compressed += 1 }
        try to.receive(frame)
      }
      #expect(
        to.got
          == texts.flatMap { [.text(ByteBuffer(string: $0)), .binary(ByteBuffer(string: $0))] } + [
            .binary(ByteBuffer())
          ])
      let isPlain = compression == nil || from === client && compression?.clientWindowBits == 8
      #expect(compressed == (isPlain ? 0 : frames - 1))
    }
  }

  @Test func aCompressedFrameThatWasNotNegotiatedIsAnError() throws {
    let end = try End(.server)
    try end.receive(Self.frame(.text, [0x4A, 0x04, 0], masked: true, isCompressed: true))
    #expect(try Self.closeCode(end) == 1002)
    #expect(end.got.isEmpty)
  }

  @Test func damagedAndOversizedCompressedMessagesAreErrors() throws {
    let damaged = try End(.client, compression: DeflateParameters())
    try damaged.receive(Self.frame(.text, [0xFF, 0xFF], isCompressed: true))
    #expect(try Self.closeCode(damaged) == 1002)
    var deflater = MessageDeflater(windowBits: 15, takeover: true)
    let bomb = try #require([UInt8](repeating: 0x61, count: 1 << 20).withUnsafeBytes { deflater.deflate($0) })
    let small = try End(.client, maximum: 2000, compression: DeflateParameters())
    try small.receive(Self.frame(.text, bomb, isCompressed: true))
    #expect(try Self.closeCode(small) == 1009)
    #expect(damaged.got.isEmpty && small.got.isEmpty)
  }

  @Test func fragmentsBecomeOneMessageAroundAPing() throws {
    let end = try End(.server)
    try end.receive(Self.frame(.text, Array("he".utf8), fin: false, masked: true))
    try end.receive(Self.frame(.ping, [7], masked: true))
    try end.receive(Self.frame(.continuation, Array("llo".utf8), masked: true))
    #expect(end.got == [.text(ByteBuffer(string: "hello"))])
    let pong = try #require(try end.written())
    #expect(pong.opcode == .pong && pong.unmaskedData == ByteBuffer(bytes: [7]))
  }

  @Test func whatBreaksTheRulesIsClosed() throws {
    let unmasked = try End(.server)
    try unmasked.receive(Self.frame(.text, [0x61]))
    #expect(try Self.closeCode(unmasked) == 1002)
    let masked = try End(.client)
    try masked.receive(Self.frame(.text, [0x61], masked: true))
    #expect(try Self.closeCode(masked) == 1002)
    let noText = try End(.client)
    try noText.receive(Self.frame(.text, [0xFF]))
    #expect(try Self.closeCode(noText) == 1007)
    let stray = try End(.client)
    try stray.receive(Self.frame(.continuation, [0x61]))
    #expect(try Self.closeCode(stray) == 1002)
    let long = try End(.client, maximum: 4)
    try long.receive(Self.frame(.binary, [1, 2, 3, 4, 5]))
    #expect(try Self.closeCode(long) == 1009)
  }

  @Test func aCloseFrameIsAnsweredAndTold() throws {
    let end = try End(.server)
    var closing: WebSocketClosing?
    end.link.closed = { closing = $0 }
    try end.receive(Self.frame(.connectionClose, [0x03, 0xE9] + Array("bye".utf8), masked: true))
    #expect(try Self.closeCode(end) == 1001)
    end.channel.embeddedEventLoop.run()
    #expect(closing?.hadFrame == true && closing?.isByOther == true)
    #expect(closing?.code == 1001 && closing?.reason == "bye")
  }
}
