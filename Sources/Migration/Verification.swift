public import CaptureLayout
internal import KernelIO
public import SystemPackage

/// One of the guide's success criteria, with the figures it was judged by.
public struct Criterion: Sendable {
  public enum Identifier: String, CaseIterable, Sendable {
    case folders, flatPlaces, hotLimits, hours, names, livePlaylist, archives
  }
  public struct Figure: Sendable {
    public let name: String
    public let value: Int
  }

  public static let examplesMax = 10

  public let identifier: Identifier
  public internal(set) var isMet = true
  public internal(set) var figures: [Figure] = []
  /// The first few entries that break it, relative to the capture, as bytes.
  public internal(set) var examples: [[UInt8]] = []

  init(_ identifier: Identifier) { self.identifier = identifier }

  mutating func figure(_ name: String, _ value: Int) {
    figures.append(Figure(name: name, value: value))
  }

  mutating func fail(_ example: @autoclosure () -> [UInt8]) {
    isMet = false
    if examples.count < Self.examplesMax { examples.append(example()) }
  }
}

public struct VerificationReport: Sendable {
  public let capture: FilePath
  public internal(set) var criteria: [Criterion] = []
  /// Why the capture could not be verified, if so.
  public internal(set) var error: MigrationError?

  public var isMet: Bool { error == nil && criteria.allSatisfy(\.isMet) }
}

/// Checks a capture against the guide's success criteria. Reads only.
///
/// A recorder and the service may be at work meanwhile. What they have not come to yet is counted apart, as not yet
/// settled: files younger than a minimum age. What they change under the eyes of a verification is looked at again.
public struct Verification {
  /// As old as a file may become before a service with the default settings moves it: a minimum age and an interval of
  /// 60 s each.
  public static let minAgeSecondsDefault: Int64 = 120
  /// A segment that is hot may come to its hour that late; after as long again the playlist must have ended.
  private static let lateSecondsMax: Int64 = 3600
  private static let looksAgainMax = 20
  private static let lookAgainMicroseconds: UInt32 = 250_000

  private let layout: Layout
  private let rule: SettleRule
  private var hours: HourClock
  private let minAgeSeconds: Int64
  private let now = ModificationTime(seconds: SystemClock.realtimeNanoseconds / 1_000_000_000, nanoseconds: 0)
  /// Files that were modified later are not yet settled.
  private let settledUntil: ModificationTime
  /// Nor are segments of these times: what the list of an encoder at work dropped within the last minimum age.
  private var lastDropped: Range<ModificationTime>?
  private var folders = Criterion(.folders)
  private var flatPlaces = Criterion(.flatPlaces)
  private var hotLimits = Criterion(.hotLimits)
  private var hourFolders = Criterion(.hours)
  private var names = Criterion(.names)
  private var livePlaylist = Criterion(.livePlaylist)
  private var archives = ArchiveCriterion()

  private var hot = PerKind(repeating: 0)
  private var flat = PerKind(repeating: 0)
  private var cold = PerKind(repeating: 0)
  /// Hot beyond the limit, since their names are taken in their hours.
  private var conflicts = PerKind(repeating: 0)
  /// Not yet settled, in hot and in flat places.
  private var youngHot = PerKind(repeating: 0)
  private var youngFlat = PerKind(repeating: 0)
  /// For each bucket, the newest of the hot segments that belong in it.
  private var newestHot: [Bucket: ModificationTime] = [:]
  private var looksAgainLeft = looksAgainMax

  private init(_ layout: Layout, rule: SettleRule, hours: HourClock, minAgeSeconds: Int64) {
    self.layout = layout
    self.rule = rule
    self.hours = hours
    self.minAgeSeconds = minAgeSeconds
    settledUntil = now.earlier(bySeconds: minAgeSeconds)
  }

  /// `wantsManifests`: whether each bucket with segments is to have its playlist. `minAgeSeconds`: younger files are
  /// not yet settled.
  public static func run(
    _ path: FilePath, layout: Layout = .guide, rule: SettleRule, hours: HourClock,
    wantsManifests: Bool = true,
    minAgeSeconds: Int64 = minAgeSecondsDefault, progressed: @escaping (MigrationProgress) -> Void = { _ in }
  ) -> VerificationReport {
    var report = VerificationReport(capture: path)
    do throws(MigrationError) {
      let capture = try OpenCapture.open(path, layout)
      let tree = try capture.tree(of: layout)
      var verification = Verification(layout, rule: rule, hours: hours, minAgeSeconds: minAgeSeconds)
      do throws(KernelError) {
        report.criteria = try verification.judge(capture, tree, wantsManifests, progressed)
      } catch { throw capture.stopped(error) }
    } catch {
      report.error = error
    }
    return report
  }

