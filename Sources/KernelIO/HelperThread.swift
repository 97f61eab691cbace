internal import CLiburing
internal import Synchronization
internal import SystemPackage

/// A thread that executes requests of a queue beside the thread that fills it.
///
///     owner:  attach ─▶ append, append, … ─▶ detach ─▶ …          never waits but in `detach`, for one request
///     helper: takes the oldest, executes it, …; looks for a while where there is none, then sleeps
///
/// It takes nothing more after a stop signal, nor once a request has failed in a way that stops a run.
public final class HelperThread {
  private let companion: Companion
  private let state = State()

  /// Throws EAGAIN where the kernel grants no thread (RLIMIT_NPROC, pids.max, a seccomp profile).
  public init() throws(KernelError) { companion = try Companion() }

  deinit { detach() }

  /// Gives the helper a share in a queue, until `detach`.
  public func attach(_ queue: borrowing RequestQueue) {
    state.isAttached.store(true, ordering: .sequentiallyConsistent)
    companion.begin { [state, slots = queue.slots] in state.work(slots) }
  }

  /// Wakes the helper where it sleeps although something is pending. Costs a load where it does not.
  public func wakeIfAsleep() {
    if state.isAsleep.load(ordering: .relaxed) { state.bell.ring() }
  }

  /// Takes the queue back. Returns when nothing of it is being executed.
  public func detach() {
    // In one order with what the helper does before it sleeps: one of the two sees the other.
    state.isAttached.store(false, ordering: .sequentiallyConsistent)
    if state.isAsleep.load(ordering: .sequentiallyConsistent) { state.bell.ring() }
    companion.finish()
  }

  /// What both threads see.
  private final class State: Sendable {
    /// Looks at an empty queue before it sleeps: some microseconds, about what waking costs.
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
