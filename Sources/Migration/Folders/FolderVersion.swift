internal import CaptureLayout
internal import KernelIO

/// Tells one state of a folder from the next: equal versions hold the same names, if the first one was settled. Whatever adds,
/// removes or renames an entry sets both times (POSIX); no call sets the second one to another time than now. Folders that were
/// written to within one tick have the same times, so which folder it is belongs to it.
struct FolderVersion: Equatable {
  /// Changes within the same tick of the kernel's clock have one time.
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

  /// Whether any later change shows, so that what the folder holds may be remembered. `nowSeconds`: since the epoch, read
  /// before the folder is.
  func isSettled(atSeconds nowSeconds: Int64) -> Bool {
    isOlder(than: Self.tickSeconds, atSeconds: nowSeconds)
  }

  func isOlder(than seconds: Int64, atSeconds nowSeconds: Int64) -> Bool {
    max(modified, changed).age(atSeconds: nowSeconds) > seconds
  }
}
