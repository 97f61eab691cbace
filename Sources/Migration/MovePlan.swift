internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The moves of a pass: planned as files are settled, executed while others are being settled, entered in the
/// ledger when their outcome is known.
struct MovePlan<M: Mover>: ~Copyable {
  let tree: CaptureTree
  private let links: LinkRule
  private let mover: M
  let isDryRun: Bool
  private let renamesConflicts: Bool
  /// After which new folders are made.
  private let model: FileStatus
  private var queue: MoveQueue
  private var buckets: BucketDescriptors
  /// Whether to look at a name's destination before it is moved there.
  ///
  /// That leaves a negative dentry on ext4, so that the rename finds it without reading the folder under the lock
  /// that all renames share. Other file systems lose by it (docs/PERFORMANCE.md).
  private let looksAtDestinations: Bool
  var ledger: MoveLedger
  /// Folders that were made on the way, or would be, and the buckets among them since the last call of `takeMade`.
  private(set) var foldersMade = 0
  private var made: [OpenFolder] = []

  init(
    tree: CaptureTree, mover: M, isDryRun: Bool, looksAtDestinations: Bool, renamesConflicts: Bool = false,
    model: FileStatus, descriptorsMax: Int, ledger: consuming MoveLedger
  ) {
    self.renamesConflicts = renamesConflicts
    self.tree = tree
    links = LinkRule(allowsLinks: tree.allowsLinks, mayHoldBothNames: tree.mayHoldBothNames)
    self.mover = mover
    self.looksAtDestinations = looksAtDestinations
    self.isDryRun = isDryRun
    self.model = model
    self.ledger = ledger
    buckets = BucketDescriptors(descriptorsMax: descriptorsMax)
    // Twice what may be pending: what is done waits for its turn to be counted.
    queue = MoveQueue(capacity: max(1, 2 * mover.pendingMax))
  }

  mutating func add(_ name: Span<UInt8>, _ move: Move) {
    let from = open(move.from)
    let to = open(move.to)
    switch to {
    case .refused: return ledger.countRefused(name, move)
    case .failed(let errno): return ledger.count(.failed(errno), name, move, from: dirfd(from))
    case .open, .absent, .unknown: break
    }
    if looksAtDestinations { _ = Name.isTaken(name, in: dirfd(to)) }
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
      if case .unknown = buckets.state(bucket, of: kind) { return open(bucket, of: kind) }
      return buckets.state(bucket, of: kind)
    }
  }

  private mutating func open(_ bucket: Bucket, of kind: Kind) -> BucketDescriptors.State {
    if buckets.isFull {
      finish()
      buckets.closeLeastRecent()
    }
    do throws(KernelError) {
      if let folder = try tree.open(bucket, of: kind) {
        return .open(buckets.keep(folder, bucket, of: kind))
      }
      if isDryRun {
        foldersMade += tree.layout.buckets == .hour ? 0 : 1
        buckets.set(.absent, bucket, of: kind)
        return .absent
      }
      foldersMade += try tree.make(bucket, of: kind, like: model)
      guard let folder = try tree.open(bucket, of: kind) else { return .failed(.noSuchFileOrDirectory) }
      made.append(folder)
      return .open(buckets.keep(folder, bucket, of: kind))
    } catch {
      // openat2(2): a link, a file, another mount.
      let isRefused = [
        .tooManySymbolicLinkLevels, .notDirectory, .improperLink, .permissionDenied, .notPermitted,
      ]
      .contains(error.errno)
      if error.errno.stopsRun { ledger.stop(error) }
      let state = isRefused ? BucketDescriptors.State.refused : .failed(error.errno)
      buckets.set(state, bucket, of: kind)
      return state
    }
  }

  /// The buckets that were made since the last call.
  mutating func takeMade() -> [OpenFolder] {
    defer { made.removeAll() }
    return made
  }

  // MARK: executing

  /// Where links take the place of renames, a killed run may have left a file under its old name as well, wherever its options
  /// have sent it: it is counted at the new one, and loses the old one. Nil where nothing of the kind is left.
  mutating func finishLink(_ name: Span<UInt8>, of kind: Kind, in place: Place) -> Outcome? {
    guard tree.mayHoldBothNames else { return nil }
    let from = tree.dirfd(of: place)
    let hot = tree.layout[kind].hot
    let sites =
      (place == hot ? [] : [Site.place(hot)]) + tree.buckets(of: kind).map { Site.bucket(kind, $0) }
    for site in sites {
      guard case .open(let to) = open(site), Name.isSameFile(name, from, to) else { continue }
      return isDryRun ? .done : Name.moveByLink(name, from: from, to: to)
    }
    return nil
  }

  /// Call every few files: keeps the kernel supplied.
  mutating func tend() {
    if !ledger.isStopped {
      do throws(KernelError) { try mover.tend(&queue) } catch { ledger.stop(error) }
    }
    countDone()
  }

  /// Executes everything that was planned so far.
  mutating func finish() {
    if !ledger.isStopped {
      do throws(KernelError) { try mover.work(off: &queue) } catch { ledger.stop(error) }
    }
    do throws(KernelError) { try mover.drain(&queue) } catch { ledger.stop(error) }
    if ledger.isStopped { queue.renames.abandonUnfinished() }
    countDone()
  }

  private mutating func countDone() { Self.countDone(&queue, &ledger, links, renamesConflicts, isDryRun) }

  /// The name is a part of the queue, so queue and ledger are named apart.
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
    if renames, outcome == .failed(.fileExists), !ledger.meetsAgain(move.to),
      let newName = planned.timedName(name, ledger.layout)
    {
      switch planned.rename(name, as: newName.span, links, isDryRun) {
      case .done: return ledger.countRenamed(name, move, as: newName.span)
      // Nothing could be renamed here without the risk of replacing a file: it stays, as without the option.
      case .failed(.invalidArgument): break
      case let other: return ledger.count(other, name, move, from: planned.from)
      }
    }
    ledger.count(outcome, name, move, from: planned.from)
  }
}

