internal import CLiburing
internal import Synchronization
internal import SystemPackage

/// A thread beside one other, for work that comes in pieces: what it has to do is given to it, and waited for. Between pieces it
/// sleeps (futex(2)). Cheaper than a thread for each piece.
final class Companion {
  private let state = State()
  private let thread: UInt64

  /// Throws EAGAIN where the kernel grants no thread (RLIMIT_NPROC, pids.max, a seccomp profile).
  init() throws(KernelError) {
    let context = unsafe Unmanaged.passRetained(state)
    thread = unsafe hc_thread_start(
      { unsafe Unmanaged<State>.fromOpaque($0!).takeRetainedValue().run() }, context.toOpaque())
    guard thread != 0 else {
      unsafe context.release()
      throw KernelError(.threadStart, "", .resourceTemporarilyUnavailable)
    }
  }

  /// What was begun is finished first.
  deinit {
    state.begin(nil)
    hc_thread_join(thread)
  }

  /// Begins a piece of work. `finish` first, if there was another.
  func begin(_ work: @escaping @Sendable () -> Void) { state.begin(work) }

  /// Waits until the piece is done; at once where there is none.
  func finish() { state.finish() }

  /// What both threads see.
  private final class State: @unchecked Sendable {
    private let begun = Bell()
    private let done = Bell()
    /// Written before `begun` rings and read after it.
    private var work: (@Sendable () -> Void)?

    func begin(_ work: (@Sendable () -> Void)?) {
      self.work = work
      begun.ring()
    }

    func finish() { done.wait(for: begun.count) }

    func run() {
      var number: UInt32 = 0
      while true {
        number &+= 1
        begun.wait(for: number)
        guard let work else { return }
        work()
        self.work = nil
        done.ring()
      }
    }
  }
}

/// A count that one thread raises and another waits for.
@safe struct Bell: ~Copyable, @unchecked Sendable {
  /// Looks at the count before it sleeps: some microseconds, about what waking costs.
  private static let looksMax = 200

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

  /// Sleeps while the count is `seen`. May return before it is another one.
  func sleep(while seen: UInt32) { unsafe hc_futex_wait(word, seen) }

  /// Waits until the count is `wanted`: one more than it was, at the most.
  func wait(for wanted: UInt32) {
    for _ in 0..<Self.looksMax where count != wanted { hc_pause() }
    while count != wanted { sleep(while: wanted &- 1) }
  }
}
