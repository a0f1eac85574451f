import Foundation
import JSONText
import Testing

/// What the capture tells of connections that end because the proxy stops.
@Suite(.serialized) struct StopTests {
  /// The peers' own ends are only answers then, whichever comes first.
  @Test(arguments: [true, false], [true, false])
  func anEndByTheProxyIsNotThePeers(_ serverIsFirst: Bool, splicesDirectly: Bool) async throws {
    let proxy = try await LoopbackProxy.upgraded(splicesDirectly: splicesDirectly)
    for (text, fromClient) in [("40", true), (#"40{"sid":"n"}"#, false), (#"421["say"]"#, true)] {
      let frame = LoopbackProxy.frame(text, masked: fromClient)
      try (fromClient ? proxy.client : proxy.server).send(frame)
      _ = try (fromClient ? proxy.server : proxy.client).receive(exactly: frame.count)
    }
    let (first, second) = serverIsFirst ? (proxy.server, proxy.client) : (proxy.client, proxy.server)
    // A thread of its own: it waits for what the proxy does when it stops.
    Thread {
      // Status 1001; the server gets it masked.
      _ = try? proxy.client.receive(exactly: 4)
      _ = try? proxy.server.receive(exactly: 8)
      try? first.send(serverIsFirst ? [0x88, 0x02, 0x03, 0xE9] : [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE9])
      first.close()
      second.close()
    }.start()
    await proxy.proxy.stop()
    let records = try proxy.proxy.captureLines().map { try JSONValue(parsing: $0) }
    let verdict = try #require(records.last { $0["type"]?.string == "verdict" })
    #expect(verdict["cause"]?.string == "disconnected_before_ack")
    #expect(verdict["ended_by"]?.string == "proxy")
    #expect(records.last { $0["type"]?.string == "close" }?["by"]?.string == "proxy")
    proxy.proxy.removeCapture()
  }

  @Test(arguments: [true, false])
  func whoeverAsksAgainWaitsForTheSameStop(_ splicesDirectly: Bool) async throws {
    let proxy = try await LoopbackProxy.upgraded(splicesDirectly: splicesDirectly)
    // Peers that hear it and hang up.
    Thread {
      _ = try? proxy.client.receive(exactly: 4)
      _ = try? proxy.server.receive(exactly: 8)
      proxy.client.close()
      proxy.server.close()
    }.start()
    async let first: Void = proxy.proxy.stop()
    async let second: Void = proxy.proxy.stop()
    _ = await (first, second)
    await proxy.proxy.stop()
    let types = try proxy.proxy.captureLines().compactMap { try JSONValue(parsing: $0)["type"]?.string }
    #expect(types.filter { $0 == "end" }.count == 1 && types.last == "end")
    proxy.proxy.removeCapture()
  }
}
