internal import CLiburing
public import SystemPackage

/// One operation on a name in an open folder. The NUL-terminated name is stored separately, by the owner of the request
/// (`RequestQueue`).
///
/// There are two executors with one switch each: `execute` makes the call on this thread, `prepare` puts it into a ring. Both
/// give the same outcome. A new operation needs a case here and one in each of them.
public enum Request: Sendable {
  /// Moves the name to another folder, and refuses to replace (renameat2(2), RENAME_NOREPLACE).
  case rename(from: Int32, to: Int32)
  /// mkdirat(2).
  case makeFolder(in: Int32, mode: UInt32)
  /// Unlinks a file (unlinkat(2)). Only for retention: no migration removes a recorder's file.
  case unlink(in: Int32)

  /// Returns 0 or a negative errno.
  func execute(_ name: UnsafePointer<CChar>) -> Int32 {
    defer { Heartbeat.sign() }
    switch self {
    case .rename(let from, let to): return unsafe hc_rename_noreplace(from, name, to, name)
    case .makeFolder(let dirfd, let mode): return unsafe hc_mkdirat(dirfd, name, mode)
    case .unlink(let dirfd): return unsafe hc_unlink(dirfd, name)
    }
  }

  /// False when the submission queue is full.
  func prepare(_ name: UnsafePointer<CChar>, in ring: OpaquePointer, tag: UInt64) -> Bool {
    switch self {
    case .rename(let from, let to):
      unsafe hc_ring_prepare_rename(ring, from, name, to, name, hc_flag_noreplace(), tag) == 0
    case .makeFolder(let dirfd, let mode): unsafe hc_ring_prepare_mkdir(ring, dirfd, name, mode, tag) == 0
    case .unlink(let dirfd): unsafe hc_ring_prepare_unlink(ring, dirfd, name, tag) == 0
    }
  }
}

/// The result of a request, the same from every executor.
public enum Outcome: Equatable, Sendable {
  case done
  /// It was never started: the run was asked to stop, or the request was cancelled.
  case notExecuted
  case failed(Errno)

  init(shim result: Int32) { self = result == 0 ? .done : .failed(Errno(shim: result)) }
}
