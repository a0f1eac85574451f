/// The one owner of an object of libcrypto: frees it when its own life ends, on every path.
///
/// What is lent out with `pointer` must not outlive the owner.
struct Owned: ~Copyable {
  /// The object; valid while the owner lives.
  let pointer: OpaquePointer
  private let free: (OpaquePointer) -> Void

  /// Takes over what libcrypto has just made; nil is its way to say that it could not.
  init(
    _ made: OpaquePointer?, _ task: String, free: @escaping (OpaquePointer) -> Void
  ) throws(AuthorityFault) {
    guard let made else { throw AuthorityFault(libcrypto: task) }
    pointer = made
    self.free = free
  }

  deinit { free(pointer) }
}
