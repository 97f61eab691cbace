internal import CaptureLayout
internal import KernelIO

/// The contents of one bucket.
private struct BucketListing: Sendable {
  var files = 0
  /// All entries, recognised or not.
  var entries = 0
  var unrecognised = Unrecognised()
  var numbers = HighestNumbers()
  var hasAsides = false
}

/// What the buckets held in the last round, for runs without a comparison: digests are not remembered.
final class ListingMemory {
  fileprivate struct Entry: Sendable {
    let version: FolderVersion
    let listing: BucketListing
  }

  fileprivate var entries: [KindBucket: Entry] = [:]

  func removeAll() { entries = [:] }
}

/// Counts the files of a capture by kind and bucket, and sums up their identities, from directory streams alone.
///
/// Read once before the moves (the folders whose files stay) and once after them (everything), to prove that nothing is
/// missing.
struct Listing: Sendable {
  /// Listing waits for memory most of the time, so a second thread nearly halves its duration. There are many folders, and each
  /// is listed by one thread.
  private static let threads = 2

  private let layout: Layout
  private let inodes: Bool
  var kinds = PerKind(repeating: 0)
  var byBucket = PerKind(repeating: PerBucket(repeating: 0))
  /// All entries of each bucket, recognised or not.
  var bucketEntries = PerKind(repeating: PerBucket(repeating: 0))
  /// Folders with files that a killed run has renamed aside.
  var sitesWithAsides: [Site] = []
  var unrecognised = Unrecognised()
  var numbers = HighestNumbers()
  /// The identities of all listed files of a kind.
  var digest = DifferenceDigest()

  /// An empty listing. `inodes`: whether inode numbers are part of a file's identity.
  init(_ layout: Layout, inodes: Bool) {
    self.layout = layout
    self.inodes = inodes
  }

