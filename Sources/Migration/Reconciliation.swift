internal import CaptureLayout
internal import KernelIO

/// Proves that no file is missing: compares what was there before the run, minus what others were seen to delete, with what is
/// there afterwards.
struct Reconciliation: ~Copyable {
  /// How many deletions by others are remembered by name; beyond that they are only counted.
  private static let deletionsNamedMax = 200_000
  private var watch = DeletionWatch()
  private var deletions: [UInt64: Int] = [:]
  private var deletionCount = 0
  var digest = DifferenceDigest()
  private let layout: Layout
  let comparesInodes: Bool

  init(_ layout: Layout, comparesInodes: Bool) {
    self.layout = layout
    self.comparesInodes = comparesInodes
  }

  /// Watches every open folder. If the kernel refuses the watch, a file that a cleaner deletes counts as lost.
  func follow(_ tree: CaptureTree) throws(KernelError) {
    for place in layout.places { tree.withPlace(place) { follow($0) } }
    for index in layout.trees.indices {
      for (kind, bucket) in tree.buckets(tree: index) {
        try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in follow(directory) }
      }
    }
  }

  func follow(_ directory: borrowing Directory) { watch.add(directory) }

  /// Reads which files others have deleted since the last call.
  mutating func observe() {
    watch.drain { name in
      guard let kind = layout.kind(of: name) else { return }
      deletionCount += 1
      if deletions.count < Self.deletionsNamedMax {
        deletions[FileIdentity(name: name, kind: kind, inode: 0).nameHash, default: 0] += 1
      }
    }
  }

  /// Compares what was found during the run with what is there now.
  mutating func compare(before: PerKind<Int>, expected: PerKind<Int>, after: PerKind<Int>) -> Comparison {
    observe()
    var comparison = Comparison()
    comparison.before = before
    comparison.after = after
    comparison.comparesInodes = comparesInodes
    comparison.watchesDeletions = watch.isActive
    if let difference = digest.decode() {
      explain(difference, &comparison)
    } else {
      comparison.isByCountsOnly = true
      for kind in layout.kinds {
        comparison.arrived += max(0, after[kind] - expected[kind])
        comparison.lost += max(0, expected[kind] - after[kind])
      }
      comparison.deletedByOthers = min(comparison.lost, deletionCount)
      comparison.lost -= comparison.deletedByOthers
    }
    return comparison
  }

  private func explain(
    _ difference: DifferenceDigest.Difference, _ comparison: inout Comparison
  ) {
    var deletions = deletions
    var newcomers: [UInt64: Int] = [:]
    for file in difference.onlyAfter { newcomers[file.nameHash, default: 0] += 1 }
    comparison.arrived = difference.onlyAfter.count
    for file in difference.onlyBefore {
      if deletions[file.nameHash, default: 0] > 0 {
        deletions[file.nameHash]! -= 1
        comparison.deletedByOthers += 1
      } else if newcomers[file.nameHash, default: 0] > 0 {
        newcomers[file.nameHash]! -= 1
        comparison.replacedByOthers += 1
        comparison.arrived -= 1
      } else {
        comparison.lost += 1
      }
    }
    // The kernel's event queue overflowed: some deletions were not reported.
    if watch.overflowed {
      comparison.deletedByOthers += comparison.lost
      comparison.lost = 0
      comparison.isByCountsOnly = true
    }
  }
}
