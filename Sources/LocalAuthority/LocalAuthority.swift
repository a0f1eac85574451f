import COpenSSL
import Synchronization

/// A certificate authority of this user's own: it vouches, to whoever was told to trust it, for the hosts between which
/// the proxy stands.
package final class LocalAuthority: Sendable {
  /// A certificate made for some names, with all that a TLS server needs to show it.
  package struct Leaf: Sendable {
    /// The leaf, then the authority, each in DER.
    package var chain: [[UInt8]]
    /// The leaf's private key, PKCS #8 in DER. It lives in memory only.
    package var key: [UInt8]
    /// Seconds since 1970 at which the leaf ends being valid.
    package var notAfter: Int
  }

  private struct State: ~Copyable {
    let certificate: Certificate
    let key: SigningKey
    /// One key for all leaves of this process: a key of its own for each would protect nobody, since all live in the same
    /// memory.
    let leafKey: SigningKey
  }

  private let state: Mutex<State>
  /// SHA-256 of the certificate, as browsers show it.
  package let fingerprint: String
  package let subject: String
  /// Seconds since 1970 at which the authority ends being valid.
  package let notAfter: Int
  /// What it may vouch for, as people read it; nil where that is everything.
  package let constraints: String?

  static let day = 86_400
  /// How long an authority is valid: long enough to be trusted once for a project, short enough to be renewed.
  static let authorityDays = 730
  /// How long a leaf is valid. Devices refuse leaves of more than 825 days, whoever signed them; a thief is served with few.
  static let leafDays = 7

  /// Reads an authority: its certificate and its key as PEM blocks.
  package init(pem: [UInt8]) throws(AuthorityFault) {
    let certificate = try Certificate(pem: pem)
    let key = try SigningKey(pem: pem)
    guard certificate.matches(key) else {
      throw AuthorityFault(
        "the authority's key does not belong to its certificate; make both anew with 'ackscope ca renew'")
    }
    fingerprint = certificate.fingerprint
    subject = certificate.subject
    notAfter = certificate.notAfter
    constraints = certificate.text(ofExtension: NID_name_constraints)
    state = Mutex(State(certificate: certificate, key: key, leafKey: try SigningKey()))
  }

  /// Makes an authority.
  ///
  /// - Parameters:
  ///   - now: seconds since 1970.
  /// - Returns: certificate and key as PEM blocks, for `init(pem:)`.
  package static func made(permitting constraints: NameConstraints, at now: Int) throws(AuthorityFault)
    -> [UInt8]
  {
    let key = try SigningKey()
    // Told apart from its predecessors, which may still be trusted somewhere.
    let mark = String(UInt32.random(in: .min ... .max), radix: 16)
    var statement = Certificate.Statement(
      commonName: "Ackscope local authority " + String(repeating: "0", count: 8 - mark.count) + mark,
      notBefore: now - day, notAfter: now + authorityDays * day,
      extensions: [
        (NID_basic_constraints, "critical,CA:TRUE,pathlen:0"),
        (NID_key_usage, "critical,keyCertSign,cRLSign"),
        (NID_ext_key_usage, "serverAuth"), (NID_subject_key_identifier, "hash"),
      ])
    if !constraints.isEmpty {
      statement.extensions.append((NID_name_constraints, constraints.extensionValue))
    }
    let certificate = try Certificate(statement, selfSignedBy: key)
    return try certificate.pem() + key.pem()
  }

  /// Makes a leaf certificate for all of these names.
  ///
  /// It takes a signature, some tens of microseconds; callers keep what they were given until it is about to end.
  package func leaf(for names: [CertificateName], at now: Int) throws(AuthorityFault) -> Leaf {
    guard !names.isEmpty else { throw AuthorityFault("a certificate needs a name or an address") }
    guard now < notAfter else {
      throw AuthorityFault("the authority has expired; make a new one with 'ackscope ca renew' and trust it")
    }
    let end = min(now + Self.leafDays * Self.day, notAfter)
    let statement = Certificate.Statement(
      // For people: clients look at the alternative names. There is room for 64 characters, and an address here would be
      // held against the constraints on host names.
      commonName: names.lazy.compactMap { name -> String? in
        if case .host(let text) = name, text.utf8.count <= 64 { text } else { nil }
      }.first,
      notBefore: now - Self.day, notAfter: end,
      extensions: [
        (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
        (NID_ext_key_usage, "serverAuth"), (NID_subject_key_identifier, "hash"),
        (NID_authority_key_identifier, "keyid:always"),
        (NID_subject_alt_name, names.map(\.alternativeName).joined(separator: ",")),
      ])
    let made = state.withLock { state -> Result<Leaf, AuthorityFault> in
      Result { () throws(AuthorityFault) in
        let leaf = try Certificate(
          statement, for: state.leafKey, issuer: state.certificate, signer: state.key)
        return Leaf(
          chain: [try leaf.der(), try state.certificate.der()], key: try state.leafKey.der(), notAfter: end)
      }
    }
    return try made.get()
  }

  /// What a device is given to trust the authority; never its key.
  package enum Export: String, CaseIterable, Sendable {
    case pem, der, p12
  }

  /// The certificate in a form of choice.
  ///
  /// - Parameter password: for `p12`, which some importers refuse without one.
  package func certificate(as form: Export, password: String = "") throws(AuthorityFault) -> [UInt8] {
    let made = state.withLock { state -> Result<[UInt8], AuthorityFault> in
      Result { () throws(AuthorityFault) in
        switch form {
        case .pem: try state.certificate.pem()
        case .der: try state.certificate.der()
        case .p12: try state.certificate.pkcs12(password: password)
        }
      }
    }
    return try made.get()
  }
}
