internal import CaptureLayout
internal import KernelIO
public import SystemPackage

extension Engine {
  /// Takes one capture back to the flat layout, or shows what that would do. Runs to the end, whatever happens: what
  /// stopped it is in the report.
  public func revert(
    _ path: FilePath, options: ReversionOptions, observer: any MigrationObserver
  ) -> CaptureReport {
    switch carrier {
    case .ring(let mover): Reversion.run(path, options: options, mover: mover, observer: observer)
    case .thread(let mover): Reversion.run(path, options: options, mover: mover, observer: observer)
    }
  }
}

/// What the user decides about a reversion.
public struct ReversionOptions: Sendable {
  public var isDryRun: Bool
  /// Make the moves survive a power cut before reporting success.
  public var syncs: Bool
  /// As in `MigrationOptions`.
  public var allowsLinks: Bool

  public init(isDryRun: Bool = true, syncs: Bool = true, allowsLinks: Bool = false) {
    self.isDryRun = isDryRun
    self.syncs = syncs
    self.allowsLinks = allowsLinks
  }
}

/// A writer that makes files faster than passes end is left to a later run.
private let passesMax = 10

/// Takes a capture back to the flat layout: every file of a hot place or an hour folder to the flat place of its kind.
///
///     open and refuse ─▶ lock ─▶ list ─▶ pass, pass, … ─▶ playlists, empty folders ─▶ list all ─▶ syncfs
///                        └────────────── executing runs only ────────────────────────────────────┘
///
/// It looks at the tree alone, so it also takes back what an interrupted migration has moved. `captures/` stays, which
/// the flat layout has as well.
struct Reversion<M: Mover>: ~Copyable {
  private let options: ReversionOptions
  private let mover: M
  private let observer: any MigrationObserver
  private let startNanoseconds = Clock.monotonicNanoseconds
  private var report: CaptureReport
  /// In the hour folders and hot places, which the first pass walks.
  private var entriesExpected = 0
  /// Files of each kind that are flat already.
  private var flat = PerKind { _ in 0 }
  private var gone = PerKind { _ in Tally() }
  private var last = PerKind { _ in PassTally() }

  static func run(
    _ path: FilePath, options: ReversionOptions, mover: M, observer: any MigrationObserver
  ) -> CaptureReport {
    var reversion = Reversion(path, options, mover, observer)
    do throws(MigrationError) { try reversion.run(path) } catch { reversion.report.error = error }
    reversion.report.stopSignal = StopSignal.pending
    reversion.report.elapsedNanoseconds = Clock.monotonicNanoseconds - reversion.startNanoseconds
    return reversion.report
  }

  private init(
    _ path: FilePath, _ options: ReversionOptions, _ mover: M, _ observer: any MigrationObserver
  ) {
    self.options = options
    self.mover = mover
    self.observer = observer
    report = CaptureReport(capture: path, isDryRun: options.isDryRun)
    report.isReversion = true
  }

  private mutating func run(_ path: FilePath) throws(MigrationError) {
    let capture = try OpenCapture.open(path)
    report.owner = capture.ownerName
    report.mayGiveAway = capture.mayGiveAway
    guard !options.isDryRun else {
      report.otherRunIsActive = FolderLock.isHeld(capture.directory)
      report.mayNotWrite = !capture.isWritable
      report.mayReplace = !options.allowsLinks && !capture.fileSystem.refusesToReplace
      return try moveBack(capture)
    }
    try capture.checkWritable()
    let lock = try capture.lock()
    try moveBack(capture)
    extendLifetime(lock)
  }

  private mutating func moveBack(_ capture: borrowing OpenCapture) throws(MigrationError) {
    do throws(KernelError) {
      var folders = try CaptureFolders(of: capture.directory, allowsLinks: options.allowsLinks)
      report.refusals = folders.refusals
      var custody = Custody(comparesInodes: capture.fileSystem.keepsInodes)
      // First: what others delete while it is listed is seen to go.
      if !options.isDryRun { custody.follow(folders, in: capture.directory) }
      let before = try list(capture, folders, &custody)
      defer { fill() }
      if options.isDryRun {
        let mover = ReversionDryRunMover(doubles: try doubles(capture, folders, before))
        try runPass(with: mover, capture, folders, &custody)
        cleanUp(capture, folders, leaving: mover.leaving)
      } else {
        try folders.makeFlatPlace(in: capture.directory, like: capture.status, with: mover)
        try runPasses(capture, &folders, &custody)
        if StopSignal.pending == nil { cleanUp(capture, folders, leaving: nil) }
        try proveAndSync(capture, before, &custody)
      }
      // What could not be removed has not kept the moves from being proven.
      if let failure = report.manifests?.failures.first(where: { $0.errno.stopsRun }) { throw failure }
    } catch {
      throw capture.stopped(error)
    }
  }