  private mutating func judge(
    _ capture: borrowing OpenCapture, _ tree: CaptureTree, _ wantsManifests: Bool,
    _ progressed: @escaping (MigrationProgress) -> Void
  ) throws(KernelError) -> [Criterion] {
    let expected = capture.estimateOfEntries(tree, withBuckets: true)
    let meter = Meter(capture.directory.path, expecting: expected, progressed)
    judgeFolders(tree)
    let pinned = try judgeLivePlaylist(tree)
    try readPlaces(tree, pinned, meter)
    try readBuckets(capture.directory, tree, meter)
    try judgeNames(tree)
    return [folders, flatPlaces, hotLimits, hourFolders, names, livePlaylist]
      + (wantsManifests && layout.stream != nil ? [archives.judged()] : [])
  }

  private mutating func judgeFolders(_ tree: CaptureTree) {
    let missing = tree.missingCount
    folders.figure("expected", tree.wantedCount)
    folders.figure("missing", missing)
    folders.figure("refused", tree.refusals.count)
    for refusal in tree.refusals { folders.fail(Array(refusal.folder.utf8)) }
    if missing > 0 { folders.isMet = false }
  }

  // MARK: flat and hot places

  private mutating func readPlaces(
    _ tree: CaptureTree, _ pinned: ListedNames, _ meter: Meter
  ) throws(KernelError) {
    var newest = InlineArray<8, HotSet> { HotSet(limit: rule.hotLimits.value(at: $0)) }
    var pinnedHot = 0
    for place in layout.places {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        let isHere: (Kind) -> Bool = { layout.holds(place, $0) }
        try forEachFile(in: directory, wants: isHere, meter) { entry, kind, modified in
          let isHot = place == layout[kind].hot
          noteNewest(kind, modified, isHot: isHot)
          if isYoung(kind, modified) {
            if isHot { youngHot[kind] += 1 } else { youngFlat[kind] += 1 }
            return
          }
          guard isHot else {
            flat[kind] += 1
            return flatPlaces.fail(Array(layout.prefix(of: place).utf8) + Array(copying: entry.name))
          }
          hot[kind] += 1
          let facts = FileFacts(
            place: place, isInHotPlace: true, modified: modified,
            identity: FileIdentity(name: entry.name, kind: kind, inode: entry.inode))
          // One that is too many for the hot place, and whose bucket has another of its name, can go nowhere.
          let index = Int(kind.index)
          switch newest[index].offer(entry.name, facts) {
          case .kept: break
          case .turnedAway: if isTaken(entry.name, facts, tree, pinned) { conflicts[kind] += 1 }
          case .displaced:
            if isTaken(newest[index].displacedName, newest[index].displacedFacts, tree, pinned) {
              conflicts[kind] += 1
            }
          }
          if layout.isSegment(kind), pinned.contains(entry.name) { pinnedHot += 1 }
        }
      }
    }
    try judgeFlatPlaylist(tree)
    for kind in layout.kinds { flatPlaces.figure(layout.name(of: kind), flat[kind]) }
    flatPlaces.figure("not yet settled", youngFlat.sum)
    judgeHotLimits(newest, pinned, pinnedHot)
  }

  private mutating func noteNewest(_ kind: Kind, _ modified: ModificationTime, isHot: Bool) {
    guard isHot, layout.isSegment(kind), let bucket = layout.buckets.bucket(of: modified, &hours) else {
      return
    }
    newestHot[bucket] = max(newestHot[bucket] ?? modified, modified)
  }

  private mutating func judgeFlatPlaylist(_ tree: CaptureTree) throws(KernelError) {
    guard let stream = layout.stream, layout.playlistPlaces.count > 1 else { return }
    let place = layout[stream.kind].flat
    try tree.withPlace(place) { (directory) throws(KernelError) in
      guard let playlist = try directory.statusIfThere(stream.playlist),
        playlist.type != .regular || playlist.modified <= now.earlier(bySeconds: minAgeSeconds)
      else { return }
      flatPlaces.fail(Array((layout.prefix(of: place) + stream.playlist).utf8))
    }
  }

  private mutating func isTaken(
    _ name: Span<UInt8>, _ facts: FileFacts, _ tree: CaptureTree, _ pinned: ListedNames
  ) -> Bool {
    guard !(layout.isSegment(facts.kind) && pinned.contains(name)),
      let bucket = layout.buckets.bucket(of: facts.modified, &hours)
    else { return false }
    guard let folder = (try? tree.open(bucket, of: facts.kind)) ?? nil else { return false }
    return Name.isThere(name, in: folder.directory.descriptor)
  }

  /// Segments that the live playlist lists may be hot beyond the limit.
  private mutating func judgeHotLimits(
    _ newest: borrowing InlineArray<8, HotSet>, _ pinned: ListedNames, _ pinnedHot: Int
  ) {
    for kind in layout.kinds {
      var limit = rule.hotLimits[kind]
      if layout.isSegment(kind) {
        var pinnedAmongNewest = 0
        newest[Int(kind.index)].visit { name, _ in
          if pinned.contains(name) { pinnedAmongNewest += 1 }
        }
        limit += pinnedHot - pinnedAmongNewest
      }
      let name = layout.name(of: kind)
      hotLimits.figure(name, hot[kind])
      hotLimits.figure("\(name) limit", limit)
      if hot[kind] - conflicts[kind] > limit {
        hotLimits.fail(Array(layout.prefix(of: layout[kind].hot).utf8))
      }
    }
    hotLimits.figure("not yet settled", youngHot.sum)
    hotLimits.figure("conflicts", conflicts.sum)
  }

  private func isYoung(_ kind: Kind, _ modified: ModificationTime) -> Bool {
    modified > settledUntil || (layout.isSegment(kind) && lastDropped?.contains(modified) ?? false)
  }

  // MARK: the live playlist

  /// Returns the names that are listed.
  private mutating func judgeLivePlaylist(_ tree: CaptureTree) throws(KernelError) -> ListedNames {
    var pinned = ListedNames()
    var missing = 0
    var notFiles = 0
    for place in layout.playlistPlaces.reversed() {
      let path = layout.prefix(of: place)
      let playlistName = layout.stream?.playlist ?? ""
      try tree.withPlace(place) { (directory) throws(KernelError) in
        var listing = LiveListing()
        let reading = try directory.read(
          livePlaylist: playlistName, startOver: { listing = LiveListing() }
        ) { name, entry in
          if entry.isSegment { listing.judge(name, in: directory, unlike: pinned) }
        }
        if let error = listing.error { throw error }
        pinned.add(listing.hashes)
        missing += listing.missing.count
        notFiles += listing.notFiles.count
        for name in listing.examples { livePlaylist.fail(Array(path.utf8) + name) }
        if case .read(let playlist, _) = reading, playlist.modified > settledUntil,
          let oldest = listing.oldest
        {
          lastDropped = oldest.earlier(bySeconds: minAgeSeconds)..<oldest
        }
        guard case .tooLarge = reading else { return }
        pinned.mayBeAny = true
        livePlaylist.fail(Array((path + playlistName).utf8))
      }
    }
    livePlaylist.figure("listed", pinned.count)
    livePlaylist.figure("missing", missing)
    livePlaylist.figure("not a file", notFiles)
    if pinned.mayBeAny { livePlaylist.figure("larger than \(LivePlaylistVersion.bytesMax >> 20) MiB", 1) }
    return pinned
  }

  // MARK: buckets

  /// What a bucket holds, at one look.
  private struct BucketLook {
    let folderModified: ModificationTime
    var files = 0
    /// The first few of those that are in the wrong folder are named.
    var misplaced = 0
    var examples: [[UInt8]] = []
    var archive = ArchiveCriterion()

    mutating func addMisplaced(_ name: Span<UInt8>) {
      misplaced += 1
      if examples.count < Criterion.examplesMax { examples.append(Array(copying: name)) }
    }
  }

  private mutating func readBuckets(
    _ capture: borrowing Directory, _ tree: CaptureTree, _ meter: Meter
  ) throws(KernelError) {
    var misplaced = 0
    for kind in layout.kinds {
      for bucket in tree.buckets(of: kind) {
        let path = layout.path(of: bucket, kind) + "/"
        try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
          var look = try look(at: directory, bucket, of: kind, meter)
          // Segments come and go before their playlist tells of it.
          while !look.archive.isMet, looksAgainLeft > 0, try isChanging(directory, since: look, capture) {
            looksAgainLeft -= 1
            pause(microseconds: Self.lookAgainMicroseconds)
            look = try self.look(at: directory, bucket, of: kind, meter)
          }
          cold[kind] += look.files
          misplaced += look.misplaced
          for name in look.examples { hourFolders.fail(Array(path.utf8) + name) }
          archives.add(look.archive)
        }
      }
      hourFolders.figure(layout.name(of: kind), cold[kind])
    }
    hourFolders.figure("misplaced", misplaced)
  }

  private mutating func look(
    at directory: borrowing Directory, _ bucket: Bucket, of kind: Kind, _ meter: Meter
  ) throws(KernelError) -> BucketLook {
    var look = BucketLook(folderModified: try directory.status().modified)
    var segments = ArchiveCriterion.Names()
    let any: (Kind) -> Bool = { _ in true }
    try forEachFile(in: directory, wants: any, meter) { entry, kindOfFile, modified in
      guard kindOfFile == kind else { return look.addMisplaced(entry.name) }
      look.files += 1
      if layout.isSegment(kind) { segments.insert(entry.name, isYoung: isYoung(kind, modified)) }
      if layout.buckets.bucket(of: modified, &hours) != bucket { look.addMisplaced(entry.name) }
    }
    if layout.isSegment(kind) {
      try look.archive.judge(
        directory, layout.path(of: bucket, kind) + "/", segments, mustBeOver: isLongOver(bucket))
    }
    return look
  }

  private func isChanging(
    _ directory: borrowing Directory, since look: BucketLook, _ capture: borrowing Directory
  ) throws(KernelError) -> Bool {
    if FolderLock.isHeld(capture) { return true }
    return try directory.status().modified != look.folderModified
  }

  /// Over, as `Manifests` sees it, and for so long that a service has had its time to say so: a bucket that the clock left
  /// an hour ago, and that no hot segment of less than two hours waits for.
  private mutating func isLongOver(_ bucket: Bucket) -> Bool {
    let before = now.earlier(bySeconds: Self.lateSecondsMax)
    guard layout.buckets.bucket(of: now, &hours) != bucket,
      layout.buckets.bucket(of: before, &hours) != bucket
    else { return false }
    return newestHot[bucket].map { $0 <= before.earlier(bySeconds: Self.lateSecondsMax) } ?? true
  }

  // MARK: names

  private mutating func judgeNames(_ tree: CaptureTree) throws(KernelError) {
    var twice = 0
    for kind in layout.kinds {
      let count = hot[kind] + flat[kind] + cold[kind] + youngHot[kind] + youngFlat[kind]
      for name in try DuplicateNames(kind: kind, fileCount: count).find(in: tree) {
        twice += 1
        names.fail(Array("\(layout.name(of: kind)): ".utf8) + name)
      }
    }
    names.figure("twice", twice)
  }

  /// A file that cannot be looked at is not passed over: nothing is proven then.
  private func forEachFile(
    in directory: borrowing Directory, wants: (Kind) -> Bool, _ meter: Meter,
    _ body: (borrowing DirectoryEntry, Kind, ModificationTime) -> Void
  ) throws(KernelError) {
    var walk = Walk(layout, look: .modification)
    walk.warms = true
    var entries = 0
    try walk.run(
      directory, wants: wants,
      afterWindow: {
        meter.visited(entries)
        entries = 0
      },
      visit: { (entry, found, status) throws(KernelError) in
        entries += 1
        switch found {
        case .file(let kind): body(entry, kind, status.modified)
        case .unreadable(_, let errno): throw directory.error(.stat, entry.name, errno)
        case .vanished, .other: break
        }
      })
  }
}

/// The entries that a verification has visited so far, told after each window.
private final class Meter {
  private let capture: FilePath
  private let entriesExpected: Int
  private let progressed: (MigrationProgress) -> Void
  private let startNanoseconds = SystemClock.monotonicNanoseconds
  private var entries = 0

  init(_ capture: FilePath, expecting entries: Int, _ progressed: @escaping (MigrationProgress) -> Void) {
    self.capture = capture
    entriesExpected = entries
    self.progressed = progressed
  }

  func visited(_ count: Int) {
    entries += count
    progressed(
      MigrationProgress(
        capture: capture, entries: entries, entriesExpected: entriesExpected,
        elapsedNanoseconds: SystemClock.monotonicNanoseconds - startNanoseconds))
  }
}

extension ModificationTime {
  fileprivate func earlier(bySeconds seconds: Int64) -> ModificationTime {
    ModificationTime(seconds: self.seconds.subtractingSaturating(seconds), nanoseconds: nanoseconds)
  }
}
