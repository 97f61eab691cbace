internal import CaptureLayout
internal import KernelIO

/// Counts the files of a capture by kind and bucket, and sums up their identities, from directory streams alone.
///
/// Read once before the moves (the folders whose files stay) and once after them (everything), to prove that nothing is
/// missing.
struct Listing: Sendable {
  /// A listing waits for memory most of the time, so a second thread nearly halves it; folders are many and
  /// each is listed by one thread.
  private static let threads = 2

  private let layout: Layout
  private let inodes: Bool
  var kinds = PerKind(repeating: 0)
  var byBucket = PerKind(repeating: PerBucket(repeating: 0))
  /// All entries of each bucket, recognised or not.
  var bucketEntries = PerKind(repeating: PerBucket(repeating: 0))
  var unrecognised = Unrecognised()
  var numbers = HighestNumbers()
  /// Every file of a kind that was listed.
  var digest = DifferenceDigest()

  /// Nothing yet.
  init(_ layout: Layout, inodes: Bool) {
    self.layout = layout
    self.inodes = inodes
  }

  /// Lists the buckets of a tree.
  mutating func listBuckets(of tree: CaptureTree, tree number: Int = 0) throws(KernelError) {
    let all = tree.buckets(tree: number)
    let empty = Listing(layout, inodes: inodes)
    let parts = Threads.run(Self.threads) { thread -> Result<Listing, KernelError> in
      var part = empty
      do throws(KernelError) {
        for index in all.indices where index % Self.threads == thread {
          let (kind, bucket) = all[index]
          try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
            try part.list(directory, bucket, of: kind)
          }
        }
        return .success(part)
      } catch { return .failure(error) }
    }
    for part in parts { add(try part.get()) }
    if number == 0 { unrecognised = unrecognised + tree.unrecognised }
  }

  private mutating func list(
    _ directory: borrowing Directory, _ bucket: Bucket, of kind: Kind
  ) throws(KernelError) {
    let path = layout.path(of: bucket, kind) + "/"
    var files = 0
    var entries = 0
    try Walk(layout, look: .name).run(
      directory, wants: { $0 == kind },
      visit: { (entry, found, _) throws(KernelError) in
        entries += 1
        switch found {
        case .file:
          add(entry, kind)
          files += 1
        case .unreadable(_, let errno): throw directory.error(.stat, entry.name, errno)
        case .vanished: break
        case .other:
          if HourPlaylists.isOwn(entry) { break }
          if entry.type.countsAsFile, layout.isKnown(entry.name, in: bucket, of: kind) { break }
          unrecognised.add(entry.name, in: path)
        }
      })
    byBucket[kind].update(bucket) { $0 += files }
    bucketEntries[kind].update(bucket) { $0 = entries }
  }

  private mutating func add(_ entry: borrowing DirectoryEntry, _ kind: Kind) {
    kinds[kind] += 1
    if let number = layout.number(of: entry.name, kind) {
      numbers.add(number, kind)
    }
    digest.insert(FileIdentity(name: entry.name, kind: kind, inode: inodes ? entry.inode : 0))
  }

  /// Lists the flat and hot places, or those of them that are wanted for a kind.
  mutating func listPlaces(
    of tree: CaptureTree, where isWanted: (Place, Kind) -> Bool = { _, _ in true }
  ) throws(KernelError) {
    for place in layout.places
    where layout.kinds.contains(where: { layout.holds(place, $0) && isWanted(place, $0) }) {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        try Walk(layout, look: .name).run(
          directory, wants: { layout.holds(place, $0) && isWanted(place, $0) },
          visit: { (entry, found, _) throws(KernelError) in
            switch found {
            case .file(let kind): add(entry, kind)
            // A file that counted before, and not after, would be lost.
            case .unreadable(_, let errno): throw directory.error(.stat, entry.name, errno)
            case .vanished, .other: break
            }
          })
      }
    }
  }

  private mutating func add(_ part: Listing) {
    for kind in layout.kinds {
      kinds[kind] += part.kinds[kind]
      byBucket[kind].add(part.byBucket[kind])
      bucketEntries[kind].add(part.bucketEntries[kind])
    }
    unrecognised = unrecognised + part.unrecognised
    numbers.add(part.numbers)
    digest.insert(part.digest)
  }
}
