/// A polling body with its content coding undone.
struct PollingBody {
  var bytes: [UInt8]
  var isTruncated: Bool
  var isCompressed: Bool
  /// Why it cannot be read, or nil.
  var obstacle: String?
}
