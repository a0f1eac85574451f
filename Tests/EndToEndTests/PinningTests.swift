import Foundation
import Testing

extension RealPeers.ForwardProxy {
  /// Plays what a client does with the certificate that it is shown, and says whose it was.
  private static let script = """
    import socket, ssl, struct, sys
    proxy, port, roots, acts = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:5], sys.argv[5:]
    def tunnel():
        sock = socket.create_connection(("127.0.0.1", proxy)); sock.settimeout(20)
        sock.sendall(b"CONNECT localhost:%d HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n" % port)
        data = b""
        while not data.endswith(b"\\r\\n\\r\\n"): data += sock.recv(1)
        return sock
    def context(version=None):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        for root in roots: made.load_verify_locations(root)
        if version: made.minimum_version = made.maximum_version = version
        return made
    def shaken(version=None):
        return context(version).wrap_socket(tunnel(), server_hostname="localhost")
    def issuer(tls):
        return dict(part[0] for part in tls.getpeercert()["issuer"])["commonName"].split(" ")[0]
    def hello():
        sock = tunnel()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        try: context().wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
        except ssl.SSLWantReadError: pass
        sock.sendall(outgoing.read())
        return sock
    def in_the_handshake():
        sock = hello(); assert sock.recv(100); sock.close(); return "Ackscope"
    def before_our_answer():
        sock = tunnel(); sock.sendall(bytes([0x16, 3, 1, 2, 0, 1])); sock.close(); return ""
    def behind_it(version=ssl.TLSVersion.TLSv1_3):
        tls = shaken(version); whose = issuer(tls); tls.close(); return whose
    def behind_it_1_2(): return behind_it(ssl.TLSVersion.TLSv1_2)
    def in_order():
        tls = shaken(ssl.TLSVersion.TLSv1_2); whose = issuer(tls); tls.unwrap(); return whose
    def with_a_reset():
        tls = shaken(); whose = issuer(tls)
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); tls.close(); return whose
    def asks():
        tls = shaken(); whose = issuer(tls)
        tls.sendall(b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n")
        data = b""
        while True:
            part = tls.recv(4096)
            if not part: break
            data += part
        assert data.startswith(b"HTTP/1.1 200"), data
        return whose
    for act in acts:
        sys.stdin.readline()
        print(act, globals()[act](), flush=True)
    """

  /// What a client does, one connection after the other, and who stood behind the certificate: Ackscope, or the
  /// server ("Test issuer").
  private func play(_ acts: [String], expecting whose: [String], hangUps: Int) async throws {
    let certificates = try TestCertificates()
    let (server, port) = try await PeerProcess.startServer(
      script: "chat_server.py", arguments: certificates.serverArguments)
    let proxy = try await Self.proxy(certificates, "--upstream-ca", certificates.issuer)
    let python = try PeerEnvironment.locate("python3", install: "sudo apt-get install -y python3")
    let client = try ChildProcess(
      python,
      ["-c", Self.script, "\(proxy.port)", "\(port)", certificates.authority, certificates.issuer] + acts)
    var said = 0
    for (act, issuer) in zip(acts, whose) {
      try client.send("")
      #expect(await client.output.next() == "\(act) \(issuer)", "\(client.lastErrors)")
      guard issuer != "Test", act != "asks", said < hangUps else { continue }
      // The end of a connection is noticed a moment after its client has gone.
      said += 1
      let words = said == 1 ? "when it does so once more" : "that was the second time"
      _ = await proxy.child.errors.first { $0.contains(words) }
    }
    #expect(await client.end() == .exited(0), "\(client.lastErrors)")
    #expect(await proxy.stop() == .exited(0))
    #expect(proxy.child.errors.all.count { $0.contains("hung up when it had been shown") } == hangUps)
    let passed = try proxy.capture().records("open").compactMap { $0["passed_through"]?.string }
    #expect(passed.count == whose.count { $0 == "Test" })
    await server.stop()
  }

  @Test(arguments: ["in_the_handshake", "behind_it", "behind_it_1_2", "in_order", "with_a_reset"])
  func aSecondHangUpIsTakenForARefusal(_ act: String) async throws {
    try await play(
      [act, act, "asks", "asks"], expecting: ["Ackscope", "Ackscope", "Test", "Test"], hangUps: 2)
  }

  /// Browsers drop a connection now and then that they do not need.
  @Test func aClientThatAsksIsLookedIntoWhateverItDropped() async throws {
    try await play(
      ["behind_it", "asks", "behind_it", "in_the_handshake", "asks"],
      expecting: ["Ackscope", "Ackscope", "Ackscope", "Ackscope", "Ackscope"], hangUps: 1)
  }

  @Test func whoNeverSawTheCertificateHasNotRefusedIt() async throws {
    try await play(["before_our_answer", "asks"], expecting: ["", "Ackscope"], hangUps: 0)
  }
}
