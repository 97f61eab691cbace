internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The moves of a pass: planned as files are settled, executed while others are being settled, entered in the
/// ledger when their outcome is known.
struct MovePlan<M: Mover>: ~Copyable {
  let table: FolderTable
  private let mover: M
  private let isDryRun: Bool
  private var queue: MoveQueue
  /// Whether to look at a name's destination before it is moved there.
  ///
  /// That leaves a negative dentry on ext4, so that the rename finds it without reading the folder under the lock
  /// that all renames share. Other file systems lose by it (docs/PERFORMANCE.md).
  private let looksAtDestinations: Bool
  var ledger: MoveLedger

  init(
    table: FolderTable, mover: M, isDryRun: Bool, looksAtDestinations: Bool, ledger: consuming MoveLedger
  ) {
    self.table = table
    self.mover = mover
    self.looksAtDestinations = looksAtDestinations
    self.isDryRun = isDryRun
    self.ledger = ledger
    // Twice what may be pending: what is done waits for its turn to be counted.
    queue = MoveQueue(capacity: max(1, 2 * mover.pendingMax))
  }

  mutating func add(_ name: Span<UInt8>, _ facts: FileFacts, to destination: Destination) {
    let move = Move(facts: facts, destination: destination)
    let dirfd = table.dirfd(of: move)
    guard dirfd != FolderTable.refused else { return ledger.countRefused(name, move) }
    if looksAtDestinations { _ = Name.isTaken(name, in: dirfd) }
    if queue.renames.pendingCount < mover.pendingMax, !queue.renames.isFull {
      queue.append(name, move, from: table.dirfd(of: facts.place), to: dirfd)
    } else {
      let outcome = ledger.isStopped ? .notExecuted : mover.rename(name, move, in: table)
      ledger.count(outcome, name, move, in: table)
    }
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

  private mutating func countDone() { Self.countDone(&queue, &ledger, table) }

  /// The name is a part of the queue, so queue and ledger are named apart.
  private static func countDone(
    _ queue: inout MoveQueue, _ ledger: inout MoveLedger, _ table: FolderTable
  ) {
    while let outcome = queue.renames.headOutcome {
      let position = queue.renames.head
      ledger.count(outcome, queue.renames.name(at: position), queue.move(at: position), in: table)
      queue.renames.retireHead()
    }
  }

  /// Moves the live playlist after its segments, by a plain call: it is one file.
  mutating func moveLivePlaylist() -> PlaylistOutcome {
    let name = Array(FileName.livePlaylist.utf8)
    let outcome =
      isDryRun
      ? .moved
      : Name.rename(name.span, from: table.dirfd(of: .root), to: table.dirfd(of: .segments))
    return ledger.countLivePlaylist(name.span, outcome)
  }
}

extension Move {
  /// Where it goes, below the capture, such as "segments/7/".
  var folder: String { destination.folder(of: facts.kind) }
}

extension Destination {
  fileprivate func folder(of kind: Kind) -> String {
    switch self {
    case .hotPlace: "\(kind.name)/"
    case .hour(let hour): "\(kind.name)/\(hour)/"
    }
  }
}
