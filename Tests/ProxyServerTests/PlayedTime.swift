import AckCorrelation
import Foundation
import ProxyServer

/// A proxy's time that a test sets. Held, it lets every thread of the proxy wait that asks for it.
final class PlayedTime: @unchecked Sendable {
  // `condition` guards both.
  private let condition = NSCondition()
  private var microseconds: Int64 = 1_790_000_000_000_000
  private var isHeld = false

  var clock: ProxyClock {
    ProxyClock {
      self.condition.lock()
      defer { self.condition.unlock() }
      while self.isHeld { self.condition.wait() }
      return Timestamp(microseconds: self.microseconds)
    }
  }

  func pass(_ duration: Int64) {
    condition.lock()
    microseconds += duration
    condition.unlock()
  }

  /// Until `goOn()` the proxy gets no further than to its next question for the time.
  func hold() {
    condition.lock()
    isHeld = true
    condition.unlock()
  }

  func goOn() {
    condition.lock()
    isHeld = false
    condition.broadcast()
    condition.unlock()
  }
}