  // MARK: stages

  /// What was there before, by kind; the flat files among it are in place.
  private mutating func list(
    _ capture: borrowing OpenCapture, _ folders: borrowing CaptureFolders, _ custody: inout Custody
  ) throws(KernelError) -> PerKind<Int> {
    let inodes = custody.comparesInodes
    var all = try Listing.ofHours(folders, inodes: inodes)
    report.unrecognised = all.unrecognised
    entriesExpected = all.hourEntries.reduce(0, +) - all.kinds.sum
    var flat = Listing()
    try flat.listPlaces(of: folders, in: capture.directory, inodes: inodes) { $0 == $1.flatPlace }
    try all.listPlaces(of: folders, in: capture.directory, inodes: inodes) { $0 != $1.flatPlace }
    entriesExpected += all.kinds.sum
    self.flat = flat.kinds
    custody.digest.insert(all.digest)
    custody.digest.insert(flat.digest)
    return PerKind { all.kinds[$0] + flat.kinds[$0] }
  }

  /// Passes until one finds nothing to move.
  private mutating func runPasses(
    _ capture: borrowing OpenCapture, _ folders: inout CaptureFolders, _ custody: inout Custody
  ) throws(KernelError) {
    repeat {
      if report.passes > 0 {
        folders = try CaptureFolders(of: capture.directory, allowsLinks: options.allowsLinks)
        custody.follow(folders, in: capture.directory)
      }
      try runPass(with: mover, capture, folders, &custody)
    } while !report.hasSettled && report.passes < passesMax && StopSignal.pending == nil
  }

  private mutating func runPass<PassMover: Mover>(
    with mover: PassMover, _ capture: borrowing OpenCapture, _ folders: borrowing CaptureFolders,
    _ custody: inout Custody
  ) throws(KernelError) {
    let looks = mover.pendingMax > 0 && capture.fileSystem.keepsNegativeEntries
    let plan = MovePlan(
      table: folders.table, mover: mover, isDryRun: options.isDryRun, looksAtDestinations: looks,
      ledger: MoveLedger(of: report.capture, promoted: nil, observer: observer))
    var pass = ReversionPass(
      plan: plan, readsDisk: capture.fileSystem.isOnDisk, comparesInodes: custody.comparesInodes)
    let expected = report.passes == 0 ? entriesExpected : nil
    pass.run(capture.directory, folders) { entries in
      observer.progressed(
        MigrationProgress(
          capture: report.capture, entries: entries, entriesExpected: expected,
          elapsedNanoseconds: Clock.monotonicNanoseconds - startNanoseconds))
    }
    for identity in pass.takeVanished() { custody.digest.remove(identity) }
    custody.observe()
    add(pass)
    if let error = pass.plan.ledger.stopError { throw error }
  }

  private mutating func add<PassMover>(_ pass: borrowing ReversionPass<PassMover>) {
    report.passes += 1
    var moved = 0
    for kind in Kind.allCases {
      let tally = pass.plan.ledger.tallies[kind]
      report.isBalanced =
        report.isBalanced
        && tally.found == tally.movedToPlace + tally.vanished + tally.conflicts + tally.failed + tally.pending
      gone[kind] =
        gone[kind]
        + Tally(
          found: tally.movedToPlace + tally.vanished, moved: tally.movedToPlace, vanished: tally.vanished)
      moved += tally.movedToPlace + tally.pending
      // Of an execution the listing afterwards tells.
      report.kinds[kind].byHour = pass.plan.ledger.stayingByHour[kind]
    }
    // What a later pass did not come to is as the pass before it left it: counts and names alike.
    if report.passes == 1 || pass.isComplete {
      for kind in Kind.allCases { last[kind] = pass.plan.ledger.tallies[kind] }
      report.problems = pass.plan.ledger.problems
      if !report.livePlaylist.hasLeft || pass.livePlaylist != .inPlace {
        report.livePlaylist = pass.livePlaylist
      }
      report.companions = pass.companions
    }
    report.hasSettled = (moved == 0 && pass.isComplete) || options.isDryRun
  }

  private mutating func cleanUp(
    _ capture: borrowing OpenCapture, _ folders: borrowing CaptureFolders, leaving: LeavingFiles?
  ) {
    var cleanUp = ReversionCleanUp(leaving: leaving)
    cleanUp.run(
      capture.directory, folders, livePlaylistLeaves: report.livePlaylist.hasLeft)
    report.manifests = cleanUp.manifests
    report.unrecognised = report.unrecognised + cleanUp.unrecognised
    report.foldersRemoved = cleanUp.foldersRemoved
  }

