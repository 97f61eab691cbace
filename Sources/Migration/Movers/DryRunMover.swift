internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Counts what an executing mover would do, and writes nothing.
///
/// It foresees conflicts: names that are taken in an hour folder, and two files of one name (one in the flat
/// place, one in the hot place) that would go to the same folder, of which only the first can.
final class DryRunMover: Mover {
  private struct Claim: Hashable {
    let nameHash: UInt64
    let destination: Int
  }
  private let folders: FolderTable
  private var claims: Set<Claim> = []
  /// Files that leave their hot place and make room there.
  private var leaving: Set<UInt64> = []

  init(folders: FolderTable) { self.folders = folders }

  func tend(_ queue: inout MoveQueue) {}

  func work(on queue: inout MoveQueue, untilPending count: Int) {
    while queue.renames.pendingCount > count, StopSignal.pending == nil {
      queue.renames.pretendFront(outcome(of: queue.renames.front, queue))
    }
  }

  func drain(_ queue: inout MoveQueue) {}

  func makeFolders(_ requests: [MakeFolderRequest]) -> [Errno?] { requests.map { _ in nil } }

  private func outcome(of position: Int, _ queue: borrowing MoveQueue) -> RenameOutcome {
    let move = queue.move(at: position)
    let nameHash = move.facts.identity.nameHash
    if folders.mayHoldFiles(move.facts.kind, move.destination),
      queue.renames.destinationIsTaken(at: position),
      move.destination != .hotPlace || !leaving.contains(nameHash)
    {
      return .failed(.fileExists)
    }
    guard let otherPlace = folders.otherPlace(of: move.facts),
      queue.renames.isTaken(at: position, in: otherPlace)
    else { return .moved }

    if move.facts.place == move.facts.kind.hotPlace { leaving.insert(nameHash) }
    let claim = Claim(nameHash: nameHash, destination: move.destination.number)
    return claims.insert(claim).inserted ? .moved : .failed(.fileExists)
  }
}

extension Destination {
  /// The hour, or -1 for the hot place.
  fileprivate var number: Int {
    switch self {
    case .hotPlace: -1
    case .hour(let hour): hour
    }
  }
}
