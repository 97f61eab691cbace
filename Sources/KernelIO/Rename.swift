internal import CLiburing
public import SystemPackage

/// What became of one rename, the same for both engines.
public enum RenameOutcome: Equatable, Sendable {
  case moved
  /// The kernel never began it: the run was asked to stop, or a request was cancelled.
  case notExecuted
  case failed(Errno)

  init(shim result: Int32) { self = result == 0 ? .moved : .failed(Errno(shim: result)) }
}

/// Calls on one name below an open folder, made on this thread.
public enum Name {
  /// Moves `name` from one folder to another and refuses to replace (renameat2(2), RENAME_NOREPLACE).
  public static func rename(_ name: Span<UInt8>, from: Int32, to: Int32) -> RenameOutcome {
    RenameOutcome(shim: unsafe withTerminated(name) { unsafe hc_rename_noreplace(from, $0, to, $0) })
  }

  /// Whether a name is taken in the folder `dirfd`, or for any other reason may not be looked up there.
  public static func isTaken(_ name: Span<UInt8>, in dirfd: Int32) -> Bool {
    var status = hc_stat()
    let result = unsafe withTerminated(name) { unsafe hc_statx_mtime(dirfd, $0, &status) }
    return result >= 0 || Errno(shim: result) != .noSuchFileOrDirectory
  }
}
