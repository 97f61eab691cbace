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

  /// Whether what was begun is done.
  var isIdle: Bool { state.isIdle }

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

    var isIdle: Bool { done.count == begun.count }

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

/// A companion that is started when there is work for it, and is none where there is one processor or no thread is granted.
public final class LateCompanion {
  private var companion: Companion?
  private var mayStart = CurrentProcess.processorCount > 1

  public init() {}

  /// Nil where it is busy, too.
  var idle: Companion? {
    if mayStart {
      mayStart = false
      companion = try? Companion()
    }
    return companion.flatMap { $0.isIdle ? $0 : nil }
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

  /// Waits until the count is `wanted` or more.
  func wait(for wanted: UInt32) {
    for _ in 0..<Self.looksMax where isBelow(wanted, count) { hc_pause() }
    while true {
      let seen = count
      guard isBelow(wanted, seen) else { return }
      sleep(while: seen)
    }
  }

  /// Counts begin again at zero after 2^32.
  private func isBelow(_ wanted: UInt32, _ count: UInt32) -> Bool { Int32(bitPattern: count &- wanted) < 0 }
}
