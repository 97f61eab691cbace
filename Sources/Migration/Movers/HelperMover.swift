internal import KernelIO
internal import SystemPackage

/// Renames by plain system calls on two threads: this one, which scans and settles, and a helper.
///
///     queue ──▶ helper thread                the oldest first
///     no room ──▶ this thread, at once       while the file that it has just looked at is in its cache
///
/// Each thread takes as much work as its speed allows, as with a ring, but at a lower cost: no request goes through a kernel
/// worker, which would copy the name and wake the submitter.
final class HelperMover: Mover {
  /// Started when there is work for it.
  private var helper: HelperThread?
  private var isAttached = false
  /// Whether the kernel refused the helper thread: this thread does all the work.
  private var isAlone = false

  init() throws(KernelError) {
    guard Threads.areGranted else { throw KernelError(.threadStart, "", .resourceTemporarilyUnavailable) }
  }

  /// Enough for the helper while this thread reads a window of names.
  var pendingMax: Int { isAlone ? 0 : 256 }

  func poll(_ queue: inout MoveQueue) {
    guard queue.renames.pendingCount > 0 else { return }
    attach(queue.renames)
    helper?.wakeIfAsleep()
  }

  private func attach(_ queue: borrowing RequestQueue) {
    guard !isAttached, !isAlone else { return }
    if helper == nil { helper = try? HelperThread() }
    guard let helper else {
      isAlone = true
      return
    }
    helper.attach(queue)
    isAttached = true
  }

  private func detach() {
    guard isAttached else { return }
    helper?.detach()
    isAttached = false
  }

  func work(off queue: inout MoveQueue) {
    poll(&queue)
    while StopSignal.pending == nil, queue.renames.executeFront() {}
  }

  func drain(_ queue: inout MoveQueue) { detach() }

  func execute(_ requests: inout RequestQueue) {
    attach(requests)
    requests.executeRest()
    detach()
  }
}
