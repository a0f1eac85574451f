import Foundation
import JSONText
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import ProxyServer

/// Connections up to their upgrade, taken in by splice loops and by event loops: the peers and the capture must not be
/// able to tell which it was. One at a time: the sockets block their thread.
@Suite(.serialized) struct FrontDoorTests {
  private static let target = "/socket.io/?EIO=4&transport=websocket"
  private static let request =
    "GET \(target) HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
  private static let answer =
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
  private static let headEnd = Array("\r\n\r\n".utf8)
  private static let engineOpen = LoopbackProxy.frame(
    #"0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#, masked: false)

  /// A proxy before a listener of the test's own.
  private struct Place {
    let proxy: InProcessProxy
    let listener: BlockingSocket

    init(_ splicesDirectly: Bool, limits: ProxyLimits = ProxyLimits()) async throws {
      listener = try BlockingSocket.listening()
      proxy = try await InProcessProxy.start(
        upstreamPort: listener.port, splicesDirectly: splicesDirectly, limits: limits)
    }

    /// A client whose request has been passed on, and the server that has read it.
    func requested() throws -> (client: BlockingSocket, server: BlockingSocket) {
      let client = try BlockingSocket.connected(to: proxy.port)
      try client.send(Array(FrontDoorTests.request.utf8))
      let server = try listener.accepted()
      _ = try server.receive(until: FrontDoorTests.headEnd)
      return (client, server)
    }

    /// Ends the run.
    ///
    /// - Returns: the types of the records, and the records.
    func finish() async throws -> (types: [String], records: [JSONValue]) {
      await proxy.stop()
      let records = try proxy.captureLines().map { try JSONValue(parsing: $0) }
      proxy.removeCapture()
      return (records.compactMap { $0["type"]?.string }, records)
    }
  }

  private final class Look: Sendable {
    let seen = Mutex<(arrived: [Int], server: BlockingSocket?)>(([], nil))
  }

  /// P2, for the request and for its answer.
  @Test(arguments: [true, false])
  func headsAreOnRecordBeforeTheyAreDelivered(splicesDirectly: Bool) async throws {
    let place = try await Place(splicesDirectly)
    let look = Look()
    let client = try BlockingSocket.connected(to: place.proxy.port)
    place.proxy.atRecords { records in
      guard records.contains(#""type":"open""#) else { return }
      // The connection to the server stands by now, and waits to be accepted.
      guard let server = try? place.listener.accepted() else { return }
      look.seen.withLock { $0 = ($0.arrived + [server.arrived], server) }
    }
    try client.send(Array(Self.request.utf8))
    while look.seen.withLock({ $0.server }) == nil { await Task.yield() }
    let server = try #require(look.seen.withLock { $0.server })
    _ = try server.receive(until: Self.headEnd)
    place.proxy.atRecords { records in
      look.seen.withLock { $0.arrived.append(client.arrived) }
    }
    try server.send(Array(Self.answer.utf8) + Self.engineOpen)
    _ = try client.receive(exactly: Self.answer.utf8.count + Self.engineOpen.count)
    place.proxy.atRecords(nil)
    #expect(look.seen.withLock { $0.arrived }.prefix(2) == [0, 0])
    client.close()
    server.close()
    #expect(try await place.finish().types.contains("open"))
  }

  /// P1: an answer goes to the client as it came, however it was cut.
  @Test func anAnswerInPiecesArrivesAsItWasSent() async throws {
    let place = try await Place(true)
    let (client, server) = try place.requested()
    let answer = Array(Self.answer.replacing("Switching Protocols", with: "As You Like").utf8)
    // One thing after the other: each byte has arrived before the next is sent.
    for byte in answer + Self.engineOpen {
      try server.send([byte])
      while server.unsent > 0 {}
    }
    #expect(try client.receive(exactly: answer.count + Self.engineOpen.count) == answer + Self.engineOpen)
    client.close()
    server.close()
    let (types, records) = try await place.finish()
    #expect(
      types.filter { $0 == "open" || $0 == "session" || $0 == "close" } == ["open", "session", "close"])
    let close = try #require(records.first { $0["type"]?.string == "close" })
    #expect(close["bytes"]?["server"]?.integer == answer.count + Self.engineOpen.count)
  }

  /// What an event loop takes over in the middle goes on as if it had had it from the beginning.
  @Test(arguments: [true, false])
  func aRefusedUpgradeLeavesTheConnectionToHTTP(splicesDirectly: Bool) async throws {
    let place = try await Place(splicesDirectly)
    let (client, server) = try place.requested()
    let body = #"{"code":1,"message":"Session ID unknown"}"#
    let refusal =
      "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
    try server.send(Array(refusal.utf8))
    #expect(try client.receive(exactly: refusal.utf8.count) == Array(refusal.utf8))
    try client.send(Array(Self.request.utf8))
    let again = String(decoding: try server.receive(until: Self.headEnd), as: UTF8.self)
    #expect(again.hasPrefix("GET \(Self.target) HTTP/1.1\r\n"))
    try server.send(Array(Self.answer.utf8) + Self.engineOpen)
    #expect(try client.receive(exactly: Self.answer.utf8.count + Self.engineOpen.count).suffix(1) == [0x7D])
    let frame = LoopbackProxy.frame("40", masked: true)
    try client.send(frame)
    #expect(try server.receive(exactly: frame.count) == frame)
    client.close()
    server.close()
    let (types, records) = try await place.finish()
    #expect(
      types == [
        "capture", "open", "handshake", "finding", "handshake", "session", "packet", "packet", "close", "end",
      ])
    #expect(records[2]["response"]?["status"]?.integer == 400)
    #expect(records[3]["finding"]?.string == "session_unknown")
  }

