internal import CLiburing
internal import Synchronization

/// Parts of some work that two threads do: each part is done by the one that takes it first.
@safe struct Claims: ~Copyable, @unchecked Sendable {
  private enum State {
    static let free: UInt32 = 0, taken: UInt32 = 1, awaited: UInt32 = 2, finished: UInt32 = 3
  }

  /// Looks at a part before it sleeps: some microseconds, about what waking costs.
  private static let looksMax = 200

  private let states: UnsafeMutablePointer<Atomic<UInt32>>
  private let count: Int

  init(count: Int) {
    self.count = count
    unsafe states = .allocate(capacity: count)
    for part in 0..<count { unsafe (states + part).initialize(to: Atomic(State.free)) }
  }

  deinit {
    unsafe states.deinitialize(count: count)
    unsafe states.deallocate()
  }

  /// Frees all parts. The other thread learns of it by what tells it of the work.
  func reset() {
    for part in 0..<count { unsafe states[part].store(State.free, ordering: .relaxed) }
  }

  /// Whether the part is the caller's to do.
  func take(_ part: Int) -> Bool {
    unsafe states[part].compareExchange(
      expected: State.free, desired: State.taken, ordering: .acquiringAndReleasing
    ).exchanged
  }

  /// Tells the other thread of a part that was taken and done.
  func finish(_ part: Int) {
    let before = unsafe states[part].exchange(State.finished, ordering: .acquiringAndReleasing)
    if before == State.awaited { unsafe hc_futex_wake(states + part) }
  }

  /// Waits for a part that the other thread has taken.
  func wait(for part: Int) {
    for _ in 0..<Self.looksMax where !isFinished(part) { hc_pause() }
    while !isFinished(part) {
      _ = unsafe states[part].compareExchange(
        expected: State.taken, desired: State.awaited, ordering: .acquiringAndReleasing)
      unsafe hc_futex_wait(states + part, State.awaited)
    }
  }

  private func isFinished(_ part: Int) -> Bool {
    unsafe states[part].load(ordering: .acquiring) == State.finished
  }
}
