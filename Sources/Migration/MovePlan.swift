internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The moves of a pass: planned as files are settled, executed while others are being settled, entered in the
/// ledger when their outcome is known.
struct MovePlan<M: Mover>: ~Copyable {
  let table: FolderTable
  private let mover: M
  let isDryRun: Bool
  private let renamesConflicts: Bool
  private var queue: MoveQueue
  /// Whether to look at a name's destination before it is moved there.
  ///
  /// That leaves a negative dentry on ext4, so that the rename finds it without reading the folder under the lock
  /// that all renames share. Other file systems lose by it (docs/PERFORMANCE.md).
  private let looksAtDestinations: Bool
  var ledger: MoveLedger

  init(
    table: FolderTable, mover: M, isDryRun: Bool, looksAtDestinations: Bool, renamesConflicts: Bool = false,
    ledger: consuming MoveLedger
  ) {
    self.renamesConflicts = renamesConflicts
    self.table = table
    self.mover = mover
    self.looksAtDestinations = looksAtDestinations
    self.isDryRun = isDryRun
    self.ledger = ledger
    // Twice what may be pending: what is done waits for its turn to be counted.
    queue = MoveQueue(capacity: max(1, 2 * mover.pendingMax))
  }

  mutating func add(_ name: Span<UInt8>, _ move: Move) {
    let dirfd = table.dirfd(of: move.to)
    guard dirfd != FolderTable.refused else { return ledger.countRefused(name, move) }
    if looksAtDestinations { _ = Name.isTaken(name, in: dirfd) }
    if queue.renames.pendingCount < mover.pendingMax, !queue.renames.isFull {
      queue.append(name, move, from: table.dirfd(of: move.from), to: dirfd)
    } else {
      let outcome = ledger.isStopped ? .notExecuted : mover.rename(name, move, in: table)
      Self.count(
        isDryRun ? outcome : table.finish(outcome, name, move), name, move, &ledger, table,
        renames: renamesConflicts, isDryRun)
    }
  }

