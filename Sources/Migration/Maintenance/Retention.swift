public import CaptureLayout
public import KernelIO
internal import SystemPackage

/// What retention did with the cold files of a capture, or would do.
public struct RetentionReport: Sendable {
  /// Why expired files are not deleted.
  public enum Refusal: Equatable, Sendable {
    /// The clock was set by this many seconds since it was last read.
    case clockStepped(Int64)
    /// The clock was set since it was last read, and then set back.
    case clockDisturbed
    /// All cold files of this kind have expired, and either no hot file is young, or there are more of them than hot files: as
    /// with a wrong clock, or when nothing was recorded for a long time. (If little is recorded, a file may have expired by
    /// the time it goes cold; such files are few.)
    case everythingWouldGo(NamedKind)
    /// More than a year lies between the newest expired file of this kind and the oldest that is kept: as if the clock was
    /// years ahead when the last files were recorded, and still is.
    case yearsApart(NamedKind)
    /// More files than the cap of a pass have expired.
    case tooMany(expired: Int, max: Int)
  }

  public internal(set) var expired = PerKind(repeating: 0)
  public internal(set) var deleted = PerKind(repeating: 0)
  /// Files kept because their modification time is in the future or at the epoch.
  public internal(set) var implausible = PerKind(repeating: 0)
  /// Files that were changed, replaced or gone when they were looked at again right before the deletion.
  public internal(set) var spared = 0
  public internal(set) var refusals: [Refusal] = []
  public internal(set) var problems = Problems()
  public internal(set) var error: KernelError?

  public var deletedTotal: Int { deleted.sum }
  public var expiredTotal: Int { expired.sum }
  /// Whether files of a kind have expired and no refusal keeps them.
  public func isDue(_ kind: Kind) -> Bool {
    expired[kind] > 0
      && refusals.allSatisfy { $0.isOfSomeKinds && $0.kind != kind }
  }
  public var due: PerKind<Int> { PerKind { isDue($0) ? expired[$0] : 0 } }
  public var dueTotal: Int { due.sum }
  public var isClean: Bool { refusals.isEmpty && problems.count == 0 && error == nil }
}

extension RetentionReport.Refusal {
  /// The kind that the refusal is limited to; nil if it concerns all kinds.
  fileprivate var kind: Kind? {
    switch self {
    case .everythingWouldGo(let kind), .yearsApart(let kind): kind.kind
    case .clockStepped, .clockDisturbed, .tooMany: nil
    }
  }

  /// Whether files of other kinds may be deleted nevertheless.
  fileprivate var isOfSomeKinds: Bool {
    kind != nil
  }
}

/// Deletes cold files that are older than their kind's age.
///
///     count what has expired ─▶ plausible? ─▶ look at each file once more ─▶ unlink, in batches
///
/// The clock is read before counting and before each batch; if it was set meanwhile, nothing more is deleted.
///
/// Hot files are never touched: only buckets are read. A name that the live playlist lists is spared there as well.
struct Retention<M: Mover>: ~Copyable {
  private static var batchMax: Int { 64 }

  private let rule: RetentionRule
  private let mover: M
  private let clock: ClockWatch
  /// The time when the clock was last read, in seconds since the epoch.
  private var nowSeconds = Int64.min
  private let expiry: Expiry
  private let tree: CaptureTree
  private var report = RetentionReport()
  private var left: Int
  private var newestExpired = PerKind<ModificationTime?>(repeating: nil)
  private var oldestKept = PerKind<ModificationTime?>(repeating: nil)

  init(_ expiry: Expiry, mover: M, clock: ClockWatch) {
    self.expiry = expiry
    tree = expiry.tree
    rule = expiry.rule
    self.mover = mover
    self.clock = clock
    left = rule.deletionsMax
  }

  /// `isForced`: the operator has confirmed the deletions (`--force-retention`). If the clock is set during the run, that still
  /// stops them.
  consuming func run(
    _ inventory: Inventory, isForced: Bool, isDryRun: Bool
  ) -> RetentionReport {
    do throws(KernelError) {
      guard lookAtClock() else { return report }
      try count(inventory)
      guard report.expiredTotal > 0 else { return report }
      let refused = isForced ? [] : refusedKinds(inventory)
      guard !isDryRun else { return report }
      if isForced { left = .max }
      for kind in tree.layout.kinds where report.expired[kind] > 0 && !refused.contains(kind) && mayGoOn {
        try delete(kind, inventory)
      }
    } catch { report.error = error }
    return report
  }

  private var mayGoOn: Bool {
    left > 0 && StopSignal.pending == nil && report.refusals.allSatisfy(\.isOfSomeKinds)
  }

  /// Reads the time of day anew. False if the clock was set, which is reported: nothing more is deleted then.
  private mutating func lookAtClock() -> Bool {
    switch clock.look() {
    case .steady(let now):
      nowSeconds = now
      return true
    case .stepped(let seconds): report.refusals.append(.clockStepped(seconds))
    case .disturbed: report.refusals.append(.clockDisturbed)
    }
    return false
  }

  // MARK: counting

  private func mayHoldExpired(_ entry: Inventory.Entry?, _ kind: Kind) -> Bool {
    guard let oldest = entry?.oldest else { return false }
    return rule.verdict(of: kind, oldest, nowSeconds: nowSeconds) == .expired
  }

