internal import KernelIO

/// The locks that a run holds: on the capture, and on its cold roots, so that no two captures work in one root at once.
struct CaptureLock {
  private final class Held {
    private let lock: FolderLock

    init(_ lock: consuming FolderLock) { self.lock = lock }
  }

  private var locks: [Held] = []
  /// How many folders were made: cold roots, and folders on the way there.
  var foldersMade = 0

  /// Locks a folder. False if another run holds it.
  mutating func add(_ folder: borrowing Directory) throws(KernelError) -> Bool {
    guard let lock = try FolderLock.acquire(folder) else { return false }
    locks.append(Held(lock))
    return true
  }
}
