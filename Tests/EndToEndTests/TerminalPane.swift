import Foundation
import Synchronization

/// A program in a real terminal, which tmux plays: what stands on its screen, and keys for it.
///
/// The terminal is a server of its own that ends with the value, and everything in it. It is spoken to in tmux's control mode:
/// a command a line, an answer between `%begin` and `%end`. For one task at a time.
final class TerminalPane: Sendable {
  private let server: ChildProcess
  private let client = Mutex<ChildProcess?>(nil)
  private let talk: [String]
  private let settings: [String: String]
  /// Where the socket and the program's files are.
  let folder: TemporaryFolder

  /// The line that installs what is needed.
  static let install = "sudo apt-get install -y tmux"

  /// Runs a program in a terminal of this size; the program's status is on the screen once it has ended.
  static func run(_ program: String, _ arguments: [String], columns: Int, rows: Int) async throws
    -> TerminalPane
  {
    let pane = try TerminalPane()
    // The shell stays, whatever the keys, so that what the program leaves behind can be seen.
    let script =
      #"trap : INT; stty -g > before; "$@"; echo "ended with $?"; stty -g > after; echo "looked at"; read line"#
    try await pane.begin(["sh", "-c", script, "sh", program] + arguments, columns: columns, rows: rows)
    return pane
  }

  /// An interactive shell.
  static func shell(columns: Int, rows: Int) async throws -> TerminalPane {
    let pane = try TerminalPane()
    try await pane.begin(["env", "PS1=ready> ", "sh", "-i"], columns: columns, rows: rows)
    return pane
  }

  private init() throws {
    let tmux = try PeerEnvironment.locate("tmux", install: Self.install)
    folder = try TemporaryFolder()
    let socket = folder.file("tmux").path
    let settings = ["LC_ALL": "C.UTF-8", "NO_COLOR": "", "TMUX": "", "TERM": "xterm-256color"]
    // In the foreground: a server that made itself a daemon would outlive this process.
    server = try ChildProcess(
      tmux, ["-S", socket, "-f", "/dev/null", "-u", "-D"], directory: folder.url, environment: settings)
    // The server listens a moment after it was started; the one that talks to it gives up before that.
    let talk =
      #"until tmux -N -S "$0" show-options -g >/dev/null 2>&1; do sleep 0.05; done; exec tmux -N -S "$0" -u -C "$@""#
    self.talk = ["-c", talk, socket]
    self.settings = settings
  }

  private func begin(_ command: [String], columns: Int, rows: Int) async throws {
    let size = ["-x", "\(columns)", "-y", "\(rows)"]
    let client = try ChildProcess(
      "/bin/sh", talk + ["new-session", "-c", folder.url.path] + size + command, directory: folder.url,
      environment: settings)
    self.client.withLock { $0 = client }
    _ = try await answer()
    try await resize(columns: columns, rows: rows)
  }

  /// What stands on the screen, a row each.
  func rows() async throws -> [String] { try await ask("capture-pane -p") }

  /// Looks at the screen until `find` finds something there; throws, with the last screen, when it does not come.
  func wait<Found>(for what: String, _ find: ([String]) throws -> Found?) async throws -> Found {
    var last: [String] = []
    return try await Self.poll("never on the screen: \(what)", note: { last.joined(separator: "\n") }) {
      last = try await self.rows()
      return try find(last)
    }
  }

  /// Waits until a text stands on the screen.
  func wait(for text: String) async throws {
    try await wait(for: text) { rows in rows.contains { $0.contains(text) } ? () : nil }
  }

  /// Waits until no row has a text.
  func waitUntilGone(_ text: String) async throws {
    try await wait(for: "a screen without \(text)") { rows in
      rows.contains { $0.contains(text) } ? nil : ()
    }
  }

  /// Presses keys, by the names that tmux has for them.
  func press(_ keys: String...) async throws {
    _ = try await ask("send-keys " + keys.joined(separator: " "))
  }

  /// Types text.
  func type(_ text: String) async throws { try await send(Array(text.utf8)) }

  /// How a terminal tells of its mouse.
  enum MouseProtocol: CaseIterable {
    /// Numbers in decimal, as xterm does once it was asked for it (mode 1006).
    case sgr
    /// One byte for each number, as older terminals do (mode 1000).
    case bytes

    /// The terminal whose description makes ncurses ask for this.
    var terminal: String { self == .sgr ? "xterm-256color" : "screen" }
  }

  /// Presses and lets go of the first mouse button on a cell, both counted from 0.
  func click(row: Int, column: Int, by mouse: MouseProtocol) async throws {
    switch mouse {
    case .sgr: try await type("\u{1B}[<0;\(column + 1);\(row + 1)M\u{1B}[<0;\(column + 1);\(row + 1)m")
    case .bytes: try await send([0, 3].flatMap { Self.bytes($0, row, column) })
    }
  }

  /// Turns the mouse's wheel down by a notch over a cell.
  func turnWheelDown(row: Int, column: Int, by mouse: MouseProtocol) async throws {
    switch mouse {
    case .sgr: try await type("\u{1B}[<65;\(column + 1);\(row + 1)M")
    case .bytes: try await send(Self.bytes(65, row, column))
    }
  }

  private static func bytes(_ button: Int, _ row: Int, _ column: Int) -> [UInt8] {
    Array("\u{1B}[M".utf8) + [button + 32, column + 33, row + 33].map { UInt8($0) }
  }

  /// Sends what a terminal would send.
  private func send(_ bytes: [UInt8]) async throws {
    _ = try await ask("send-keys -H " + bytes.map { String($0, radix: 16) }.joined(separator: " "))
  }

  /// What stands on the screen, with the control sequences that colour it.
  func colored() async throws -> String { try await ask("capture-pane -p -e").joined(separator: "\n") }

  /// Whether the program has the mouse, a screen of its own, and a cursor, as ones and zeros.
  func modes() async throws -> String {
    try await ask("display-message -p \"#{mouse_any_flag} #{alternate_on} #{cursor_flag}\"").joined()
  }

  /// Makes the terminal another size.
  func resize(columns: Int, rows: Int) async throws {
    _ = try await ask("refresh-client -C \(columns)x\(rows)")
  }

  /// A file that the program has written beside the socket.
  func text(of name: String) throws -> String { try String(contentsOf: folder.file(name), encoding: .utf8) }

  private func ask(_ command: String) async throws -> [String] {
    try client.withLock { try $0?.send(command) }
    return try await answer()
  }

  /// The next answer of tmux; what it reports between answers is dropped.
  private func answer() async throws -> [String] {
    var lines: [String]?
    while let line = await client.withLock({ $0 })?.output.next() {
      if line.hasPrefix("%begin ") {
        lines = []
      } else if let answer = lines {
        if line.hasPrefix("%end ") { return answer }
        if line.hasPrefix("%error ") { throw PeerFailure("tmux: \(answer.joined(separator: "; "))") }
        lines?.append(line)
      }
    }
    throw PeerFailure("tmux has ended: \(client.withLock { $0 }?.lastErrors ?? "") \(server.lastErrors)")
  }

  /// Tries again and again, for a minute at most: only a terminal that nobody can wait for is asked like that.
  private static func poll<Found>(
    _ complaint: String, note: () -> String = { "" }, _ attempt: () async throws -> Found?
  ) async throws -> Found {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
      if let found = try await attempt() { return found }
      try await Task.sleep(for: .milliseconds(20))
    }
    throw PeerFailure("\(complaint)\n\(note())")
  }
}
