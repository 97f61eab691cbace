internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The moves of a pass: planned as files are settled, executed while others are being settled, and counted in the
/// ledger when their outcome is known.
struct MovePlan<M: Mover>: ~Copyable {
  let tree: CaptureTree
  let links: LinkRule
  private let mover: M
  let isDryRun: Bool
  private let renamesConflicts: Bool
  /// Whether a move can be a copy to another file system.
  private let copiesFiles: Bool
  let verifiesCopies: Bool
  /// The status whose owner, group and mode new folders get: that of the capture.
  private let model: FileStatus
  private var queue: MoveQueue
  private var copies: TierCopies
  private var buckets: BucketDescriptors
  /// Whether to look up a name in its destination before it is moved there.
  ///
  /// On ext4 that leaves a negative dentry, so that the rename does not have to read the folder under the lock that all
  /// renames share. Other file systems become slower by it (docs/PERFORMANCE.md).
  private let looksAtDestinations: Bool
  var ledger: MoveLedger
  /// How many folders were made on the way, or would be.
  private(set) var foldersMade = 0
  /// Init segments that `moveInitialization` moved, or would.
  var initSegmentsMoved = 0
  /// The buckets made since the last call of `takeMade`.
  private var made: [(kind: Kind, bucket: Bucket)] = []
  /// In a dry run: the days for which folders would be made.
  private var days: Set<String> = []

  init(
    tree: CaptureTree, mover: M, isDryRun: Bool, looksAtDestinations: Bool,
    renaming: RenamingOptions = RenamingOptions(),
    deadline: Int64? = nil, model: FileStatus, budget: DescriptorBudget, ledger: consuming MoveLedger
  ) {
    renamesConflicts = renaming.renamesConflicts
    verifiesCopies = renaming.verifiesCopies
    copiesFiles = !isDryRun && tree.copiesFiles
    self.tree = tree
    links = LinkRule(allowsLinks: tree.allowsLinks, mayHoldBothNames: tree.mayHoldBothNames)
    self.mover = mover
    self.looksAtDestinations = looksAtDestinations
    self.isDryRun = isDryRun
    self.model = model
    self.ledger = ledger
    buckets = BucketDescriptors(budget: budget)
    queue = MoveQueue(capacity: M.queueCapacity)
    copies = TierCopies(
      filesMax: budget.copiesMax, deadline: deadline, verifies: renaming.verifiesCopies,
      renamesConflicts: renamesConflicts)
    mover.begin()
  }

  mutating func add(_ name: Span<UInt8>, _ move: Move) {
    let from = open(move.from)
    let to = open(move.to)
    switch to {
    case .refused: return ledger.countFailed(name, move, .refused)
    case .failed(let errno): return ledger.count(.failed(errno), name, move, from: dirfd(from))
    case .open, .absent, .unknown: break
    }
    if copiesFiles, tree.isCopied(from: move.from, to: move.to) {
      return copies.add(name, Planned(move: move, from: dirfd(from), to: dirfd(to)), in: tree, &ledger)
    }
    if looksAtDestinations, mover.pendingMax > 0 { _ = Name.isTaken(name, in: dirfd(to)) }
    if queue.renames.pendingCount < mover.pendingMax, !queue.renames.isFull {
      queue.append(name, move, from: dirfd(from), to: dirfd(to))
    } else {
      var outcome = Outcome.notExecuted
      if !ledger.isStopped { outcome = mover.rename(name, move, from: dirfd(from), to: dirfd(to), in: tree) }
      count(name, Planned(move: move, from: dirfd(from), to: dirfd(to)), outcome)
    }
  }

  private func dirfd(_ state: BucketDescriptors.State) -> Int32 {
    if case .open(let dirfd) = state { dirfd } else { CaptureTree.absent }
  }

  // MARK: folders

  private mutating func open(_ site: Site) -> BucketDescriptors.State {
    switch site {
    case .place(let place):
      switch tree.dirfd(of: place) {
      case CaptureTree.absent: return .absent
      case CaptureTree.refused: return .refused
      case let dirfd: return .open(dirfd)
      }
    case .bucket(let kind, let bucket):
      let state = buckets.state(bucket, of: kind)
      if case .unknown = state { return open(bucket, of: kind) }
      return state
    }
  }

  private mutating func open(_ bucket: Bucket, of kind: Kind) -> BucketDescriptors.State {
    if buckets.isFull { makeRoom() }
    do throws(KernelError) {
      return try openOrMake(bucket, of: kind)
    } catch {
      guard [.tooManyOpenFiles, .tooManyOpenFilesInSystem].contains(error.errno) else {
        return refuse(bucket, of: kind, error)
      }
      makeRoom()
      do throws(KernelError) { return try openOrMake(bucket, of: kind) } catch {
        return refuse(bucket, of: kind, error)
      }
    }
  }

  /// Closes buckets to free descriptors. First waits for what is in flight, which needs its folders.
  private mutating func makeRoom() {
    finish()
    if !ledger.isStopped { buckets.closeLeastRecent() }
  }

