/// A first-in, first-out queue whose front is taken in constant time.
struct Fifo<Element> {
  private var elements: [Element] = []
  private var head = 0

  /// The element that leaves next.
  var first: Element? { head < elements.count ? elements[head] : nil }
  /// How many elements wait.
  var count: Int { elements.count - head }

  /// Adds an element at the end.
  mutating func append(_ element: Element) {
    elements.append(element)
  }

  /// Takes the element that came first.
  mutating func removeFirst() -> Element? {
    guard head < elements.count else { return nil }
    let element = elements[head]
    head += 1
    if head > 64, head * 2 > elements.count {
      elements.removeFirst(head)
      head = 0
    }
    return element
  }

  /// Shows every element that waits, first come first.
  func forEach(_ body: (Element) -> Void) {
    elements[head...].forEach(body)
  }

  /// Where the first element stands that satisfies `matches`, for `remove(at:)`.
  func firstIndex(where matches: (Element) -> Bool) -> Int? {
    elements[head...].firstIndex(where: matches)
  }

  /// Takes out the element that `firstIndex` found.
  mutating func remove(at index: Int) -> Element {
    elements.remove(at: index)
  }
}
