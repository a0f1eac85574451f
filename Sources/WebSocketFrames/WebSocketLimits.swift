/// How much of a direction a `MessageStream` may hold in memory; everything beyond is followed and counted only.
package struct WebSocketLimits: Sendable, Equatable {
  /// Bytes kept of one message, after inflating. The rest is still checked and counted.
  package var payload: Int
  /// Storage, in bytes, that may stay allocated between messages; what a larger message needed is given back.
  package var retainedStorage: Int
  /// Bytes kept of an HTTP response that arrives in place of frames (PROTOCOL.md A.9), to quote its status and body.
  package var quotedResponse: Int

  /// 1 MiB is what an Engine.IO server accepts by default; 16 KiB of storage serve chat messages without
  /// allocating; 512 bytes hold the head and body that engine.io writes.
  package init(payload: Int = 1 << 20, retainedStorage: Int = 16 << 10, quotedResponse: Int = 512) {
    self.payload = min(max(payload, 0), 1 << 40)
    self.retainedStorage = max(retainedStorage, 0)
    self.quotedResponse = max(quotedResponse, StrayResponse.opening.utf8CodeUnitCount)
  }
}