  private mutating func openOrMake(
    _ bucket: Bucket, of kind: Kind
  ) throws(KernelError) -> BucketDescriptors.State {
    if let folder = try tree.open(bucket, of: kind) { return .open(buckets.keep(folder, bucket, of: kind)) }
    if isDryRun {
      if tree.layout.buckets.hasDates { foresee(bucket, of: kind) }
      buckets.set(.absent, bucket, of: kind)
      return .absent
    }
    foldersMade += try tree.make(bucket, of: kind, like: model)
    guard let folder = try tree.open(bucket, of: kind) else { return .failed(.noSuchFileOrDirectory) }
    made.append((kind, bucket))
    return .open(buckets.keep(folder, bucket, of: kind))
  }

  private mutating func foresee(_ bucket: Bucket, of kind: Kind) {
    foldersMade += 1
    guard let day = tree.layout.buckets.day(of: bucket) else { return }
    let isThere = tree.dates.contains { $0.kind == kind && $0.tree == 0 && $0.day == day }
    if !isThere, days.insert("\(kind.index) \(day.text)").inserted { foldersMade += 1 }
  }

  private mutating func refuse(
    _ bucket: Bucket, of kind: Kind, _ error: KernelError
  ) -> BucketDescriptors.State {
    // openat2(2): a link, a file, another mount.
    let isRefused = [
      .tooManySymbolicLinkLevels, .notDirectory, .improperLink, .permissionDenied, .notPermitted,
    ].contains(error.errno)
    if error.errno.stopsRun { ledger.stop(error) }
    let state = isRefused ? BucketDescriptors.State.refused : .failed(error.errno)
    buckets.set(state, bucket, of: kind)
    return state
  }

  /// Takes the buckets that were made since the last call.
  mutating func takeMade() -> [(kind: Kind, bucket: Bucket)] {
    defer { made.removeAll() }
    return made
  }

  // MARK: executing

  /// Where links take the place of renames, a killed run may have left a file under its old name as well as in any place that
  /// its options sent it to. Removes the old name; the file is counted at the new one. Nil if there is no second name.
  mutating func finishLink(_ name: Span<UInt8>, of kind: Kind, in site: Site) -> Outcome? {
    guard tree.mayHoldBothNames, case .open(let from) = open(site) else { return nil }
    let rule = tree.layout[kind]
    let sites =
      ledger.isToFlat
      ? [Site.place(rule.flat)] : [.place(rule.hot)] + tree.buckets(of: kind).map { .bucket(kind, $0) }
    for other in sites where other != site {
      guard case .open(let to) = open(other), Name.isSameFile(name, from, to) else { continue }
      return isDryRun ? .done : Name.moveByLink(name, from: from, to: to)
    }
    return nil
  }

  /// Finishes the move of a file of which a killed run left a durable copy. Nil if there is no such copy.
  mutating func finishCopy(
    _ name: Span<UInt8>, in site: Site, at other: Site, as newName: Span<UInt8>
  ) -> Outcome? {
    guard let (from, to) = folders(of: site, other) else { return nil }
    // A copy of this run that is not committed yet may still be taken back.
    if copies.holds(newName, in: to) { finishCopies() }
    guard CopyBatch.isCopied(name, from: from, to: to, as: newName) else { return nil }
    guard !isDryRun else { return .done }
    return TierCopy.move(
      name, from: from, to: to, as: newName, in: tree, mount: tree.layout.mount(of: other),
      verifies: verifiesCopies
    ).outcome
  }

  /// Removes a file that was renamed aside, if its copy exists. Returns whether it was removed.
  mutating func finishAside(_ aside: Span<UInt8>, of name: Span<UInt8>, in site: Site, at other: Site) -> Bool
  {
    guard let (from, to) = folders(of: site, other), CopyBatch.isCopied(aside, from: from, to: to, as: name)
    else { return false }
    return Name.unlink(aside, in: from)
  }

  /// Nil if one of them does not exist: none is made just to look.
  private mutating func folders(of site: Site, _ other: Site) -> (from: Int32, to: Int32)? {
    if case .bucket(let kind, let bucket) = other, !tree.isThere(bucket, of: kind) { return nil }
    guard case .open(let from) = open(site), case .open(let to) = open(other) else { return nil }
    return (from, to)
  }

  /// Waits for the copies under way: a source that this run has renamed aside looks like one that a killed run left.
  mutating func finishCopies() { copies.finish(in: tree, &ledger) }

  mutating func modified(_ name: Span<UInt8>, in site: Site) -> ModificationTime? {
    guard case .open(let folder) = open(site) else { return nil }
    return try? Name.status(of: name, in: folder).modified
  }

  mutating func remove(_ name: Span<UInt8>, in site: Site) -> Bool {
    guard case .open(let folder) = open(site) else { return false }
    return Name.unlink(name, in: folder)
  }

  /// Gives a file that was renamed aside its own name again. False if that is taken.
  mutating func putBack(_ aside: Span<UInt8>, as name: Span<UInt8>, in site: Site) -> Bool {
    guard case .open(let folder) = open(site) else { return false }
    return Name.rename(aside, from: folder, to: folder, as: name) == .done
  }

