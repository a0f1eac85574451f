/// How to make programs and devices trust an authority, and how to end that: the exact commands.
package struct TrustSteps: Sendable {
  /// Where trust is kept; each has its own.
  package enum Place: String, CaseIterable, Sendable {
    case debian, macos, firefox, chromium, node, python, ios, android

    /// For people.
    package var title: String {
      switch self {
      case .debian: "Debian and Ubuntu (curl, OpenSSL, Python's ssl, most command-line programs)"
      case .macos: "macOS (Safari, Chrome, most programs)"
      case .firefox: "Firefox"
      case .chromium: "Chromium and Chrome on Linux (NSS)"
      case .node: "Node.js"
      case .python: "Python (requests, aiohttp, httpx, websockets)"
      case .ios: "iOS and iPadOS"
      case .android: "Android"
      }
    }
  }

  let certificateFile: String
  let fingerprint: String
  private let directory: String?

  /// - Parameters:
  ///   - certificateFile: the path of the certificate in PEM.
  ///   - fingerprint: what the person compares it by.
  ///   - directory: where the authority is kept, unless it is the usual place: commands name it.
  package init(certificateFile: String, fingerprint: String, directory: String? = nil) {
    self.directory = directory
    self.certificateFile = certificateFile
    self.fingerprint = fingerprint
  }

  /// The file for a shell.
  private var quoted: String { Self.quoted(certificateFile) }

  private var export: String {
    "ackscope ca export" + (directory.map { " --ca-dir \(Self.quoted($0))" } ?? "") + " --format der"
  }

  /// A path for a shell, whatever it holds.
  private static func quoted(_ path: String) -> String {
    "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
  }

  /// A name in stores that tells two authorities apart.
  private var nickname: String { "ackscope-" + fingerprint.prefix(8).filter { $0 != ":" }.lowercased() }

  /// The steps for one place, a line each; commands are indented.
  package func lines(for place: Place) -> [String] {
    switch place {
    case .debian:
      [
        "    sudo cp \(quoted) /usr/local/share/ca-certificates/\(nickname).crt",
        "    sudo update-ca-certificates",
        "end it:",
        "    sudo rm /usr/local/share/ca-certificates/\(nickname).crt && sudo update-ca-certificates --fresh",
      ]
    case .macos:
      [
        "    security add-trusted-cert -r trustRoot -p ssl -k ~/Library/Keychains/login.keychain-db \(quoted)",
        "end it:",
        "    security delete-certificate -Z \(fingerprint.filter { $0 != ":" }) ~/Library/Keychains/login.keychain-db",
      ]
    case .firefox:
      [
        "Settings › Privacy & Security › Certificates › View Certificates › Authorities › Import…, choose",
        "    \(certificateFile)",
        "and tick 'Trust this CA to identify websites'. Or, for one profile (package libnss3-tools):",
        "    certutil -d sql:PROFILE -A -t C,, -n \(nickname) -i \(quoted)",
        "end it: delete it in the same list, or",
        "    certutil -d sql:PROFILE -D -n \(nickname)",
      ]
    case .chromium:
      [
        "    sudo apt-get install -y libnss3-tools",
        "    mkdir -p ~/.pki/nssdb && { [ -e ~/.pki/nssdb/cert9.db ] || certutil -d sql:$HOME/.pki/nssdb -N --empty-password; }",
        "    certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n \(nickname) -i \(quoted)",
        "end it:",
        "    certutil -d sql:$HOME/.pki/nssdb -D -n \(nickname)",
      ]
    case .node:
      [
        "for one run; Node.js reads it when it starts:",
        "    NODE_EXTRA_CA_CERTS=\(quoted) node app.js",
      ]
    case .python:
      [
        "for one run; SSL_CERT_FILE is read by ssl (aiohttp, websockets, httpx), REQUESTS_CA_BUNDLE by requests. Each takes the place of the usual roots:",
        "    SSL_CERT_FILE=\(quoted) REQUESTS_CA_BUNDLE=\(quoted) python3 app.py",
        "or in the program, beside the usual roots:",
        "    context = ssl.create_default_context(); context.load_verify_locations(PATH)",
      ]
    case .ios:
      [
        "bring the certificate to the device (AirDrop, mail, a web page):",
        "    \(export) --output ackscope.cer",
        "install it: Settings › Profile Downloaded (or General › VPN & Device Management) › Install; then switch it on:",
        "Settings › General › About › Certificate Trust Settings.",
        "end it: Settings › General › VPN & Device Management › the profile › Remove Profile.",
      ]
    case .android:
      [
        "bring the certificate to the device:",
        "    \(export) --output ackscope.crt && adb push ackscope.crt /sdcard/Download/",
        "Settings › Security & privacy › Encryption & credentials › Install a certificate › CA certificate.",
        "Browsers trust it then. Apps do only if their network security configuration names user certificates:",
        "    <debug-overrides><trust-anchors><certificates src=\"user\"/></trust-anchors></debug-overrides>",
        "end it: Settings › Security & privacy › Encryption & credentials › User credentials.",
      ]
    }
  }
}
