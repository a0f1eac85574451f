import CaptureFormat
import JSONText
import SessionDecoder
import SocketIOPackets

/// Request and response of an `exchange` or `handshake` record.
struct RecordedHead {
  let method: String
  let target: String
  let requestHeaders: [(String, String)]
  let status: Int
  let responseHeaders: [(String, String)]
  let query: EngineIOQuery

  var version: EngineIOVersion { query.version }

  /// Nil where the record has no readable request.
  init?(_ record: CaptureRecord) {
    guard let request = record[.request].flatMap({ try? JSONValue(parsing: $0) }),
      let target = request["target"]?.string
    else { return nil }
    let response = record[.response].flatMap { try? JSONValue(parsing: $0) }
    method = request["method"]?.string ?? "GET"
    self.target = target
    requestHeaders = Self.headers(request["headers"])
    status = response?["status"]?.integer ?? 0
    responseHeaders = Self.headers(response?["headers"])
    query = EngineIOQuery(target: target)
  }

  /// The callback of JSONP, or nil.
  var callback: String? {
    guard query.isJSONP, let mark = target.firstIndex(of: "?") else { return nil }
    let pair = target[target.index(after: mark)...].split(separator: "&").first { $0.hasPrefix("j=") }
    return pair.map { String($0.dropFirst(2)) }
  }

  private static func headers(_ list: JSONValue?) -> [(String, String)] {
    (list?.array ?? []).compactMap { pair in
      guard let name = pair[0]?.string, let value = pair[1]?.string else { return nil }
      return (name, value)
    }
  }
}
