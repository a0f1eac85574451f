/// One Engine.IO session of the load, over whatever transport.
protocol LoadSession: AnyObject {
  /// Whether it has joined its namespace and may emit.
  var isReady: Bool { get }
  /// When its pending emits were meant to be sent; empty unless latencies are measured.
  var pendingTimes: PendingTimes { get set }

  /// Connects.
  func begin() throws(LoadFault)
  /// One of its sockets has something, which is read into `room`, or has ended.
  func becameReadable(_ descriptor: Int32, _ room: UnsafeMutableRawBufferPointer) throws(LoadFault)
  /// One of its sockets takes bytes again.
  func becameWritable(_ descriptor: Int32) throws(LoadFault)
  /// Sends so many more emits, as soon as there is room for them.
  func emit(_ count: Int) throws(LoadFault)
  /// Closes its sockets; the session is over.
  func end()
}
