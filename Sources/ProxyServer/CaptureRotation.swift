/// When a capture goes on in a new file, and how many of them are kept.
package struct CaptureRotation: Equatable, Sendable {
  /// Bytes after which a file is complete, or nil.
  ///
  /// A file may be larger by the records of one tick, and grows to at least twice what it began with: what was open
  /// then may be more than this.
  package var size: Int64?
  /// Microseconds after which a file with records of its own is complete, or nil.
  package var age: Int64?
  /// How many files are kept, the present one among them; nil for all.
  package var keep: Int?

  package init(size: Int64? = nil, age: Int64? = nil, keep: Int? = nil) {
    self.size = size
    self.age = age
    self.keep = keep
  }
}
