public import KernelIO
internal import SystemPackage

/// Which kind of mover carries the renames.
public enum EngineChoice: String, CaseIterable, Sendable {
  case auto
  case ioUring = "io_uring"
  case threads
  case syscalls
}

/// The engine of a run: chosen once, the same for every capture of it.
public final class Engine {
  public enum Name: String, Sendable {
    case ioUring = "io_uring"
    case threads
    case syscalls
  }

  public let name: Name
  /// Why this engine: what the user asked for, or what the kernel granted or refused.
  public let reason: String
  /// Named rather than held as any mover: the pipeline is compiled for each.
  enum Executor {
    case ring(RingMover)
    case helper(HelperMover)
    case thread(PlainMover)
  }
  let executor: Executor

  private init(_ name: Name, _ reason: String, _ executor: Executor) {
    self.name = name
    self.reason = reason
    self.executor = executor
  }

  /// Asks the kernel for a ring, and falls back to plain calls unless the ring was demanded.
  ///
  /// `syscalls` never tries io_uring at all: under a seccomp filter that kills, even asking would be fatal.
  public static func choose(_ choice: EngineChoice) throws(KernelError) -> Engine {
    if choice == .syscalls { return Engine(.syscalls, "asked for", .thread(PlainMover())) }
    if choice == .threads { return Engine(.threads, "asked for", .helper(try HelperMover())) }
    do throws(KernelError) {
      let mover = try RingMover()
      let reason = choice == .ioUring ? "asked for" : "the kernel allows it"
      return Engine(.ioUring, "\(reason): \(mover.grants)", .ring(mover))
    } catch {
      guard choice == .auto else { throw error }
      return Engine(.syscalls, refusalReason(error), .thread(PlainMover()))
    }
  }

  /// Another engine of the kind of this one, for another thread.
  public static func another(like name: Name) -> Engine {
    (try? choose(name == .ioUring ? .auto : .syscalls))
      ?? Engine(.syscalls, "asked for", .thread(PlainMover()))
  }

  /// What went through the ring so far; nothing where there is none.
  public var ringTotals: RingTotals {
    guard case .ring(let mover) = executor else { return RingTotals() }
    return mover.totals
  }

  /// What went wrong with the engine on the way, if anything.
  public var warning: String? {
    guard case .ring(let mover) = executor else { return nil }
    switch mover.givenUp {
    case nil: return nil
    case .stalled: return "the kernel did not begin requests of the ring; went on with system calls"
    case .refused(let error):
      return "the kernel refused the ring's requests (\(error.errno)); went on with system calls"
    }
  }

  /// The refusals that io_uring_setup(2) documents, in the operator's words.
  public static func refusalReason(_ error: KernelError) -> String {
    let explanation =
      switch error.errno {
      // Profiles of containers answer ENOSYS, so that programs go on without io_uring.
      case .noFunction where CurrentProcess.isFiltered && Kernel.isAtLeast(5, 1):
        "hidden by a seccomp profile"
      case .noFunction: "this kernel has no io_uring"
      case .notPermitted: "forbidden by sysctl kernel.io_uring_disabled or a seccomp profile"
      case .permissionDenied: "forbidden by a security policy"
      case .noMemory: "not enough locked memory (ulimit -l)"
      case .notSupportedOnSocket: "this kernel's io_uring has no renames (needs 5.15)"
      default: "\(error.errno)"
      }
    return "io_uring refused: \(explanation)"
  }
}