  /// Lists the capture again, compares, and makes the moves durable.
  private mutating func proveAndSync(
    _ capture: borrowing OpenCapture, _ before: PerKind<Int>, _ custody: inout Custody
  ) throws(KernelError) {
    let folders = try CaptureFolders(of: capture.directory)
    try folders.checkReadable(unlike: report.refusals)
    let inodes = custody.comparesInodes
    var after = try Listing.ofHours(folders, inodes: inodes)
    for kind in Kind.allCases { report.kinds[kind].byHour = after.byHour[kind] }
    try after.listPlaces(of: folders, in: capture.directory, inodes: inodes)
    custody.digest.remove(after.digest)
    let expected = PerKind { before[$0] - gone[$0].vanished }
    report.comparison = custody.compare(before: before, expected: expected, after: after.kinds)
    guard options.syncs else { return }
    try capture.directory.syncFileSystem()
    report.isSynced = true
  }

  /// Names that are there more than once, by hash: of those only one can have the name in the flat place.
  private func doubles(
    _ capture: borrowing OpenCapture, _ folders: borrowing CaptureFolders, _ counts: PerKind<Int>
  ) throws(KernelError) -> Set<UInt64> {
    var hashes: Set<UInt64> = []
    for kind in Kind.allCases {
      for name in try DuplicateNames(kind: kind, fileCount: counts[kind]).find(capture.directory, folders) {
        hashes.insert(FileIdentity(name: name.span, kind: kind, inode: 0).nameHash)
      }
    }
    return hashes
  }

  private mutating func fill() {
    for kind in Kind.allCases {
      let left = last[kind].conflicts + last[kind].failed + last[kind].pending
      report.kinds[kind].tally =
        Tally(found: flat[kind], inPlace: flat[kind]) + gone[kind]
        + Tally(
          found: left, conflicts: last[kind].conflicts, failed: last[kind].failed, pending: last[kind].pending
        )
      report.kinds[kind].cold = report.kinds[kind].byHour.reduce(0, +)
      report.kinds[kind].hot = max(0, left - report.kinds[kind].cold)
    }
  }
}

/// One pass over the hour folders and hot places: every file in them goes to its flat place.
///
/// Cold files first, then the hot ones, then the live playlist: whoever plays it finds its segments as long as may be.
private struct ReversionPass<M: Mover>: ~Copyable {
  private static var tendEvery: Int { 8 }

  private(set) var plan: MovePlan<M>
  private let readsDisk: Bool
  private let comparesInodes: Bool
  private var entries = 0
  /// Every entry was met: the pass was not stopped on the way.
  private(set) var isComplete = false
  private(set) var livePlaylist = PlaylistOutcome.absent
  private(set) var companions = PlaylistCompanions()
  /// Another live playlist in the flat place.
  private enum Rival { case none, successor, current }
  private var rival = Rival.none
  /// Segments that stay beside a playlist that stays.
  private var held = ListedNames()

  init(plan: consuming MovePlan<M>, readsDisk: Bool, comparesInodes: Bool) {
    self.plan = plan
    self.readsDisk = readsDisk
    self.comparesInodes = comparesInodes
  }

  /// Files that vanished are accounted for: they are not expected afterwards.
  mutating func takeVanished() -> [FileIdentity] { plan.ledger.takeVanished() }

  mutating func run(
    _ capture: borrowing Directory, _ folders: borrowing CaptureFolders, betweenWindows: (Int) -> Void
  ) {
    do throws(KernelError) {
      for kind in Kind.allCases {
        for hour in hoursOfDay {
          try folders.withHour(hour, of: kind) { directory throws(KernelError) in
            try scan(.hour(kind, hour), of: kind, directory, betweenWindows)
          }
        }
      }
      try judgeLivePlaylist(capture, folders)
      for kind in Kind.allCases where kind.hotPlace != kind.flatPlace {
        try folders.withPlace(kind.hotPlace, in: capture) { directory throws(KernelError) in
          try scan(.place(kind.hotPlace), of: kind, directory, betweenWindows)
        }
      }
    } catch { plan.ledger.stop(error) }
    isComplete = !plan.ledger.isStopped
    plan.finish()
    do throws(KernelError) { livePlaylist = try placeLivePlaylist(capture, folders) } catch {
      plan.ledger.stop(error)
      livePlaylist = .pending
    }
  }

