internal import CaptureLayout
internal import KernelIO
public import SystemPackage

extension Engine {
  /// Brings one capture to the target form of its layout (`MigrationOptions.Target`), or shows what that would do. Never throws:
  /// an error that stopped the run is in the report.
  ///
  /// - Parameters:
  ///   - path: the capture.
  ///   - options: the layout, and what is to be done.
  ///   - observer: is told of progress and moves.
  ///   - memory: what the last round of a service remembers of this capture; nil for a single run.
  public func migrate(
    _ path: FilePath, options: MigrationOptions, observer: any MigrationObserver,
    memory: CaptureMemory? = nil
  ) -> CaptureReport {
    switch executor {
    case .auto(let mover):
      CaptureMigration.run(path, options: options, mover: mover, observer: observer, memory: memory)
    case .ring(let mover):
      CaptureMigration.run(path, options: options, mover: mover, observer: observer, memory: memory)
    case .helper(let mover):
      CaptureMigration.run(path, options: options, mover: mover, observer: observer, memory: memory)
    case .thread(let mover):
      CaptureMigration.run(path, options: options, mover: mover, observer: observer, memory: memory)
    }
  }
}

/// A quiet capture needs two passes (the second finds nothing to move). If a writer makes files faster than
/// passes end, the rest is left to a later run.
private let passesMax = 10

/// Brings one capture to the target form of its layout: files are found, settled, moved, counted and compared.
///
///     open, check ─▶ (lock) ─▶ folders ─▶ list what stays ─▶ pass, pass, … ─▶ clean up, playlists ─▶ (list all) ─▶ (syncfs)
///
/// Stages in parentheses are skipped in a dry run, which has one pass and writes nothing.
///
/// The tree is the only state, so a run also continues what an interrupted run left, in either direction.
struct CaptureMigration<M: Mover>: ~Copyable {
  private var options: MigrationOptions
  private let mover: M
  private let observer: any MigrationObserver
  private let memory: CaptureMemory?
  private let startNanoseconds = SystemClock.monotonicNanoseconds
  private var report: CaptureReport

  private init(
    _ path: FilePath, _ options: MigrationOptions, _ mover: M,
    _ observer: any MigrationObserver, _ memory: CaptureMemory?
  ) {
    self.options = options
    self.mover = mover
    self.observer = observer
    self.memory = memory
    report = CaptureReport(
      capture: path, layout: options.layout, isDryRun: options.isDryRun, isReversion: options.target == .flat)
    report.timeZone = options.hours.zone
    report.renamesConflicts = options.renaming.renamesConflicts
    report.rerun = options.rerun
  }

  static func run(
    _ path: FilePath, options: MigrationOptions, mover: M, observer: any MigrationObserver,
    memory: CaptureMemory? = nil
  ) -> CaptureReport {
    var migration = CaptureMigration(path, options, mover, observer, memory)
    do throws(MigrationError) {
      try migration.run(path)
    } catch {
      migration.report.error = error
    }
    migration.report.stopSignal = StopSignal.pending
    migration.report.elapsedNanoseconds = SystemClock.monotonicNanoseconds - migration.startNanoseconds
    return migration.report
  }

  private mutating func run(_ path: FilePath) throws(MigrationError) {
    let capture = try OpenCapture.open(path, options.layout, isGuarded: options.guardsPath)
    options.layout = capture.layout
    report.layout = capture.layout
    report.owner = capture.ownerName
    report.mayGiveAway = capture.mayGiveAway
    report.folder = capture.identity
    guard !options.isDryRun else {
      report.otherRunIsActive = capture.isLocked
      do throws(MigrationError) { try capture.checkWritable() } catch { report.executionRefusal = error }
      report.mayReplace = !options.renaming.allowsLinks && !capture.fileSystem.refusesToReplace
      return try settleAndMove(capture)
    }
    try capture.checkWritable()
    let lock = try capture.lock(makesColdRoots: options.target == .tiered)
    report.foldersMade = lock.foldersMade
    try settleAndMove(capture)
    extendLifetime(lock)
  }

