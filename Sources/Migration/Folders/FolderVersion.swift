internal import CaptureLayout
internal import KernelIO

/// Tells one state of a folder from the next: if two versions are equal and the first was settled, the folder holds the same
/// names. Whatever adds, removes or renames an entry sets both mtime and ctime (POSIX), and no call can set the ctime to any
/// time but now. The folder's identity is part of the version, since two folders changed in the same tick have the same times.
struct FolderVersion: Equatable {
  /// Changes within the same tick of the kernel's clock have the same time; a second is longer than any tick.
  private static let tickSeconds: Int64 = 1

  private let folder: FolderIdentity
  private let modified: ModificationTime
  private let changed: ModificationTime

  init(of directory: borrowing Directory) throws(KernelError) {
    let status = try directory.status()
    folder = status.folder
    modified = status.modified
    changed = status.changed
  }

  /// Whether any later change makes the version differ, so that the contents of the folder may be remembered. `nowSeconds`:
  /// since the epoch, read before the folder is.
  func isSettled(atSeconds nowSeconds: Int64) -> Bool {
    isOlder(than: Self.tickSeconds, atSeconds: nowSeconds)
  }

  func isOlder(than seconds: Int64, atSeconds nowSeconds: Int64) -> Bool {
    max(modified, changed).age(atSeconds: nowSeconds) > seconds
  }
}
