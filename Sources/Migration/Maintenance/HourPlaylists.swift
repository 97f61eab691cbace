internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The state of a bucket when all its playlists were in order, and the inputs that decided which of them have ended.
struct FinishedHour {
  fileprivate struct Inputs: Equatable {
    let today: Day
    let isCurrent: Bool
    /// Modification time of the newest young hot segment that belongs in the bucket.
    let newestHot: ModificationTime?
  }

  fileprivate let version: FolderVersion
  fileprivate let inputs: Inputs
  fileprivate let playlists: Int
  fileprivate let recorded: RecordedTime
}

/// What became of the playlists of one bucket.
struct HourResult {
  let bucket: Bucket
  var changes: [PlaylistChange] = []
  /// Playlists of a bucket that did not have to be read again.
  var unchanged = 0
  /// The time that its segments cover; nil if not requested, or if not all segments are known.
  var recorded: RecordedTime?
  /// An error of the folder, or of a segment that is missing from its playlist because its status could not be read.
  var failure: KernelError?
  /// Set if the folder need not be read again until it changes.
  var finished: FinishedHour?

  init(_ bucket: Bucket, changes: [PlaylistChange] = []) {
    self.bucket = bucket
    self.changes = changes
  }
}

/// Reads the playlists of a bucket, compares them with its segments, and writes new ones under temporary names.
struct HourPlaylists: Sendable {
  /// A hot segment younger than this may still move to its bucket.
  private static let lateSecondsMax: Int64 = 3600
  static let playlistBytesMax = 64 << 20

  private let layout: Layout
  private let live: LiveDurations
  private let newestHot: [Bucket: ModificationTime]
  private let nowSeconds: Int64
  private let hours: HourClock
  private let current: Bucket?
  private let today: Day
  /// Buckets that were in order in the last round.
  private var finished: [Bucket: FinishedHour]
  /// True for a service: only that needs the recorded time, and remembers it.
  private let remembers: Bool
  /// Set in a dry run: for each bucket, the days that would get a segment.
  private let receiving: [Bucket: Set<Day>]?
  /// In a dry run: which segments retention would have deleted.
  private let leaving: Expiry?
  private let large = Turn()
  /// The init segments, which players load before segments.
  private var initialization: [InitializationFile] = []

  init(
    _ layout: Layout, live: LiveDurations, newestHot: [Bucket: ModificationTime], hours: HourClock,
    nowSeconds: Int64, finished: [Bucket: FinishedHour]?, receiving: [Bucket: Set<Day>]?,
    leaving: Expiry?
  ) {
    self.layout = layout
    var hours = hours
    let now = ModificationTime(seconds: nowSeconds, nanoseconds: 0)
    current = layout.buckets.bucket(of: now, &hours)
    today = hours.day(of: now)
    self.live = live
    self.newestHot = newestHot
    self.nowSeconds = nowSeconds
    self.hours = hours
    self.finished = finished ?? [:]
    remembers = finished != nil
    self.receiving = receiving
    self.leaving = leaving
  }

  /// A copy whose playlists name these init segments. If they named others `before`, every bucket must be read again.
  func naming(_ files: [InitializationFile], before: [InitializationFile]) -> HourPlaylists {
    var playlists = self
    playlists.initialization = files
    if files != before { playlists.finished = [:] }
    return playlists
  }

  var isDryRun: Bool { receiving != nil }
  var receivingBuckets: Set<Bucket> { receiving.map { Set($0.keys) } ?? [] }

  /// The playlists that would be written to a folder that does not exist yet.
  func planned(_ bucket: Bucket) -> HourResult {
    let days = receiving?[bucket] ?? []
    return HourResult(bucket, changes: days.map { PlaylistChange(name: $0.text, outcome: .written) })
  }

  func refresh(_ directory: borrowing Directory, _ bucket: Bucket, _ tree: CaptureTree) -> HourResult {
    var result = HourResult(bucket)
    do throws(KernelError) { try refresh(directory, bucket, tree, &result) } catch { result.failure = error }
    return result
  }

