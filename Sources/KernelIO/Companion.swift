internal import CLiburing
internal import Synchronization
internal import SystemPackage

/// A second thread for work that comes in pieces: its owner gives it a piece and waits for that. Between pieces it sleeps
/// (futex(2)). Cheaper than a new thread for each piece.
final class Companion {
  private let state = State()
  private let thread: UInt64

  /// - Throws: EAGAIN if the kernel grants no thread (RLIMIT_NPROC, pids.max, a seccomp profile).
  init() throws(KernelError) {
    let context = unsafe Unmanaged.passRetained(state)
    let thread = unsafe hc_thread_start(
      { unsafe Unmanaged<State>.fromOpaque($0!).takeRetainedValue().run() }, context.toOpaque())
    guard thread != 0 else {
      unsafe context.release()
      throw KernelError(.threadStart, "", .resourceTemporarilyUnavailable)
    }
    // Last: if this throws earlier, `deinit`, which joins the thread, does not run.
    self.thread = thread
  }

  /// Waits for the current piece of work.
  deinit {
    state.begin(nil)
    hc_thread_join(thread)
  }

  /// Whether the last piece of work is done.
  var isIdle: Bool { state.isIdle }

  /// Begins a piece of work, and returns its number. Call `finish` first if there was an earlier one.
  @discardableResult
  func begin(_ work: @escaping @Sendable () -> Void) -> UInt32 { state.begin(work) }

  /// Waits until the last piece is done; returns at once if there is none.
  func finish() { state.finish(nil) }

  /// Waits until the piece with this number is done, even if others were begun after it.
  func finish(_ number: UInt32) { state.finish(number) }

  /// What both threads share.
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

/// A companion that is started when there is work for it. There is none on a single processor, or if the kernel grants no
/// thread. Used by one thread at a time.
public final class LazyCompanion {
  private var companion: Companion?
  private var mayStart = CurrentProcess.processorCount > 1

  public init() {}

  /// Begins a piece of work; false if no companion is available. Call `finish` first if there was an earlier piece.
  func begin(_ work: @escaping @Sendable () -> Void) -> Bool {
    guard let idle else { return false }
    idle.begin(work)
    return true
  }

  /// Waits until the last piece of work is done.
  func finish() { companion?.finish() }

  /// The companion, started if necessary; nil if there is none or it is busy.
  var idle: Companion? {
    if mayStart {
      mayStart = false
      companion = try? Companion()
    }
    return companion.flatMap { $0.isIdle ? $0 : nil }
  }
}
