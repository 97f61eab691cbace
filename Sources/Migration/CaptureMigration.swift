internal import CaptureLayout
internal import KernelIO
public import SystemPackage

extension Engine {
  /// Migrates one capture, or shows what a migration would do. Runs to the end, whatever happens: what stopped it
  /// is in the report.
  public func migrate(
    _ path: FilePath, options: MigrationOptions, observer: any MigrationObserver,
    memory: ManifestMemory? = nil
  ) -> CaptureReport {
    switch carrier {
    case .ring(let mover):
      CaptureMigration.run(path, options: options, mover: mover, observer: observer, memory: memory)
    case .thread(let mover):
      CaptureMigration.run(path, options: options, mover: mover, observer: observer, memory: memory)
    }
  }
}

/// A quiet capture needs two passes (the second finds nothing to move). A writer that makes files faster than
/// passes end is left to a later run.
private let passesMax = 10

/// Migrates one capture: what it finds is settled, moved, counted and compared.
///
///     open and refuse ─▶ lock ─▶ folders ─▶ list hour folders ─▶ pass, pass, … ─▶ list all ─▶ syncfs
///                        └────────────── executing runs only ─────────────────────────────────┘
struct CaptureMigration<M: Mover>: ~Copyable {
  private let options: MigrationOptions
  private let mover: M
  private let observer: any MigrationObserver
  private let memory: ManifestMemory?
  private let startNanoseconds = Clock.monotonicNanoseconds
  private var report: CaptureReport

  private init(
    _ path: FilePath, _ options: MigrationOptions, _ mover: M,
    _ observer: any MigrationObserver, _ memory: ManifestMemory?
  ) {
    self.options = options
    self.mover = mover
    self.observer = observer
    self.memory = memory
    report = CaptureReport(capture: path, isDryRun: options.isDryRun)
    report.renamesConflicts = options.renamesConflicts
  }

  static func run(
    _ path: FilePath, options: MigrationOptions, mover: M, observer: any MigrationObserver,
    memory: ManifestMemory? = nil
  ) -> CaptureReport {
    var migration = CaptureMigration(path, options, mover, observer, memory)
    do throws(MigrationError) {
      try migration.run(path)
    } catch {
      migration.report.error = error
    }
    migration.report.stopSignal = StopSignal.pending
    migration.report.elapsedNanoseconds = Clock.monotonicNanoseconds - migration.startNanoseconds
    return migration.report
  }

  private mutating func run(_ path: FilePath) throws(MigrationError) {
    let capture = try OpenCapture.open(path, isGuarded: options.guardsPath)
    report.owner = capture.ownerName
    report.mayGiveAway = capture.mayGiveAway
    report.folder = capture.identity
    guard !options.isDryRun else {
      report.otherRunIsActive = FolderLock.isHeld(capture.directory)
      report.mayNotWrite = !capture.isWritable
      report.mayReplace = !options.allowsLinks && !capture.fileSystem.refusesToReplace
      return try settleAndMove(capture)
    }
    try capture.checkWritable()
    let lock = try capture.lock()
    try settleAndMove(capture)
    extendLifetime(lock)
  }

  private mutating func settleAndMove(_ capture: borrowing OpenCapture) throws(MigrationError) {
    do throws(KernelError) {
      var folders = try CaptureFolders(of: capture.directory, allowsLinks: options.allowsLinks)
      try makeFolders(&folders, capture)
      var custody = Custody(comparesInodes: capture.fileSystem.keepsInodes)
      if !options.isDryRun { custody.follow(folders, in: capture.directory) }
      var totals = RunTotals(try listHours(&folders, &custody))
      defer { totals.fill(&report) }
      if options.isDryRun {
        try runPass(with: DryRunMover(), capture, folders, &totals, &custody)
        if let failure = writeManifests(capture, folders, totals) { throw failure }
      } else {
        try runPasses(capture, &folders, &totals, &custody)
      }
      if !options.isDryRun {
        // What playlists have no room for has been moved all the same, and is proven first.
        let failure = writeManifests(capture, folders, totals)
        // Whether anything has changed decides whether there is anything to sync.
        totals.fill(&report)
        try proveAndSync(capture, totals, &custody)
        if let failure { throw failure }
      }
    } catch {
      throw capture.stopped(error)
    }
  }

  // MARK: stages

  private mutating func makeFolders(
    _ folders: inout CaptureFolders, _ capture: borrowing OpenCapture
  ) throws(KernelError) {
    report.refusals = folders.refusals
    if options.isDryRun {
      report.foldersMade = folders.missingCount
      if (try? folders.checkMissingCanBeMade()) == nil { report.mayNotWrite = true }
    } else {
      report.foldersMade += try folders.makeMissing(
        in: capture.directory, like: capture.status, with: mover)
    }
  }