  /// Removes a file that was renamed aside if the one with its name is the same. Returns whether it was removed.
  mutating func removeDouble(_ aside: Span<UInt8>, of name: Span<UInt8>, in site: Site) -> Bool {
    guard case .open(let folder) = open(site), CopyBatch.areDoubles(aside, name, in: folder) else {
      return false
    }
    return Name.unlink(aside, in: folder)
  }

  /// Keeps the mover supplied. Call every few files.
  mutating func poll() {
    if !ledger.isStopped {
      do throws(KernelError) { try mover.poll(&queue) } catch { ledger.stop(error) }
    }
    countDone()
  }

  /// Executes everything that was planned so far.
  mutating func finish() {
    finishCopies()
    if !ledger.isStopped {
      do throws(KernelError) { try mover.work(off: &queue) } catch { ledger.stop(error) }
    }
    do throws(KernelError) { try mover.drain(&queue) } catch { ledger.stop(error) }
    if ledger.isStopped { queue.renames.abandonUnfinished() }
    countDone()
  }

  private mutating func countDone() { Self.countDone(&queue, &ledger, links, renamesConflicts, isDryRun) }

  /// Static, with queue and ledger passed separately: the name is borrowed from the queue while the ledger changes.
  private static func countDone(
    _ queue: inout MoveQueue, _ ledger: inout MoveLedger, _ links: LinkRule, _ renames: Bool,
    _ isDryRun: Bool
  ) {
    while let outcome = queue.renames.headOutcome {
      let planned = queue.planned(at: queue.renames.head)
      countHead(of: queue, planned, outcome, &ledger, links, renames, isDryRun)
      queue.renames.retireHead()
    }
  }

  private static func countHead(
    of queue: borrowing MoveQueue, _ planned: Planned, _ outcome: Outcome, _ ledger: inout MoveLedger,
    _ links: LinkRule, _ renames: Bool, _ isDryRun: Bool
  ) {
    count(
      queue.renames.name(at: queue.renames.head), planned, outcome, &ledger, links, renames: renames, isDryRun
    )
  }

  private mutating func count(_ name: Span<UInt8>, _ planned: Planned, _ outcome: Outcome) {
    Self.count(name, planned, outcome, &ledger, links, renames: renamesConflicts, isDryRun)
  }

  private static func count(
    _ name: Span<UInt8>, _ planned: Planned, _ outcome: Outcome, _ ledger: inout MoveLedger,
    _ links: LinkRule, renames: Bool, _ isDryRun: Bool
  ) {
    let move = planned.move
    let outcome = isDryRun ? outcome : planned.finish(outcome, name, as: name, links)
    if renames, outcome == .failed(.fileExists), !ledger.revisits(move.to),
      let newName = planned.timedName(name, ledger.layout)
    {
      switch planned.rename(name, as: newName.span, links, isDryRun) {
      case .done: return ledger.countRenamed(name, move, as: newName.span)
      // EINVAL: no rename here without the risk of replacing a file. The file stays, as without the option.
      case .failed(.invalidArgument): break
      case let other: return ledger.count(other, name, move, from: planned.from)
      }
    }
    ledger.count(outcome, name, move, from: planned.from)
  }
}

/// A move with the descriptors of its folders (dirfds).
struct Planned {
  let move: Move
  let from: Int32
  let to: Int32

  func timedName(_ name: Span<UInt8>, _ layout: Layout) -> [UInt8]? {
    guard let status = try? Name.status(of: name, in: from) else { return nil }
    return layout.timed(name, of: move.kind, status.modified)
  }

  func rename(
    _ name: Span<UInt8>, as newName: Span<UInt8>, _ links: LinkRule, _ isDryRun: Bool
  ) -> Outcome {
    guard isDryRun else {
      return finish(Name.rename(name, from: from, to: to, as: newName), name, as: newName, links)
    }
    return CaptureTree.isOpen(to) && Name.isTaken(newName, in: to) ? .failed(.fileExists) : .done
  }

  /// If the file system has no RENAME_NOREPLACE, moves by link and unlink, provided that the user allowed it. A taken name may
  /// then be what a killed run left between link and unlink.
  func finish(
    _ outcome: Outcome, _ name: Span<UInt8>, as newName: Span<UInt8>, _ links: LinkRule
  ) -> Outcome {
    links.finish(outcome, name, from: from, to: to, as: newName)
  }
}

/// Whether link and unlink may take the place of renames (`CaptureTree.allowsLinks`).
struct LinkRule {
  let allowsLinks: Bool
  let mayHoldBothNames: Bool

  func finish(
    _ outcome: Outcome, _ name: Span<UInt8>, from: Int32, to: Int32, as newName: Span<UInt8>
  ) -> Outcome {
    let needsLink =
      (allowsLinks && outcome == .failed(.invalidArgument))
      || (mayHoldBothNames && outcome == .failed(.fileExists))
    guard needsLink else { return outcome }
    return Name.moveByLink(name, from: from, to: to, as: newName)
  }
}
