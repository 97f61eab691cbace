internal import CaptureLayout
public import KernelIO
internal import SystemPackage

/// What became of the playlists of the hour folders.
public struct ManifestReport: Sendable {
  /// New, or with another content than before.
  public internal(set) var written = 0
  public internal(set) var unchanged = 0
  /// Of hours that hold no segment any more.
  public internal(set) var removed = 0
  /// Playlists of somebody else, left as they are; below the capture.
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
/// Written whole under another name and then renamed, and only if the content changes. A playlist of somebody else is
/// never touched.
struct Manifests: Sendable {
  /// Left behind by a run that was killed while it wrote; the next one takes it away.
  static let temporaryName = ".archive.m3u8.hotcold"
  /// A segment that is hot and younger than this may still come to its hour.
  private static let lateSecondsMax: Int64 = 3600
  /// Changes of a folder within the same tick of the kernel's clock have one modification time.
  private static let tickSeconds: Int64 = 1
  private static let playlistBytesMax = 64 << 20

  /// Looking at every segment waits for memory and the disk; each folder is read by one thread.
  private static let threads = 2

  private let live: LiveDurations
  private let newestHot: [ModificationTime?]
  private let nowSeconds: Int64
  private let currentHour: Int
  /// Folders that were in order, with the modification times that they had.
  private let finished: [Int: ModificationTime]

  private enum Outcome {
    case none, unchanged, written, removed
    case foreign
    case failed(KernelError)
  }
  private struct HourResult {
    var outcome = Outcome.none
    /// Of a segment that could not be looked at, and is not in the playlist for that.
    var unreadable: KernelError?
    /// Set where the folder need not be read again until it changes.
    var finished: ModificationTime?
  }

  /// `newestHot`: for each hour, the newest of the hot segments that belong in it.
  init(
    live: LiveDurations, newestHot: [ModificationTime?], hours: HourClock, nowSeconds: Int64,
    memory: ManifestMemory?
  ) {
    var hours = hours
    self.live = live
    self.newestHot = newestHot
    self.nowSeconds = nowSeconds
    finished = memory?.finished ?? [:]
    currentHour = hours.hour(of: ModificationTime(seconds: nowSeconds, nanoseconds: 0))
  }

  func refresh(_ folders: borrowing CaptureFolders, memory: ManifestMemory?) -> ManifestReport {
    let results = Threads.run(Self.threads) { thread in
      var results = [HourResult](repeating: HourResult(), count: hoursOfDay.count)
      for hour in hoursOfDay where hour % Self.threads == thread && StopSignal.pending == nil {
        folders.withHour(hour, of: .segments) { directory in
          do throws(KernelError) { results[hour] = try refresh(directory, hour) } catch {
            results[hour].outcome = .failed(error)
          }
        }
      }
      return results
    }
    var report = ManifestReport()
    for hour in hoursOfDay {
      let result = results[hour % Self.threads][hour]
      memory?.finished[hour] = result.finished
      if let error = result.unreadable { report.failures.append(error) }
      switch result.outcome {
      case .none: break
      case .unchanged: report.unchanged += 1
      case .written: report.written += 1
      case .removed: report.removed += 1
      case .foreign: report.foreign.append("segments/\(hour)/\(FileName.archivePlaylist)")
      case .failed(let error): report.failures.append(error)
      }
    }
    return report
  }

  private func refresh(_ directory: borrowing Directory, _ hour: Int) throws(KernelError) -> HourResult {
    let isOver = isOver(hour)
    // Taken before the folder is read: what comes meanwhile makes it differ the next time.
    let modified = try directory.status().modified
    if isOver, finished[hour] == modified { return HourResult(outcome: .unchanged, finished: modified) }
    var unreadable: KernelError?
    let outcome = try write(
      try Self.segments(of: directory, unreadable: &unreadable), isWhole: unreadable == nil, to: directory,
      isOver: isOver)
    let isQuiet = modified.age(atSeconds: nowSeconds) > Self.tickSeconds
    return HourResult(
      outcome: outcome, unreadable: unreadable,
      finished: isOver && isQuiet && unreadable == nil ? modified : nil)
  }

  /// Over is an hour that the clock has left, and for which no young segment waits in the hot place.
  private func isOver(_ hour: Int) -> Bool {
    guard hour != currentHour else { return false }
    return newestHot[hour].map { $0.seconds <= nowSeconds - Self.lateSecondsMax } ?? true
  }

  private func write(
    _ segments: consuming ArchivedSegments, isWhole: Bool, to directory: borrowing Directory, isOver: Bool
  ) throws(KernelError) -> Outcome {
    let existing: [UInt8]?
    switch Self.existing(in: directory) {
    case .absent: existing = nil
    case .own(let contents): existing = contents
    case .foreign: return .foreign
    case .unreadable(let error): throw error
    }
    guard segments.count > 0 else {
      guard existing != nil, isWhole else { return .none }
      try directory.removeFile(FileName.archivePlaylist)
      return .removed
    }
    let playlist = ArchivePlaylist(of: segments, live: live, isOver: isOver)
    if let existing, playlist.isEqual(to: existing) { return .unchanged }
    try directory.replaceFile(FileName.archivePlaylist, via: Self.temporaryName) {
      write throws(KernelError) in
      try playlist.write(to: write)
    }
    return .written
  }

  // MARK: reading

  /// One that cannot be looked at has no moment to be played at; the others are listed without it.
  private static func segments(
    of directory: borrowing Directory, unreadable: inout KernelError?
  ) throws(KernelError) -> ArchivedSegments {
    var segments = ArchivedSegments()
    var hasLeftover = false
    var stream = try DirectoryStream(of: directory)
    while try stream.nextWindow({ entry in
      if FileName.kind(of: entry.name) == .segments, entry.type.mayBeRegular {
        do throws(KernelError) {
          if let status = try directory.modificationIfThere(entry.name), status.type == .regular {
            segments.append(entry.name, status.modified)
          }
        } catch { unreadable = error }
      } else if entry.name.isEqual(to: temporaryName) {
        hasLeftover = true
      }
    }) {}
    if hasLeftover { try directory.removeFile(temporaryName) }
    return segments
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
