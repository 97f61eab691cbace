internal import CLiburing
internal import Synchronization

/// Work in parts that two threads share: each part is done by the thread that takes it first.
///
///     free ─▶ taken ─▶ finished          a waiting thread turns `taken` into `awaited`, and sleeps on that (futex(2))
///
/// After `wait`, a thread sees what the other one has done of a part. No wake-up is lost: `finish` either finds `awaited`,
/// or came first, and then futex(2) does not sleep because the value differs.
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

  /// Frees all parts. The other thread must be synchronised by other means, such as those that hand it the work.
  func reset() {
    for part in 0..<count { unsafe states[part].store(State.free, ordering: .relaxed) }
  }

  /// Takes a part; false if the other thread has it. A part that was taken need not be finished if the other thread never
  /// waits for it.
  func take(_ part: Int) -> Bool {
    unsafe states[part].compareExchange(
      expected: State.free, desired: State.taken, ordering: .relaxed
    ).exchanged
  }

  /// Marks a part that was taken as done, and wakes the other thread if it waits for it.
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
