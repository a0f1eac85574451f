/// Why a peer or the proxy could not do its part in a test; the text says what to do about it where something can be.
struct PeerFailure: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) {
    self.description = description
  }
}
