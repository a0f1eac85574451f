/// The `seq` of a capture record: what verdicts and findings point at as their evidence.
package struct RecordSeq: Comparable, Hashable, Sendable {
  /// The `seq` member of the record.
  package var number: UInt64

  /// The number as it stands in the capture.
  @inlinable
  package init(_ number: UInt64) {
    self.number = number
  }

  /// Whether one record stands before another.
  @inlinable
  package static func < (left: RecordSeq, right: RecordSeq) -> Bool { left.number < right.number }
}

/// The number that the capture gives to a client connection with its leg to upstream.
package struct ConnectionNumber: Hashable, Sendable {
  /// The number in the capture.
  package var number: UInt32

  /// The number as it stands in the capture.
  @inlinable
  package init(_ number: UInt32) {
    self.number = number
  }
}

/// The number that the capture gives to an Engine.IO session.
package struct SessionNumber: Hashable, Sendable {
  /// The number in the capture.
  package var number: UInt32

  /// The number as it stands in the capture.
  @inlinable
  package init(_ number: UInt32) {
    self.number = number
  }
}
