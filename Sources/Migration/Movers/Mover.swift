internal import KernelIO
internal import SystemPackage

/// Executes batches of renames. Every mover gives each rename the same outcome for the same tree.
///
///     start(batch)  ──▶  the caller reads and settles the next window  ──▶  finish(batch)
///
/// Between the two calls the batch may be in flight; its outcomes are complete after `finish`. Where the rest
/// is not to be executed, or a stop signal comes, a mover finishes what the kernel has already and leaves
/// the rest `notExecuted`.
protocol Mover: AnyObject {
  func start(_ batch: inout MoveBatch) throws(KernelError)
  func finish(_ batch: inout MoveBatch, executingRest: Bool) throws(KernelError)
  /// Nil, or why not, for each request.
  func makeFolders(_ requests: [MakeFolderRequest]) throws(KernelError) -> [Errno?]
}

/// Renames by plain system calls, one after the other: where io_uring is not to be had.
final class PlainMover: Mover {
  func start(_ batch: inout MoveBatch) {}

  func finish(_ batch: inout MoveBatch, executingRest: Bool) {
    for index in 0..<batch.count {
      guard executingRest, StopSignal.pending == nil else { return }
      batch.renames.renameNow(at: index)
    }
  }

  func makeFolders(_ requests: [MakeFolderRequest]) -> [Errno?] { requests.map { $0.execute() } }
}
