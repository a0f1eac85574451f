import Foundation

/// A headless Chromium with a home and a profile of its own, which go with the value.
struct Browser: Sendable {
  /// The line that installs what is needed.
  static let install = "sudo apt-get install -y chromium libnss3-tools"

  private let program: String
  private let home: TemporaryFolder

  /// - Parameter authority: the path of a certificate that the profile trusts to vouch for hosts.
  init(trusting authority: String?) throws {
    program = try PeerEnvironment.locate("chromium", install: Self.install)
    home = try TemporaryFolder()
    let certutil = try PeerEnvironment.locate("certutil", install: Self.install)
    let database = home.file(".pki/nssdb")
    try FileManager.default.createDirectory(at: database, withIntermediateDirectories: true)
    try Self.run(certutil, ["-d", "sql:\(database.path)", "-N", "--empty-password"])
    guard let authority else { return }
    try Self.run(
      certutil, ["-d", "sql:\(database.path)", "-A", "-t", "C,,", "-n", "Ackscope", "-i", authority])
  }

  /// Opens a page; the browser ends with the child.
  func open(_ url: String, _ arguments: [String] = []) throws -> ChildProcess {
    let settings = [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
      // Nothing of its own, so that what the proxy sees is the page's.
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--disable-default-apps", "--disable-extensions",
      "--user-data-dir=\(home.file("profile").path)",
    ]
    return try ChildProcess(
      program, settings + arguments + [url],
      environment: [
        "HOME": home.url.path, "XDG_CONFIG_HOME": home.file("config").path,
        "XDG_CACHE_HOME": home.file("cache").path, "XDG_DATA_HOME": home.file("data").path, "DISPLAY": "",
      ])
  }

  private static func run(_ program: String, _ arguments: [String]) throws {
    let run = try PeerEnvironment.run(program, arguments)
    guard run.status == 0 else { throw PeerFailure("\(program) \(arguments): \(run.output)") }
  }
}
