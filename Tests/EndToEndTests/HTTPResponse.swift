/// One HTTP/1.1 response as it came, and the requests that fetch one.
struct HTTPResponse: Sendable {
  let status: Int

  /// The header fields in order; names as they were spelt.
  let fields: [(name: String, value: String)]

  /// The body without its transfer coding.
  let body: [UInt8]

  /// The fields behind a chunked body.
  let trailers: [(name: String, value: String)]

  subscript(name: String) -> String? { Self.value(name, in: fields) }

  static func value(_ name: String, in fields: [(name: String, value: String)]) -> String? {
    fields.first { $0.name.lowercased() == name.lowercased() }?.value
  }
}

extension RawConnection {
  /// Sends a request; `Host` is added, and `Content-Length` where there is a body.
  func request(
    _ method: String, _ target: String, _ fields: [String] = [], body: [UInt8] = []
  ) throws {
    var lines = ["\(method) \(target) HTTP/1.1", "Host: chat.example"] + fields
    if !body.isEmpty { lines.append("Content-Length: \(body.count)") }
    try write(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body)
  }

  /// Reads one response: an interim one alone, any other with its body.
  func response(to method: String = "GET") async throws -> HTTPResponse {
    let head = String(decoding: try await read(through: "\r\n\r\n"), as: UTF8.self)
    let lines = head.split(separator: "\r\n")
    guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
      throw PeerFailure("not the head of a response: \(head)")
    }
    let fields = Self.fields(lines.dropFirst())
    var body: [UInt8] = []
    var trailers: [(name: String, value: String)] = []
    let length = HTTPResponse.value("content-length", in: fields)
    if method == "HEAD" || status < 200 || status == 204 || status == 304 {
      // No body, whatever the fields say (RFC 9112 §6.3).
    } else if HTTPResponse.value("transfer-encoding", in: fields)?.lowercased() == "chunked" {
      while let size = try await chunkSize() {
        body += try await read(size)
        _ = try await read(through: "\r\n")
      }
      while true {
        let line = String(decoding: try await read(through: "\r\n").dropLast(2), as: UTF8.self)
        if line.isEmpty { break }
        trailers += Self.fields([line[...]])
      }
    } else if let length = length.flatMap({ Int($0) }) {
      body = try await read(length)
    } else {
      body = await readToEnd()
    }
    return HTTPResponse(status: status, fields: fields, body: body, trailers: trailers)
  }

  /// A request and its response.
  func fetch(_ method: String, _ target: String, _ fields: [String] = [], body: [UInt8] = []) async throws
    -> HTTPResponse
  {
    try request(method, target, fields, body: body)
    return try await response(to: method)
  }

  /// The size of the next chunk; nil for the last one.
  private func chunkSize() async throws -> Int? {
    let line = String(decoding: try await read(through: "\r\n").dropLast(2), as: UTF8.self)
    guard let size = line.split(separator: ";").first.flatMap({ Int($0, radix: 16) }) else {
      throw PeerFailure("not the size of a chunk: \(line)")
    }
    return size == 0 ? nil : size
  }

  private static func fields(_ lines: some Sequence<Substring>) -> [(name: String, value: String)] {
    lines.map { line in
      let halves = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let value = halves.count > 1 ? halves[1] : ""
      return (String(halves[0]), value.trimmingPrefix { $0 == " " }.description)
    }
  }
}
