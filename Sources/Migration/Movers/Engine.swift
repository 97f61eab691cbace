public import KernelIO
internal import SystemPackage

/// The engine that the user asks for (`--engine`).
public enum EngineChoice: String, CaseIterable, Sendable {
  case auto
  case ioUring = "io_uring"
  case threads
  case syscalls
}

/// The engine of a run: chosen once, the same for every capture of it.
public final class Engine {
  /// An engine that can carry renames.
  public enum Name: String, Sendable {
    case ioUring = "io_uring"
    case threads
    case syscalls
  }

  public let choice: EngineChoice
  /// One case per mover rather than an existential: the pipeline is specialized for each.
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

  /// Sets up an engine. `syscalls` and `threads` never try io_uring at all: under a seccomp filter that kills, even asking would
  /// be fatal.
  ///
  /// - Throws: if the kernel does not grant the engine that was demanded. `auto` never throws; it uses what there is.
  public static func choose(_ choice: EngineChoice) throws(KernelError) -> Engine {
    switch choice {
    case .auto: Engine(choice, .auto(AutoMover()))
    case .ioUring: Engine(choice, .ring(try RingMover()))
    case .threads: Engine(choice, .helper(try HelperMover()))
    case .syscalls: Engine(choice, .thread(PlainMover()))
    }
  }

  /// An engine of the same choice for another thread; `auto` if the kernel does not grant a second one.
  public func another() -> Engine { (try? Self.choose(choice)) ?? Engine(.auto, .auto(AutoMover())) }

  /// The engine that carried the last renames.
  public var name: Name {
    switch executor {
    case .auto(let mover): mover.name
    case .ring: .ioUring
    case .helper: .threads
    case .thread: .syscalls
    }
  }

  /// Why this engine was used: what the user asked for, what was measured, what the kernel granted or refused.
  public var reason: String {
    switch executor {
    case .auto(let mover): mover.reason
    case .ring(let mover): "requested: \(mover.grants)"
    case .helper, .thread: "requested"
    }
  }

  /// What went through a ring so far; zero without one.
  public var ringTotals: RingTotals {
    switch executor {
    case .auto(let mover): mover.totals
    case .ring(let mover): mover.totals
    case .helper, .thread: RingTotals()
    }
  }

  /// What went wrong with the engine during the run; nil if nothing did.
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

  /// Explains to the operator why io_uring is not available, by the errors that io_uring_setup(2) documents.
  public static func refusalReason(_ error: KernelError) -> String {
    let explanation =
      switch error.errno {
      // Seccomp profiles of containers answer ENOSYS, so that programs continue without io_uring.
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
