internal import CLiburing
internal import SystemPackage

/// The lock that keeps a second run away from a capture: flock(2) on the capture folder itself, so it leaves
/// no file, works across bind mounts, and is released however the process ends.
///
/// It has its own descriptor, which is never part of a request: requests that a killed process left in flight
/// cannot keep the lock.
public struct FolderLock: ~Copyable {
  private let descriptor: Int32

  /// Tries for about two seconds, because a killed run takes a moment to end; then returns nil.
  public static func acquire(_ directory: borrowing Directory) throws(KernelError) -> FolderLock? {
    let attempts = 40
    let pauseMicroseconds: UInt32 = 50_000
    for attempt in 1...attempts {
      if let lock = try attemptOnce(directory) { return lock }
      if attempt < attempts { pause(microseconds: pauseMicroseconds) }
    }
    return nil
  }

  /// Whether another run holds the lock at this moment. False also on errors.
  public static func isHeld(_ directory: borrowing Directory) -> Bool {
    do throws(KernelError) {
      return try attemptOnce(directory) == nil
    } catch {
      return false
    }
  }

  /// Tries once; nil if another process holds the lock.
  public static func attemptOnce(
    _ directory: borrowing Directory
  ) throws(KernelError) -> FolderLock? {
    let descriptor = try KernelError.check(
      unsafe hc_open_folder(directory.descriptor, "."), .open, directory.path)
    let lock = FolderLock(descriptor: descriptor)
    let result = hc_lock_exclusive(descriptor)
    if result < 0, Errno(shim: result) == .wouldBlock { return nil }
    try KernelError.check(result, .lock, directory.path)
    return lock
  }

  deinit { hc_close(descriptor) }
}