  /// Where links take the place of renames, a killed run may have left a file under its old name as well, wherever its options
  /// have sent it: it is counted at the new one, and loses the old one. Nil where nothing of the kind is left.
  func finishLink(_ name: Span<UInt8>, of kind: Kind, in place: Place) -> RenameOutcome? {
    guard table.mayHoldBothNames else { return nil }
    let from = table.dirfd(of: place)
    let hotPlace = place == kind.hotPlace ? [] : [table.dirfd(of: kind.hotPlace)]
    let hours = hoursOfDay.map { table.dirfd(of: .hour(kind, $0)) }
    for to in hotPlace + hours where FolderTable.isOpen(to) && Name.isSameFile(name, from, to) {
      return isDryRun ? .moved : Name.moveByLink(name, from: from, to: to)
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

  private mutating func countDone() { Self.countDone(&queue, &ledger, table, renamesConflicts, isDryRun) }

  /// The name is a part of the queue, so queue and ledger are named apart.
  private static func countDone(
    _ queue: inout MoveQueue, _ ledger: inout MoveLedger, _ table: FolderTable, _ renames: Bool,
    _ isDryRun: Bool
  ) {
    while let outcome = queue.renames.headOutcome {
      let move = queue.move(at: queue.renames.head)
      count(outcome, at: queue.renames.head, queue, move, &ledger, table, renames, isDryRun)
      queue.renames.retireHead()
    }
  }

  private static func count(
    _ outcome: RenameOutcome, at position: Int, _ queue: borrowing MoveQueue, _ move: Move,
    _ ledger: inout MoveLedger, _ table: FolderTable, _ renames: Bool, _ isDryRun: Bool
  ) {
    let name = queue.renames.name(at: position)
    count(table.finish(outcome, name, move), name, move, &ledger, table, renames: renames, isDryRun)
  }

  private static func count(
    _ outcome: RenameOutcome, _ name: Span<UInt8>, _ move: Move, _ ledger: inout MoveLedger,
    _ table: FolderTable, renames: Bool, _ isDryRun: Bool
  ) {
    guard renames, outcome == .failed(.fileExists), case .hour = move.to,
      let newName = timedName(name, move, table)
    else { return ledger.count(outcome, name, move, in: table) }
    switch rename(name, move, as: newName.span, table, isDryRun) {
    case .moved: ledger.countRenamed(name, move, as: newName.span)
    // Nothing could be renamed here without the risk of replacing a file: it stays, as without the option.
    case .failed(.invalidArgument): ledger.count(outcome, name, move, in: table)
    case let outcome: ledger.count(outcome, name, move, in: table)
    }
  }

  private static func timedName(_ name: Span<UInt8>, _ move: Move, _ table: FolderTable) -> [UInt8]? {
    guard let status = try? Name.status(of: name, in: table.dirfd(of: move.from)) else { return nil }
    return FileName.timed(name, of: move.kind, status.modified)
  }

  private static func rename(
    _ name: Span<UInt8>, _ move: Move, as newName: Span<UInt8>, _ table: FolderTable, _ isDryRun: Bool
  ) -> RenameOutcome {
    let (from, to) = (table.dirfd(of: move.from), table.dirfd(of: move.to))
    guard isDryRun else {
      return table.finish(
        Name.rename(name, from: from, to: to, as: newName), name, from: from, to: to, as: newName)
    }
    return FolderTable.isOpen(to) && Name.isTaken(newName, in: to) ? .failed(.fileExists) : .moved
  }

  /// Moves the live playlist after its segments, by a plain call: it is one file.
  mutating func moveLivePlaylist(from: Place, to: Place) -> PlaylistOutcome {
    let name = Array(FileName.livePlaylist.utf8)
    var outcome = RenameOutcome.moved
    if !isDryRun {
      let (source, target) = (table.dirfd(of: from), table.dirfd(of: to))
      outcome = table.finish(
        Name.rename(name.span, from: source, to: target), name.span, from: source, to: target, as: name.span)
    }
    return ledger.countLivePlaylist(name.span, outcome, from: from, to: to, in: table)
  }
}

extension MovePlan {
  /// Keeps a live playlist that another one has superseded in the flat place, under a name that no player asks for.
  mutating func setLivePlaylistAside(from: Place) -> PlaylistOutcome {
    let name = Array(FileName.livePlaylist.utf8)
    let (source, target) = (table.dirfd(of: from), table.dirfd(of: .root))
    var outcome = RenameOutcome.failed(.fileExists)
    do throws(Errno) {
      let modified = try Name.status(of: name.span, in: source).modified
      for newName in FileName.supersededPlaylists(modified).map({ Array($0.utf8) })
      where outcome == .failed(.fileExists) {
        if isDryRun {
          outcome = Name.isTaken(newName.span, in: target) ? .failed(.fileExists) : .moved
        } else {
          outcome = table.finish(
            Name.rename(name.span, from: source, to: target, as: newName.span), name.span, from: source,
            to: target, as: newName.span)
        }
      }
    } catch { outcome = .failed(error) }
    switch outcome {
    case .moved: return .superseded
    // Both names are taken; or there is no way to be sure that nothing is replaced.
    case .failed(.fileExists), .failed(.invalidArgument): return .conflict
    default:
      return isDryRun
        ? .failed : ledger.countLivePlaylist(name.span, outcome, from: from, to: .root, in: table)
    }
  }
}

extension FolderTable {
  /// Where the file system has no RENAME_NOREPLACE, a link is made instead if that was asked for. There a taken name may
  /// be what a killed run left between link and unlink.
  fileprivate func finish(_ outcome: RenameOutcome, _ name: Span<UInt8>, _ move: Move) -> RenameOutcome {
    finish(outcome, name, from: dirfd(of: move.from), to: dirfd(of: move.to), as: name)
  }

  fileprivate func finish(
    _ outcome: RenameOutcome, _ name: Span<UInt8>, from: Int32, to: Int32, as newName: Span<UInt8>
  ) -> RenameOutcome {
    let needsLink =
      (allowsLinks && outcome == .failed(.invalidArgument))
      || (mayHoldBothNames && outcome == .failed(.fileExists))
    guard needsLink else { return outcome }
    return Name.moveByLink(name, from: from, to: to, as: newName)
  }
}
