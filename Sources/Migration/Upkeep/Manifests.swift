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
  fileprivate var finished: [Int: ModificationTime] = [:]

  public init() {}
}

/// Keeps `segments/<h>/archive.m3u8` in step with the segments of each hour folder.
///
///     read, compare, write under another name ─▶ make durable ─▶ rename ─▶ make the names durable
///        └─── two threads ───────────────┘
///
/// Only what changes is written. No good playlist is replaced by one that a power cut could still take; a foreign one
/// is never touched.
struct Manifests: Sendable {
  /// Left behind by a run that was killed while it wrote; the next one takes it away.
  static let temporaryName = ".archive.m3u8.hotcold"
  /// A segment that is hot and younger than this may still come to its hour.
  private static let lateSecondsMax: Int64 = 3600
  /// Changes of a folder within the same tick of the kernel's clock have one modification time.
  private static let tickSeconds: Int64 = 1
  private static let playlistBytesMax = 64 << 20
  /// More files than these are made durable by one syncfs rather than by an fsync each.
  private static let fsyncsMax = 4

  /// Looking at every segment waits for memory and the disk; each folder is read by one thread.
  private static let threads = 2

  enum Mode {
    /// Nothing is written. `receiving`: hours to which a segment would come.
    case dryRun(receiving: Set<Int>)
    /// Contents are durable before a good playlist is replaced, and no more (`--no-sync`).
    case withoutSync
    /// Contents are durable before anything is renamed; the caller makes the names durable.
    case contents
    case contentsAndNames
  }

  private let live: LiveDurations
  private let newestHot: [ModificationTime?]
  private let nowSeconds: Int64
  private let currentHour: Int
  private let mode: Mode
  /// Folders that were in order, with the modification times that they had.
  private let finished: [Int: ModificationTime]

  private enum Outcome {
    case none, unchanged, written, removed
    /// Written under the temporary name.
    case staged(replacesOne: Bool)
    case foreign
    case failed(KernelError)
  }
  private struct HourResult {
    var outcome = Outcome.none
    /// Of a segment that could not be looked at, and is not in the playlist for that.
    var unreadable: KernelError?
    /// Set where the folder need not be read again until it changes.
    var finished: ModificationTime?

    var replacesOne: Bool? {
      if case .staged(let replacesOne) = outcome { replacesOne } else { nil }
    }
  }

  /// `newestHot`: for each hour, the newest of the hot segments that belong in it.
  init(
    live: LiveDurations, newestHot: [ModificationTime?], hours: HourClock, nowSeconds: Int64, mode: Mode,
    memory: ManifestMemory?
  ) {
    var hours = hours
    self.live = live
    self.newestHot = newestHot
    self.nowSeconds = nowSeconds
    self.mode = mode
    finished = memory?.finished ?? [:]
    currentHour = hours.hour(of: ModificationTime(seconds: nowSeconds, nanoseconds: 0))
  }

  private var isDryRun: Bool {
    if case .dryRun = mode { true } else { false }
  }

  private func receives(_ hour: Int) -> Bool {
    if case .dryRun(let receiving) = mode { receiving.contains(hour) } else { false }
  }

  func refresh(_ folders: borrowing CaptureFolders, memory: ManifestMemory?) -> ManifestReport {
    let parts = Threads.run(Self.threads) { thread in
      var results = [HourResult](repeating: HourResult(), count: hoursOfDay.count)
      for hour in hoursOfDay where hour % Self.threads == thread && StopSignal.pending == nil {
        // Of a folder that is still to be made there is nothing to read.
        if receives(hour) { results[hour].outcome = .written }
        folders.withHour(hour, of: .segments) { directory in
          do throws(KernelError) { results[hour] = try refresh(directory, hour) } catch {
            results[hour].outcome = .failed(error)
          }
        }
      }
      return results
    }
    var results = hoursOfDay.map { parts[$0 % Self.threads][$0] }
    var failures: [KernelError] = []
    if !isDryRun {
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
      if let error = result.unreadable { report.failures.append(error) }
      switch result.outcome {
      case .none: break
      case .unchanged: report.unchanged += 1
      case .written, .staged: report.written += 1
      case .removed: report.removed += 1
      case .foreign: report.foreign.append("segments/\(hour)/\(FileName.archivePlaylist)")
      case .failed(let error): report.failures.append(error)
      }
    }
    report.failures += failures
    return report
  }

  // MARK: one hour

  private func refresh(_ directory: borrowing Directory, _ hour: Int) throws(KernelError) -> HourResult {
    let isOver = isOver(hour)
    // Taken before the folder is read: what comes meanwhile makes it differ the next time.
    let modified = try directory.status().modified
    if isOver, finished[hour] == modified { return HourResult(outcome: .unchanged, finished: modified) }
    var unreadable: KernelError?
    let segments = try segments(of: directory, unreadable: &unreadable)
    let outcome = try stage(
      segments, isWhole: unreadable == nil, in: directory, isOver: isOver, receives: receives(hour))
    let isQuiet = modified.age(atSeconds: nowSeconds) > Self.tickSeconds
    // What is wrong is found anew each time, so that it is known when it is over.
    let isForeign = if case .foreign = outcome { true } else { false }
    return HourResult(
      outcome: outcome, unreadable: unreadable,
      finished: isOver && isQuiet && unreadable == nil && !isForeign ? modified : nil)
  }

  /// Over is an hour that the clock has left, and for which no young segment waits in the hot place.
  private func isOver(_ hour: Int) -> Bool {
    guard hour != currentHour else { return false }
    return newestHot[hour].map { $0.seconds <= nowSeconds - Self.lateSecondsMax } ?? true
  }

