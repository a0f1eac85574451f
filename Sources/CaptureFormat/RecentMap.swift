/// A map that forgets its oldest entries beyond a limit: memory of what a reader may still be asked about.
package struct RecentMap<Key: Hashable & Sendable, Value: Sendable>: Sendable {
  private let limit: Int
  private var values: [Key: Value] = [:]
  // Keys in the order they came, as a ring once full; a removed key leaves its place to be passed over.
  private var order: [Key] = []
  private var oldest = 0

  /// - Parameter limit: the most entries held; at least 1.
  package init(limit: Int) {
    self.limit = max(1, limit)
  }

  package var count: Int { values.count }

  package subscript(key: Key) -> Value? { values[key] }

  /// Adds or replaces an entry; forgets the oldest where there are too many.
  package mutating func insert(_ value: Value, for key: Key) {
    if values.updateValue(value, forKey: key) != nil { return }
    if order.count < limit {
      order.append(key)
      return
    }
    // The place of a key that was removed, and perhaps inserted again since, is simply reused: then that key is
    // forgotten early, which costs a lookup and never memory.
    values.removeValue(forKey: order[oldest])
    order[oldest] = key
    oldest = oldest + 1 == limit ? 0 : oldest + 1
  }

  /// Removes an entry and returns it.
  @discardableResult
  package mutating func removeValue(for key: Key) -> Value? {
    values.removeValue(forKey: key)
  }

  package mutating func removeAll() {
    values.removeAll()
    order.removeAll()
    oldest = 0
  }
}
