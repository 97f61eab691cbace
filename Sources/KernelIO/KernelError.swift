internal import CLiburing
public import SystemPackage

/// A failed system call: the operation, the path and the reason.
///
/// Thrown only for what stops the work at hand. The failure of one file among many is data
/// (`Outcome`), never an error.
public struct KernelError: Error, Equatable, Sendable {
  /// What failed. The raw value is its name in messages, mostly that of the system call.
  public enum Operation: String, Sendable {
    case open
    case list = "getdents64"
    case stat = "statx"
    case read, write, create, close
    case rename = "renameat2"
    case link = "linkat"
    case remove = "unlinkat"
    case makeFolder = "mkdirat"
    case changeOwner = "fchown"
    case changeMode = "fchmod"
    case setTime = "futimens"
    case setAttribute = "fsetxattr"
    case lock = "flock"
    case sync = "syncfs"
    case syncFile = "fsync"
    case fileSystem = "fstatfs"
    case access = "faccessat"
    case mount
    case workingFolder = "getcwd"
    case glob
    case ringSetUp = "io_uring_setup"
    case ringEnter = "io_uring_enter"
    case threadStart = "pthread_create"
    case childStart = "fork"
    case childWait = "waitpid"
  }

  public let operation: Operation
  /// Absolute, as bytes; it becomes text only when it is printed. Empty if the call has no path (a ring, a stream).
  public let path: FilePath
  public let errno: Errno

  /// - Parameters:
  ///   - operation: the call that failed.
  ///   - path: absolute, or empty.
  ///   - errno: as the call returned it.
  public init(_ operation: Operation, _ path: FilePath, _ errno: Errno) {
    assert(path.isEmpty || path.isAbsolute, "\(path) is not absolute")
    self.operation = operation
    self.path = path
    self.errno = errno
  }

  /// Turns the shim's convention (a negative errno) into a thrown error.
  @discardableResult
  static func check<Result: SignedInteger>(
    _ result: Result, _ operation: Operation, _ path: @autoclosure () -> FilePath
  ) throws(KernelError) -> Result {
    guard result < 0 else { return result }
    throw KernelError(operation, path(), Errno(shim: result))
  }
}

extension Errno {
  /// As errno(3) names it, such as ENOSPC.
  public var name: String { unsafe hc_errno_name(rawValue).map { unsafe String(cString: $0) } ?? "" }

  /// EMEDIUMTYPE: the mounted file system has another type.
  public static let wrongMedium = Errno(rawValue: 124)
  /// ENOMEDIUM: the mounted file system has another UUID.
  public static let otherMedium = Errno(rawValue: 123)
  /// ESTALE: a folder in use has been replaced by another one.
  public static let replaced = Errno(rawValue: 116)
  /// ENODATA: the UUID of the file system cannot be found out.
  public static let noUUID = Errno(rawValue: 61)

  /// The errno behind a negative result of the shim.
  init<Result: SignedInteger>(shim result: Result) { self.init(rawValue: CInt(-result)) }

  /// Whether every further rename on this file system would fail in the same way: no space, quota, read-only, I/O error, or
  /// a file system that shut itself down.
  public var stopsRun: Bool {
    switch self {
    case .noSpace, .diskQuotaExceeded, .readOnlyFileSystem, .ioError, .noMemory: true
    case Errno(rawValue: 117): true  // EUCLEAN: the file system is corrupt
    default: false
    }
  }
}
