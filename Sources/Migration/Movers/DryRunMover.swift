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
  private var claims: Set<Claim> = []
  /// Files that leave their hot place and make room there.
  private var leaving: Set<UInt64> = []

  var pendingMax: Int { 0 }
  func tend(_ queue: inout MoveQueue) {}
  func work(off queue: inout MoveQueue) {}
  func drain(_ queue: inout MoveQueue) {}
  func makeFolders(_ requests: [MakeFolderRequest]) -> [Errno?] { requests.map { _ in nil } }

  func rename(_ name: Span<UInt8>, _ move: Move, in folders: FolderTable) -> RenameOutcome {
    let nameHash = move.facts.identity.nameHash
    if folders.mayHoldFiles(move.facts.kind, move.destination),
      Name.isTaken(name, in: folders.dirfd(of: move)),
      move.destination != .hotPlace || !leaving.contains(nameHash)
    {
      return .failed(.fileExists)
    }
    guard let otherPlace = folders.otherPlace(of: move.facts),
      Name.isTaken(name, in: otherPlace)
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
