internal import CLiburing
internal import Synchronization

/// Parts of some work that two threads do: each part is done by the one that takes it first.
///
///     free ─▶ taken ─▶ finished          the one that waits makes `taken` to `awaited`, and sleeps on that (futex(2))
///
/// What a thread has done of a part is seen by the other one after `wait`. No wake-up is lost: `finish` either finds `awaited`,
/// or has come first, and futex(2) does not sleep on another value.
@safe struct Claims: ~Copyable, @unchecked Sendable {
  private enum State {
    static let free: UInt32 = 0, taken: UInt32 = 1, awaited: UInt32 = 2, finished: UInt32 = 3
  }

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

  /// Whether the part is the caller's to do. Need not be finished where the other thread never waits.
  func take(_ part: Int) -> Bool {
    unsafe states[part].compareExchange(
      expected: State.free, desired: State.taken, ordering: .relaxed
    ).exchanged
  }

  /// Tells the other thread of a part that was taken and done.
  func finish(_ part: Int) {
    let before = unsafe states[part].exchange(State.finished, ordering: .releasing)
    if before == State.awaited { unsafe hc_futex_wake(states + part) }
  }

  /// Waits for a part that the other thread has taken.
  func wait(for part: Int) {
    if Spin.until({ isFinished(part) }) { return }
    while !isFinished(part) {
      _ = unsafe states[part].compareExchange(
        expected: State.taken, desired: State.awaited, ordering: .relaxed)
      unsafe hc_futex_wait(states + part, State.awaited)
    }
  }

  private func isFinished(_ part: Int) -> Bool {
    unsafe states[part].load(ordering: .acquiring) == State.finished
  }
}
