import Foundation
import Synchronization

/// Lines of a child's output, handed out in order to whoever asks, and kept.
///
/// A reader thread puts lines in; tests take them out with `next()`, which waits without a timer: it resumes when a
/// line comes, when the output ends, or when the waiting task is cancelled.
final class LineInbox: Sendable {
  private struct State {
    var lines: [String] = []
    var taken = 0
    var ended = false
    var waiting: [(id: Int, continuation: CheckedContinuation<Void, Never>)] = []
    var nextWaiter = 0
  }

  private let state = Mutex(State())

  /// Every line so far, those already taken included.
  var all: [String] { state.withLock { $0.lines } }

  /// The next line not yet taken; nil once the output has ended, or when the task is cancelled.
  func next() async -> String? {
    while !Task.isCancelled {
      let (line, ended): (String?, Bool) = state.withLock { state in
        guard state.taken < state.lines.count else { return (nil, state.ended) }
        state.taken += 1
        return (state.lines[state.taken - 1], false)
      }
      if let line { return line }
      if ended { return nil }
      await change(from: { $0.taken < $0.lines.count })
    }
    return nil
  }

  /// The first line of all, taken or not, that satisfies `matches`, waiting for it where need be; nil where the
  /// output ended without it. Takes nothing.
  func first(where matches: (String) -> Bool) async -> String? {
    var looked = 0
    while !Task.isCancelled {
      let (lines, ended) = state.withLock { (Array($0.lines[looked...]), $0.ended) }
      if let line = lines.first(where: matches) { return line }
      looked += lines.count
      if lines.isEmpty && ended { return nil }
      let seen = looked
      await change(from: { $0.lines.count > seen })
    }
    return nil
  }

  /// Waits for the end of the output.
  func waitForEnd() async {
    while !Task.isCancelled, !state.withLock({ $0.ended }) {
      await change(from: { $0.ended })
    }
  }

  /// Reads the descriptor to its end on a thread of its own, line by line; closes it then.
  func fill(from descriptor: Int32) {
    let thread = Thread { [self] in
      var rest: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65536)
      while true {
        let count = read(descriptor, &buffer, buffer.count)
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { break }
        rest += buffer[..<count]
        guard let lastNewline = rest.lastIndex(of: UInt8(ascii: "\n")) else { continue }
        let lines = rest[..<lastNewline].split(
          separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        put(lines.map { String(decoding: $0, as: UTF8.self) })
        rest.removeSubrange(...lastNewline)
      }
      close(descriptor)
      if !rest.isEmpty { put([String(decoding: rest, as: UTF8.self)]) }
      wake { $0.ended = true }
    }
    thread.start()
  }

  private func put(_ lines: [String]) {
    wake { $0.lines += lines }
  }

  private func wake(after change: (inout State) -> Void) {
    let waiting = state.withLock { state in
      change(&state)
      defer { state.waiting = [] }
      return state.waiting
    }
    for waiter in waiting { waiter.continuation.resume() }
  }

  /// Suspends until the next change, unless `isThere` already holds or the output has ended.
  private func change(from isThere: (borrowing State) -> Bool) async {
    let id = state.withLock { state in
      state.nextWaiter += 1
      return state.nextWaiter
    }
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumeNow = state.withLock { state in
          if state.ended || isThere(state) || Task.isCancelled { return true }
          state.waiting.append((id, continuation))
          return false
        }
        if resumeNow { continuation.resume() }
      }
    } onCancel: {
      let waiter = state.withLock { state in
        let index = state.waiting.firstIndex { $0.id == id }
        return index.map { state.waiting.remove(at: $0).continuation }
      }
      waiter?.resume()
    }
  }
}
