/// Who is in which room, and who wrote what. No I/O; confined to the server's event loop.
struct ChatRooms {
  /// Most rooms kept; entering another one is refused.
  static let maximumRooms = 256

  private var rooms: [String: [String: ServerSocket]] = [:]
  /// How many messages each member wrote, by the member's name.
  private var written: [String: Int] = [:]

  /// A socket enters a room; returns how many members it has now, or nil where there are too many rooms.
  mutating func entered(_ room: String, _ socket: ServerSocket) -> Int? {
    guard rooms[room] != nil || rooms.count < Self.maximumRooms else { return nil }
    rooms[room, default: [:]][socket.sid] = socket
    return rooms[room]?.count
  }

  func isMember(_ socket: ServerSocket, of room: String) -> Bool { rooms[room]?[socket.sid] != nil }

  /// Whether the socket has entered any room.
  func isAnywhere(_ socket: ServerSocket) -> Bool { rooms.values.contains { $0[socket.sid] != nil } }

  /// Everyone in the room but one, in the order of their ids.
  func others(in room: String, than socket: ServerSocket) -> [ServerSocket] {
    (rooms[room] ?? [:]).values.filter { $0 !== socket }.sorted { $0.sid < $1.sid }
  }

  /// The number of the author's next message: each author counts from 1, so that numbers do not depend on how
  /// authors' messages interleave.
  mutating func wrote(_ socket: ServerSocket) -> Int {
    written[socket.sid, default: 0] += 1
    return written[socket.sid] ?? 0
  }

  /// Whether the author wrote a message of that number.
  func hasMessage(_ number: Int, by socket: ServerSocket) -> Bool {
    number >= 1 && number <= written[socket.sid, default: 0]
  }

  mutating func left(_ socket: ServerSocket) {
    for room in rooms.keys {
      rooms[room]?[socket.sid] = nil
      if rooms[room]?.isEmpty == true { rooms[room] = nil }
    }
    written[socket.sid] = nil
  }
}
