import CTestKit
import Testing

/// What may carry the renames, each by its name on the command line.
public enum Engines {
  public static let all = ["syscalls", "threads", "io_uring"]
}

/// What this machine grants to the engine `io_uring`.
public enum IOUring {
  public static let isGranted = ctk_grants_io_uring()

  /// Called first in a case that needs a ring, where other cases of the test need none. Without a ring that case alone is
  /// skipped, and reported: the console says nothing of a cancelled case, so a warning does.
  public static func skipCaseUnlessGranted(sourceLocation: SourceLocation = #_sourceLocation) throws {
    if isGranted { return }
    Issue.record("skipped: needs io_uring", severity: .warning, sourceLocation: sourceLocation)
    try Test.cancel("needs io_uring", sourceLocation: sourceLocation)
  }
}

extension Trait where Self == ConditionTrait {
  /// Skipped, and reported as skipped, where the kernel grants no ring.
  public static var requiresIOUring: Self { .enabled(if: IOUring.isGranted, "needs io_uring") }
  /// Skipped, and reported as skipped, where no file system can be mounted.
  public static var requiresMounting: Self {
    .enabled(if: MountedFileSystem.canMount, "needs root and loop devices")
  }
}
