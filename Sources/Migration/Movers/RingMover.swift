internal import KernelIO
internal import SystemPackage

/// Renames through io_uring, with the submitting thread working instead of waiting.
///
///     queue ──▶ ring ──▶ io-wq worker       a few dozen always in flight, topped up by `poll`
///     no room ──▶ this thread, at once      while the file that it has just looked at is in its cache
///
/// The kernel runs path operations on io-wq workers, and renames within a file system one at a time
/// (`s_vfs_rename_mutex`), so more than one worker would not help. This thread renames only what finds no room in the
/// queue, so each takes as much work as its speed allows, without any measurement.
final class RingMover: Mover {
  /// Enough for the worker while this thread reads a window of names; more in flight only means more path
  /// buffers (4 KiB for each name) that have left the cache.
  private static let inFlightMax = 32
  /// Room for the 96 hour folders in one submission.
  private static let entries = 128
  private static let inFlightRefill = 16
  private static let workers = 1
  /// Renames of its own after which this thread polls the ring again.
  private static let pollEvery = 8
  /// After so long without a completion the ring is given up: a worker that the kernel never started (RLIMIT_NPROC, pids.max)
  /// shows only as silence.
  private static let silenceNanosecondsMax: Int64 = 5_000_000_000

  private var ring: Ring
  /// Why the ring is no longer used, if so: the rest of the run uses plain calls. Requests prepared in the ring must then
  /// never be submitted.
  private(set) var givenUp: GivenUp?
  enum GivenUp {
    /// The kernel did not start requests that it had accepted.
    case stalled
    /// The kernel accepted no more requests.
    case refused(KernelError)
  }

  init() throws(KernelError) {
    ring = try Ring(entries: Self.entries, workers: Self.workers)
  }

  var totals: RingTotals {
    RingTotals(requests: ring.requestCount, submissions: ring.submissionCount)
  }

  /// What the kernel granted, for the report.
  var grants: String {
    let granted = [
      (ring.features.deferTaskRun, "deferred task work"), (ring.features.singleIssuer, "single issuer"),
      (ring.features.submitAll, "submit all"), (ring.features.boundedWorkers, "one worker"),
    ].filter(\.0).map(\.1)
    return granted.isEmpty ? "an old kernel without optional features" : granted.joined(separator: ", ")
  }

  /// Enough for the worker while this thread reads a window of names.
  var pendingMax: Int { givenUp == nil ? 256 : 0 }

  func poll(_ queue: inout MoveQueue) {
    ring.reap(into: &queue.renames)
    guard givenUp == nil else { return }
    if StopSignal.pending == nil, ring.inFlight <= Self.inFlightRefill {
      while ring.inFlight + ring.preparedCount < Self.inFlightMax, queue.renames.pendingCount > 0,
        ring.prepareFront(of: &queue.renames)
      {}
    }
    submit()
  }

  private func submit() {
    do throws(KernelError) { try ring.submit() } catch { givenUp = .refused(error) }
  }

  func work(off queue: inout MoveQueue) {
    var own = 0
    while queue.renames.pendingCount > 0, StopSignal.pending == nil {
      if own % Self.pollEvery == 0 { poll(&queue) }
      guard queue.renames.pendingCount > 0 else { return }
      queue.renames.executeFront()
      own += 1
    }
  }

  func drain(_ queue: inout MoveQueue) throws(KernelError) {
    try drain(&queue.renames)
    if StopSignal.pending == nil { queue.renames.executeCancelled() }
  }

  /// Waits for what is in flight. After a long silence, requests that the kernel has not started are taken back; those that it
  /// has started are waited for, however slow the disk.
  private func drain(_ queue: inout RequestQueue) throws(KernelError) {
    // Requests in flight in a lost ring are not of this queue.
    guard !ring.isLost else { return }
    var lastProgress = SystemClock.monotonicNanoseconds
    while ring.inFlight > 0 || (ring.preparedCount > 0 && givenUp == nil) {
      let before = ring.inFlight
      if givenUp == nil { submit() }
      do throws(KernelError) { _ = try ring.wait(milliseconds: 1000) } catch {
        givenUp = .refused(error)
        throw error
      }
      ring.reap(into: &queue)
      let now = SystemClock.monotonicNanoseconds
      if ring.inFlight != before { lastProgress = now }
      if givenUp == nil, now - lastProgress > Self.silenceNanosecondsMax {
        ring.cancelAll()
        givenUp = .stalled
      }
    }
    if givenUp != nil { ring.takeBackPrepared(into: &queue) }
  }

  func execute(_ requests: inout RequestQueue) throws(KernelError) {
    while givenUp == nil, requests.pendingCount > 0 {
      while requests.pendingCount > 0, ring.prepareFront(of: &requests) {}
      try drain(&requests)
    }
    requests.executeRest()
  }
}
