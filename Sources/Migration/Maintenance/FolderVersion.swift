internal import CaptureLayout
internal import KernelIO

/// What a folder was like at a look: while that is so, it holds what it held. Whatever adds, removes or renames an entry sets
/// both times (POSIX), and nobody can set the second one back.
struct FolderVersion: Equatable {
  /// Changes within the same tick of the kernel's clock have one time.
  private static let tickSeconds: Int64 = 1

  private let modified: ModificationTime
  private let changed: ModificationTime

  init(of directory: borrowing Directory) throws(KernelError) {
    let status = try directory.status()
    modified = status.modified
    changed = ModificationTime(seconds: status.changedSeconds, nanoseconds: status.changedNanoseconds)
  }

  /// Whether another change would show. `nowSeconds`: since the epoch.
  func isSettled(atSeconds nowSeconds: Int64) -> Bool {
    max(modified, changed).age(atSeconds: nowSeconds) > Self.tickSeconds
  }
}
