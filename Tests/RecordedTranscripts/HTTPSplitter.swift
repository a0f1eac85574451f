/// Cuts one direction of a recorded connection into HTTP messages: just enough of RFC 9112 for recordings of
/// well-behaved peers, and independent of the parser that the proxy uses.
package struct HTTPSplitter {
  /// What a message is made of.
  package enum Part: Equatable {
    /// The lines of a head.
    case head([String])
    /// Bytes of a body, without their chunks.
    case body([UInt8])
    /// A message is whole.
    case end
  }

  private enum State {
    case head
    case fixed(Int)
    case chunkSize
    case chunk(Int)
    case trailer
    case untilEnd
  }

  private let isRequest: Bool
  private var state = State.head
  private var buffer: [UInt8] = []

  /// A direction that carries requests, or the one of their answers.
  package init(isRequest: Bool) {
    self.isRequest = isRequest
  }

  /// Takes bytes in. Behind a head for which `stopAfterHead` holds, nothing is split any more.
  package mutating func receive(_ bytes: [UInt8], stopAfterHead: ([String]) -> Bool) -> [Part] {
    buffer += bytes
    var parts: [Part] = []
    while true {
      switch state {
      case .head:
        guard let end = find([13, 10, 13, 10]) else { return parts }
        let lines = String(decoding: buffer[..<end], as: UTF8.self).components("\r\n")
        buffer.removeFirst(end + 4)
        parts.append(.head(lines))
        if stopAfterHead(lines) { return parts }
        state = framing(lines)
        if case .fixed(0) = state {
          parts.append(.end)
          state = .head
        }
      case .fixed(let left):
        guard !buffer.isEmpty else { return parts }
        let taken = min(left, buffer.count)
        parts.append(.body(Array(buffer.prefix(taken))))
        buffer.removeFirst(taken)
        state = .fixed(left - taken)
        if taken == left {
          parts.append(.end)
          state = .head
        }
      case .chunkSize:
        guard let end = find([13, 10]) else { return parts }
        let size = Int(String(decoding: buffer[..<end], as: UTF8.self), radix: 16) ?? 0
        buffer.removeFirst(end + 2)
        state = size == 0 ? .trailer : .chunk(size)
      case .chunk(let size):
        guard buffer.count >= size + 2 else { return parts }
        parts.append(.body(Array(buffer.prefix(size))))
        buffer.removeFirst(size + 2)
        state = .chunkSize
      case .trailer:
        guard let end = find([13, 10]) else { return parts }
        buffer.removeFirst(end + 2)
        if end == 0 {
          parts.append(.end)
          state = .head
        }
      case .untilEnd:
        if !buffer.isEmpty { parts.append(.body(buffer)) }
        buffer = []
        return parts
      }
    }
  }

  /// The direction ended.
  package mutating func ended() -> [Part] {
    if case .untilEnd = state {
      state = .head
      return [.end]
    }
    return []
  }

  /// What is left behind a head that stopped the splitting.
  package mutating func takeRest() -> [UInt8] {
    defer { buffer = [] }
    return buffer
  }

  private func framing(_ lines: [String]) -> State {
    func value(_ name: String) -> String? {
      lines.dropFirst().first { $0.lowercased().hasPrefix(name + ":") }
        .map { String($0.dropFirst(name.count + 1).filter { $0 != " " && $0 != "\t" }) }
    }
    if value("transfer-encoding")?.lowercased() == "chunked" { return .chunkSize }
    if let length = value("content-length") { return .fixed(Int(length) ?? 0) }
    if isRequest { return .fixed(0) }
    let status = Int(lines[0].components(" ").dropFirst().first ?? "") ?? 0
    return status == 204 || status == 304 || status < 200 ? .fixed(0) : .untilEnd
  }

  private func find(_ pattern: [UInt8]) -> Int? {
    guard buffer.count >= pattern.count else { return nil }
    return (0...buffer.count - pattern.count).first { buffer[$0..<$0 + pattern.count].elementsEqual(pattern) }
  }
}

extension String {
  /// What lies between the separators.
  package func components(_ separator: String) -> [String] {
    var parts: [String] = []
    var rest = self[...]
    while let range = rest.firstRange(of: separator) {
      parts.append(String(rest[..<range.lowerBound]))
      rest = rest[range.upperBound...]
    }
    return parts + [String(rest)]
  }
}
