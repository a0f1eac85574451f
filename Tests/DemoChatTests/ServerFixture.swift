import DemoChat
import JSONText
import NIOCore
import NIOPosix

/// A chat server of its own for one test, stopped behind it, whatever the test did.
func withChatServer(
  _ configuration: ChatServer.Configuration = ChatServer.Configuration(),
  _ body: (ChatServer, MultiThreadedEventLoopGroup) async throws -> Void
) async throws {
  let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
  let server = try await ChatServer.start(group: group, configuration: configuration)
  do {
    try await body(server, group)
  } catch {
    await server.stop()
    try await group.shutdownGracefully()
    throw error
  }
  await server.stop()
  try await group.shutdownGracefully()
}

/// A client of its own, closed behind the body, whatever it did.
func withClient<Result>(
  of server: ChatServer, _ group: MultiThreadedEventLoopGroup, _ transport: ChatClient.Transport = .webSocket,
  behaviour: ChatClient.Behaviour = ChatClient.Behaviour(), joining: Bool = true,
  _ body: (ChatClient) async throws -> Result
) async throws -> Result {
  let client = try await ChatClient.connect(
    host: "127.0.0.1", port: server.port, group: group, transport: transport, behaviour: behaviour)
  do {
    if joining { try await client.join() }
    let result = try await body(client)
    await client.close()
    return result
  } catch {
    await client.close()
    throw error
  }
}

/// The JSON object with these members.
func object(_ members: (String, JSONValue)...) -> JSONValue {
  .object(members.map { (name: $0.0, value: $0.1) })
}

/// An emit into a room.
func emit(_ event: String, in room: String, _ more: (String, JSONValue)..., wantsAck: Bool = true)
  -> ClientEmit
{
  ClientEmit(
    event, [.object([("roomId", .string(room))] + more.map { (name: $0.0, value: $0.1) })], wantsAck: wantsAck
  )
}
