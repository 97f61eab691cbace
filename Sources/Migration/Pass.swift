internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Entries met between two looks at what the kernel has done.
private let tendEvery = 8
/// How long ago a writer may have written last to count as active.
private let writerQuietSeconds: Int64 = 10

/// One pass over the flat and hot places of a capture: every file is met once, settled, and moved if it is
/// not where it belongs.
///
///     getdents64 ─▶ kind ─▶ statx ─▶ Settler ─▶ MovePlan ─▶ Mover ─▶ tallies
///                                      │ hot                  ▲
///                                      └──── when all are met ┘
///
/// Cold files leave as soon as they are certain to be cold. Hot files enter a hot place only when everything
/// cold has left it, so that it never holds more than its limit; the live playlist follows its segments.
struct Pass<M: Mover>: ~Copyable {
  let options: MigrationOptions
  private var settler: Settler
  private(set) var plan: MovePlan<M>
  private(set) var pins: PlaylistPins
  /// What the first pass of an executing run meets is what was there before.
  private let countsBefore: Bool
  private let readsDisk: Bool
  /// Only where no ring keeps the other core busy, and no rename waits for the folder's lock.
  private var readsAhead: Bool { options.isDryRun }
  private let recently: Range<Int64>
  private(set) var unrecognised = Unrecognised()
  /// A file or the live playlist was written around the time of this pass.
  private(set) var metRecentFile = false
  private(set) var metRecentFlatFile = false
  /// Every entry was met: the pass was not stopped on the way.
  private(set) var isComplete = false
  private(set) var livePlaylist = PlaylistOutcome.absent
  /// What the live playlist would be parted from: it stays beside them, and so does what else it lists.
  private(set) var companions = PlaylistCompanions()
  /// Another live playlist in the hot place.
  private enum Rival { case none, successor, current }
  private var rival = Rival.none
  private(set) var numbers = HighestNumbers()
  private var arrivals: SegmentArrivals?
  /// Of a dry run: for each hour, the days of the segments that would come to it.
  var segmentDays: [Set<Day>] { arrivals?.days ?? [] }

  init(
    options: MigrationOptions, plan: consuming MovePlan<M>, pins: PlaylistPins, isFirst: Bool, readsDisk: Bool
  ) {
    self.pins = pins
    self.options = options
    self.plan = plan
    countsBefore = isFirst && !options.isDryRun
    self.readsDisk = readsDisk
    settler = Settler(rule: options.rule, hours: options.hours)
    arrivals = options.isDryRun ? SegmentArrivals(hours: options.hours) : nil
    let now = Clock.realtimeNanoseconds / 1_000_000_000
    recently = (now - writerQuietSeconds)..<(now + 3600)
  }

  /// `betweenWindows` is called after each window, with the number of entries met so far.
  mutating func run(
    _ capture: borrowing Directory, _ folders: borrowing CaptureFolders,
    _ custody: inout Custody, betweenWindows: (Int) -> Void
  ) {
    var entries = 0
    for place in [Place.segments, .thumbnails, .metadata, .captures, .root] where mayGoOn {
      do throws(KernelError) {
        try folders.withPlace(place, in: capture) { directory throws(KernelError) in
          try scan(place, directory, capture, folders, &custody, &entries, betweenWindows)
        }
      } catch { plan.ledger.stop(error) }
    }
    isComplete = !plan.ledger.isStopped && !isCutShort
    plan.finish()
    do throws(KernelError) { try judgeLivePlaylist(capture, folders) } catch { plan.ledger.stop(error) }
    // Before every file is met it is not known which are the newest.
    placeHotFiles()
    plan.finish()
    forgetVanished(in: &custody)
    for place in [Place.root, .segments]
    where pins.modified(in: place).map({ recently.contains($0.seconds) }) ?? false {
      metRecentFile = true
      if place == .root { metRecentFlatFile = true }
    }
    do throws(KernelError) { livePlaylist = try placeLivePlaylist(capture, folders) } catch {
      plan.ledger.stop(error)
      livePlaylist = .pending
    }
  }

  private mutating func scan(
    _ place: Place, _ directory: borrowing Directory, _ capture: borrowing Directory,
    _ folders: borrowing CaptureFolders, _ custody: inout Custody, _ entries: inout Int,
    _ betweenWindows: (Int) -> Void
  ) throws(KernelError) {
    var stream = try DirectoryStream(of: directory)
    var hasMore = true
    while hasMore, mayGoOn {
      if place.holds(.segments) {
        try pins.refresh(folders, in: capture, setsAside: !options.keepLive)
        settler.pin(pins.listed)
      }
      hasMore = try stream.fill()
      if readsAhead { stream.readAhead() }
      if readsDisk { stream.warmIfCold() }
      try stream.visit { entry in
        meet(entry, in: place, directory, &custody)
        entries += 1
        if entries % tendEvery == 0 { plan.tend() }
      }
      forgetVanished(in: &custody)
      custody.observe()
      betweenWindows(entries)
    }
  }