  /// Frames that a client sends before it is answered are for the time after that.
  @Test(arguments: [true, false], [true, false])
  func framesBeforeTheAnswerWaitForIt(inOneSegment: Bool, splicesDirectly: Bool) async throws {
    let place = try await Place(splicesDirectly)
    let client = try BlockingSocket.connected(to: place.proxy.port)
    let early = LoopbackProxy.frame("40", masked: true)
    try client.send(Array(Self.request.utf8) + (inOneSegment ? early : []))
    let server = try place.listener.accepted()
    _ = try server.receive(until: Self.headEnd)
    if !inOneSegment { try client.send(early) }
    #expect(server.arrived == 0)
    try server.send(Array(Self.answer.utf8) + Self.engineOpen)
    #expect(try server.receive(exactly: early.count) == early)
    _ = try client.receive(exactly: Self.answer.utf8.count + Self.engineOpen.count)
    client.close()
    server.close()
    let (_, records) = try await place.finish()
    #expect(records.contains { $0["type"]?.string == "packet" && $0["from"]?.string == "client" })
  }

  /// How a peer leaves before the answer is told to the other, and to the capture.
  @Test(arguments: [true, false], [(true, true), (true, false), (false, true), (false, false)])
  func anEndBeforeTheAnswerIsPassedOn(splicesDirectly: Bool, _ end: (ofClient: Bool, inOrder: Bool))
    async throws
  {
    let (ofClient, inOrder) = end
    let place = try await Place(splicesDirectly)
    let (client, server) = try place.requested()
    let (leaving, other) = ofClient ? (client, server) : (server, client)
    if inOrder { leaving.endSending() } else { leaving.reset() }
    BlockingSocket.awaitArrival(on: [other], milliseconds: 10_000)
    #expect(other.takeArrived() == (inOrder ? .finished : .reset))
    client.close()
    server.close()
    let (types, records) = try await place.finish()
    #expect(types.filter { $0 == "open" || $0 == "close" } == ["open", "close"])
    let close = try #require(records.first { $0["type"]?.string == "close" })
    #expect(close["by"]?.string == (ofClient ? "client" : "server"))
  }

