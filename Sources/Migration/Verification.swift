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

  private let rule: SettleRule
  private var hours: HourClock
  private let minAgeSeconds: Int64
  private let now = ModificationTime(seconds: Clock.realtimeNanoseconds / 1_000_000_000, nanoseconds: 0)
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

  private var hot = PerKind { _ in 0 }
  private var flat = PerKind { _ in 0 }
  private var cold = PerKind { _ in 0 }
  /// Hot beyond the limit, since their names are taken in their hours.
  private var conflicts = PerKind { _ in 0 }
  /// Not yet settled, in hot and in flat places.
  private var youngHot = PerKind { _ in 0 }
  private var youngFlat = PerKind { _ in 0 }
  /// For each hour, the newest of the hot segments that belong in it.
  private var newestHot = [ModificationTime?](repeating: nil, count: hoursOfDay.count)
  private var looksAgainLeft = looksAgainMax

  private init(rule: SettleRule, hours: HourClock, minAgeSeconds: Int64) {
    self.rule = rule
    self.hours = hours
    self.minAgeSeconds = minAgeSeconds
    settledUntil = now.earlier(bySeconds: minAgeSeconds)
  }

  /// `wantsManifests`: whether each hour folder with segments is to have its playlist. `minAgeSeconds`: younger files are
  /// not yet settled.
  public static func run(
    _ path: FilePath, rule: SettleRule, hours: HourClock, wantsManifests: Bool = true,
    minAgeSeconds: Int64 = minAgeSecondsDefault, progressed: @escaping (MigrationProgress) -> Void = { _ in }
  ) -> VerificationReport {
    var report = VerificationReport(capture: path)
    do throws(MigrationError) {
      let capture = try OpenCapture.open(path)
      var verification = Verification(rule: rule, hours: hours, minAgeSeconds: minAgeSeconds)
      do throws(KernelError) {
        report.criteria = try verification.judge(capture, wantsManifests, progressed)
      } catch { throw capture.stopped(error) }
    } catch {
      report.error = error
    }
    return report
  }

  private mutating func judge(
    _ capture: borrowing OpenCapture, _ wantsManifests: Bool,
    _ progressed: @escaping (MigrationProgress) -> Void
  ) throws(KernelError) -> [Criterion] {
    let open = try CaptureFolders(of: capture.directory)
    let expected = capture.estimateOfEntries(open, withHours: true)
    let walk = Walk(capture.directory.path, expecting: expected, progressed)
    judgeFolders(open)
    let pinned = try judgeLivePlaylist(capture.directory, open)
    try readPlaces(capture.directory, open, pinned, walk)
    try readHours(capture.directory, open, walk)
    try judgeNames(capture.directory, open)
    return [folders, flatPlaces, hotLimits, hourFolders, names, livePlaylist]
      + (wantsManifests ? [archives.judged()] : [])
  }

  private mutating func judgeFolders(_ open: borrowing CaptureFolders) {
    let expected = Kind.allCases.count * (1 + hoursOfDay.count)
    let missing = open.missingCount
    folders.figure("expected", expected)
    folders.figure("missing", missing)
    folders.figure("refused", open.refusals.count)
    for refusal in open.refusals { folders.fail(Array(refusal.folder.utf8)) }
    if missing > 0 { folders.isMet = false }
  }

  // MARK: flat and hot places

  private mutating func readPlaces(
    _ capture: borrowing Directory, _ open: borrowing CaptureFolders, _ pinned: ListedNames,
    _ walk: Walk
  ) throws(KernelError) {
    var newest = InlineArray<4, HotSet> { HotSet(limit: rule.hotLimits[Kind.allCases[$0]]) }
    var pinnedHot = 0
    for place in Place.allCases {
      try open.withPlace(place, in: capture) { directory throws(KernelError) in
        try forEachFile(in: directory, walk) { entry, kind, modified in
          guard place.holds(kind) else { return }
          let isYoung = isYoung(kind, modified)
          guard place == kind.hotPlace else {
            if isYoung {
              youngFlat[kind] += 1
              return
            }
            flat[kind] += 1
            flatPlaces.fail(Array(place.prefix.utf8) + Array(copying: entry.name))
            return
          }
          if kind == .segments {
            let hour = hours.hour(of: modified)
            newestHot[hour] = max(newestHot[hour] ?? modified, modified)
          }
          if isYoung {
            youngHot[kind] += 1
            return
          }
          hot[kind] += 1
          let facts = FileFacts(
            place: place, modified: modified,
            identity: FileIdentity(name: entry.name, kind: kind, inode: entry.inode))
          // One that is too many for the hot place, and whose hour has another of its name, can go nowhere.
          switch newest[Int(kind.rawValue)].offer(entry.name, facts) {
          case .kept: break
          case .turnedAway: if isTaken(entry.name, facts, open.table, pinned) { conflicts[kind] += 1 }
          case .displaced:
            let index = Int(kind.rawValue)
            if isTaken(newest[index].displacedName, newest[index].displacedFacts, open.table, pinned) {
              conflicts[kind] += 1
            }
          }
          if kind == .segments, pinned.contains(entry.name) { pinnedHot += 1 }
        }
      }
    }
    if let playlist = try capture.statusIfThere(FileName.livePlaylist),
      playlist.type != .regular || playlist.modified <= now.earlier(bySeconds: minAgeSeconds)
    {
      flatPlaces.fail(Array(FileName.livePlaylist.utf8))
    }
    for kind in Kind.allCases { flatPlaces.figure(kind.name, flat[kind]) }
    flatPlaces.figure("not yet settled", youngFlat.sum)
    judgeHotLimits(newest[Int(Kind.segments.rawValue)], pinned, pinnedHot)
  }

  private mutating func isTaken(
    _ name: Span<UInt8>, _ facts: FileFacts, _ table: FolderTable, _ pinned: ListedNames
  ) -> Bool {
    let hour = table.dirfd(of: .hour(facts.kind, hours.hour(of: facts.modified)))
    return FolderTable.isOpen(hour) && !(facts.kind == .segments && pinned.contains(name))
      && Name.isThere(name, in: hour)
  }

  /// Segments that the live playlist lists may be hot beyond the limit.
  private mutating func judgeHotLimits(
    _ newestSegments: borrowing HotSet, _ pinned: ListedNames, _ pinnedHot: Int
  ) {
    var pinnedAmongNewest = 0
    newestSegments.visit { name, _ in
      if pinned.contains(name) { pinnedAmongNewest += 1 }
    }
    for kind in Kind.allCases {
      let beyond = kind == .segments ? pinnedHot - pinnedAmongNewest : 0
      let limit = rule.hotLimits[kind] + beyond
      hotLimits.figure(kind.name, hot[kind])
      hotLimits.figure("\(kind.name) limit", limit)
      if hot[kind] - conflicts[kind] > limit { hotLimits.fail(Array("\(kind.name)/".utf8)) }
    }
    hotLimits.figure("not yet settled", youngHot.sum)
    hotLimits.figure("conflicts", conflicts.sum)
  }

  private func isYoung(_ kind: Kind, _ modified: ModificationTime) -> Bool {
    modified > settledUntil || (kind == .segments && lastDropped?.contains(modified) ?? false)
  }

  // MARK: the live playlist

  /// Returns the names that are listed.
  private mutating func judgeLivePlaylist(
    _ capture: borrowing Directory, _ open: borrowing CaptureFolders
  ) throws(KernelError) -> ListedNames {
    var pinned = ListedNames()
    var missing = 0
    var notFiles = 0
    for place in [Place.segments, .root] {
      try open.withPlace(place, in: capture) { directory throws(KernelError) in
        var listing = LiveListing()
        let reading = try directory.readLivePlaylist(startOver: { listing = LiveListing() }) {
          name, entry in
          if entry.isSegment { listing.judge(name, in: directory, unlike: pinned) }
        }
        if let error = listing.error { throw error }
        pinned.add(listing.hashes)
        missing += listing.missing.count
        notFiles += listing.notFiles.count
        for name in listing.examples { livePlaylist.fail(Array(place.prefix.utf8) + name) }
        if case .read(let playlist, _) = reading, playlist.modified > settledUntil,
          let oldest = listing.oldest
        {
          lastDropped = oldest.earlier(bySeconds: minAgeSeconds)..<oldest
        }
        guard case .tooLarge = reading else { return }
        pinned.mayBeAny = true
        livePlaylist.fail(Array((place.prefix + FileName.livePlaylist).utf8))
      }
    }
    livePlaylist.figure("listed", pinned.count)
    livePlaylist.figure("missing", missing)
    livePlaylist.figure("not a file", notFiles)
    if pinned.mayBeAny { livePlaylist.figure("larger than \(LivePlaylistVersion.bytesMax >> 20) MiB", 1) }
    return pinned
  }

  // MARK: hour folders

  /// What an hour folder holds, at one look.
  private struct HourLook {
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

  private mutating func readHours(
    _ capture: borrowing Directory, _ open: borrowing CaptureFolders, _ walk: Walk
  ) throws(KernelError) {
    var misplaced = 0
    for kind in Kind.allCases {
      for hour in hoursOfDay {
        try open.withHour(hour, of: kind) { directory throws(KernelError) in
          var look = try look(at: directory, hour, of: kind, walk)
          // Segments come and go before their playlist tells of it.
          while !look.archive.isMet, looksAgainLeft > 0, try isChanging(directory, since: look, capture) {
            looksAgainLeft -= 1
            pause(microseconds: Self.lookAgainMicroseconds)
            look = try self.look(at: directory, hour, of: kind, walk)
          }
          cold[kind] += look.files
          misplaced += look.misplaced
          for name in look.examples { hourFolders.fail(Array("\(kind.name)/\(hour)/".utf8) + name) }
          archives.add(look.archive)
        }
      }
      hourFolders.figure(kind.name, cold[kind])
    }
    hourFolders.figure("misplaced", misplaced)
  }

  private mutating func look(
    at directory: borrowing Directory, _ hour: Int, of kind: Kind, _ walk: Walk
  ) throws(KernelError) -> HourLook {
    var look = HourLook(folderModified: try directory.status().modified)
    var segments = ArchiveCriterion.Names()
    try forEachFile(in: directory, walk) { entry, kindOfFile, modified in
      guard kindOfFile == kind else { return look.addMisplaced(entry.name) }
      look.files += 1
      if kind == .segments { segments.insert(entry.name, isYoung: isYoung(kind, modified)) }
      if hours.hour(of: modified) != hour { look.addMisplaced(entry.name) }
    }
    if kind == .segments {
      try look.archive.judge(directory, hour, segments, mustBeOver: isLongOver(hour))
    }
    return look
  }

  private func isChanging(
    _ directory: borrowing Directory, since look: HourLook, _ capture: borrowing Directory
  ) throws(KernelError) -> Bool {
    if FolderLock.isHeld(capture) { return true }
    return try directory.status().modified != look.folderModified
  }

  /// Over, as `Manifests` sees it, and for so long that a service has had its time to say so: an hour that the clock left
  /// an hour ago, and that no hot segment of less than two hours waits for.
  private mutating func isLongOver(_ hour: Int) -> Bool {
    let before = now.earlier(bySeconds: Self.lateSecondsMax)
    guard hours.hour(of: now) != hour, hours.hour(of: before) != hour else { return false }
    return newestHot[hour].map { $0 <= before.earlier(bySeconds: Self.lateSecondsMax) } ?? true
  }

  // MARK: names

  private mutating func judgeNames(
    _ capture: borrowing Directory, _ open: borrowing CaptureFolders
  ) throws(KernelError) {
    var twice = 0
    for kind in Kind.allCases {
      let count = hot[kind] + flat[kind] + cold[kind] + youngHot[kind] + youngFlat[kind]
      let search = DuplicateNames(kind: kind, fileCount: count)
      for name in try search.find(capture, open) {
        twice += 1
        names.fail(Array("\(kind.name): ".utf8) + name)
      }
    }
    names.figure("twice", twice)
  }

  /// A file that cannot be looked at is not passed over: nothing is proven then.
  private func forEachFile(
    in directory: borrowing Directory, _ walk: Walk,
    _ body: (borrowing DirectoryEntry, Kind, ModificationTime) -> Void
  ) throws(KernelError) {
    var stream = try DirectoryStream(of: directory)
    while try stream.fill() {
      stream.warmIfCold()
      var entries = 0
      try stream.visit { entry throws(KernelError) in
        entries += 1
        guard let kind = FileName.kind(of: entry.name), entry.type.countsAsFile,
          let status = try directory.modificationIfThere(entry.name), status.type == .regular
        else { return }
        body(entry, kind, status.modified)
      }
      walk.met(entries)
    }
  }
}

/// The entries that a verification has met so far, told after each window.
private final class Walk {
  private let capture: FilePath
  private let entriesExpected: Int
  private let progressed: (MigrationProgress) -> Void
  private let startNanoseconds = Clock.monotonicNanoseconds
  private var entries = 0

  init(_ capture: FilePath, expecting entries: Int, _ progressed: @escaping (MigrationProgress) -> Void) {
    self.capture = capture
    entriesExpected = entries
    self.progressed = progressed
  }

  func met(_ count: Int) {
    entries += count
    progressed(
      MigrationProgress(
        capture: capture, entries: entries, entriesExpected: entriesExpected,
        elapsedNanoseconds: Clock.monotonicNanoseconds - startNanoseconds))
  }
}

extension PerKind<Int> {
  var sum: Int { Kind.allCases.reduce(0) { $0 + self[$1] } }
}

extension ModificationTime {
  fileprivate func earlier(bySeconds seconds: Int64) -> ModificationTime {
    ModificationTime(seconds: self.seconds.subtractingSaturating(seconds), nanoseconds: nanoseconds)
  }
}
