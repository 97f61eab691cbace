internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Entries visited between two polls of the mover.
private let pollEvery = 8
/// Hot files placed between two reads of the deletion events: the kernel queues only some thousands (inotify(7)), and copies
/// unlink their sources.
private let observeEvery = 1024
/// Entries between two progress reports if files may be copied: one copy may take seconds, and a window has hundreds of entries.
private let tellEvery = 16

/// One pass over the folders whose files may have to move: every file is visited once, and moved if it is not where it belongs.
///
///     to the tiers:   Walk ─▶ Settler ─▶ MovePlan ─▶ Mover ─▶ tallies        flat and hot places, buckets of other layouts
///                               │ hot       ▲
///                               └───────────┘ when all are visited
///     to the flat layout:  Walk ─▶ MovePlan ─▶ Mover ─▶ tallies              buckets, hot places
///
/// Cold files leave as soon as they are certain to be cold. Hot files enter a hot place only after all cold files have left it,
/// so that it never holds more than its limit; the live playlist follows its segments.
struct Pass<M: Mover>: ~Copyable {
  let options: MigrationOptions
  let layout: Layout
  private let hasMounts: Bool
  let tree: CaptureTree
  private var settler: Settler
  var hours: HourClock
  var plan: MovePlan<M>
  private(set) var pins: PlaylistPins
  /// Whether the files visited count as "before" in the comparison: in the first pass of an executing run.
  private let countsBefore: Bool
  private let readsDisk: Bool
  private let companion = LazyCompanion()
  private var entries = 0
  private(set) var unrecognised = Unrecognised()
  private(set) var numbers = HighestNumbers()
  private(set) var writer = RecentWriter()
  /// Whether every entry was visited: false if the pass was stopped on the way.
  private(set) var isComplete = false
  private(set) var livePlaylist: LivePlaylistMove
  private var cold: ColdMoves
  /// In a dry run, for each bucket, the days of the segments that would go there.
  var segmentDays: [Bucket: Set<Day>] { cold.segmentDays }

  init(
    options: MigrationOptions, plan: consuming MovePlan<M>, pins: PlaylistPins, isFirst: Bool, readsDisk: Bool
  ) {
    self.options = options
    layout = options.layout
    hasMounts = options.layout.hasMounts
    tree = plan.tree
    self.pins = pins
    self.plan = plan
    hours = options.hours
    countsBefore = isFirst && !options.isDryRun
    self.readsDisk = readsDisk
    cold = ColdMoves(options)
    livePlaylist = LivePlaylistMove(options, tree)
    settler = Settler(layout: options.layout, rule: options.rule, hours: options.hours)
  }

  /// Visits and moves. Errors stop the pass and are in `plan.ledger`.
  ///
  /// - Parameter progressed: called after each window, and within a window if files may be copied.
  mutating func run(_ reconciliation: inout Reconciliation, progressed: (Progress) -> Void) {
    do throws(KernelError) {
      try finishAsides()
      switch options.target {
      case .tiered:
        try walkBuckets(trees: 1..<layout.trees.count, &reconciliation, progressed)
        for place in placesHotFirst where mayGoOn { try walk(place, &reconciliation, progressed) }
      case .flat:
        try walkBuckets(trees: 0..<layout.trees.count, &reconciliation, progressed)
        // Before its segments leave: if the playlist has to stay, so do they.
        if mayGoOn { try judgeLivePlaylist() }
        writer.note(pins, layout)
        for place in layout.places where mayGoOn { try walk(place, &reconciliation, progressed) }
      }
    } catch { plan.ledger.stop(error) }
    isComplete = mayGoOn
    plan.finish()
    if options.target == .tiered {
      do throws(KernelError) { try judgeLivePlaylist() } catch { plan.ledger.stop(error) }
      // Only after every file has been visited is it known which are the newest.
      placeHotFiles(&reconciliation)
      plan.finish()
      writer.note(pins, layout)
    }
    account(in: &reconciliation)
    let (isComplete, segmentsStay) = (isComplete, segmentsStay)
    livePlaylist.move(&plan, isComplete: isComplete, segmentsStay: segmentsStay)
  }

  /// Places that are no kind's flat place, then the flat ones, then the capture itself: folders that a recorder writes to come
  /// last.
  private var placesHotFirst: [Place] {
    let flat = layout.kinds.map { layout[$0].flat }
    let rest = layout.places.filter { $0 != .root }
    return rest.filter { !flat.contains($0) } + rest.filter(flat.contains) + [.root]
  }

