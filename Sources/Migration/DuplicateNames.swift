internal import CaptureLayout
internal import KernelIO

/// Finds the names that one kind has more than once, anywhere in its places and hour folders.
///
/// Names are compared by hash, a bounded part of all hashes at a time, and the few that agree are compared
/// byte by byte; so memory does not grow with the number of files.
///
/// Folders are read against the way of a file that is being migrated: one that moves on meanwhile is met once or not at
/// all, never twice.
struct DuplicateNames {
  /// 4 MiB of hashes.
  private static let hashesMax = 1 << 19

  let kind: Kind
  let fileCount: Int

  func find(
    _ capture: borrowing Directory, _ open: borrowing CaptureFolders
  ) throws(KernelError) -> [[UInt8]] {
    let parts = UInt64(fileCount / Self.hashesMax + 1)
    var suspects: Set<UInt64> = []
    for part in 0..<parts {
      var hashes: [UInt64] = []
      try forEachName(capture, open) { name in
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
    try forEachName(capture, open) { name in
      if suspects.contains(hashOfName(name)) { counts[Array(copying: name), default: 0] += 1 }
    }
    return counts.filter { $0.value > 1 }.keys.sorted { $0.lexicographicallyPrecedes($1) }
  }

  private func forEachName(
    _ capture: borrowing Directory, _ open: borrowing CaptureFolders, _ body: (Span<UInt8>) -> Void
  ) throws(KernelError) {
    for hour in hoursOfDay {
      try open.withHour(hour, of: kind) { directory throws(KernelError) in
        try forEachName(in: directory, body)
      }
    }
    let places = kind.hotPlace == kind.flatPlace ? [kind.hotPlace] : [kind.hotPlace, kind.flatPlace]
    for place in places {
      try open.withPlace(place, in: capture) { directory throws(KernelError) in
        try forEachName(in: directory, body)
      }
    }
  }

  private func forEachName(
    in directory: borrowing Directory, _ body: (Span<UInt8>) -> Void
  ) throws(KernelError) {
    var stream = try DirectoryStream(of: directory)
    while try stream.nextWindow({ entry in
      if entry.type.countsAsFile, FileName.kind(of: entry.name) == kind { body(entry.name) }
    }) {}
  }
}