  @Test(arguments: [true, false])
  func anUpstreamThatIsNotThereIsABadGateway(splicesDirectly: Bool) async throws {
    let place = try await Place(splicesDirectly)
    place.listener.close()
    let client = try BlockingSocket.connected(to: place.proxy.port)
    try client.send(Array(Self.request.utf8))
    #expect(String(decoding: client.receiveToEnd(), as: UTF8.self).hasPrefix("HTTP/1.1 502 "))
    let (types, records) = try await place.finish()
    #expect(types == ["capture", "handshake", "end"])
    #expect(records[1]["response"]?["status"]?.integer == 502)
  }

  /// A client that says nothing, or not enough, is given to an event loop, and may still speak.
  @Test(arguments: [0, 1, 30])
  func aSlowClientIsStillServed(_ begun: Int) async throws {
    var limits = ProxyLimits()
    limits.patience = .nanoseconds(1)
    let place = try await Place(true, limits: limits)
    let client = try BlockingSocket.connected(to: place.proxy.port)
    let request = Array(Self.request.utf8)
    try client.send(Array(request[..<begun]))
    // Another one comes and goes meanwhile.
    let (second, server) = try place.requested()
    try server.send(Array(Self.answer.utf8))
    _ = try second.receive(until: Self.headEnd)
    try client.send(Array(request[begun...]))
    let late = try place.listener.accepted()
    #expect(try late.receive(until: Self.headEnd).starts(with: "GET \(Self.target)".utf8))
    for each in [client, second, server, late] { each.close() }
    #expect(try await place.finish().types.filter { $0 == "close" }.count == 2)
  }

  /// An address of this machine that is not loopback's, as a number: who comes from there is a stranger.
  private static let outside: in_addr_t? = (try? System.enumerateDevices())?.lazy.compactMap(\.address)
    .compactMap { device in
      guard case .v4(let address) = device, !AddressRange.isLoopback(device) else { return nil }
      return in_addr_t(bigEndian: address.address.sin_addr.s_addr)
    }.first

  /// P8, also where no event loop is asked.
  @Test(.enabled(if: outside != nil, "this machine has no address but loopback"), arguments: [true, false])
  func strangersAreTurnedAway(splicesDirectly: Bool) async throws {
    let listener = try BlockingSocket.listening()
    var access = AccessRule()
    access.allowed = [try #require(AddressRange("255.255.255.255/32"))]
    let proxy = try await InProcessProxy.start(
      upstreamPort: listener.port, splicesDirectly: splicesDirectly, host: "0.0.0.0", access: access)
    let stranger = try BlockingSocket.connected(to: proxy.port, at: try #require(Self.outside))
    _ = try? stranger.send(Array(Self.request.utf8))
    #expect(stranger.receiveToEnd().isEmpty)
    #expect(try !proxy.captureLines().contains { $0.contains(#""type":"open""#) })
    let client = try BlockingSocket.connected(to: proxy.port)
    try client.send(Array(Self.request.utf8))
    // The first to come to the server is the one that may.
    let server = try listener.accepted()
    _ = try server.receive(until: Self.headEnd)
    try server.send(Array(Self.answer.utf8))
    _ = try client.receive(until: Self.headEnd)
    for each in [client, server, stranger] { each.close() }
    await proxy.stop()
    proxy.removeCapture()
  }

  /// A proxy that stops does not wait for peers that never get to an upgrade.
  @Test(arguments: [true, false])
  func aStopEndsConnectionsThatAreNotUpgraded(splicesDirectly: Bool) async throws {
    let place = try await Place(splicesDirectly)
    let silent = try BlockingSocket.connected(to: place.proxy.port)
    let (client, server) = try place.requested()
    let closer = Thread {
      _ = client.receiveToEnd()
      _ = server.receiveToEnd()
      client.close()
      server.close()
    }
    closer.start()
    let (types, records) = try await place.finish()
    #expect(types.filter { $0 == "open" || $0 == "close" } == ["open", "close"] && types.last == "end")
    #expect(records.first { $0["type"]?.string == "close" }?["by"]?.string == "proxy")
    #expect(silent.receiveToEnd().isEmpty)
  }
}