  /// What is cold already: found, and in place.
  private func listHours(
    _ folders: inout CaptureFolders, _ custody: inout Custody
  ) throws(KernelError) -> Listing {
    let listing = try Listing.ofHours(folders, inodes: custody.comparesInodes)
    custody.digest.insert(listing.digest)
    folders.table.hourEntries = listing.hourEntries
    return listing
  }

  /// Passes until one finds nothing to move.
  private mutating func runPasses(
    _ capture: borrowing OpenCapture, _ folders: inout CaptureFolders, _ totals: inout RunTotals,
    _ custody: inout Custody
  ) throws(KernelError) {
    repeat {
      if totals.passes > 0 {
        // Folders may have been removed or replaced since: look again.
        let before = folders.table
        folders = try CaptureFolders(of: capture.directory, allowsLinks: options.allowsLinks)
        try makeFolders(&folders, capture)
        // What cannot be read any more cannot be counted again: what is known stands.
        if folders.table.lacksPlace(of: before) { return }
        custody.follow(folders, in: capture.directory)
      }
      try runPass(with: mover, capture, folders, &totals, &custody)
    } while !totals.hasSettled && totals.passes < passesMax && StopSignal.pending == nil && !report.isCutShort
  }

  private mutating func runPass<PassMover: Mover>(
    with mover: PassMover, _ capture: borrowing OpenCapture, _ folders: borrowing CaptureFolders,
    _ totals: inout RunTotals, _ custody: inout Custody
  ) throws(KernelError) {
    let ledger = MoveLedger(of: report.capture, promoted: totals.promoted, observer: observer)
    let sharesRenames = mover.pendingMax > 0
    let plan = MovePlan(
      table: folders.table, mover: mover, isDryRun: options.isDryRun,
      looksAtDestinations: sharesRenames && capture.fileSystem.keepsNegativeEntries,
      renamesConflicts: options.renamesConflicts, ledger: ledger)
    var pass = Pass(
      options: options, plan: plan, pins: totals.pins, isFirst: totals.passes == 0,
      readsDisk: capture.fileSystem.isOnDisk)
    // What the first pass has left is little, and the sizes of folders do not tell of it.
    let entriesExpected = totals.passes == 0 ? capture.estimateOfEntries(folders) : nil
    pass.run(capture.directory, folders, &custody) { entries in
      observer.progressed(
        MigrationProgress(
          capture: report.capture, entries: entries, entriesExpected: entriesExpected,
          elapsedNanoseconds: Clock.monotonicNanoseconds - startNanoseconds))
    }
    totals.add(pass)
    report.isCutShort = !pass.isComplete && !pass.plan.ledger.isStopped
    if let error = pass.plan.ledger.stopError { throw error }
  }

  /// Returns the error that would stop a run, such as no room or no disk; others are in the report alone.
  private mutating func writeManifests(
    _ capture: borrowing OpenCapture, _ folders: borrowing CaptureFolders, _ totals: borrowing RunTotals
  ) -> KernelError? {
    guard options.writesManifests, StopSignal.pending == nil else { return nil }
    do throws(KernelError) {
      let playlists = try LivePlaylists(of: folders, in: capture.directory)
      let manifests = Manifests(
        live: playlists.durations, newestHot: totals.newestHotSegments, hours: options.hours,
        nowSeconds: Clock.realtimeNanoseconds / 1_000_000_000, mode: manifestMode(totals), memory: memory)
      let written = manifests.refresh(folders, memory: memory)
      report.manifests = written
      return written.failures.first { $0.errno.stopsRun }
    } catch { return error }
  }

  private func manifestMode(_ totals: borrowing RunTotals) -> Manifests.Mode {
    guard options.isDryRun else { return options.syncs ? .contents : .withoutSync }
    return .dryRun(receiving: totals.segmentDays)
  }

  /// Lists the capture again, compares, and makes the moves durable.
  private mutating func proveAndSync(
    _ capture: borrowing OpenCapture, _ totals: borrowing RunTotals, _ custody: inout Custody
  ) throws(KernelError) {
    if totals.knowsBefore, options.proves {
      let folders = try CaptureFolders(of: capture.directory)
      try folders.checkReadable(unlike: report.refusals)
      let inodes = custody.comparesInodes
      var after = try Listing.ofHours(folders, inodes: inodes)
      try after.listPlaces(of: folders, in: capture.directory, inodes: inodes)
      custody.digest.remove(after.digest)
      report.comparison = custody.compare(
        before: totals.before, expected: totals.expected, after: after.kinds)
    }
    guard options.syncs, options.proves || report.changed else { return }
    try capture.directory.syncFileSystem()
    report.isSynced = true
  }
}
