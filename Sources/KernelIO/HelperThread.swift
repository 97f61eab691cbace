internal import CLiburing
internal import Synchronization
internal import SystemPackage

/// A thread that executes requests of a queue beside the thread that fills it.
///
///     owner:  attach ─▶ append, append, … ─▶ detach ─▶ …          never waits but in `detach`, for one request
///     helper: sleeps ─▶ takes the oldest, executes it, …; looks for a while where there is none, then sleeps (futex(2))
///
/// It takes nothing more after a stop signal, nor once a request has failed in a way that stops a run.
public final class HelperThread {
  private let state = State()
  private let thread: UInt64

  /// Throws EAGAIN where the kernel grants no thread (RLIMIT_NPROC, pids.max, a seccomp profile).
  public init() throws(KernelError) {
    let context = unsafe Unmanaged.passRetained(state)
    thread = unsafe hc_thread_start(
      { unsafe Unmanaged<State>.fromOpaque($0!).takeRetainedValue().run() }, context.toOpaque())
    guard thread != 0 else {
      unsafe context.release()
      throw KernelError(.threadStart, "", .resourceTemporarilyUnavailable)
    }
  }

  deinit {
    state.end()
    hc_thread_join(thread)
  }

  /// Gives the helper a share in a queue, until `detach`.
  public func attach(_ queue: borrowing RequestQueue) { state.attach(queue.slots) }

  /// Wakes the helper where it sleeps although something is pending. Costs a load where it does not.
  public func wakeIfAsleep() { state.wakeIfAsleep() }

  /// Takes the queue back. Returns when nothing of it is being executed.
  public func detach() { state.detach() }
}

extension HelperThread {
  /// What both threads see.
  @safe fileprivate final class State: @unchecked Sendable {
    /// Looks at an empty queue before it sleeps: some microseconds, about what waking costs.
    private static let looksMax = 256

    private let slots = Mutex<RequestSlots?>(nil)
    private let isAttached = Atomic(false)
    private let isWorking = Atomic(false)
    private let isAsleep = Atomic(false)
    private let isOver = Atomic(false)
    /// Counts what the helper is woken for, and what its owner is.
    private let bell = Bell()
    private let rest = Bell()

    // MARK: the owner's

    func attach(_ slots: RequestSlots) {
      self.slots.withLock { $0 = slots }
      isAttached.store(true, ordering: .releasing)
      bell.ring()
    }

    func detach() {
      // In one order with what the helper does before it sleeps: one of the two sees the other.
      isAttached.store(false, ordering: .sequentiallyConsistent)
      slots.withLock { $0 = nil }
      while true {
        let seen = rest.count
        if !isWorking.load(ordering: .acquiring) { return }
        if isAsleep.load(ordering: .sequentiallyConsistent) { bell.ring() }
        rest.wait(unless: seen)
      }
    }

    func wakeIfAsleep() {
      if isAsleep.load(ordering: .relaxed) { bell.ring() }
    }

    func end() {
      isOver.store(true, ordering: .releasing)
      bell.ring()
    }

    // MARK: the helper's

    func run() {
      while true {
        let seen = bell.count
        if isOver.load(ordering: .acquiring) { return }
        // Taken and begun under one lock: who detaches either sees it at work or has taken the slots away.
        let slots = self.slots.withLock { slots in
          if slots != nil { isWorking.store(true, ordering: .releasing) }
          return slots
        }
        if let slots {
          work(slots)
          isWorking.store(false, ordering: .releasing)
          rest.ring()
        }
        bell.wait(unless: seen)
      }
    }

    private func work(_ slots: RequestSlots) {
      var looks = 0
      while isAttached.load(ordering: .acquiring) {
        guard StopSignal.pending == nil else { return }
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
      if !slots.hasPending, isAttached.load(ordering: .sequentiallyConsistent) { bell.wait(unless: seen) }
      isAsleep.store(false, ordering: .releasing)
    }
  }
}

/// A count that a thread can wait for to change (futex(2)).
@safe private struct Bell: ~Copyable, @unchecked Sendable {
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

  /// Returns at once where the count is another one by now; may return before it is.
  func wait(unless seen: UInt32) { unsafe hc_futex_wait(word, seen) }
}