  private mutating func scan(
    _ site: Site, of kind: Kind, _ directory: borrowing Directory, _ betweenWindows: (Int) -> Void
  ) throws(KernelError) {
    var stream = try DirectoryStream(of: directory)
    while !plan.ledger.isStopped, try stream.fill() {
      if readsDisk { stream.warmIfCold() }
      try stream.visit { entry in
        entries += 1
        if entries % Self.tendEvery == 0 { plan.tend() }
        guard FileName.kind(of: entry.name) == kind, entry.type.countsAsFile else { return }
        let identity = FileIdentity(name: entry.name, kind: kind, inode: comparesInodes ? entry.inode : 0)
        meet(entry, Move(identity: identity, from: site, to: .place(kind.flatPlace)), directory)
      }
      betweenWindows(entries)
    }
  }

  private mutating func meet(
    _ entry: borrowing DirectoryEntry, _ move: Move, _ directory: borrowing Directory
  ) {
    do throws(Errno) {
      // Only regular files are moved: of an entry of unknown type that has to be seen.
      if entry.type == .unknown, try directory.modification(of: entry.name).type != .regular { return }
      plan.ledger.tallies[move.kind].found += 1
      if move.kind == .segments, move.from == .place(.segments), held.contains(entry.name) {
        plan.ledger.tallies[.segments].failed += 1
        return
      }
      plan.add(entry.name, move)
    } catch {
      guard error != .noSuchFileOrDirectory else { return }
      plan.ledger.tallies[move.kind].found += 1
      plan.ledger.countUnreadable(entry.name, move, error)
    }
  }

  private mutating func placeLivePlaylist(
    _ capture: borrowing Directory, _ folders: borrowing CaptureFolders
  ) throws(KernelError) -> PlaylistOutcome {
    let isFlat = try capture.statusIfThere(FileName.livePlaylist) != nil
    let (isStopped, isDryRun) = (plan.ledger.isStopped, plan.isDryRun)
    var isHot = false
    try folders.withPlace(.segments, in: capture) { directory throws(KernelError) in
      isHot = try directory.statusIfThere(FileName.livePlaylist)?.type == .regular
      guard isHot, !isStopped, !isDryRun, !isHeld else { return }
      companions = try PlaylistCompanions(of: directory, movingTo: capture.descriptor, haveMoved: true)
    }
    guard isHot else { return isFlat ? .inPlace : .absent }
    if isStopped { return .pending }
    switch rival {
    case .none: return companions.isEmpty ? plan.moveLivePlaylist(from: .segments, to: .root) : .held
    case .successor: return companions.isEmpty ? plan.setLivePlaylistAside(from: .segments) : .conflict
    case .current: return .conflict
    }
  }

  /// Looks at the playlist before the segments move that it lists: where it has to stay, so have they.
  private mutating func judgeLivePlaylist(
    _ capture: borrowing Directory, _ folders: borrowing CaptureFolders
  ) throws(KernelError) {
    var pins = PlaylistPins()
    try folders.withPlace(.segments, in: capture) { directory throws(KernelError) in
      guard try directory.statusIfThere(FileName.livePlaylist)?.type == .regular else { return }
      try pins.refresh(folders, in: capture)
      companions = try PlaylistCompanions(of: directory, movingTo: capture.descriptor, haveMoved: false)
      guard try PlaylistSuccession.isRival(directory, capture) else { return }
      rival = try PlaylistSuccession(of: directory, by: capture).isOver ? .successor : .current
    }
    if isHeld { held = pins.listed }
  }

  private var isHeld: Bool { !companions.isEmpty || rival == .current }
}

/// Counts what a reversion would do, and writes nothing.
private final class ReversionDryRunMover: LoneMover {
  private let doubles: Set<UInt64>
  private var claims: Set<UInt64> = []
  private(set) var leaving = LeavingFiles()

  init(doubles: Set<UInt64>) { self.doubles = doubles }

  func makeFolders(_ requests: [MakeFolderRequest]) -> [Errno?] { requests.map { _ in nil } }

  func rename(_ name: Span<UInt8>, _ move: Move, in folders: FolderTable) -> RenameOutcome {
    let isTaken =
      FolderTable.isOpen(folders.dirfd(of: move.to)) && Name.isTaken(name, in: folders.dirfd(of: move.to))
    let isDouble = !isTaken && doubles.contains(move.identity.nameHash)
    guard !isTaken, !isDouble || claims.insert(move.identity.nameHash).inserted else {
      return .failed(.fileExists)
    }
    leaving.add(move.from)
    return .moved
  }
}
