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

  func start(_ batch: inout MoveBatch) {}

  func finish(_ batch: inout MoveBatch, executingRest: Bool) {
    for index in 0..<batch.count {
      guard executingRest, StopSignal.pending == nil else { return }
      batch.renames.pretend(at: index, outcome(of: index, batch))
    }
  }

  func makeFolders(_ requests: [MakeFolderRequest]) -> [Errno?] { requests.map { _ in nil } }

  private func outcome(of index: Int, _ batch: borrowing MoveBatch) -> RenameOutcome {
    let move = batch.moves[index]
    let nameHash = move.facts.identity.nameHash
    if folders.mayHoldFiles(move.facts.kind, move.destination),
      batch.renames.destinationIsTaken(at: index),
      move.destination != .hotPlace || !leaving.contains(nameHash)
    {
      return .failed(.fileExists)
    }
    guard let otherPlace = folders.otherPlace(of: move.facts),
      batch.renames.isTaken(at: index, in: otherPlace)
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
