import Testing

@testable import WebSocketFrames

@Suite struct FrameMaskTests {
  @Test func wordsAreUnmaskedAsBytesAre() {
    var random = SplitMix64(seed: 7)
    for count in 0..<70 {
      let key = random.bytes(4)
      let plain = random.bytes(count)
      let masked = plain.enumerated().map { $1 ^ key[$0 % 4] }
      for cut in 0...count {
        var mask = key.withUnsafeBytes { $0.baseAddress.map(FrameMask.init(at:)) ?? FrameMask() }
        var out = [UInt8](repeating: 0, count: count)
        masked.withUnsafeBytes { source in
          out.withUnsafeMutableBytes { target in
            guard let from = source.baseAddress, let to = target.baseAddress else { return }
            mask.unmask(from, count: cut, to: to)
            mask.unmask(from + cut, count: count - cut, to: to + cut)
          }
        }
        #expect(out == plain)
      }
    }
  }
}
