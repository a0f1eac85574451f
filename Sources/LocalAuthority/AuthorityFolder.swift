#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The directory in which an authority is kept, under the user's data directory.
///
/// Certificate and key stand in one file, so that no moment exists at which they do not belong together. The certificate
/// alone stands beside it, for programs that are to be given its path.
package struct AuthorityFolder: Sendable {
  /// Its path.
  package let path: String

  /// The certificate and the private key.
  package var secretFile: String { path + "/authority.pem" }
  /// The certificate alone; nothing in it is secret.
  package var certificateFile: String { path + "/certificate.pem" }

  package init(path: String) {
    var path = path
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    self.path = path
  }

  /// `$XDG_DATA_HOME/ackscope/ca`, or the same below `~/.local/share` (XDG Base Directory Specification).
  package static func usual() throws(AuthorityFault) -> AuthorityFolder {
    // A path that is not absolute is to be ignored, says the specification.
    if let data = environment("XDG_DATA_HOME"), data.hasPrefix("/") {
      return AuthorityFolder(path: data + "/ackscope/ca")
    }
    guard let home = environment("HOME"), home.hasPrefix("/") else {
      throw AuthorityFault("no HOME is set to keep an authority under; name a directory with --ca-dir")
    }
    return AuthorityFolder(path: home + "/.local/share/ackscope/ca")
  }

  private static func environment(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }
  }

  /// The authority kept here, or nil where there is none. Refuses a key that others may read or change, and a directory in
  /// which they may put another certificate in the place of its own.
  package func authority() throws(AuthorityFault) -> LocalAuthority? {
    let descriptor = open(secretFile, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      if errno == ENOENT { return nil }
      throw fault("read", secretFile)
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw fault("read", secretFile) }
    guard status.st_uid == geteuid() else {
      throw AuthorityFault(
        "the authority's key '\(secretFile)' belongs to another user; choose another directory with --ca-dir")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw AuthorityFault(
        "others can get at the authority's key '\(secretFile)', which whoever has it can use against you; make a new one with 'ackscope ca renew', or chmod 600 it if you know that nobody has read it"
      )
    }
    try checkDirectory(for: 0o022)
    do throws(AuthorityFault) {
      return try LocalAuthority(pem: Self.content(of: descriptor) ?? [])
    } catch {
      throw AuthorityFault(
        "the authority '\(secretFile)' is damaged: \(error.explanation); make a new one with 'ackscope ca renew'"
      )
    }
  }

  /// - Parameter modes: what others may not do to the directory.
  private func checkDirectory(for modes: mode_t) throws(AuthorityFault) {
    var status = stat()
    guard stat(path, &status) == 0 else { throw fault("look at", path) }
    guard status.st_uid == geteuid() else {
      throw AuthorityFault(
        "'\(path)' belongs to another user, who could put another certificate there; choose another directory with --ca-dir"
      )
    }
    guard status.st_mode & modes == 0 else {
      throw AuthorityFault(
        "others can get at what is in '\(path)', where the authority is to be kept; choose a directory of its own with --ca-dir, or close this one to them with chmod 700"
      )
    }
  }

  private static func content(of descriptor: CInt) -> [UInt8]? {
    // Two PEM blocks are far smaller.
    var room = [UInt8](repeating: 0, count: 64 << 10)
    let count = read(descriptor, &room, room.count)
    return count >= 0 ? Array(room.prefix(count)) : nil
  }

  /// The authority kept here, made first where there is none.
  ///
  /// - Parameter now: seconds since 1970.
  package func madeIfNeeded(
    permitting constraints: NameConstraints = NameConstraints(), at now: Int
  ) throws(AuthorityFault) -> (authority: LocalAuthority, isNew: Bool) {
    if let kept = try authority() {
      return (try keepCertificateFile(kept), false)
    }
    // Somebody else's file of that name is not to be lost; ours comes behind the authority.
    if access(certificateFile, F_OK) == 0, try authority() == nil {
      throw AuthorityFault(
        "'\(certificateFile)' is there, and no authority that it belongs to; choose another directory with --ca-dir, or remove it"
      )
    }
    let isNew = try store(LocalAuthority.made(permitting: constraints, at: now), replacing: false)
    return (try keepCertificateFile(try stored()), isNew)
  }

  /// Makes an authority in place of the one kept here.
  package func renew(
    permitting constraints: NameConstraints, at now: Int
  ) throws(AuthorityFault) -> LocalAuthority {
    _ = try store(LocalAuthority.made(permitting: constraints, at: now), replacing: true)
    return try keepCertificateFile(try stored())
  }

  /// Removes the authority, key and all; false where there was none.
  package func remove() throws(AuthorityFault) -> Bool {
    var status = stat()
    // Without an authority, a certificate is somebody else's.
    guard lstat(secretFile, &status) == 0 else {
      if errno == ENOENT { return false }
      throw fault("remove", secretFile)
    }
    for file in [certificateFile, secretFile] where unlink(file) != 0 && errno != ENOENT {
      throw fault("remove", file)
    }
    // What else somebody put there stays, and the directory with it.
    rmdir(path)
    return true
  }

  // MARK: files

  /// Puts the file in place whole; two processes that do so at once end with one authority.
  ///
  /// - Returns: false where one was there already and was not to be replaced.
  private func store(_ content: [UInt8], replacing: Bool) throws(AuthorityFault) -> Bool {
    try makeDirectories()
    let draft = try write(content, mode: 0o600)
    defer { unlink(draft) }
    if replacing {
      guard rename(draft, secretFile) == 0 else { throw fault("write", secretFile) }
      return true
    }
    if link(draft, secretFile) == 0 { return true }
    guard errno == EEXIST else { throw fault("write", secretFile) }
    return false
  }

  /// The authority that has just been put here, by this process or by another.
  private func stored() throws(AuthorityFault) -> LocalAuthority {
    guard let authority = try authority() else { throw fault("read", secretFile) }
    return authority
  }

  /// Sees to it that the certificate's file is the authority's, and the authority's still when that is done: another process
  /// may renew it meanwhile, and would have written the file before.
  ///
  /// - Returns: the authority that the file belongs to.
  private func keepCertificateFile(_ authority: LocalAuthority) throws(AuthorityFault) -> LocalAuthority {
    var kept = authority
    // Each turn means one renewal more in the time of two writes.
    for _ in 0..<16 {
      try writeCertificateFile(kept)
      let now = try stored()
      if now.fingerprint == kept.fingerprint { break }
      kept = now
    }
    return kept
  }

  private func writeCertificateFile(_ authority: LocalAuthority) throws(AuthorityFault) {
    let wanted = try authority.certificate(as: .pem)
    let descriptor = open(certificateFile, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    if descriptor >= 0 {
      defer { close(descriptor) }
      if Self.content(of: descriptor) == wanted { return }
    }
    let draft = try write(wanted, mode: 0o644)
    guard rename(draft, certificateFile) == 0 else {
      unlink(draft)
      throw fault("write", certificateFile)
    }
  }

  /// A new file of a name that nobody could foresee; returns its path.
  private func write(_ content: [UInt8], mode: mode_t) throws(AuthorityFault) -> String {
    let draft = path + "/.\(UInt64.random(in: .min ... .max))"
    let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
    guard descriptor >= 0 else { throw fault("write", path) }
    defer { close(descriptor) }
    let wasWritten = content.withUnsafeBytes { bytes in
      #if canImport(Glibc)
        Glibc.write(descriptor, bytes.baseAddress, bytes.count)
      #else
        Darwin.write(descriptor, bytes.baseAddress, bytes.count)
      #endif
    }
    guard wasWritten == content.count, fsync(descriptor) == 0 else {
      unlink(draft)
      throw fault("write", path)
    }
    return draft
  }

  private func makeDirectories() throws(AuthorityFault) {
    var prefix = path.hasPrefix("/") ? "" : "."
    for part in path.split(separator: "/") {
      prefix += "/" + part
      guard mkdir(prefix, 0o700) == 0 || errno == EEXIST else { throw fault("make", prefix) }
    }
    // One that was there is somebody's, and stays as it is.
    try checkDirectory(for: 0o077)
  }

  private func fault(_ task: String, _ file: String) -> AuthorityFault {
    AuthorityFault(
      "cannot \(task) '\(file)': \(String(cString: strerror(errno))); choose another directory with --ca-dir")
  }
}