  /// Lists the buckets of a tree.
  ///
  /// - Parameter memory: of the same tree: buckets that have not changed since are not read again. Digests then lack them.
  mutating func listBuckets(
    of tree: CaptureTree, tree number: Int = 0, memory: ListingMemory? = nil
  ) throws(KernelError) {
    let all = tree.buckets(tree: number)
    let empty = Listing(layout, inodes: inodes)
    let known = memory?.entries
    let nowSeconds = SystemClock.realtimeNanoseconds / 1_000_000_000
    let parts = Threads.run(Self.threads) { thread -> Result<Part, KernelError> in
      var part = Part(listing: empty)
      do throws(KernelError) {
        for index in all.indices where index % Self.threads == thread {
          let (kind, bucket) = all[index]
          try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
            try part.look(at: directory, .init(kind: kind, bucket: bucket), known, nowSeconds)
          }
        }
        return .success(part)
      } catch { return .failure(error) }
    }
    memory?.removeAll()
    for part in parts {
      let part = try part.get()
      add(part.listing)
      memory?.entries.merge(part.entries) { $1 }
    }
    if number == 0 { unrecognised = unrecognised + tree.unrecognised }
  }

  /// The part of a listing that one thread makes.
  private struct Part {
    var listing: Listing
    var entries: [KindBucket: ListingMemory.Entry] = [:]

    /// `known`: nil if nothing is to be remembered.
    mutating func look(
      at directory: borrowing Directory, _ key: KindBucket,
      _ known: [KindBucket: ListingMemory.Entry]?, _ nowSeconds: Int64
    ) throws(KernelError) {
      guard let known else { return listing.add(try listing.list(directory, key), key) }
      // Taken before the folder is read, so that whatever changes meanwhile makes the next version differ.
      let version = try FolderVersion(of: directory)
      let bucket: BucketListing
      if let entry = known[key], entry.version == version {
        bucket = entry.listing
      } else {
        bucket = try listing.list(directory, key)
      }
      listing.add(bucket, key)
      if version.isSettled(atSeconds: nowSeconds) { entries[key] = .init(version: version, listing: bucket) }
    }
  }

  private mutating func list(
    _ directory: borrowing Directory, _ key: KindBucket
  ) throws(KernelError) -> BucketListing {
    let (kind, bucket) = (key.kind, key.bucket)
    let path = layout.path(of: bucket, kind) + "/"
    var listing = BucketListing()
    try Walk(layout, look: .name).run(
      directory, wants: { $0 == kind },
      visit: { (entry, found, _) throws(KernelError) in
        listing.entries += 1
        switch found {
        case .file:
          listing.files += 1
          if let number = layout.number(of: entry.name, kind) { listing.numbers.add(number, kind) }
          insert(entry, kind)
        case .unreadable(_, let errno): throw directory.error(.stat, entry.name, errno)
        case .vanished: break
        case .other:
          if HourPlaylists.isOwn(entry) { break }
          if layout.isAside(entry.name) { listing.hasAsides = true }
          if entry.type.countsAsFile, layout.isKnown(entry.name, in: bucket, of: kind) { break }
          listing.unrecognised.add(entry.name, in: path)
        }
      })
    return listing
  }

  private mutating func add(_ listing: BucketListing, _ key: KindBucket) {
    kinds[key.kind] += listing.files
    byBucket[key.kind].update(key.bucket) { $0 += listing.files }
    bucketEntries[key.kind].update(key.bucket) { $0 = listing.entries }
    if listing.hasAsides { sitesWithAsides.append(.bucket(key.kind, key.bucket)) }
    unrecognised = unrecognised + listing.unrecognised
    numbers.add(listing.numbers)
  }

  private mutating func insert(_ entry: borrowing DirectoryEntry, _ kind: Kind) {
    digest.insert(FileIdentity(name: entry.name, kind: kind, inode: inodes ? entry.inode : 0))
  }

  private mutating func add(_ entry: borrowing DirectoryEntry, _ kind: Kind) {
    kinds[kind] += 1
    if let number = layout.number(of: entry.name, kind) { numbers.add(number, kind) }
    insert(entry, kind)
  }

  /// Lists the files of the kinds in the flat and hot places, or only those of wanted places and kinds.
  mutating func listPlaces(
    of tree: CaptureTree, where isWanted: (Place, Kind) -> Bool = { _, _ in true }
  ) throws(KernelError) {
    var walk = Walk(layout, look: .name)
    walk.companion = LazyCompanion()
    for place in layout.places
    where layout.kinds.contains(where: { layout.holds(place, $0) && isWanted(place, $0) }) {
      var hasAsides = false
      try tree.withPlace(place) { (directory) throws(KernelError) in
        try walk.run(
          directory, wants: { layout.holds(place, $0) && isWanted(place, $0) },
          visit: { (entry, found, _) throws(KernelError) in
            switch found {
            case .file(let kind): add(entry, kind)
            // Not skipped: a file that is counted before the moves and not afterwards would seem lost.
            case .unreadable(_, let errno): throw directory.error(.stat, entry.name, errno)
            case .other: hasAsides = hasAsides || layout.isAside(entry.name)
            case .vanished: break
            }
          })
      }
      if hasAsides { sitesWithAsides.append(.place(place)) }
    }
  }

  /// Counts entries beside the buckets, where nothing belongs. A file of a kind may be there nevertheless, such as one in the
  /// guide's hot places before a migration to `guide-ram`: its number is taken.
  mutating func listBesideBuckets(of tree: CaptureTree) throws(KernelError) {
    try tree.forEachEntryBesideBuckets { entry, place in
      unrecognised.add(entry.name, in: layout.prefix(of: place))
      if let kind = layout.kind(of: entry.name), let number = layout.number(of: entry.name, kind) {
        numbers.add(number, kind)
      }
    }
  }

  private mutating func add(_ part: Listing) {
    for kind in layout.kinds {
      kinds[kind] += part.kinds[kind]
      byBucket[kind].add(part.byBucket[kind])
      bucketEntries[kind].add(part.bucketEntries[kind])
    }
    sitesWithAsides += part.sitesWithAsides
    unrecognised = unrecognised + part.unrecognised
    numbers.add(part.numbers)
    digest.insert(part.digest)
  }
}