  /// A file that vanished was accounted for: it is not expected afterwards.
  private mutating func forgetVanished(in custody: inout Custody) {
    for identity in plan.ledger.takeVanished() { custody.digest.remove(identity) }
    for file in plan.ledger.takeRenamed() {
      custody.digest.remove(file.old)
      custody.digest.insert(file.new)
    }
  }

  private var mayGoOn: Bool { !plan.ledger.isStopped && !isCutShort }

  /// Whether files of a kind stay where they are: their folders may not be used, or any of them may be listed by a live
  /// playlist that is too large to be read.
  private func stays(_ kind: Kind) -> Bool {
    plan.table.refusedKinds[kind] || (kind == .segments && pins.listed.mayBeAny)
  }

  /// The run's time is over: what was not met stays for a later one.
  private var isCutShort: Bool {
    options.deadlineNanoseconds.map { Clock.monotonicNanoseconds > $0 } ?? false
  }

  /// For each hour, the newest of the hot segments that belong in it.
  func newestHotSegments() -> [ModificationTime?] {
    var hours = options.hours
    var newest = [ModificationTime?](repeating: nil, count: hoursOfDay.count)
    settler.forEachHot { _, facts in
      guard facts.kind == .segments else { return }
      let hour = hours.hour(of: facts.modified)
      newest[hour] = max(newest[hour] ?? facts.modified, facts.modified)
    }
    return newest
  }

  // MARK: meeting files

  private mutating func meet(
    _ entry: borrowing DirectoryEntry, in place: Place, _ directory: borrowing Directory,
    _ custody: inout Custody
  ) {
    guard let kind = FileName.kind(of: entry.name), place.holds(kind),
      entry.type.countsAsFile
    else { return meetOther(entry, in: place) }

    let identity = FileIdentity(
      name: entry.name, kind: kind, inode: custody.comparesInodes ? entry.inode : 0)
    do throws(Errno) {
      let status = try directory.modification(of: entry.name)
      guard status.type == .regular else { return meetOther(entry, in: place) }
      let facts = FileFacts(place: place, modified: status.modified, identity: identity)
      if status.links > 1, let outcome = plan.finishLink(entry.name, of: kind, in: place) {
        return plan.ledger.countLink(entry.name, facts, outcome)
      }
      plan.ledger.tallies[kind].found += 1
      numbers.meet(entry.name, kind)
      if countsBefore { custody.digest.insert(identity) }
      if recently.contains(facts.modified.seconds) {
        metRecentFile = true
        if place != kind.hotPlace { metRecentFlatFile = true }
      }
      if stays(kind) {
        plan.ledger.tallies[kind].failed += 1
      } else {
        Self.settle(entry.name, facts, &settler, &plan, &arrivals)
      }
    } catch {
      meetUnreadable(entry, identity, in: place, error, &custody)
    }
  }

  private static func settle(
    _ name: Span<UInt8>, _ facts: FileFacts, _ settler: inout Settler, _ plan: inout MovePlan<M>,
    _ arrivals: inout SegmentArrivals?
  ) {
    settler.offer(name, facts) { name, facts, hour in
      let before = plan.ledger.movedByHour[facts.kind][hour]
      plan.add(
        name, Move(identity: facts.identity, from: .place(facts.place), to: .hour(facts.kind, hour)))
      guard arrivals != nil, plan.ledger.movedByHour[facts.kind][hour] > before else { return }
      arrivals?.add(facts, hour)
    }
  }

  private mutating func meetUnreadable(
    _ entry: borrowing DirectoryEntry, _ identity: FileIdentity, in place: Place, _ errno: Errno,
    _ custody: inout Custody
  ) {
    plan.ledger.tallies[identity.kind].found += 1
    if countsBefore { custody.digest.insert(identity) }
    if errno == .noSuchFileOrDirectory {
      plan.ledger.countVanished(identity)
    } else {
      let move = Move(identity: identity, from: .place(place), to: .place(identity.kind.hotPlace))
      plan.ledger.countUnreadable(entry.name, move, errno)
    }
  }

  private mutating func meetOther(_ entry: borrowing DirectoryEntry, in place: Place) {
    if FileName.isLivePlaylist(entry.name), place.holds(.segments), entry.type.countsAsFile { return }
    if entry.type == .directory, place.isPartOfLayout(folder: entry.name) { return }
    unrecognised.add(entry.name, in: place.prefix)
  }

