import ArgumentParser
import CaptureFormat
import LocalAuthority

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension LocalAuthority.Export: ExpressibleByArgument {}
extension TrustSteps.Place: ExpressibleByArgument {}

/// `ackscope ca`: the local certificate authority for TLS interception.
struct AuthorityCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ca", abstract: "The local certificate authority that clients are to trust.",
    discussion: """
      It is made on first need and never leaves this machine: only its certificate is exported. Whoever has its key \
      can pretend to be any host to those who trust it.
      """,
    subcommands: [Show.self, Export.self, Trust.self, Renew.self, Remove.self])

  /// What the authority is, and until when.
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Say which authority there is.")
    @OptionGroup var place: AuthorityOptions

    func run() throws {
      let folder = try place.folder()
      guard
        let authority = try AuthorityOptions.explained({ () throws(AuthorityFault) in try folder.authority() }
        )
      else {
        throw Failure(
          explanation:
            "there is no authority in '\(folder.path)'; it is made when it is first needed, or now with 'ackscope ca renew'",
          status: ExitStatus.checkFailed)
      }
      AuthorityCommand.describe(authority, folder)
    }
  }

  /// Writes the certificate.
  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the authority's certificate (never its key).")
    @OptionGroup var place: AuthorityOptions

    @Option(help: "pem, der, or p12.")
    var format = LocalAuthority.Export.pem

    @Option(help: "The password of a p12 file, which some devices ask for.")
    var password = ""

    @Option(name: .shortAndLong, help: "Where it goes; '-' for standard output.")
    var output = "-"

    func validate() throws {
      if !password.isEmpty && format != .p12 { throw ValidationError("--password is for --format p12") }
    }

    func run() throws {
      let authority = try place.authority()
      let bytes = try AuthorityOptions.explained { () throws(AuthorityFault) in
        try authority.certificate(as: format, password: password)
      }
      guard output != "-" else {
        if format != .pem, isatty(STDOUT_FILENO) == 1 {
          throw Failure(
            explanation: "\(format.rawValue) is no text for a terminal; give a file with --output")
        }
        return bytes.withUnsafeBytes { StandardOutput.write($0) }
      }
      let descriptor = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else {
        throw Failure(explanation: "cannot write '\(output)': \(String(cString: strerror(errno)))")
      }
      var error = bytes.withUnsafeBytes { StandardOutput.write($0, to: descriptor) }
      if close(descriptor) != 0, error == 0 { error = errno }
      guard error == 0 else {
        throw Failure(explanation: "cannot write '\(output)': \(String(cString: strerror(error)))")
      }
    }
  }

  /// Prints the steps.
  struct Trust: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print how to make programs and devices trust the authority.")
    @OptionGroup var place: AuthorityOptions

    @Argument(help: "Only for these: \(TrustSteps.Place.allCases.map(\.rawValue).joined(separator: ", ")).")
    var places: [TrustSteps.Place] = []

    func run() throws {
      let authority = try place.authority()
      let folder = try place.folder()
      let steps = TrustSteps(
        certificateFile: folder.absoluteCertificateFile, fingerprint: authority.fingerprint,
        directory: place.caDir == nil ? nil : folder.absolute(folder.path))
      AuthorityCommand.describe(authority, folder)
      for each in places.isEmpty ? TrustSteps.Place.allCases : places {
        AuthorityCommand.line("\n\(each.title)")
        for line in steps.lines(for: each) { AuthorityCommand.line("  " + line) }
      }
    }
  }

  /// Makes a new authority.
  struct Renew: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a new authority, with a new key, in place of the one there is.")
    @OptionGroup var place: AuthorityOptions

    @Option(
      parsing: .upToNextOption,
      help:
        "The only hosts (with all names below them), addresses and ranges it may vouch for, like example.test 10.0.0.0/8."
    )
    var permit: [String] = []

    fileprivate static let running =
      "a proxy that runs goes on with the one that it began with: start it anew"

    func run() throws {
      let folder = try place.folder()
      // What cannot be read any more is replaced all the same.
      let former = (try? folder.authority()) ?? nil
      let authority = try AuthorityOptions.explained { () throws(AuthorityFault) in
        try folder.renew(permitting: try NameConstraints(permit), at: time(nil))
      }
      AuthorityCommand.describe(authority, folder)
      AuthorityCommand.line("trust it anew where it is needed: ackscope ca trust")
      AuthorityCommand.line(Self.running)
      if let former { AuthorityCommand.line("end the trust in the former one, \(former.fingerprint)") }
    }
  }

  /// Removes the authority.
  struct Remove: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Remove the authority, key and all.")
    @OptionGroup var place: AuthorityOptions

    func run() throws {
      let folder = try place.folder()
      let former = (try? folder.authority()) ?? nil
      let wasThere = try AuthorityOptions.explained { () throws(AuthorityFault) in try folder.remove() }
      guard wasThere else { return AuthorityCommand.line("there is no authority in '\(folder.path)'") }
      AuthorityCommand.line("removed the authority in '\(folder.path)'")
      AuthorityCommand.line(Renew.running)
      guard let former else { return }
      AuthorityCommand.line("\(former.subject), \(former.fingerprint)")
      AuthorityCommand.line("it is still trusted where it was made trusted; to end that:")
      let steps = TrustSteps(
        certificateFile: folder.absoluteCertificateFile, fingerprint: former.fingerprint)
      for place in TrustSteps.Place.allCases {
        let lines = steps.lines(for: place)
        guard let start = lines.firstIndex(where: { $0.hasPrefix("end it:") }) else { continue }
        AuthorityCommand.line("\n\(place.title)")
        for line in lines[start...] { AuthorityCommand.line("  " + line) }
      }
    }
  }

  fileprivate static func describe(_ authority: LocalAuthority, _ folder: AuthorityFolder) {
    line("authority    \(authority.subject)")
    line("fingerprint  \(authority.fingerprint) (SHA-256)")
    line("valid until  \(day(authority.notAfter))\(authority.notAfter <= time(nil) ? " (expired)" : "")")
    if let constraints = authority.constraints {
      let list = constraints.split(separator: "\n").map { $0.drop { $0 == " " } }.joined(separator: " ")
      line("vouches for  \(list)")
    } else {
      line("vouches for  any host ('ackscope ca renew --permit HOST…' makes one that does not)")
    }
    line("certificate  \(folder.absoluteCertificateFile)")
    line("key          \(folder.absolute(folder.secretFile)) (secret)")
  }

  /// `YYYY-MM-DD`, UTC.
  private static func day(_ seconds: Int) -> String {
    var moment = time_t(seconds)
    var parts = tm()
    gmtime_r(&moment, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
  }

  fileprivate static func line(_ text: String) {
    var text = text + "\n"
    text.withUTF8 { StandardOutput.write(UnsafeRawBufferPointer($0)) }
  }
}

extension AuthorityFolder {
  /// Paths from anywhere, for commands that are run elsewhere.
  fileprivate var absoluteCertificateFile: String { absolute(certificateFile) }

  fileprivate func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let here = getcwd(nil, 0) else { return path }
    defer { free(here) }
    return String(cString: here) + "/" + path
  }
}
