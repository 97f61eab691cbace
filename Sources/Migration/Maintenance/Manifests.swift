public import CaptureLayout
public import KernelIO
internal import SystemPackage

/// What became of the playlists of the buckets, or would.
public struct ManifestReport: Sendable {
  /// New, or with another content than before.
  public internal(set) var written = 0
  public internal(set) var unchanged = 0
  /// Of days that hold no segment any more.
  public internal(set) var removed = 0
  /// Foreign playlists, left as they are; below the capture.
  public internal(set) var foreign: [String] = []
  public internal(set) var failures: [KernelError] = []
  /// Gaps of the last 24 hours, of a round of the service; nil where not all that is recorded is known.
  public internal(set) var gaps: RecordingGaps?
  /// Copies of init segments.
  public internal(set) var initSegments = InitSegmentCounts()
  /// Of init segments: no copy was kept.
  public internal(set) var initializationFailures: [KernelError] = []

  public var isClean: Bool { foreign.isEmpty && failures.isEmpty && initializationFailures.isEmpty }

  static func + (left: ManifestReport, right: ManifestReport) -> ManifestReport {
    var sum = left
    sum.written += right.written
    sum.unchanged += right.unchanged
    sum.removed += right.removed
    sum.foreign += right.foreign
    sum.failures += right.failures
    sum.initSegments = left.initSegments + right.initSegments
    sum.initializationFailures += right.initializationFailures
    return sum
  }
}

/// What became of the init segments of fMP4, or would.
public struct InitSegmentCounts: Equatable, Sendable {
  /// The recorder's own: to where its playlist goes.
  public internal(set) var moved = 0
  /// Of what it held.
  public internal(set) var copiesWritten = 0
  public internal(set) var copiesMoved = 0
  /// Of those that say no more than the recorder's own.
  public internal(set) var copiesRemoved = 0

  public var copiesChanged: Int { copiesWritten + copiesMoved + copiesRemoved }
  public var haveChanged: Bool { moved + copiesChanged > 0 }

  static func + (left: Self, right: Self) -> Self {
    var sum = left
    sum.moved += right.moved
    sum.copiesWritten += right.copiesWritten
    sum.copiesMoved += right.copiesMoved
    sum.copiesRemoved += right.copiesRemoved
    return sum
  }
}

/// Which buckets were in order at the last look, so that the service need not read them again.
public final class ManifestMemory {
  fileprivate var finished: [Bucket: FinishedHour] = [:]
  /// What their playlists name.
  fileprivate var initialization: [InitializationFile] = []
  fileprivate var copies: InitializationCopies.Known = [:]

  public init() {}
}

/// Keeps the playlists of each bucket in step with its segments: `archive.m3u8` for the newest day, and
/// `archive-2026-11-24.m3u8` for each day before that an hour of day holds.
///
///     read, compare, write under other names ─▶ make durable ─▶ rename, remove ─▶ make the names durable
///        └─── two threads ────────────────┘
///
/// Only what changes is written. No good playlist is replaced by one that a power cut could still take; a foreign one
/// is never touched.
struct Manifests: Sendable {
  /// More files than these are made durable by one syncfs rather than by an fsync each.
  private static let fsyncsMax = 4
  /// Looking at every segment waits for memory and the disk; each folder is read by one thread, and
  /// one of the large ones at a time (`HourContents`).
  private static let threads = 2
  private static let gapsSeconds: Int64 = 86_400

  enum Mode {
    /// Nothing is written. `receiving`: for each bucket, the days to which a segment would come. `leaving`: those that would
    /// be deleted before.
    case dryRun(receiving: [Bucket: Set<Day>], leaving: Expiry?)
    /// Contents are durable before a good playlist is replaced, and no more (`--no-sync`).
    case withoutSync
    /// Contents are durable before anything is renamed; the caller makes the names durable.
    case contents
    case contentsAndNames
  }

  private let layout: Layout
  private let hourPlaylists: HourPlaylists
  private let mode: Mode
  private let nowSeconds: Int64

  /// `newestHot`: for each bucket, the newest of the hot segments that belong in it.
  init(
    _ layout: Layout, live: LiveDurations, newestHot: [Bucket: ModificationTime], hours: HourClock,
    nowSeconds: Int64, mode: Mode, memory: ManifestMemory?
  ) {
    self.mode = mode
    self.nowSeconds = nowSeconds
    self.layout = layout
    var (receiving, leaving): ([Bucket: Set<Day>]?, Expiry?)
    if case .dryRun(let days, let expiry) = mode { (receiving, leaving) = (days, expiry) }
    hourPlaylists = HourPlaylists(
      layout, live: live, newestHot: newestHot, hours: hours, nowSeconds: nowSeconds,
      finished: memory?.finished,
      receiving: receiving, leaving: leaving)
  }