  private mutating func count(_ inventory: Inventory) throws(KernelError) {
    for kind in tree.layout.kinds where rule.ageSeconds[kind] != nil {
      report.implausible[kind] = inventory.implausible(kind)
      if let hot = inventory.newestHot[kind] { keep(hot, kind) }
      for bucket in tree.buckets(of: kind) {
        guard mayHoldExpired(inventory.entry(kind, bucket), kind) else {
          if let oldest = inventory.entry(kind, bucket)?.oldest { keep(oldest, kind) }
          continue
        }
        try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
          try Inventory.forEachFile(of: kind, in: directory, tree.layout) { entry, status in
            count(entry, status, kind)
          } unreadable: { entry, errno in
            let problem = problem(entry.name, kind, bucket, errno)
            report.problems.add(problem)
          }
        }
      }
    }
  }

  private mutating func count(_ entry: borrowing DirectoryEntry, _ status: FileStatus, _ kind: Kind) {
    if isExpired(entry, status, kind) {
      report.expired[kind] += 1
      newestExpired[kind] = max(newestExpired[kind] ?? status.modified, status.modified)
    } else {
      keep(status.modified, kind)
    }
  }

  private mutating func keep(_ modified: ModificationTime, _ kind: Kind) {
    guard rule.verdict(of: kind, modified, nowSeconds: nowSeconds) == .kept else { return }
    oldestKept[kind] = min(oldestKept[kind] ?? modified, modified)
  }

  private func areYearsApart(_ kind: Kind) -> Bool {
    let yearSeconds: Int64 = 366 * 86_400
    guard let expired = newestExpired[kind], let kept = oldestKept[kind] else { return false }
    return kept.seconds.subtractingSaturating(expired.seconds) > yearSeconds
  }

  private func isExpired(_ entry: borrowing DirectoryEntry, _ status: FileStatus, _ kind: Kind) -> Bool {
    expiry.hasExpired(entry.name, kind, status.modified, nowSeconds: nowSeconds)
  }

  /// The kinds whose deletion looks like the effect of a wrong clock or a wrong age; all kinds if too many files would go.
  /// Reports the refusals.
  private mutating func refusedKinds(_ inventory: Inventory) -> Set<Kind> {
    var refused: Set<Kind> = []
    for kind in tree.layout.kinds where report.expired[kind] > 0 {
      if areYearsApart(kind) {
        report.refusals.append(.yearsApart(tree.layout.named(kind)))
        refused.insert(kind)
        continue
      }
      let known = inventory.cold(kind).files - inventory.implausible(kind)
      let isRecording = inventory.newestHot[kind].map {
        rule.verdict(of: kind, $0, nowSeconds: nowSeconds) == .kept
      }
      let areFew = report.expired[kind] <= inventory.hot[kind].files
      guard report.expired[kind] >= known, !(isRecording ?? false) || !areFew else { continue }
      report.refusals.append(.everythingWouldGo(tree.layout.named(kind)))
      refused.insert(kind)
    }
    let going = tree.layout.kinds.reduce(0) { refused.contains($1) ? $0 : $0 + report.expired[$1] }
    guard going > rule.deletionsMax else { return refused }
    report.refusals.append(.tooMany(expired: going, max: rule.deletionsMax))
    return Set(tree.layout.kinds)
  }

  // MARK: deleting

  private mutating func delete(_ kind: Kind, _ inventory: Inventory) throws(KernelError) {
    for bucket in tree.buckets(of: kind) where mayHoldExpired(inventory.entry(kind, bucket), kind) && mayGoOn
    {
      try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
        try delete(kind, bucket, directory)
      }
    }
  }

  private mutating func delete(
    _ kind: Kind, _ bucket: Bucket, _ directory: borrowing Directory
  ) throws(KernelError) {
    var batch = RequestQueue(capacity: Self.batchMax)
    var seen: [FileStatus] = []
    // The batch is flushed before the next window is read, so no name outlives its window.
    try Walk(tree.layout, look: .wholeStatus).run(
      directory, wants: { $0 == kind }, goesOn: { mayGoOn },
      afterWindow: { () throws(KernelError) in try flush(&batch, &seen, kind, bucket, directory) },
      visit: { (entry, found, status) throws(KernelError) in
        guard case .file = found, mayGoOn, isExpired(entry, status, kind) else { return }
        batch.append(entry.name, .unlink(in: directory.descriptor))
        seen.append(status)
        left -= 1
        if batch.isFull { try flush(&batch, &seen, kind, bucket, directory) }
      })
  }

  /// Reads the clock and the status of each file of the batch once more, and unlinks the files that are unchanged and still
  /// expired.
  private mutating func flush(
    _ batch: inout RequestQueue, _ seen: inout [FileStatus], _ kind: Kind, _ bucket: Bucket,
    _ directory: borrowing Directory
  ) throws(KernelError) {
    defer { seen.removeAll(keepingCapacity: true) }
    guard !batch.isEmpty, lookAtClock() else { return batch.keepPending { _ in false } }
    var index = 0
    batch.keepPending { name in
      defer { index += 1 }
      guard let status = try? directory.status(ofEntry: name) else { return false }
      return status.isUnchanged(since: seen[index])
        && rule.verdict(of: kind, status.modified, nowSeconds: nowSeconds) == .expired
    }
    report.spared += seen.count - batch.pendingCount
    try mover.execute(&batch)
    while let outcome = batch.headOutcome {
      switch outcome {
      case .done: report.deleted[kind] += 1
      case .failed(.noSuchFileOrDirectory): report.spared += 1
      case .notExecuted: break  // The next pass.
      case .failed(let errno):
        let problem = problem(batch.name(at: batch.head), kind, bucket, errno)
        report.problems.add(problem)
        if errno.stopsRun { throw KernelError(.remove, directory.path, errno) }
      }
      batch.retireHead()
    }
  }

  private func problem(_ name: Span<UInt8>, _ kind: Kind, _ bucket: Bucket, _ errno: Errno) -> Problem {
    Problem(
      from: Array((tree.layout.path(of: bucket, kind) + "/").utf8) + Array(copying: name), to: "",
      reason: .errno(errno))
  }
}