  private func refresh(
    _ directory: borrowing Directory, _ bucket: Bucket, _ tree: CaptureTree, _ result: inout HourResult
  ) throws(KernelError) {
    let inputs = FinishedHour.Inputs(
      today: today, isCurrent: bucket == current,
      newestHot: hasYoungHotSegment(bucket) ? newestHot[bucket] : nil)
    // Taken before the folder is read, so that whatever changes meanwhile makes the next version differ.
    let version = try FolderVersion(of: directory)
    // Not with `leaving`: what retention would delete depends on the time.
    if leaving == nil, let finished = finished[bucket], finished.version == version, finished.inputs == inputs
    {
      result.unchanged = finished.playlists
      result.recorded = finished.recorded
      result.finished = finished
      return
    }
    var hours = hours
    var contents = try HourContents(of: directory, bucket, layout, &hours, large: large, leaves: leaves)
    let leftovers = try contents.names.removeLeftovers(in: directory, isDryRun: isDryRun)
    var recorded = RecordedTime()
    result.changes = changes(&contents, directory, bucket, tree, &hours, &recorded)
    result.changes += leftovers.foreign.map { PlaylistChange(name: $0, outcome: .foreign) }
    result.failure = contents.unreadable
    if remembers, contents.unreadable == nil, !result.changes.contains(where: \.hasFailed) {
      result.recorded = recorded
    }
    // Remember a bucket only if nothing is wrong or pending: problems must be found anew, so that their end is noticed.
    let unchanged = result.changes.count { if case .unchanged = $0.outcome { true } else { false } }
    // A bucket that may still get segments may also get a copy that has its final mtime set only at its end, which does not
    // change the folder's version.
    let mayFill = inputs.isCurrent || inputs.newestHot != nil
    let isSettled =
      mayFill
      ? version.isOlder(than: Self.lateSecondsMax, atSeconds: nowSeconds)
      : version.isSettled(atSeconds: nowSeconds)
    if isSettled, contents.unreadable == nil, unchanged == result.changes.count {
      result.finished = FinishedHour(
        version: version, inputs: inputs, playlists: unchanged, recorded: recorded)
    }
  }

  /// In a dry run: whether retention would have deleted a segment before the playlist is written.
  private func leaves(_ name: Span<UInt8>, _ modified: ModificationTime) -> Bool {
    guard let leaving, let kind = layout.stream?.kind else { return false }
    return leaving.hasExpired(name, kind, modified, nowSeconds: nowSeconds)
  }

  // MARK: days

  private func changes(
    _ contents: inout HourContents, _ directory: borrowing Directory, _ bucket: Bucket, _ tree: CaptureTree,
    _ hours: inout HourClock, _ recorded: inout RecordedTime
  ) -> [PlaylistChange] {
    let receiving = receiving?[bucket] ?? []
    let days = receiving.union(contents.segments.keys)
    // A stray file with a date in the future must not turn today's recording into one of the past.
    let newest = days.filter { $0 <= today }.max() ?? days.max()
    var existing: [String: Existing] = [:]
    for name in contents.names.playlists { existing[name] = Self.existing(name, in: directory) }
    let current = existing[FileName.archivePlaylist]?.published
    var changes: [PlaylistChange] = []
    for day in days.sorted(by: { ($0 == newest ? 1 : 0, $0) < ($1 == newest ? 1 : 0, $1) }) {
      let name = day == newest ? FileName.archivePlaylist : FileName.archivePlaylist(of: day)
      let published = [existing[name]?.published, current].compactMap { $0 }.first { $0.dayText == day.text }
      var outcome: PlaylistChange.Outcome
      do throws(KernelError) {
        outcome = try stage(
          contents.take(day), of: day, as: name, over: existing[name] ?? .absent, after: published,
          isOver: isOver(day, bucket, &hours), receives: receiving.contains(day), bucket, directory, tree,
          &recorded)
      } catch { outcome = .failed(error) }
      changes.append(PlaylistChange(name: name, outcome: outcome))
      existing[name] = nil
    }
    for (name, file) in existing.sorted(by: { $0.key < $1.key }) {
      switch file {
      case .absent: break
      case .own(let text, let status):
        guard contents.unreadable == nil else { break }
        // Keep a playlist that lists existing files of other names: they are segments of another layout, in no other playlist.
        let isObsolete = !listsOtherFiles(text, in: directory)
        changes.append(PlaylistChange(name: name, outcome: isObsolete ? .obsolete(status) : .unchanged))
      case .foreign: changes.append(PlaylistChange(name: name, outcome: .foreign))
      case .unreadable(let error): changes.append(PlaylistChange(name: name, outcome: .failed(error)))
      }
    }
    return changes
  }

  /// Whether a playlist lists existing files that are no segments of this layout. Those that are, are listed in the playlist of
  /// their day, which may be another one after a change of the time zone.
  private func listsOtherFiles(_ playlist: [UInt8], in directory: borrowing Directory) -> Bool {
    var isThere = false
    var parser = PlaylistParser()
    func look(_ name: Span<UInt8>, _ entry: PlaylistEntry) {
      guard !isThere, entry.isSegment, FileName.canExist(name) else { return }
      if let kind = layout.kind(of: name), layout.isSegment(kind) { return }
      isThere = self.isThere(name, in: directory)
    }
    parser.parse(playlist.span, look)
    parser.finish(look)
    return isThere
  }

  private func isThere(_ name: Span<UInt8>, in directory: borrowing Directory) -> Bool {
    guard leaving != nil else { return Name.isThere(name, in: directory.descriptor) }
    guard let status = try? directory.modificationIfThere(name) else { return false }
    return !leaves(name, status.modified)
  }

  private func hasYoungHotSegment(_ bucket: Bucket) -> Bool {
    newestHot[bucket].map { $0.seconds > nowSeconds - Self.lateSecondsMax } ?? false
  }

