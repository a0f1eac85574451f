/// The `seq` of a capture record: what verdicts and findings point at as their evidence.
package struct RecordSeq: Comparable, Hashable, Sendable {
  package var number: UInt64

  @inlinable
  package init(_ number: UInt64) {
    self.number = number
  }

  @inlinable
  package static func < (left: RecordSeq, right: RecordSeq) -> Bool { left.number < right.number }
}

/// The number that the capture gives to a client connection with its leg to upstream.
package struct ConnectionNumber: Hashable, Sendable {
  package var number: UInt32

  @inlinable
  package init(_ number: UInt32) {
    self.number = number
  }
}

/// The number that the capture gives to an Engine.IO session.
package struct SessionNumber: Hashable, Sendable {
  package var number: UInt32

  @inlinable
  package init(_ number: UInt32) {
    self.number = number
  }
}
