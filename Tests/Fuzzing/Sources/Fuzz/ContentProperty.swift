import WebSocketFrames

/// A body decodes to the same bytes whole and in pieces, and no more than the limit is handed on.
enum ContentProperty {
  static func check(_ input: inout FuzzInput) {
    let flags = input.byte()
    let salt = input.byte()
    let coding = ["gzip", "deflate", "identity", "x-gzip, identity"][Int(flags & 3)]
    let limit = flags & 4 != 0 ? 10 : 1 << 16
    let whole = decode(coding, limit) { $0(input.rest) }
    let pieces = decode(coding, limit) { input.rest.forEachPiece(salt: salt, $0) }
    require(whole == pieces, "\(whole)\n\(pieces)")
  }

  private struct Result: Equatable {
    var output: [UInt8] = []
    var length = 0
    var outcome: ContentDecoder.Outcome?
  }

  private static func decode(
    _ coding: String, _ limit: Int, _ feed: ((UnsafeRawBufferPointer) -> Void) -> Void
  ) -> Result {
    var result = Result()
    guard var decoder = ContentDecoder(coding: coding, limit: limit) else { return result }
    feed { decoder.receive($0, into: &result.output) }
    result.outcome = decoder.finish()
    result.length = decoder.length
    require(result.output.count == min(limit, result.length))
    require(decoder.isTruncated == (result.length > limit))
    return result
  }
}
