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
    let thread = unsafe hc_thread_start(
      { unsafe Unmanaged<State>.fromOpaque($0!).takeRetainedValue().run() }, context.toOpaque())
    guard thread != 0 else {
      unsafe context.release()
      throw KernelError(.threadStart, "", .resourceTemporarilyUnavailable)
    }
    // Last: of what throws before it is whole, no deinit runs, which would join no thread.
    self.thread = thread
  }

  /// What was begun is finished first.
  deinit {
    state.begin(nil)
    hc_thread_join(thread)
  }

  /// Whether what was begun is done.
  var isIdle: Bool { state.isIdle }

  /// Begins a piece of work, and returns its number. `finish` first, if there was another.
  @discardableResult
  func begin(_ work: @escaping @Sendable () -> Void) -> UInt32 { state.begin(work) }

  /// Waits until the last piece is done; at once where there is none.
  func finish() { state.finish(nil) }

  /// Waits until that piece is done, whatever was begun after it.
  func finish(_ number: UInt32) { state.finish(number) }

  /// What both threads see.
  private final class State: @unchecked Sendable {
    private let begun = Bell()
    private let done = Bell()
    /// Written before `begun` rings and read after it.
    private var work: (@Sendable () -> Void)?

    @discardableResult
    func begin(_ work: (@Sendable () -> Void)?) -> UInt32 {
      self.work = work
      begun.ring()
      return begun.count
    }

    var isIdle: Bool { done.count == begun.count }

    func finish(_ number: UInt32?) { done.wait(for: number ?? begun.count) }

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

/// A companion that is started when there is work for it. There is none where there is one processor, or no thread is granted.
/// Used by one thread at a time.
public final class LazyCompanion {
  private var companion: Companion?
  private var mayStart = CurrentProcess.processorCount > 1

  public init() {}

  /// Begins a piece of work; false where nobody is there for it. `finish` first, if there was another.
  func begin(_ work: @escaping @Sendable () -> Void) -> Bool {
    guard let idle else { return false }
    idle.begin(work)
    return true
  }

  /// Waits until what was begun is done.
  func finish() { companion?.finish() }

  /// Nil where it is busy, too.
  var idle: Companion? {
    if mayStart {
      mayStart = false
      companion = try? Companion()
    }
    return companion.flatMap { $0.isIdle ? $0 : nil }
  }
}