  /// Whether a day of a bucket is over: the clock has left it, and no young segment in the hot place still belongs to it.
  private func isOver(_ day: Day, _ bucket: Bucket, _ hours: inout HourClock) -> Bool {
    if day == today, bucket == current { return false }
    guard hasYoungHotSegment(bucket), let newest = newestHot[bucket] else { return true }
    return hours.day(of: newest) != day
  }

  private func stage(
    _ segments: consuming ArchivedSegments?, of day: Day, as name: String, over existing: Existing,
    after published: PublishedPlaylist?, isOver: Bool, receives: Bool, _ bucket: Bucket,
    _ directory: borrowing Directory,
    _ tree: CaptureTree, _ recorded: inout RecordedTime
  ) throws(KernelError) -> PlaylistChange.Outcome {
    let old: (contents: [UInt8], status: FileStatus)?
    switch existing {
    case .absent: old = nil
    case .own(let contents, let status): old = (contents, status)
    case .foreign:
      // The recorded time does not depend on who wrote the playlist.
      if remembers, let segments = consume segments {
        recorded.add(ArchivePlaylist(of: segments, day: day, live: live, isOver: isOver).recordedTime)
      }
      return .foreign
    case .unreadable(let error): throw error
    }
    let temporary = Self.temporaryName(of: name)
    guard !receives, let segments = consume segments else {
      try checkIsFree(temporary, in: directory)
      return .staged(over: old?.status)
    }
    let live = live.without(segments, thatAreHot: tree.isHotSegment)
    let playlist = ArchivePlaylist(
      of: segments, day: day, after: published, live: live, maps: layout.maps(initialization, from: bucket),
      isOver: isOver,
      startTime: { Self.startTime(of: $0, in: directory) })
    if remembers { recorded.add(playlist.recordedTime) }
    if let old, playlist.isEqual(to: old.contents) { return .unchanged }
    try checkIsFree(temporary, in: directory)
    if !isDryRun {
      try directory.writeFile(temporary) { write throws(KernelError) in try playlist.write(to: write) }
    }
    return .staged(over: old?.status)
  }

  /// Throws EEXIST if something foreign has the temporary name: a folder, a link, or a file that no run of hotcold can have left.
  /// An execution has removed hotcold's own leftovers by now; a dry run ignores them.
  private func checkIsFree(_ temporary: String, in directory: borrowing Directory) throws(KernelError) {
    guard let status = try directory.statusIfThere(temporary) else { return }
    if isDryRun, status.type == .regular,
      ArchivePlaylist.mayBeUnfinished(try directory.readFile(temporary, limit: Self.playlistBytesMax))
    {
      return
    }
    throw KernelError(.create, directory.path.appending(temporary), .fileExists)
  }

  private static func startTime(of name: Span<UInt8>, in directory: borrowing Directory) -> Int64? {
    // If it cannot be read, modification times alone decide.
    guard let beginning = try? directory.beginning(of: name, bytesMax: StreamTime.bytesNeeded) else {
      return nil
    }
    return StreamTime.first(in: beginning.span)
  }

  // MARK: files

  /// Whether a playlist is still the one that was read, or still absent: making the new ones durable takes time, in which
  /// another program may write one.
  static func isStill(_ status: FileStatus?, _ name: String, in directory: borrowing Directory)
    throws(KernelError) -> Bool
  {
    guard let now = try directory.statusIfThere(name) else { return status == nil }
    return status.map(now.isUnchanged) ?? false
  }

  enum Existing {
    case absent
    /// Written by hotcold or by the guide's old archiver.
    case own([UInt8], FileStatus)
    case foreign
    case unreadable(KernelError)

    var published: PublishedPlaylist? {
      if case .own(let contents, _) = self { PublishedPlaylist(parsing: contents) } else { nil }
    }
  }

  static func existing(_ name: String, in directory: borrowing Directory) -> Existing {
    do throws(KernelError) {
      // The status is taken before the contents, so that a write during the read is noticed at the next comparison.
      guard let status = try directory.statusIfThere(name) else { return .absent }
      let contents = try directory.readFile(name, limit: playlistBytesMax)
      return ArchivePlaylist.mayReplace(contents) ? .own(contents, status) : .foreign
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

  static func temporaryName(of playlist: String) -> String { TemporaryName.ofWritten(playlist) }

  /// Removes a playlist that was read, unless another program has replaced it since. Returns whether it is gone.
  static func remove(
    _ name: String, ifStill status: FileStatus, in directory: borrowing Directory
  ) throws(KernelError) -> Bool {
    try directory.removeFile(name, aside: TemporaryName.ofAside(name)) { name throws(KernelError) in
      // By contents: the rename aside has changed its ctime.
      try directory.statusIfThere(name)?.hasContents(of: status) ?? true
    }
  }

  /// Whether an entry of a bucket is a playlist, whoever wrote it, or what a killed run has left of one.
  static func isOwn(_ entry: borrowing DirectoryEntry) -> Bool {
    FileName.isArchivePlaylist(entry.name)
      || (entry.type.countsAsFile && PlaylistNames.isLeftover(entry.name))
  }
}
