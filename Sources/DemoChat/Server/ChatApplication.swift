import JSONText
import NIOCore

/// The chat itself, with the faults a chat server has: each event below says what it does wrong, if anything.
///
/// | event | what happens |
/// |---|---|
/// | `enter_chat_room` | ack; then the server asks `are_you_there` and waits for an ack |
/// | `send_message` | ack, `receive_message` to the others; outside its room: `exception` and no ack (PROTOCOL.md D.2) |
/// | `mark_read` | the handler forgets to acknowledge |
/// | `search_history`, `export_history` | the ack comes after the ack timeout |
/// | `upload_avatar` | a binary ack, `avatar_changed` with the attachment to the others |
/// | `delete_message` | acknowledged for the author's own messages only |
/// | `typing` | passed on; nobody asks for an ack |
/// | `who_is_online` | the handler returns an object with an `event` member: an event instead of an ack (PROTOCOL.md D.1) |
/// | `set_status` | the first two attempts are lost on the way to a worker: no ack |
/// | `load_profile` | the handler is registered only when the client's first room was entered |
/// | `leave_note` | ack; sent in one burst with DISCONNECT it is never handled |
/// | `server_restart` | the session is forgotten |
/// | `list_users` (on `/admin`) | ack |
final class ChatApplication: SocketApplication {
  private let counts: EventCounts
  private let slowness: TimeAmount
  private var rooms = ChatRooms()
  private var online = 0
  /// Attempts of `set_status` by socket and payload, as long as the socket is there.
  private var attempts: [String: [String: Int]] = [:]

  /// Attempts of `set_status` that go unanswered.
  static let lostAttempts = 2

  init(configuration: ChatServer.Configuration, counts: EventCounts) {
    self.counts = counts
    slowness = .nanoseconds(configuration.ackTimeout.nanoseconds / 2 * 3)
  }

  func admission(to namespace: String, auth: JSONValue?) -> Admission {
    switch namespace {
    case "/": .admitted
    case "/admin" where auth?["token"]?.string?.isEmpty == false: .admitted
    case "/admin": .refused(message: "missing token", data: .object([("code", .string("no_token"))]))
    default: .refused(message: "Invalid namespace", data: nil)
    }
  }

  func socketJoined(_ socket: ServerSocket) { online += 1 }

  func socketLeft(_ socket: ServerSocket) {
    online -= 1
    rooms.left(socket)
    attempts[socket.sid] = nil
  }

  func eventArrived(_ event: SocketEvent, on socket: ServerSocket) {
    let body = event.arguments.first
    let room = body?["roomId"]?.string ?? ""
    switch event.name {
    case "enter_chat_room": enter(room, event, socket)
    case "send_message": sendMessage(room, event, socket)
    case "typing": broadcast("user_typing", [.object([("roomId", .string(room))])], room, socket)
    case "search_history", "export_history":
      socket.after(slowness) {
        socket.acknowledge(event, [.object([("ok", .boolean(true)), ("hits", .integer(3))])])
      }
    case "upload_avatar": uploadAvatar(room, event, socket)
    case "delete_message":
      if let number = body?["id"]?.integer, rooms.hasMessage(number, by: socket) {
        acknowledge(event, socket)
      }
    case "who_is_online":
      // No ack: the framework takes the returned object for an event to send.
      socket.emit("online_list", [.object([("count", .integer(online))])])
    case "set_status": setStatus(event, socket)
    case "load_profile":
      if rooms.isAnywhere(socket) { acknowledge(event, socket) }
    case "leave_note", "list_users": acknowledge(event, socket)
    case "server_restart": socket.forgetSession()
    // `mark_read` has a handler that returns nothing, other names have none: on the wire it is the same.
    default: break
    }
  }

  private func acknowledge(_ event: SocketEvent, _ socket: ServerSocket) {
    socket.acknowledge(event, [.object([("ok", .boolean(true))])])
  }

  private func enter(_ room: String, _ event: SocketEvent, _ socket: ServerSocket) {
    guard let members = rooms.entered(room, socket) else { return }
    socket.acknowledge(
      event, [.object([("ok", .boolean(true)), ("roomId", .string(room)), ("members", .integer(members))])])
    socket.emit("are_you_there", [.object([("roomId", .string(room))])]) { [counts] _ in
      counts.withEvent("are_you_there") { $0.acksReceived += 1 }
    }
  }

  private func sendMessage(_ room: String, _ event: SocketEvent, _ socket: ServerSocket) {
    guard rooms.isMember(socket, of: room) else {
      let cause: JSONValue = .object([
        ("pattern", .string(event.name)), ("data", event.arguments.first ?? .null),
      ])
      socket.emit(
        "exception",
        [
          .object([
            ("status", .string("error")), ("message", .string("enter the room first")), ("cause", cause),
          ])
        ])
      return
    }
    let number = rooms.wrote(socket)
    socket.acknowledge(event, [.object([("ok", .boolean(true)), ("id", .integer(number))])])
    let message = event.arguments.first?["message"] ?? .null
    broadcast(
      "receive_message",
      [.object([("roomId", .string(room)), ("id", .integer(number)), ("message", message)])], room, socket)
  }

  private func uploadAvatar(_ room: String, _ event: SocketEvent, _ socket: ServerSocket) {
    let picture = event.attachments.first ?? []
    // The thumbnail is the picture's first bytes: enough to travel as an attachment.
    socket.acknowledge(
      event, [.object([("ok", .boolean(true)), ("thumbnail", .attachment(0))])],
      attachments: [Array(picture.prefix(32))])
    broadcast(
      "avatar_changed", [.object([("roomId", .string(room)), ("picture", .attachment(0))])], room, socket,
      attachments: [picture])
  }

  private func setStatus(_ event: SocketEvent, _ socket: ServerSocket) {
    let payload = event.arguments.first?.text ?? ""
    var seen = attempts[socket.sid, default: [:]]
    // More different statuses than that are not kept apart.
    if seen.count > 64 { seen.removeAll() }
    seen[payload, default: 0] += 1
    attempts[socket.sid] = seen
    if seen[payload, default: 0] > Self.lostAttempts { acknowledge(event, socket) }
  }

  private func broadcast(
    _ event: String, _ arguments: [JSONValue], _ room: String, _ sender: ServerSocket,
    attachments: [[UInt8]] = []
  ) {
    for member in rooms.others(in: room, than: sender) {
      member.emit(event, arguments, attachments: attachments)
    }
  }
}