  private mutating func settleAndMove(_ capture: borrowing OpenCapture) throws(MigrationError) {
    memory?.forgetUnlessSame(capture.identity, options.layout, options.hours)
    var tree = try capture.unlessOtherBuckets { () throws(KernelError) in try look(at: capture) }
    report.bucketsOfNoKind = tree.bucketsOfNoKind
    let lack: MigrationError?
    do throws(KernelError) {
      lack = options.proves ? try ColdSpace.lack(in: tree, options, of: capture.directory) : nil
    } catch { throw capture.stopped(error) }
    if let lack, !options.isDryRun { throw lack }
    do throws(KernelError) {
      try makeFolders(&tree, capture)
      let keepsInodes = try tree.mountsKeepInodes
      var reconciliation = Reconciliation(
        options.layout, comparesInodes: capture.fileSystem.keepsInodes && keepsInodes)
      // Before listing, so that deletions by others during the listing are noticed.
      if watches { try reconciliation.follow(tree) }
      var totals = RunTotals(options.layout, options.target, settled: try listSettled(&tree, &reconciliation))
      defer { totals.fill(&report) }
      if options.isDryRun {
        let mover = DryRunMover(doubles: try doubles(capture, tree))
        try runPass(with: mover, capture, tree, &totals, &reconciliation)
        report.foldersMade += totals.foldersMade
        if let failure = finish(tree, &totals, leaving: mover.leaving) { throw failure }
      } else {
        try runPasses(capture, &tree, &totals, &reconciliation)
        report.foldersMade += totals.foldersMade
        if let lack = tree.lackOfMount { throw lack }
        // To see the buckets that were made on the way.
        if totals.foldersMade > 0 { tree = try look(at: capture) }
        // If there is no room for playlists, files have been moved nevertheless: prove that before throwing.
        let failure = finish(tree, &totals, leaving: nil)
        // `report.changed` decides whether there is anything to sync.
        totals.fill(&report)
        try proveAndSync(capture, tree, totals, &reconciliation)
        if let failure { throw failure }
      }
    } catch {
      throw capture.stopped(error)
    }
    // A dry run reports its plan even if there is not enough space.
    if let lack { throw lack }
  }

  // MARK: stages

  private var budget: DescriptorBudget {
    DescriptorBudget(descriptorsMax: options.descriptorsMax, copies: options.layout.hasMounts)
  }

  /// Deletions by others matter only to the comparison.
  private var watches: Bool { !options.isDryRun && options.proves }

  private func look(at capture: borrowing OpenCapture) throws(KernelError) -> CaptureTree {
    try CaptureTree(
      of: capture.directory, options.layout, allowsLinks: options.renaming.allowsLinks,
      budget: budget)
  }

  private mutating func makeFolders(
    _ tree: inout CaptureTree, _ capture: borrowing OpenCapture
  ) throws(KernelError) {
    report.refusals = tree.refusals
    switch (options.target, options.isDryRun) {
    case (.tiered, true):
      report.foldersMade = tree.missingCount
      do throws(KernelError) { try tree.checkMissingCanBeMade() } catch {
        report.executionRefusal = report.executionRefusal ?? capture.stopped(error)
      }
    case (.tiered, false): report.foldersMade += try tree.makeMissing(like: capture.status, with: mover)
    case (.flat, true): report.foldersMade = tree.missingFlatCount
    case (.flat, false): report.foldersMade += try tree.makeFlatPlaces(like: capture.status, with: mover)
    }
  }

  /// Lists what stays where it is: the buckets, or the flat places if those are the target.
  private func listSettled(
    _ tree: inout CaptureTree, _ reconciliation: inout Reconciliation
  ) throws(KernelError) -> Listing {
    let layout = options.layout
    var listing = Listing(layout, inodes: reconciliation.comparesInodes)
    switch options.target {
    case .tiered: try listing.listBuckets(of: tree, memory: options.proves ? nil : memory?.listings)
    case .flat:
      try listing.listPlaces(of: tree) { $0 == layout[$1].flat }
      listing.unrecognised = listing.unrecognised + tree.unrecognised
    }
    try listing.listBesideBuckets(of: tree)
    reconciliation.digest.insert(listing.digest)
    tree.bucketEntries = listing.bucketEntries
    tree.sitesWithAsides = listing.sitesWithAsides
    return listing
  }

  /// Hashes of the names that occur more than once. Nil if files come only from the flat and the hot place.
  private func doubles(
    _ capture: borrowing OpenCapture, _ tree: CaptureTree
  ) throws(KernelError) -> Set<UInt64>? {
    guard options.target == .flat || options.layout.hasSources else { return nil }
    let count = capture.estimateOfEntries(tree, withBuckets: true)
    var hashes: Set<UInt64> = []
    for kind in options.layout.kinds {
      for name in try DuplicateNames(kind: kind, fileCount: count).find(in: tree) {
        hashes.insert(FileIdentity(name: name.span, kind: kind, inode: 0).nameHash)
      }
    }
    return hashes
  }

  /// Passes until one finds nothing to move.
  private mutating func runPasses(
    _ capture: borrowing OpenCapture, _ tree: inout CaptureTree, _ totals: inout RunTotals,
    _ reconciliation: inout Reconciliation
  ) throws(KernelError) {
    repeat {
      if totals.passes > 0 {
        // Folders may have been removed or replaced since the last pass.
        let before = tree
        tree = try look(at: capture)
        try makeFolders(&tree, capture)
        // A place that can no longer be read cannot be counted again: the counts so far stand.
        if tree.lacksPlace(of: before) { return }
        if watches { try reconciliation.follow(tree) }
      }
      try runPass(with: mover, capture, tree, &totals, &reconciliation)
    } while !totals.hasSettled && totals.passes < passesMax && StopSignal.pending == nil && !report.isCutShort
  }

