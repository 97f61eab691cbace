internal import CLiburing
internal import Synchronization

/// A count that one thread raises and another waits for.
@safe struct Bell: ~Copyable, @unchecked Sendable {
  private let word: UnsafeMutablePointer<Atomic<UInt32>>

  init() {
    unsafe word = .allocate(capacity: 1)
    unsafe word.initialize(to: Atomic(0))
  }

  deinit {
    unsafe word.deinitialize(count: 1)
    unsafe word.deallocate()
  }

  var count: UInt32 { unsafe word.pointee.load(ordering: .sequentiallyConsistent) }

  func ring() {
    unsafe word.pointee.add(1, ordering: .sequentiallyConsistent)
    unsafe hc_futex_wake(word)
  }

  /// Sleeps while the count is `seen`. May return before it changes.
  func sleep(while seen: UInt32) { unsafe hc_futex_wait(word, seen) }

  /// Waits until the count is at least `wanted`.
  func wait(for wanted: UInt32) {
    if Spin.until({ !isBelow(wanted, count) }) { return }
    while true {
      let seen = count
      guard isBelow(wanted, seen) else { return }
      sleep(while: seen)
    }
  }

  /// Counts wrap around at 2^32.
  private func isBelow(_ wanted: UInt32, _ count: UInt32) -> Bool { Int32(bitPattern: count &- wanted) < 0 }
}

/// Waiting without sleeping.
enum Spin {
  /// A few microseconds, about as long as waking a thread takes.
  private static let looksMax = 200

  /// Spins for a few microseconds until the condition is true; false if it does not become true in that time.
  @inline(__always) static func until(_ isTrue: () -> Bool) -> Bool {
    for _ in 0..<looksMax {
      if isTrue() { return true }
      hc_pause()
    }
    return false
  }
}