/// A move with the descriptors of its folders.
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

  /// Where the file system has no RENAME_NOREPLACE, a link is made instead if that was asked for. There a taken name may
  /// be what a killed run left between link and unlink.
  func finish(
    _ outcome: Outcome, _ name: Span<UInt8>, as newName: Span<UInt8>, _ links: LinkRule
  ) -> Outcome {
    links.finish(outcome, name, from: from, to: to, as: newName)
  }
}

/// Whether links take the place of renames (`CaptureTree`).
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

// MARK: the live playlist

extension MovePlan {
  private var playlist: [UInt8] { Array((tree.layout.stream?.playlist ?? "").utf8) }

  /// Moves the live playlist after its segments, by a plain call: it is one file.
  mutating func moveLivePlaylist(from: Place, to: Place) -> PlaylistOutcome {
    let outcome = moveLivePlaylist(from: from, to: to, as: playlist)
    return ledger.countLivePlaylist(playlist.span, outcome, from: from, to: to, tree.dirfd(of: from))
  }

  /// Moves what players load before a segment, ahead of the playlist that names it. One that stays is found when the playlist
  /// is looked at again.
  func moveInitialization(from: Place, to: Place) {
    guard !isDryRun else { return }
    for name in (tree.layout.stream?.initialization ?? []).map({ Array($0.utf8) })
    where Name.isThere(name.span, in: tree.dirfd(of: from)) {
      let (source, target) = (tree.dirfd(of: from), tree.dirfd(of: to))
      _ = links.finish(
        Name.rename(name.span, from: source, to: target), name.span, from: source, to: target, as: name.span)
    }
  }

  /// Keeps a live playlist that another one has superseded in its flat place, under a name that no player asks for.
  mutating func setLivePlaylistAside(from: Place, to: Place) -> PlaylistOutcome {
    var outcome = Outcome.failed(.fileExists)
    do throws(Errno) {
      let modified = try Name.status(of: playlist.span, in: tree.dirfd(of: from)).modified
      for newName in FileName.superseded(String(decoding: playlist, as: UTF8.self), modified)
      where outcome == .failed(.fileExists) {
        outcome = moveLivePlaylist(from: from, to: to, as: Array(newName.utf8))
      }
    } catch { outcome = .failed(error) }
    switch outcome {
    case .done: return .superseded
    // Both names are taken; or there is no way to be sure that nothing is replaced.
    case .failed(.fileExists), .failed(.invalidArgument): return .conflict
    default:
      return isDryRun
        ? .failed : ledger.countLivePlaylist(playlist.span, outcome, from: from, to: to, tree.dirfd(of: from))
    }
  }

  private func moveLivePlaylist(from: Place, to: Place, as newName: [UInt8]) -> Outcome {
    let (source, target) = (tree.dirfd(of: from), tree.dirfd(of: to))
    guard isDryRun else {
      return links.finish(
        Name.rename(playlist.span, from: source, to: target, as: newName.span), playlist.span, from: source,
        to: target, as: newName.span)
    }
    return newName != playlist && Name.isTaken(newName.span, in: target) ? .failed(.fileExists) : .done
  }
}