  private mutating func runPass<PassMover: Mover>(
    with mover: PassMover, _ capture: borrowing OpenCapture, _ tree: CaptureTree,
    _ totals: inout RunTotals, _ reconciliation: inout Reconciliation
  ) throws(KernelError) {
    let ledger = MoveLedger(
      of: tree, target: options.target, promoted: totals.promoted, observer: observer)
    let plan = MovePlan(
      tree: tree, mover: mover, isDryRun: options.isDryRun,
      looksAtDestinations: capture.fileSystem.keepsNegativeEntries,
      renaming: options.renaming, deadline: options.deadlineNanoseconds, model: capture.status,
      budget: budget, ledger: ledger)
    var pass = Pass(
      options: options, plan: plan, pins: totals.pins, isFirst: totals.passes == 0,
      readsDisk: capture.fileSystem.isOnDisk)
    // The first pass leaves little, and the sizes of folders do not show how much.
    let walksBuckets = options.target == .flat || options.layout.trees.count > 1
    let entriesExpected =
      totals.passes == 0 ? capture.estimateOfEntries(tree, withBuckets: walksBuckets) : nil
    let copiedBefore = totals.copies.bytes
    pass.run(&reconciliation) { progress in
      observer.progressed(
        MigrationProgress(
          capture: report.capture, entries: progress.entries, entriesExpected: entriesExpected,
          copiedBytes: copiedBefore &+ progress.copiedBytes,
          elapsedNanoseconds: SystemClock.monotonicNanoseconds - startNanoseconds))
    }
    totals.add(pass)
    reconciliation.observe()
    report.isCutShort = !pass.isComplete && !pass.plan.ledger.isStopped
    if let error = pass.plan.ledger.stopError { throw error }
  }

  /// Removes what the target form does not need, and brings the playlists of the buckets up to date.
  ///
  /// - Parameter leaving: in a dry run, which files would have left each folder; nil in an execution.
  /// - Returns: the first error that must stop the run, such as ENOSPC or EIO; other errors are only reported.
  private mutating func finish(
    _ tree: CaptureTree, _ totals: inout RunTotals, leaving: LeavingFiles?
  ) -> KernelError? {
    guard StopSignal.pending == nil else { return nil }
    let left = options.target == .flat ? 0..<tree.layout.trees.count : 1..<tree.layout.trees.count
    if options.target == .flat || options.layout.hasSources {
      totals.fill(&report)
      var cleanUp = CleanUp(tree, leaving: leaving)
      cleanUp.run(
        trees: left, target: options.target, playlistLeaves: report.livePlaylist.hasLeft,
        isWrittenTo: options.target == .flat ? report.writerIsHot : report.writerIsFlat)
      report.manifests = cleanUp.manifests
      report.cleanUpFailures = cleanUp.failures
      totals.add(cleanUp.unrecognised)
      report.foldersRemoved = cleanUp.foldersRemoved
    }
    if options.target == .tiered, options.writesManifests, tree.layout.stream != nil {
      do throws(KernelError) {
        report.manifests = try refreshManifests(tree, totals) + (report.manifests ?? ManifestReport())
      } catch { return error }
    }
    let manifests = report.manifests ?? ManifestReport()
    return (manifests.failures + manifests.initializationFailures + report.cleanUpFailures).first {
      $0.errno.stopsRun
    }
  }

  private func refreshManifests(
    _ tree: CaptureTree, _ totals: borrowing RunTotals
  ) throws(KernelError) -> ManifestReport {
    let playlists = try LivePlaylists(of: tree)
    let manifests = Manifests(
      tree.layout, live: playlists.durations, newestHot: totals.newestHotSegments, hours: options.hours,
      nowSeconds: SystemClock.realtimeNanoseconds / 1_000_000_000, mode: manifestMode(totals),
      memory: memory?.manifests)
    return manifests.refresh(tree, memory: memory?.manifests)
  }

  private func manifestMode(_ totals: borrowing RunTotals) -> Manifests.Mode {
    guard options.isDryRun else { return options.syncs ? .contents : .withoutSync }
    return .dryRun(receiving: totals.segmentDays, leaving: nil)
  }

  /// Lists the capture again, compares it with what was there before, and makes the moves durable.
  private mutating func proveAndSync(
    _ capture: borrowing OpenCapture, _ tree: CaptureTree, _ totals: borrowing RunTotals,
    _ reconciliation: inout Reconciliation
  ) throws(KernelError) {
    if totals.knowsBefore, options.proves {
      let tree = try look(at: capture)
      try tree.checkReadable(unlike: report.refusals)
      var after = Listing(tree.layout, inodes: reconciliation.comparesInodes)
      for index in tree.layout.trees.indices { try after.listBuckets(of: tree, tree: index) }
      try after.listPlaces(of: tree)
      reconciliation.digest.remove(after.digest)
      report.comparison = reconciliation.compare(
        before: totals.before, expected: totals.expected, after: after.kinds)
    }
    guard options.syncs, options.proves || report.changed else { return }
    try tree.syncFileSystems()
    report.isSynced = true
  }
}
