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
public struct Verification {
  private let rule: SettleRule
  private var hours: HourClock
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

  private init(rule: SettleRule, hours: HourClock) {
    self.rule = rule
    self.hours = hours
  }

  /// `wantsManifests`: whether each hour folder with segments is to have its playlist.
  public static func run(
    _ path: FilePath, rule: SettleRule, hours: HourClock, wantsManifests: Bool = true
  ) -> VerificationReport {
    var report = VerificationReport(capture: path)
    do throws(MigrationError) {
      let capture = try OpenCapture.open(path)
      var verification = Verification(rule: rule, hours: hours)
      do throws(KernelError) {
        report.criteria = try verification.judge(capture.directory, wantsManifests)
      } catch { throw capture.stopped(error) }
    } catch {
      report.error = error
    }
    return report
  }

  private mutating func judge(
    _ capture: borrowing Directory, _ wantsManifests: Bool
  ) throws(KernelError) -> [Criterion] {
    let open = try CaptureFolders(of: capture)
    judgeFolders(open)
    let pinned = try judgeLivePlaylist(capture, open)
    try readPlaces(capture, open, pinned)
    try readHours(open)
    try judgeNames(capture, open)
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
    _ capture: borrowing Directory, _ open: borrowing CaptureFolders, _ pinned: ListedNames
  ) throws(KernelError) {
    var newest = InlineArray<4, HotSet> { HotSet(limit: rule.hotLimits[Kind.allCases[$0]]) }
    var pinnedHot = 0
    for place in Place.allCases {
      try open.withPlace(place, in: capture) { directory throws(KernelError) in
        try forEachFile(in: directory, { place.holds($0) }) { entry, kind, modified in
          guard place == kind.hotPlace else {
            flat[kind] += 1
            flatPlaces.fail(Array(place.prefix.utf8) + Array(copying: entry.name))
            return
          }
          hot[kind] += 1
          let facts = FileFacts(
            place: place, modified: modified,
            identity: FileIdentity(name: entry.name, kind: kind, inode: entry.inode))
          _ = newest[Int(kind.rawValue)].offer(entry.name, facts)
          if kind == .segments, pinned.contains(entry.name) { pinnedHot += 1 }
        }
      }
    }
    if try capture.statusIfThere(FileName.livePlaylist) != nil {
      flatPlaces.fail(Array(FileName.livePlaylist.utf8))
    }
    for kind in Kind.allCases { flatPlaces.figure(kind.name, flat[kind]) }
    judgeHotLimits(newest[Int(Kind.segments.rawValue)], pinned, pinnedHot)
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
      if hot[kind] > limit { hotLimits.fail(Array("\(kind.name)/".utf8)) }
    }
  }

  private mutating func judgeLivePlaylist(
    _ capture: borrowing Directory, _ open: borrowing CaptureFolders
  ) throws(KernelError) -> ListedNames {
    var pinned = ListedNames()
    var missing = 0
    for place in [Place.segments, .root] {
      try open.withPlace(place, in: capture) { directory throws(KernelError) in
        var listing = LiveListing()
        let reading = try directory.readLivePlaylist(startOver: { listing = LiveListing() }) { name, _ in
          listing.judge(name, in: directory, unlike: pinned)
        }
        if let error = listing.error { throw error }
        pinned.add(listing.hashes)
        missing += listing.missing.count
        for name in listing.examples { livePlaylist.fail(Array(place.prefix.utf8) + name) }
        guard case .tooLarge = reading else { return }
        pinned.mayBeAny = true
        livePlaylist.fail(Array((place.prefix + FileName.livePlaylist).utf8))
      }
    }
    livePlaylist.figure("listed", pinned.count)
    livePlaylist.figure("missing", missing)
    if pinned.mayBeAny { livePlaylist.figure("larger than \(LivePlaylistVersion.bytesMax >> 20) MiB", 1) }
    return pinned
  }

  // MARK: hour folders

  private mutating func readHours(_ open: borrowing CaptureFolders) throws(KernelError) {
    var misplaced = 0
    for kind in Kind.allCases {
      for hour in hoursOfDay {
        try open.withHour(hour, of: kind) { directory throws(KernelError) in
          var segments = ArchiveCriterion.Names()
          try forEachFile(in: directory, { $0 == kind }) { entry, _, modified in
            cold[kind] += 1
            if kind == .segments { segments.insert(entry.name) }
            guard hours.hour(of: modified) != hour else { return }
            misplaced += 1
            hourFolders.fail(Array("\(kind.name)/\(hour)/".utf8) + Array(copying: entry.name))
          }
          if kind == .segments { try archives.judge(directory, hour, segments) }
        }
      }
      hourFolders.figure(kind.name, cold[kind])
    }
    hourFolders.figure("misplaced", misplaced)
  }

  // MARK: names

  private mutating func judgeNames(
    _ capture: borrowing Directory, _ open: borrowing CaptureFolders
  ) throws(KernelError) {
    var twice = 0
    for kind in Kind.allCases {
      let search = DuplicateNames(kind: kind, fileCount: hot[kind] + flat[kind] + cold[kind])
      for name in try search.find(capture, open) {
        twice += 1
        names.fail(Array("\(kind.name): ".utf8) + name)
      }
    }
    names.figure("twice", twice)
  }

  /// A file that cannot be looked at is not passed over: nothing is proven then.
  private func forEachFile(
    in directory: borrowing Directory, _ isWanted: (Kind) -> Bool,
    _ body: (borrowing DirectoryEntry, Kind, ModificationTime) -> Void
  ) throws(KernelError) {
    var stream = try DirectoryStream(of: directory)
    while try stream.fill() {
      stream.warmIfCold()
      try stream.visit { entry throws(KernelError) in
        guard let kind = FileName.kind(of: entry.name), isWanted(kind), entry.type.countsAsFile,
          let status = try directory.modificationIfThere(entry.name), status.type == .regular
        else { return }
        body(entry, kind, status.modified)
      }
    }
  }
}

/// The segments that one live playlist lists: which of them are not beside it.
private struct LiveListing {
  private(set) var hashes: [UInt64] = []
  private(set) var missing: Set<UInt64> = []
  private(set) var examples: [[UInt8]] = []
  private(set) var error: KernelError?

  /// `known` was judged before.
  mutating func judge(_ name: Span<UInt8>, in directory: borrowing Directory, unlike known: ListedNames) {
    guard error == nil, !known.contains(name) else { return }
    let hash = hashOfName(name)
    hashes.append(hash)
    do throws(KernelError) {
      if FileName.canExist(name), try directory.modificationIfThere(name) != nil { return }
      guard missing.insert(hash).inserted else { return }
      if examples.count < Criterion.examplesMax { examples.append(Array(copying: name)) }
    } catch { self.error = error }
  }
}
