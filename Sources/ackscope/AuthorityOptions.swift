import ArgumentParser
import LocalAuthority

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Where the local authority is kept.
struct AuthorityOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The directory of the local authority. (default: ackscope/ca under $XDG_DATA_HOME or ~/.local/share)",
      valueName: "dir"))
  var caDir: String?

  func folder() throws -> AuthorityFolder {
    if let caDir {
      guard !caDir.isEmpty else { throw Failure(explanation: "--ca-dir is empty; name a directory") }
      return AuthorityFolder(path: caDir)
    }
    return try Self.explained { () throws(AuthorityFault) in try AuthorityFolder.usual() }
  }

  /// The authority, made now where there is none yet; that is said.
  func authority() throws -> LocalAuthority {
    let folder = try folder()
    let (authority, isNew) = try Self.explained { () throws(AuthorityFault) in
      try folder.madeIfNeeded(at: time(nil))
    }
    if isNew {
      StandardError.note(
        "made a certificate authority in '\(folder.path)'; 'ackscope ca trust' says how clients come to trust it"
      )
    }
    return authority
  }

  /// What an authority cannot do ends the command with one line.
  static func explained<Value>(_ body: () throws(AuthorityFault) -> Value) throws -> Value {
    do throws(AuthorityFault) {
      return try body()
    } catch {
      throw Failure(explanation: error.explanation)
    }
  }
}
