public import CaptureLayout
public import KernelIO
internal import SystemPackage

/// What became of the playlists of the buckets, or would become.
public struct ManifestReport: Sendable {
  /// New playlists, and those with changed contents.
  public internal(set) var written = 0
  public internal(set) var unchanged = 0
  /// Playlists of days that hold no segments any more.
  public internal(set) var removed = 0
  /// Foreign playlists, left as they are; paths below the capture.
  public internal(set) var foreign: [String] = []
  public internal(set) var failures: [KernelError] = []
  /// Gaps of the last 24 hours; nil outside the service, and if not everything that was recorded is known.
  public internal(set) var gaps: RecordingGaps?
  /// Copies of init segments.
  public internal(set) var initSegments = InitSegmentCounts()
  /// Why copies of init segments could not be kept.
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

/// What became of the init segments of fMP4, or would become.
public struct InitSegmentCounts: Equatable, Sendable {
  /// The recorder's own init segments, moved with the live playlist.
  public internal(set) var moved = 0
  /// New copies of the recorder's init segments.
  public internal(set) var copiesWritten = 0
  public internal(set) var copiesMoved = 0
  /// Copies removed because the recorder's own has the same contents.
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

/// Which buckets were in order in the last round, so that the service need not read them again.
public final class ManifestMemory {
  fileprivate var finished: [Bucket: FinishedHour] = [:]
  /// The init segments that their playlists name.
  fileprivate var initialization: [InitializationFile] = []
  fileprivate var copies: InitializationCopies.Known = [:]

  public init() {}
}

/// Keeps the playlists of each bucket in step with its segments: `archive.m3u8` for the newest day, and
/// `archive-2026-11-24.m3u8` for each earlier day in a bucket that is named by the hour alone.
///
///     read, compare, write under temporary names ─▶ make durable ─▶ rename, remove ─▶ make the names durable
///        └─── two threads ────────────────────┘
///
/// Only playlists that change are written. A good playlist is never replaced by one that a power cut could still lose; a
/// foreign one is never touched.
struct Manifests: Sendable {
  /// Up to this many files are made durable by an fsync each, more by one syncfs.
  private static let fsyncsMax = 4
  /// Reading the status of every segment waits for memory and the disk, so two threads are faster than one. Each folder is read
  /// by one thread; large folders one at a time (`HourContents`).
  private static let threads = 2
  private static let gapsSeconds: Int64 = 86_400

  enum Mode {
    /// Nothing is written. `receiving`: for each bucket, the days that would get a segment. `leaving`: the segments that would
    /// be deleted before.
    case dryRun(receiving: [Bucket: Set<Day>], leaving: Expiry?)
    /// Contents are made durable only where a good playlist is replaced (`--no-sync`).
    case withoutSync
    /// Contents are durable before anything is renamed; the caller makes the names durable.
    case contents
    case contentsAndNames
  }

  private let layout: Layout
  private let hourPlaylists: HourPlaylists
  private let mode: Mode
  private let nowSeconds: Int64

  /// - Parameters:
  ///   - newestHot: for each bucket, the modification time of the newest hot segment that belongs in it.
  ///   - nowSeconds: since the epoch.
  ///   - memory: of the service; nil in a single run.
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
    // Including folders that a dry run only plans, of which there is nothing to read.
    let buckets = Set(tree.buckets(of: kind)).union(hourPlaylists.receivingBuckets).sorted()
    let kept: InitializationKeeper.Kept
    do throws(KernelError) {
      kept = try InitializationKeeper.refresh(
        tree, known: memory?.copies ?? [:], isDryRun: hourPlaylists.isDryRun)
    } catch {
      // Stop here: a playlist without the init segments would replace one that names them.
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

  /// Gaps across all buckets: most recordings continue from one hour to the next.
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

  /// Renames the new playlists into place, those of past days first, so that every listed segment stays listed.
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

  /// Makes the new playlists durable. One that cannot be made durable is removed and replaces nothing.
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

  /// An error that `body` throws becomes the outcome of that change.
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
