internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Counts what an executing mover would do, and writes nothing.
///
/// It predicts conflicts: names that are taken where a file would go, and several files of one name that would go to the same
/// folder, of which only the first can.
final class DryRunMover: LoneMover {
  private struct Claim: Hashable {
    let nameHash: UInt64
    let site: Site
  }

  /// Hashes of the names that occur more than once. Nil if files come from at most two places: then a lookup in the other
  /// place tells.
  private let doubles: Set<UInt64>?
  /// Destinations taken by the first of several files of one name.
  private var claims: Set<Claim> = []
  /// Names of files that leave their hot place, and so are free there.
  private var leavingHot: Set<UInt64> = []
  private(set) var leaving = LeavingFiles()

  init(doubles: Set<UInt64>?) { self.doubles = doubles }

  func execute(_ requests: inout RequestQueue) { requests.abandonUnfinished() }

  func rename(
    _ name: Span<UInt8>, _ move: Move, from: Int32, to: Int32, in tree: CaptureTree
  ) -> Outcome {
    let nameHash = move.identity.nameHash
    let hot = Site.place(tree.layout[move.kind].hot)
    if CaptureTree.isOpen(to), doubles != nil || tree.mayHoldFiles(move.to), Name.isTaken(name, in: to),
      move.to != hot || !leavingHot.contains(nameHash)
    {
      return .failed(.fileExists)
    }
    if isDouble(name, move, tree) {
      if move.from == hot { leavingHot.insert(nameHash) }
      guard claims.insert(Claim(nameHash: nameHash, site: move.to)).inserted else {
        return .failed(.fileExists)
      }
    }
    if doubles != nil { leaving.add(move) }
    return .done
  }

  private func isDouble(_ name: Span<UInt8>, _ move: Move, _ tree: CaptureTree) -> Bool {
    if let doubles { return doubles.contains(move.identity.nameHash) }
    return tree.otherPlace(of: move.kind, than: move.from).map { Name.isTaken(name, in: $0) } ?? false
  }
}

/// In a dry run: how many files would leave each folder, and to which folders files would go.
struct LeavingFiles {
  private var counts: [Site: Int] = [:]
  private var arriving: Set<Site> = []

  mutating func add(_ move: Move) {
    counts[move.from, default: 0] += 1
    arriving.insert(move.to)
  }
  func isArriving(at site: Site) -> Bool { arriving.contains(site) }
  func count(_ site: Site) -> Int { counts[site] ?? 0 }
}
