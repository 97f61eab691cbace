internal import CaptureLayout
public import KernelIO
internal import SystemPackage

/// What became of the playlists of the hour folders, or would.
public struct ManifestReport: Sendable {
  /// New, or with another content than before.
  public internal(set) var written = 0
  public internal(set) var unchanged = 0
  /// Of hours that hold no segment any more.
  public internal(set) var removed = 0
  /// Foreign playlists, left as they are; below the capture.
  public internal(set) var foreign: [String] = []
  public internal(set) var failures: [KernelError] = []

  public var isClean: Bool { foreign.isEmpty && failures.isEmpty }
}

/// Which hour folders were in order at the last look, so that the service need not read them again.
public final class ManifestMemory {
  fileprivate var finished: [Int: FinishedHour] = [:]

  public init() {}
}

/// Keeps the playlists of each hour folder in step with its segments: `archive.m3u8` for the newest day, and
/// `archive-2026-11-24.m3u8` for each day before.
///
///     read, compare, write under other names ─▶ make durable ─▶ rename, remove ─▶ make the names durable
///        └─── two threads ────────────────┘
///
/// Only what changes is written. No good playlist is replaced by one that a power cut could still take; a foreign one
/// is never touched.
struct Manifests: Sendable {
  /// More files than these are made durable by one syncfs rather than by an fsync each.
  private static let fsyncsMax = 4
  /// Looking at every segment waits for memory and the disk; each folder is read by one thread.
  private static let threads = 2

  enum Mode {
    /// Nothing is written. `receiving`: for each hour, the days to which a segment would come.
    case dryRun(receiving: [Set<Day>])
    /// Contents are durable before a good playlist is replaced, and no more (`--no-sync`).
    case withoutSync
    /// Contents are durable before anything is renamed; the caller makes the names durable.
    case contents
    case contentsAndNames
  }

  private let hourPlaylists: HourPlaylists
  private let mode: Mode

  /// `newestHot`: for each hour, the newest of the hot segments that belong in it.
  init(
    live: LiveDurations, newestHot: [ModificationTime?], hours: HourClock, nowSeconds: Int64, mode: Mode,
    memory: ManifestMemory?
  ) {
    self.mode = mode
    let receiving: [Set<Day>]? = if case .dryRun(let days) = mode { days } else { nil }
    hourPlaylists = HourPlaylists(
      live: live, newestHot: newestHot, hours: hours, nowSeconds: nowSeconds,
      finished: memory?.finished ?? [:],
      receiving: receiving)
  }

  func refresh(_ folders: borrowing CaptureFolders, memory: ManifestMemory?) -> ManifestReport {
    let parts = Threads.run(Self.threads) { thread in
      var results = [HourResult](repeating: HourResult(), count: hoursOfDay.count)
      for hour in hoursOfDay where hour % Self.threads == thread && StopSignal.pending == nil {
        // Of a folder that is still to be made there is nothing to read.
        results[hour] = hourPlaylists.planned(hour)
        folders.withHour(hour, of: .segments) { directory in
          results[hour] = hourPlaylists.refresh(directory, hour, folders.table)
        }
      }
      return results
    }
    var results = hoursOfDay.map { parts[$0 % Self.threads][$0] }
    var failures: [KernelError] = []
    if !hourPlaylists.isDryRun {
      commit(&results, folders)
      do throws(KernelError) { try syncNames(results, folders) } catch { failures.append(error) }
    }
    return report(results, failures, memory)
  }

  private func report(
    _ results: [HourResult], _ failures: [KernelError], _ memory: ManifestMemory?
  ) -> ManifestReport {
    var report = ManifestReport()
    for (hour, result) in results.enumerated() {
      memory?.finished[hour] = result.finished
      if let error = result.failure { report.failures.append(error) }
      report.unchanged += result.unchanged
      for change in result.changes {
        switch change.outcome {
        case .unchanged: report.unchanged += 1
        case .written, .staged: report.written += 1
        case .removed, .obsolete: report.removed += 1
        case .foreign: report.foreign.append("segments/\(hour)/\(change.name)")
        case .failed(let error): report.failures.append(error)
        }
      }
    }
    report.failures += failures
    return report
  }

  // MARK: committing

  /// Puts the playlists that were written in their places, those of past days first: whatever is listed stays so.
  private func commit(_ results: inout [HourResult], _ folders: borrowing CaptureFolders) {
    let staged = results.reduce(0) { $0 + $1.changes.count { $0.isStaged } }
    let replaceOne = results.contains { $0.changes.contains { $0.replacesOne } }
    switch mode {
    case .withoutSync where !replaceOne: break
    default: syncContents(&results, staged, folders)
    }
    Self.forEachChange(of: &results, in: folders) { change, directory throws(KernelError) in
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
        guard try HourPlaylists.isStill(old, change.name, in: directory) else {
          change.outcome = .foreign
          return
        }
        try directory.removeFile(change.name)
        change.outcome = .removed
      default: break
      }
    }
  }

  /// What cannot be made durable replaces nothing.
  private func syncContents(
    _ results: inout [HourResult], _ staged: Int, _ folders: borrowing CaptureFolders
  ) {
    var synced: Result<Void, KernelError>?
    Self.forEachChange(of: &results, in: folders) { change, directory throws(KernelError) in
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
  private static func forEachChange(
    of results: inout [HourResult], in folders: borrowing CaptureFolders,
    _ body: (inout PlaylistChange, borrowing Directory) throws(KernelError) -> Void
  ) {
    for hour in results.indices where !results[hour].changes.isEmpty {
      folders.withHour(hour, of: .segments) { directory in
        for index in results[hour].changes.indices {
          do throws(KernelError) { try body(&results[hour].changes[index], directory) } catch {
            results[hour].changes[index].outcome = .failed(error)
          }
        }
      }
    }
  }

  private func syncNames(
    _ results: [HourResult], _ folders: borrowing CaptureFolders
  ) throws(KernelError) {
    guard case .contentsAndNames = mode else { return }
    let changed = results.indices.filter { results[$0].changes.contains { $0.hasChangedNames } }
    let byFileSystem = changed.count > Self.fsyncsMax
    for hour in byFileSystem ? Array(changed.prefix(1)) : changed {
      try folders.withHour(hour, of: .segments) { directory throws(KernelError) in
        if byFileSystem { try directory.syncFileSystem() } else { try directory.syncNames() }
      }
    }
  }
}

extension Span<UInt8> {
  /// Whether these are the bytes of a name.
  func isEqual(to other: String) -> Bool {
    let other = other.utf8
    guard count == other.count else { return false }
    return zip(indices, other).allSatisfy { self[$0] == $1 }
  }
}
