internal import CaptureLayout
internal import KernelIO

/// Finds the names that one kind has more than once, anywhere in its places and buckets.
///
/// Names are compared by hash, a bounded part of all hashes at a time, and the few that agree are compared byte by byte; so
/// memory does not grow with the number of files.
///
/// Folders are read in the opposite direction of a file's migration: a file that moves on meanwhile is visited once or not
/// at all, never twice.
struct DuplicateNames {
  /// 4 MiB of hashes.
  private static let hashesMax = 1 << 19

  let kind: Kind
  /// The approximate number of files.
  let fileCount: Int

  func find(in tree: CaptureTree) throws(KernelError) -> [[UInt8]] {
    let parts = UInt64(fileCount / Self.hashesMax + 1)
    var suspects: Set<UInt64> = []
    for part in 0..<parts {
      var hashes: [UInt64] = []
      try forEachName(in: tree) { name in
        let hash = hashOfName(name)
        if hash % parts == part { hashes.append(hash) }
      }
      hashes.sort()
      for (left, right) in zip(hashes, hashes.dropFirst()) where left == right {
        suspects.insert(left)
      }
    }
    guard !suspects.isEmpty else { return [] }
    var counts: [[UInt8]: Int] = [:]
    try forEachName(in: tree) { name in
      if suspects.contains(hashOfName(name)) { counts[Array(copying: name), default: 0] += 1 }
    }
    return counts.filter { $0.value > 1 }.keys.sorted { $0.lexicographicallyPrecedes($1) }
  }

  private func forEachName(in tree: CaptureTree, _ body: (Span<UInt8>) -> Void) throws(KernelError) {
    let walk = Walk(tree.layout, look: .name)
    for index in tree.layout.trees.indices {
      for bucket in tree.buckets(of: kind, tree: index) {
        try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
          try walk.files(of: kind, in: directory) { entry, _ in body(entry.name) }
        }
      }
    }
    // In the opposite direction of a migration: the hot place, then the places that files come from.
    let hot = tree.layout[kind].hot
    for place in [hot] + tree.layout.places.filter({ $0 != hot && tree.layout.holds($0, kind) }) {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        try walk.files(of: kind, in: directory) { entry, _ in body(entry.name) }
      }
    }
  }
}
