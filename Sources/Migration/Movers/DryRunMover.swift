internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Counts what an executing mover would do, and writes nothing.
///
/// It foresees conflicts: names that are taken in an hour folder, and two files of one name (one in the flat
/// place, one in the hot place) that would go to the same folder, of which only the first can.
final class DryRunMover: LoneMover {
  private struct Claim: Hashable {
    let nameHash: UInt64
    let hour: Int
  }
  private var claims: Set<Claim> = []
  /// Files that leave their hot place and make room there.
  private var leaving: Set<UInt64> = []

  func makeFolders(_ requests: [MakeFolderRequest]) -> [Errno?] { requests.map { _ in nil } }

  func rename(_ name: Span<UInt8>, _ move: Move, in folders: FolderTable) -> RenameOutcome {
    let nameHash = move.identity.nameHash
    let hotPlace = Site.place(move.kind.hotPlace)
    if folders.mayHoldFiles(move.to), Name.isTaken(name, in: folders.dirfd(of: move.to)),
      move.to != hotPlace || !leaving.contains(nameHash)
    {
      return .failed(.fileExists)
    }
    guard let otherPlace = folders.otherPlace(of: move.kind, than: move.from),
      Name.isTaken(name, in: otherPlace)
    else { return .moved }

    if move.from == hotPlace { leaving.insert(nameHash) }
    let claim = Claim(nameHash: nameHash, hour: move.to.hour)
    return claims.insert(claim).inserted ? .moved : .failed(.fileExists)
  }
}

extension Site {
  /// The hour, or -1 for a place.
  fileprivate var hour: Int {
    switch self {
    case .place: -1
    case .hour(_, let hour): hour
    }
  }
}
