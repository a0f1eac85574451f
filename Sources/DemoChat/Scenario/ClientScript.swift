import JSONText

/// What one client of the scenario does, and when: made from the seed before anything runs.
struct ClientScript: Sendable {
  var name: String
  var behaviour = ChatClient.Behaviour()
  /// In the order of their times.
  var steps: [ScriptStep] = []

  mutating func at(_ time: Double, _ action: ScriptStep.Action) {
    steps.append(ScriptStep(time: time, action: action))
  }

  /// Puts the steps in the order of their times; steps of one time stay in the order they were added.
  mutating func sort() {
    steps = steps.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }.map(
      \.element)
  }
}

/// One thing a client does.
struct ScriptStep: Sendable {
  enum Action: Sendable {
    /// Connects, with a new session; what is left of an older one is closed first.
    case connect(ChatClient.Transport)
    /// A handshake in a protocol revision that the server does not speak.
    case connectInVain(revision: Int)
    case join(namespace: String, auth: JSONValue?)
    /// Sends emits back to back. `answered` tells that the server acknowledges all of them, so that the client waits
    /// for that before it leaves.
    case emit([ClientEmit], answered: Bool)
    /// Waits for the acks that are due, then sends emits that cost the client its session, or their own answer.
    case emitUnwisely([ClientEmit])
    /// Waits for the acks that are due.
    case settle
    /// Sends an emit and DISCONNECT in one burst.
    case emitAndDisconnect(ClientEmit)
    /// A Socket.IO packet that no parser accepts.
    case sendText(String)
    case sendReservedFrame
    case abandonUpgrade
    /// Answers no ping any more.
    case freeze
    /// Closes the session in order, acks pending or not.
    case leave
    /// Closes the TCP connections without a close frame.
    case vanish
  }

  /// When, from 0 (the start) to 1 (the end of the scenario).
  var time: Double
  var action: Action
}