  private func stage(
    _ segments: consuming ArchivedSegments, isWhole: Bool, in directory: borrowing Directory, isOver: Bool,
    receives: Bool
  ) throws(KernelError) -> Outcome {
    let existing: [UInt8]?
    switch Self.existing(in: directory) {
    case .absent: existing = nil
    case .own(let contents): existing = contents
    case .foreign: return .foreign
    case .unreadable(let error): throw error
    }
    guard segments.count > 0 || receives else {
      guard existing != nil, isWhole else { return .none }
      if !isDryRun { try directory.removeFile(FileName.archivePlaylist) }
      return .removed
    }
    let playlist = ArchivePlaylist(of: segments, live: live, isOver: isOver)
    if let existing, !receives, playlist.isEqual(to: existing) { return .unchanged }
    try checkTemporaryNameIsFree(in: directory)
    if !isDryRun {
      try directory.writeFile(Self.temporaryName) { write throws(KernelError) in
        try playlist.write(to: write)
      }
    }
    return .staged(replacesOne: existing != nil)
  }

  /// A folder or a link of that name is foreign.
  private func checkTemporaryNameIsFree(in directory: borrowing Directory) throws(KernelError) {
    guard let status = try directory.statusIfThere(Self.temporaryName), !isDryRun || status.type != .regular
    else { return }
    throw KernelError(.create, directory.path.appending(Self.temporaryName), .fileExists)
  }

  // MARK: committing

  /// Puts the playlists that were written in their places.
  private func commit(_ results: inout [HourResult], _ folders: borrowing CaptureFolders) {
    let staged = hoursOfDay.filter { results[$0].replacesOne != nil }
    let replaceOne = staged.contains { results[$0].replacesOne == true }
    switch mode {
    case .withoutSync where !replaceOne: break
    default: syncContents(of: staged, &results, folders)
    }
    for hour in staged where results[hour].replacesOne != nil {
      folders.withHour(hour, of: .segments) { directory in
        do throws(KernelError) {
          try directory.renameFile(Self.temporaryName, replacing: FileName.archivePlaylist)
          results[hour].outcome = .written
        } catch { results[hour].outcome = .failed(error) }
      }
    }
  }

  /// What cannot be made durable replaces nothing.
  private func syncContents(
    of staged: [Int], _ results: inout [HourResult], _ folders: borrowing CaptureFolders
  ) {
    var failure: KernelError?
    if staged.count > Self.fsyncsMax {
      folders.withHour(staged[0], of: .segments) { directory in
        do throws(KernelError) { try directory.syncFileSystem() } catch { failure = error }
      }
    }
    for hour in staged {
      folders.withHour(hour, of: .segments) { directory in
        do throws(KernelError) {
          if let failure {
            throw KernelError(.sync, directory.path.appending(FileName.archivePlaylist), failure.errno)
          }
          if staged.count <= Self.fsyncsMax { try directory.syncFile(Self.temporaryName) }
        } catch {
          try? directory.removeFile(Self.temporaryName)
          results[hour].outcome = .failed(error)
        }
      }
    }
  }

  private func syncNames(
    _ results: [HourResult], _ folders: borrowing CaptureFolders
  ) throws(KernelError) {
    guard case .contentsAndNames = mode else { return }
    let changed = hoursOfDay.filter {
      switch results[$0].outcome {
      case .written, .removed: true
      default: false
      }
    }
    let byFileSystem = changed.count > Self.fsyncsMax
    for hour in byFileSystem ? Array(changed.prefix(1)) : changed {
      try folders.withHour(hour, of: .segments) { directory throws(KernelError) in
        if byFileSystem { try directory.syncFileSystem() } else { try directory.syncNames() }
      }
    }
  }

  // MARK: reading

  /// One that cannot be looked at has no moment to be played at; the others are listed without it.
  private func segments(
    of directory: borrowing Directory, unreadable: inout KernelError?
  ) throws(KernelError) -> ArchivedSegments {
    var segments = ArchivedSegments()
    var hasLeftover = false
    var stream = try DirectoryStream(of: directory)
    while try stream.nextWindow({ entry in
      if FileName.kind(of: entry.name) == .segments, entry.type.countsAsFile {
        do throws(KernelError) {
          if let status = try directory.modificationIfThere(entry.name), status.type == .regular {
            segments.append(entry.name, status.modified)
          }
        } catch { unreadable = error }
      } else if Self.isLeftover(entry) {
        hasLeftover = true
      }
    }) {}
    if hasLeftover, !isDryRun { try Self.removeLeftover(in: directory) }
    return segments
  }

  static func isLeftover(_ entry: borrowing DirectoryEntry) -> Bool {
    entry.type.countsAsFile && entry.name.isEqual(to: temporaryName)
  }

  /// What a killed run has left: a file. Anything else of that name is foreign.
  static func removeLeftover(in directory: borrowing Directory) throws(KernelError) {
    guard try directory.statusIfThere(temporaryName)?.type == .regular else { return }
    try directory.removeFile(temporaryName)
  }

  enum Existing {
    case absent
    /// hotcold's, or the guide's old archiver's.
    case own([UInt8])
    case foreign
    case unreadable(KernelError)
  }

  static func existing(in directory: borrowing Directory) -> Existing {
    do throws(KernelError) {
      let contents = try directory.readFile(FileName.archivePlaylist, limit: playlistBytesMax)
      return ArchivePlaylist.mayReplace(contents) ? .own(contents) : .foreign
    } catch {
      switch error.errno {
      case .noSuchFileOrDirectory: return .absent
      // A link, a folder, a fifo, or too large to be one of ours.
      case .tooManySymbolicLinkLevels, .invalidArgument, .isDirectory, .noSuchAddressOrDevice, .fileTooLarge:
        return .foreign
      default: return .unreadable(error)
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
