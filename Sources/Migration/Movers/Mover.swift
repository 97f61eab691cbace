internal import KernelIO
internal import SystemPackage

/// Executes queued renames. Every mover gives each rename the same outcome for the same tree.
///
/// The thread that migrates scans and settles, and calls a mover in between:
///
///     scan, scan, … tend, scan, … tend        work(untilPending: some)        …        drain
///                   keep the kernel busy      lend a hand                              wait for all
///
/// After a stop signal a mover begins nothing more and finishes what is in flight.
protocol Mover: AnyObject {
  /// Keeps whatever works beside this thread supplied. Cheap; never waits.
  func tend(_ queue: inout MoveQueue) throws(KernelError)
  /// Executes until at most this many renames are pending. Never waits.
  func work(on queue: inout MoveQueue, untilPending count: Int) throws(KernelError)
  /// Waits until nothing is in flight.
  func drain(_ queue: inout MoveQueue) throws(KernelError)
  /// Nil, or why not, for each request.
  func makeFolders(_ requests: [MakeFolderRequest]) throws(KernelError) -> [Errno?]
}

/// Renames by plain system calls, one after the other: where io_uring is not to be had.
final class PlainMover: Mover {
  func tend(_ queue: inout MoveQueue) {}

  func work(on queue: inout MoveQueue, untilPending count: Int) {
    while queue.renames.pendingCount > count, StopSignal.pending == nil {
      queue.renames.renameFront()
    }
  }

  func drain(_ queue: inout MoveQueue) {}

  func makeFolders(_ requests: [MakeFolderRequest]) -> [Errno?] { requests.map { $0.execute() } }
}
