import CTestKit
import Testing

/// The engines for renames, by their names on the command line.
public enum Engines {
  public static let all = ["syscalls", "threads", "io_uring"]
}

/// Whether this machine grants io_uring.
public enum IOUring {
  public static let isGranted = ctk_grants_io_uring()

  /// Call first in a case that needs a ring, in a test whose other cases need none. Without a ring only that case is skipped and
  /// reported, by a warning, because the console does not show a cancelled case.
  public static func skipCaseUnlessGranted(sourceLocation: SourceLocation = #_sourceLocation) throws {
    if isGranted { return }
    Issue.record("skipped: needs io_uring", severity: .warning, sourceLocation: sourceLocation)
    try Test.cancel("needs io_uring", sourceLocation: sourceLocation)
  }
}

extension Trait where Self == ConditionTrait {
  /// Skipped, and reported as skipped, if the kernel grants no ring.
  public static var requiresIOUring: Self { .enabled(if: IOUring.isGranted, "needs io_uring") }
  /// Skipped, and reported as skipped, if no file system can be mounted.
  public static var requiresMounting: Self {
    .enabled(if: MountedFileSystem.canMount, "needs root and loop devices")
  }
}
