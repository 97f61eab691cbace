internal import CLiburing
internal import Synchronization
internal import SystemPackage

/// A thread that executes requests of a queue alongside the thread that fills it.
///
///     owner:  attach ─▶ append, append, … ─▶ detach ─▶ …          waits only in `detach`, for one request
///     helper: takes the oldest, executes it, …; when there is none, spins for a while, then sleeps
///
/// It takes no more requests after a stop signal, nor after a request has failed with an error that stops a run.
public final class HelperThread {
  private let companion: Companion
  private let state = State()

  /// - Throws: EAGAIN if the kernel grants no thread (RLIMIT_NPROC, pids.max, a seccomp profile).
  public init() throws(KernelError) { companion = try Companion() }

  deinit { detach() }

  /// Lets the helper take requests from a queue until `detach`.
  public func attach(_ queue: borrowing RequestQueue) {
    state.isAttached.store(true, ordering: .sequentiallyConsistent)
    companion.begin { [state, slots = queue.slots] in state.work(slots) }
  }

  /// Wakes the helper if it is asleep; call when requests are pending. Costs one load if it is awake.
  public func wakeIfAsleep() {
    if state.isAsleep.load(ordering: .relaxed) { state.bell.ring() }
  }

  /// Takes the queue back. Returns when none of its requests is being executed.
  public func detach() {
    // Sequentially consistent with what the helper does before it sleeps: one of the two sees the other's store.
    state.isAttached.store(false, ordering: .sequentiallyConsistent)
    if state.isAsleep.load(ordering: .sequentiallyConsistent) { state.bell.ring() }
    companion.finish()
  }

  /// What both threads share.
  private final class State: Sendable {
    /// How often to look at an empty queue before sleeping: a few microseconds, about as long as waking takes.
    private static let looksMax = 256

    let isAttached = Atomic(false)
    let isAsleep = Atomic(false)
    let bell = Bell()

    func work(_ slots: RequestSlots) {
      var looks = 0
      while isAttached.load(ordering: .acquiring), StopSignal.pending == nil {
        if let result = slots.executeFront() {
          looks = 0
          if result < 0, Errno(shim: result).stopsRun { return }
        } else if looks < Self.looksMax {
          looks += 1
          hc_pause()
        } else {
          sleep(slots)
          looks = 0
        }
      }
    }

    private func sleep(_ slots: RequestSlots) {
      let seen = bell.count
      isAsleep.store(true, ordering: .sequentiallyConsistent)
      if !slots.hasPending, isAttached.load(ordering: .sequentiallyConsistent) { bell.sleep(while: seen) }
      isAsleep.store(false, ordering: .sequentiallyConsistent)
    }
  }
}
