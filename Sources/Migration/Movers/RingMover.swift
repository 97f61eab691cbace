internal import KernelIO
internal import SystemPackage

/// Renames through io_uring, with the submitting thread working instead of waiting.
///
///     start:   ring  ◀── the first part of the batch, in one submission
///     (the caller scans and settles the next window meanwhile)
///     finish:  this thread renames the rest with plain calls, then reaps the ring
///
/// The kernel runs path operations on io-wq workers, and renames within a file system one at a time
/// (`s_vfs_rename_mutex`), so one worker is all that helps. The ring's part of a batch follows the measured
/// speed: it grows while the ring is done first, and shrinks while this thread has to wait for it.
final class RingMover: Mover {
  /// More than a window's worth, and within every kernel's limit (32,768).
  private static let entries = 2048
  private static let workers = 1
  private static let shareStep = 0.02
  private static let shareRange = 0.05...0.95
  /// A worker that the kernel never started (RLIMIT_NPROC, pids.max) shows as silence.
  private static let silenceMillisecondsMax = 5000

  private var ring: Ring
  private var ringShare = 0.4
  private var submittedCount = 0
  /// Set when requests had to be taken back: the rest of the run does without the ring.
  private(set) var hasStalled = false

  init() throws(KernelError) {
    ring = try Ring(entries: Self.entries, workers: Self.workers)
  }

  func start(_ batch: inout MoveBatch) throws(KernelError) {
    guard !hasStalled, StopSignal.pending == nil else { return }
    let wanted = min(Int(Double(batch.count) * ringShare + 0.5), ring.features.submissionEntries)
    while submittedCount < wanted, ring.prepareRename(&batch.renames, at: submittedCount) {
      submittedCount += 1
    }
    try ring.submit()
  }

  func finish(_ batch: inout MoveBatch, executingRest: Bool) throws(KernelError) {
    defer { submittedCount = 0 }
    if executingRest { execute(submittedCount..<batch.count, of: &batch) }
    ring.reap(into: &batch.renames)
    adaptShare(ringWasBehind: ring.inFlight > 0)
    try drain(&batch)
    // What was cancelled has not been executed: it is this thread's now.
    if executingRest { execute(0..<submittedCount, of: &batch) }
  }

  func makeFolders(_ requests: [MakeFolderRequest]) throws(KernelError) -> [Errno?] {
    let results = try ring.makeFolders(requests)
    return zip(requests, results).map { $1 == .canceled ? $0.execute() : $1 }
  }

  private func adaptShare(ringWasBehind: Bool) {
    let changed = ringShare + (ringWasBehind ? -Self.shareStep : Self.shareStep)
    ringShare = min(max(changed, Self.shareRange.lowerBound), Self.shareRange.upperBound)
  }

  /// Waits for everything in flight. What the kernel has not even begun after a long silence is taken back;
  /// what it has begun is waited for, however slow the disk.
  private func drain(_ batch: inout MoveBatch) throws(KernelError) {
    var lastProgress = Clock.monotonicNanoseconds
    while ring.inFlight > 0 || ring.hasPrepared {
      let before = ring.inFlight
      try ring.submit()
      _ = try ring.wait(milliseconds: 1000)
      ring.reap(into: &batch.renames)
      let now = Clock.monotonicNanoseconds
      if ring.inFlight != before { lastProgress = now }
      if !hasStalled, now - lastProgress > Int64(Self.silenceMillisecondsMax) * 1_000_000 {
        hasStalled = true
        try ring.cancelAll()
      }
    }
  }

  private func execute(_ range: Range<Int>, of batch: inout MoveBatch) {
    for index in range where batch.renames.outcome(at: index) == .notExecuted {
      guard StopSignal.pending == nil else { return }
      batch.renames.renameNow(at: index)
    }
  }
}