  // MARK: hot files

  /// What is left in the settler is hot.
  private mutating func placeHotFiles() {
    let segmentsStay = stays(.segments)
    Self.placeHotFiles(
      settler, &plan, keepLive: options.keepLive, isKnown: isComplete, segmentsStay: segmentsStay,
      held: companions.isEmpty && rival != .current ? ListedNames() : pins.listed)
  }

  private static func placeHotFiles(
    _ settler: borrowing Settler, _ plan: inout MovePlan<M>, keepLive: Bool, isKnown: Bool,
    segmentsStay: Bool,
    held: ListedNames
  ) {
    settler.forEachHot { name, facts in
      let kind = facts.kind
      if facts.place == kind.hotPlace {
        if plan.ledger.promoted.contains(facts.identity) {
          plan.ledger.tallies[kind].movedToPlaceBefore += 1
        } else {
          plan.ledger.tallies[kind].inHotPlace += 1
        }
      } else if keepLive || (kind == .segments && held.contains(name)) {
        plan.ledger.tallies[kind].kept += 1
      } else if kind == .segments, segmentsStay {
        plan.ledger.tallies[kind].failed += 1
      } else if !isKnown {
        plan.ledger.tallies[kind].pending += 1
      } else {
        plan.add(name, Move(identity: facts.identity, from: .place(facts.place), to: .place(kind.hotPlace)))
      }
    }
  }

  private mutating func placeLivePlaylist(
    _ capture: borrowing Directory, _ folders: borrowing CaptureFolders
  ) throws(KernelError) -> PlaylistOutcome {
    let isFlat = try capture.statusIfThere(FileName.livePlaylist)?.type == .regular
    var isHot = false
    try folders.withPlace(.segments, in: capture) { directory throws(KernelError) in
      isHot = try directory.statusIfThere(FileName.livePlaylist) != nil
    }
    guard isFlat else { return isHot ? .inPlace : .absent }
    if options.keepLive { return .kept }
    // What was not come to has not stayed behind.
    if !isComplete || plan.ledger.isStopped { return .pending }
    if stays(.segments) { return .failed }
    if !options.isDryRun, companions.isEmpty, rival != .current {
      companions = try findCompanions(capture, haveMoved: true)
      // Segments that were written since are taken along by the next pass.
      let tally = plan.ledger.tallies[.segments]
      if !companions.isEmpty, !companions.areOfOtherNames, tally.conflicts + tally.failed == 0 {
        plan.ledger.lookAgain()
      }
    }
    switch rival {
    case .none: return companions.isEmpty ? plan.moveLivePlaylist(from: .root, to: .segments) : .held
    case .successor: return companions.isEmpty ? plan.setLivePlaylistAside(from: .root) : .conflict
    case .current: return .conflict
    }
  }

  /// Looks at the flat playlist before the segments move that it lists: where it has to stay, so have they.
  private mutating func judgeLivePlaylist(
    _ capture: borrowing Directory, _ folders: borrowing CaptureFolders
  ) throws(KernelError) {
    companions = try findCompanions(capture, haveMoved: false)
    guard try capture.statusIfThere(FileName.livePlaylist)?.type == .regular else { return }
    try folders.withPlace(.segments, in: capture) { directory throws(KernelError) in
      guard try PlaylistSuccession.isRival(capture, directory) else { return }
      rival = try PlaylistSuccession(of: capture, by: directory).isOver ? .successor : .current
    }
  }

  private func findCompanions(
    _ capture: borrowing Directory, haveMoved: Bool
  ) throws(KernelError) -> PlaylistCompanions {
    guard !options.keepLive, isComplete, !stays(.segments) else { return PlaylistCompanions() }
    return try PlaylistCompanions(
      of: capture, movingTo: plan.table.dirfd(of: .segments), haveMoved: haveMoved)
  }
}

/// The days of the segments that a dry run would move to each hour: a playlist is the recording of one day.
private struct SegmentArrivals {
  private var hours: HourClock
  private(set) var days = [Set<Day>](repeating: [], count: hoursOfDay.count)

  init(hours: HourClock) { self.hours = hours }

  mutating func add(_ facts: FileFacts, _ hour: Int) {
    if facts.kind == .segments { days[hour].insert(hours.day(of: facts.modified)) }
  }
}

extension Place {
  /// Whether a folder of this name belongs here: a hot place in the capture, an hour folder in a hot place.
  fileprivate func isPartOfLayout(folder name: Span<UInt8>) -> Bool {
    if self == .root {
      return Kind.allCases.contains { name.isEqual(to: $0.name) }
    }
    return hoursOfDay.contains { name.isEqual(to: "\($0)") }
  }
}