  func refresh(_ tree: CaptureTree, memory: ManifestMemory?) -> ManifestReport {
    guard let kind = layout.stream?.kind else { return ManifestReport() }
    // Of a folder that is still to be made there is nothing to read.
    let buckets = Set(tree.buckets(of: kind)).union(hourPlaylists.receivingBuckets).sorted()
    let kept: InitializationKeeper.Kept
    do throws(KernelError) {
      kept = try InitializationKeeper.refresh(
        tree, known: memory?.copies ?? [:], isDryRun: hourPlaylists.isDryRun)
    } catch {
      // A playlist that does not name them would replace one that does.
      var report = ManifestReport()
      report.failures = [error]
      return report
    }
    let hourPlaylists = hourPlaylists.naming(kept.files, before: memory?.initialization ?? [])
    memory?.initialization = kept.files
    memory?.copies = kept.known
    let parts = Threads.run(Self.threads) { thread in
      var results = buckets.map { HourResult($0) }
      for index in buckets.indices where index % Self.threads == thread && StopSignal.pending == nil {
        results[index] = hourPlaylists.planned(buckets[index])
        do throws(KernelError) {
          try tree.withBucket(buckets[index], of: kind) { (directory) throws(KernelError) in
            results[index] = hourPlaylists.refresh(directory, buckets[index], tree)
          }
        } catch { results[index].failure = error }
      }
      return results
    }
    var results = buckets.indices.map { parts[$0 % Self.threads][$0] }
    var failures: [KernelError] = []
    if !hourPlaylists.isDryRun {
      commit(&results, tree)
      do throws(KernelError) { try syncNames(results, tree) } catch { failures.append(error) }
    }
    var report = report(results, failures, memory)
    report.initializationFailures = kept.failures
    report.initSegments = kept.counts
    return report
  }

  private func report(
    _ results: [HourResult], _ failures: [KernelError], _ memory: ManifestMemory?
  ) -> ManifestReport {
    var report = ManifestReport()
    for result in results {
      memory?.finished[result.bucket] = result.finished
      if let error = result.failure { report.failures.append(error) }
      report.unchanged += result.unchanged
      for change in result.changes {
        switch change.outcome {
        case .unchanged: report.unchanged += 1
        case .written, .staged: report.written += 1
        case .removed, .obsolete: report.removed += 1
        case .foreign: report.foreign.append("\(path(of: result.bucket))/\(change.name)")
        case .failed(let error): report.failures.append(error)
        }
      }
    }
    report.failures += failures
    report.gaps = gaps(results)
    return report
  }

  /// Across all buckets: most recordings go on from one hour to the next.
  private func gaps(_ results: [HourResult]) -> RecordingGaps? {
    var recorded = RecordedTime()
    for result in results {
      guard let part = result.recorded else { return nil }
      recorded.add(part)
    }
    return recorded.gaps(
      since: nowSeconds.subtractingSaturating(Self.gapsSeconds), nowSeconds: nowSeconds)
  }

  private func path(of bucket: Bucket) -> String {
    layout.stream.map { layout.path(of: bucket, $0.kind) } ?? ""
  }

  // MARK: committing

  /// Puts the playlists that were written in their places, those of past days first: whatever is listed stays so.
  private func commit(_ results: inout [HourResult], _ tree: CaptureTree) {
    let staged = results.reduce(0) { $0 + $1.changes.count { $0.isStaged } }
    let replaceOne = results.contains { $0.changes.contains { $0.replacesOne } }
    switch mode {
    case .withoutSync where !replaceOne: break
    default: syncContents(&results, staged, tree)
    }
    forEachChange(of: &results, in: tree) { change, directory throws(KernelError) in
      switch change.outcome {
      case .staged(let old):
        let temporary = HourPlaylists.temporaryName(of: change.name)
        guard try HourPlaylists.isStill(old, change.name, in: directory) else {
          try directory.removeFile(temporary)
          change.outcome = .foreign
          return
        }
        try directory.renameFile(temporary, replacing: change.name)
        change.outcome = .written
      case .obsolete(let old):
        let hasGone = try HourPlaylists.remove(change.name, ifStill: old, in: directory)
        change.outcome = hasGone ? .removed : .foreign
      default: break
      }
    }
  }

  /// What cannot be made durable replaces nothing.
  private func syncContents(
    _ results: inout [HourResult], _ staged: Int, _ tree: CaptureTree
  ) {
    var synced: Result<Void, KernelError>?
    forEachChange(of: &results, in: tree) { change, directory throws(KernelError) in
      guard change.isStaged else { return }
      let temporary = HourPlaylists.temporaryName(of: change.name)
      do throws(KernelError) {
        guard staged > Self.fsyncsMax else { return try directory.syncFile(temporary) }
        if synced == nil {
          do throws(KernelError) { synced = .success(try directory.syncFileSystem()) } catch {
            synced = .failure(error)
          }
        }
        guard case .failure(let error) = synced else { return }
        throw KernelError(.sync, directory.path.appending(change.name), error.errno)
      } catch {
        try? directory.removeFile(temporary)
        throw error
      }
    }
  }

  /// An error is what becomes of that change.
  private func forEachChange(
    of results: inout [HourResult], in tree: CaptureTree,
    _ body: (inout PlaylistChange, borrowing Directory) throws(KernelError) -> Void
  ) {
    guard let kind = layout.stream?.kind else { return }
    for index in results.indices where !results[index].changes.isEmpty {
      do throws(KernelError) {
        try tree.withBucket(results[index].bucket, of: kind) { (directory) throws(KernelError) in
          for change in results[index].changes.indices {
            do throws(KernelError) { try body(&results[index].changes[change], directory) } catch {
              results[index].changes[change].outcome = .failed(error)
            }
          }
        }
      } catch { results[index].failure = error }
    }
  }

  private func syncNames(_ results: [HourResult], _ tree: CaptureTree) throws(KernelError) {
    guard case .contentsAndNames = mode, let kind = layout.stream?.kind else { return }
    let changed = results.filter { $0.changes.contains { $0.hasChangedNames } }
    let byFileSystem = changed.count > Self.fsyncsMax
    for result in byFileSystem ? Array(changed.prefix(1)) : changed {
      try tree.withBucket(result.bucket, of: kind) { (directory) throws(KernelError) in
        if byFileSystem { try directory.syncFileSystem() } else { try directory.syncNames() }
      }
    }
  }
}