  struct Progress {
    let entries: Int
    let copiedBytes: UInt64
  }

  private var progress: Progress { Progress(entries: entries, copiedBytes: plan.ledger.copies.bytes) }

  private var mayGoOn: Bool { !plan.ledger.isStopped && !isCutShort }

  /// Whether the run's time is over: what was not visited is left for a later run.
  private var isCutShort: Bool {
    options.deadlineNanoseconds.map { SystemClock.monotonicNanoseconds > $0 } ?? false
  }

  // MARK: walking

  private mutating func walkBuckets(
    trees: Range<Int>, _ reconciliation: inout Reconciliation, _ progressed: (Progress) -> Void
  ) throws(KernelError) {
    for index in trees {
      for (kind, bucket) in tree.buckets(tree: index) where mayGoOn {
        try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
          try walk(directory, .bucket(kind, bucket), &reconciliation, progressed) { $0 == kind }
        }
      }
    }
  }

  private mutating func walk(
    _ place: Place, _ reconciliation: inout Reconciliation, _ progressed: (Progress) -> Void
  ) throws(KernelError) {
    let layout = layout
    let wants: (Kind) -> Bool =
      options.target == .tiered
      ? { layout.holds(place, $0) } : { layout[$0].hot == place && layout[$0].flat != place }
    guard layout.kinds.contains(where: wants) else { return }
    try tree.withPlace(place) { (directory) throws(KernelError) in
      try walk(directory, .place(place), &reconciliation, progressed, wants)
    }
  }

  private mutating func walk(
    _ directory: borrowing Directory, _ site: Site, _ reconciliation: inout Reconciliation,
    _ progressed: (Progress) -> Void,
    _ wants: (Kind) -> Bool
  ) throws(KernelError) {
    // Towards the flat layout a name is enough, unless a killed run may have left a second name or a copy.
    let looks = options.target == .tiered || tree.mayHoldBothNames || tree.copiesFiles
    var walk = Walk(layout, look: looks ? .modification : .name)
    walk.warms = readsDisk
    // Only in a dry run: nothing else uses the other core then, and no rename waits for the folder's lock.
    if options.isDryRun { walk.companion = companion }
    try walk.run(
      directory, wants: wants,
      goesOn: { () throws(KernelError) in
        guard mayGoOn else { return false }
        try refreshPins(site)
        return true
      },
      afterWindow: { () throws(KernelError) in
        account(in: &reconciliation)
        reconciliation.observe()
        progressed(progress)
      },
      visit: { (entry, found, status) throws(KernelError) in
        visit(entry, found, status, in: site, &reconciliation)
        entries += 1
        if entries % pollEvery == 0 { plan.poll() }
        if hasMounts, entries % tellEvery == 0 { progressed(progress) }
      })
    // If several folders have a file of one name, the same one must get the name, however many renames are in flight at a time.
    plan.finish()
  }

  private mutating func refreshPins(_ site: Site) throws(KernelError) {
    guard options.target == .tiered, case .place(let place) = site, layout.holdsPlaylist(place) else {
      return
    }
    try pins.refresh(tree, setsAside: !options.keepLive)
    settler.pin(pins.listed)
  }

  /// Adjusts what the comparison expects: vanished files are removed, renamed ones get their new names, new folders are watched.
  private mutating func account(in reconciliation: inout Reconciliation) {
    for identity in plan.ledger.takeGone() { reconciliation.digest.remove(identity) }
    for file in plan.ledger.takeRenamed() {
      reconciliation.digest.remove(file.old)
      reconciliation.digest.insert(file.new)
    }
    for (kind, bucket) in plan.takeMade() where options.proves {
      try? tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
        reconciliation.follow(directory)
      }
    }
  }

  // MARK: visiting files

  /// Inlined: called for every file, from one place.
  @inline(__always) private mutating func visit(
    _ entry: borrowing DirectoryEntry, _ found: Found, _ status: FileStatus, in site: Site,
    _ reconciliation: inout Reconciliation
  ) {
    switch found {
    case .file(let kind):
      let identity = identity(of: entry, kind, reconciliation)
      if finishLink(entry, identity, in: site, status) { return }
      if hasMounts, finishCopy(entry, identity, in: site, status) { return }
      count(identity, &reconciliation)
      if let number = layout.number(of: entry.name, kind) {
        numbers.add(number, kind)
      }
      if options.target == .tiered, case .place(let place) = site {
        writer.note(status.modified, isFlat: place != layout[kind].hot)
      }
      place(entry, identity, from: site, status.modified)
    case .vanished(let kind):
      let identity = identity(of: entry, kind, reconciliation)
      count(identity, &reconciliation)
      plan.ledger.countVanished(identity)
    case .unreadable(let kind, let errno):
      let identity = identity(of: entry, kind, reconciliation)
      count(identity, &reconciliation)
      plan.ledger.countUnreadable(entry.name, move(identity, from: site), errno)
    case .other: visitOther(entry, in: site)
    }
  }

  private func identity(
    of entry: borrowing DirectoryEntry, _ kind: Kind, _ reconciliation: borrowing Reconciliation
  ) -> FileIdentity {
    FileIdentity(name: entry.name, kind: kind, inode: reconciliation.comparesInodes ? entry.inode : 0)
  }

  private mutating func count(_ identity: FileIdentity, _ reconciliation: inout Reconciliation) {
    plan.ledger.tallies[identity.kind].found += 1
    if countsBefore { reconciliation.digest.insert(identity) }
  }

  /// The move to assume for a file of which only the name is known.
  func move(_ identity: FileIdentity, from site: Site) -> Move {
    let rule = layout[identity.kind]
    return Move(
      identity: identity, from: site, to: .place(options.target == .tiered ? rule.hot : rule.flat))
  }

  private mutating func place(
    _ entry: borrowing DirectoryEntry, _ identity: FileIdentity, from site: Site,
    _ modified: ModificationTime
  ) {
    let kind = identity.kind
    switch (options.target, site) {
    case (.flat, _):
      if isHeld(entry.name, kind, in: site) {
        plan.ledger.tallies[kind].failed += 1
      } else {
        plan.add(entry.name, move(identity, from: site))
      }
    case (.tiered, _) where stays(kind): plan.ledger.tallies[kind].failed += 1
    case (.tiered, .bucket):
      let bucket = layout.buckets.bucket(of: modified, &hours)
      cold.add(entry.name, identity, from: site, to: bucket, modified, &plan)
    case (.tiered, .place(let place)):
      let facts = FileFacts(
        place: place, isInHotPlace: place == layout[kind].hot,
        modified: modified, identity: identity)
      Self.settle(entry.name, facts, &settler, &cold, &plan)
    }
  }

  /// In a reversion: whether a segment stays in the hot place because the live playlist that lists it stays there.
  func isHeld(_ name: Span<UInt8>, _ kind: Kind, in site: Site) -> Bool {
    livePlaylist.isHeld && layout.isSegment(kind) && site == .place(layout[kind].hot)
      && pins.listed.contains(name)
  }

  private static func settle(
    _ name: Span<UInt8>, _ facts: FileFacts, _ settler: inout Settler, _ cold: inout ColdMoves,
    _ plan: inout MovePlan<M>
  ) {
    settler.offer(name, facts) { name, facts, bucket in
      cold.add(name, facts.identity, from: .place(facts.place), to: bucket, facts.modified, &plan)
    }
  }

  /// Whether the files of a kind must stay where they are: a folder of theirs may not be used, or a live playlist is too large
  /// to be read and may list any of them.
  private func stays(_ kind: Kind) -> Bool {
    tree.refusedKinds[kind] || (layout.isSegment(kind) && pins.listed.mayBeAny && !options.emptiesMemory)
  }

  private var segmentsStay: Bool { layout.stream.map { stays($0.kind) } ?? false }

  private mutating func visitOther(_ entry: borrowing DirectoryEntry, in site: Site) {
    // Of a layout with mounts that was used before, too.
    if finishAside(entry, in: site) || removeUnfinished(entry, in: site) { return }
    switch site {
    case .place(let place):
      // A file of a kind that belongs here, although this walk does not look for it.
      if let kind = layout.kind(of: entry.name), entry.type.countsAsFile, layout.holds(place, kind) { return }
      let isPlaylist = entry.type.countsAsFile && layout.isOfStream(entry.name, in: place)
      if isPlaylist || (entry.type == .directory && layout.isPart(folder: entry.name, of: place)) { return }
    case .bucket(let kind, let bucket):
      if HourPlaylists.isOwn(entry) { return }
      if entry.type.countsAsFile, layout.isKnown(entry.name, in: bucket, of: kind) { return }
    }
    unrecognised.add(entry.name, in: layout.prefix(of: site))
  }

  // MARK: hot files

  /// For each bucket, the modification time of the newest hot segment that belongs in it.
  func newestHotSegments() -> [Bucket: ModificationTime] {
    var hours = hours
    var newest: [Bucket: ModificationTime] = [:]
    settler.forEachHot { _, facts in
      if layout.isSegment(facts.kind) { newest.add(facts.modified, layout, &hours) }
    }
    return newest
  }

  /// For each kind, the modification time of the newest hot file. Times in the future are ignored.
  func newestHot() -> PerKind<ModificationTime?> {
    let nowSeconds = SystemClock.realtimeNanoseconds / 1_000_000_000
    var newest = PerKind<ModificationTime?>(repeating: nil)
    settler.forEachHot { _, facts in
      guard facts.modified.seconds <= nowSeconds else { return }
      newest[facts.kind] = max(newest[facts.kind] ?? facts.modified, facts.modified)
    }
    return newest
  }

  /// Moves the files left in the settler, which are the hot ones, to their hot places.
  private mutating func placeHotFiles(_ reconciliation: inout Reconciliation) {
    if options.emptiesMemory { return emptyMemory() }
    let held = livePlaylist.isHeld ? pins.listed : ListedNames()
    do throws(KernelError) {
      if !options.keepLive { try TierSpace(of: settler, tree).check() }
    } catch { plan.ledger.stop(error) }
    Self.placeHotFiles(
      settler, &plan, layout, keepLive: options.keepLive, isKnown: isComplete, segmentsStay: segmentsStay,
      held: held
    ) { reconciliation.observe() }
  }

  /// Moves hot files that are in memory to buckets, the oldest first: there may be no time for all.
  private mutating func emptyMemory() {
    var leaving: [(name: [UInt8], facts: FileFacts)] = []
    settler.forEachHot { name, facts in
      if tree.isInMemory(facts.place, facts.kind) {
        leaving.append((Array(copying: name), facts))
      } else {
        plan.ledger.tallies[facts.kind].kept += 1
      }
    }
    leaving.sort { $0.facts.modified < $1.facts.modified }
    for (name, facts) in leaving {
      guard isComplete else {
        plan.ledger.tallies[facts.kind].pending += 1
        continue
      }
      let bucket = layout.buckets.bucket(of: facts.modified, &hours)
      cold.add(name.span, facts.identity, from: .place(facts.place), to: bucket, facts.modified, &plan)
    }
  }

  private static func placeHotFiles(
    _ settler: borrowing Settler, _ plan: inout MovePlan<M>, _ layout: Layout, keepLive: Bool, isKnown: Bool,
    segmentsStay: Bool, held: ListedNames, observe: () -> Void
  ) {
    var placed = 0
    settler.forEachHot { name, facts in
      let kind = facts.kind
      let isSegment = layout.isSegment(kind)
      if facts.isInHotPlace {
        if plan.ledger.promoted.contains(facts.identity) {
          plan.ledger.tallies[kind].promotedBefore += 1
        } else {
          plan.ledger.tallies[kind].inHotPlace += 1
        }
      } else if keepLive || (isSegment && held.contains(name)) {
        plan.ledger.tallies[kind].kept += 1
      } else if isSegment, segmentsStay {
        plan.ledger.tallies[kind].failed += 1
      } else if !isKnown {
        plan.ledger.tallies[kind].pending += 1
      } else {
        plan.add(
          name, Move(identity: facts.identity, from: .place(facts.place), to: .place(layout[kind].hot)))
        placed += 1
        if placed % observeEvery == 0 { observe() }
      }
    }
  }

  // MARK: the live playlist

  /// Decides what becomes of the live playlist, before the segments that it lists move.
  private mutating func judgeLivePlaylist() throws(KernelError) {
    if options.target == .flat { try pins.refresh(tree) }
    let segmentsMayMove = options.target == .flat || (isComplete && !segmentsStay)
    try livePlaylist.judge(segmentsMayMove: segmentsMayMove)
    if segmentsMayMove { try livePlaylist.bringInitialization(&plan) }
  }
}
