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
  /// What carried the renames.
  public enum Name: String, Sendable {
    case ioUring = "io_uring"
    case threads
    case syscalls
  }

  public let choice: EngineChoice
  /// Named rather than held as any mover: the pipeline is compiled for each.
  enum Executor {
    case auto(AutoMover)
    case ring(RingMover)
    case helper(HelperMover)
    case thread(PlainMover)
  }
  let executor: Executor

  private init(_ choice: EngineChoice, _ executor: Executor) {
    self.choice = choice
    self.executor = executor
  }

  /// Throws where what was demanded is not granted; `auto` does with what there is.
  ///
  /// `syscalls` and `threads` never try io_uring at all: under a seccomp filter that kills, even asking would be fatal.
  public static func choose(_ choice: EngineChoice) throws(KernelError) -> Engine {
    switch choice {
    case .auto: Engine(choice, .auto(AutoMover()))
    case .ioUring: Engine(choice, .ring(try RingMover()))
    case .threads: Engine(choice, .helper(try HelperMover()))
    case .syscalls: Engine(choice, .thread(PlainMover()))
    }
  }

  /// The same for another thread; by what there is where this one was granted and another is not.
  public func another() -> Engine { (try? Self.choose(choice)) ?? Engine(.auto, .auto(AutoMover())) }

  /// What carried the last renames.
  public var name: Name {
    switch executor {
    case .auto(let mover): mover.name
    case .ring: .ioUring
    case .helper: .threads
    case .thread: .syscalls
    }
  }

  /// Why this one: what the user asked for, what was measured, what the kernel granted or refused.
  public var reason: String {
    switch executor {
    case .auto(let mover): mover.reason
    case .ring(let mover): "requested: \(mover.grants)"
    case .helper, .thread: "requested"
    }
  }

  /// What went through rings so far; nothing where there is none.
  public var ringTotals: RingTotals {
    switch executor {
    case .auto(let mover): mover.totals
    case .ring(let mover): mover.totals
    case .helper, .thread: RingTotals()
    }
  }

  /// What went wrong with the engine on the way, if anything.
  public var warning: String? {
    let givenUp: RingMover.GivenUp? =
      switch executor {
      case .auto(let mover): mover.givenUp
      case .ring(let mover): mover.givenUp
      case .helper, .thread: nil
      }
    switch givenUp {
    case nil: return nil
    case .stalled: return "the kernel did not start requests of the ring; continued without io_uring"
    case .refused(let error):
      return "the kernel refused the ring's requests (\(error.errno)); continued without io_uring"
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
      case .notSupportedOnSocket: "this kernel's io_uring cannot rename (needs 5.15)"
      default: "\(error.errno)"
      }
    return "io_uring refused: \(explanation)"
  }
}
