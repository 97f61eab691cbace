public import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Files and bytes of one tier of a kind.
public struct TierCount: Equatable, Sendable {
  public internal(set) var files = 0
  public internal(set) var bytes: UInt64 = 0

  public init(files: Int = 0, bytes: UInt64 = 0) {
    self.files = files
    self.bytes = bytes
  }

  static func + (left: TierCount, right: TierCount) -> TierCount {
    // A few sparse files may be larger together than 64 bits hold.
    let (bytes, hasOverflown) = left.bytes.addingReportingOverflow(right.bytes)
    return TierCount(files: left.files + right.files, bytes: hasOverflown ? .max : bytes)
  }
}

/// Counts what the buckets and hot places hold; remembers the buckets from one round of the service to the next.
public final class Inventory {
  struct Entry {
    /// Nil if the status of a file could not be read, or a later change might go unnoticed: the folder is then read again.
    var version: FolderVersion?
    var count = TierCount()
    /// The oldest and the newest modification time of the files whose age is known.
    var oldest: ModificationTime?
    var newest: ModificationTime?
    var implausible = 0
    /// If these are segments, the one that was modified last.
    var newestSegment: DeletedSegments.Segment?
  }
  private var entries: [KindBucket: Entry] = [:]
  public private(set) var hot = PerKind(repeating: TierCount())
  /// The newest modification time in each hot place.
  private(set) var newestHot = PerKind<ModificationTime?>(repeating: nil)

  public init() {}

  /// The files of a kind in all buckets.
  public func cold(_ kind: Kind) -> TierCount {
    entries.reduce(TierCount()) { $1.key.kind == kind ? $0 + $1.value.count : $0 }
  }

  func entry(_ kind: Kind, _ bucket: Bucket) -> Entry? { entries[KindBucket(kind: kind, bucket: bucket)] }

  /// The cold segment that was modified last.
  var newestSegment: DeletedSegments.Segment? {
    entries.values.compactMap(\.newestSegment).max { $0.modified < $1.modified }
  }

  /// The newest cold file whose age is known.
  func newestCold(_ kind: Kind) -> ModificationTime? {
    entries.lazy.filter { $0.key.kind == kind }.compactMap(\.value.newest).max()
  }

  func implausible(_ kind: Kind) -> Int {
    entries.reduce(0) { $1.key.kind == kind ? $0 + $1.value.implausible : $0 }
  }

  /// Reads the hot places, and the buckets that have changed.
  ///
  /// - Parameter nowSeconds: since the epoch; files from the future are implausible.
  /// - Throws: if a folder cannot be listed.
  func refresh(_ tree: CaptureTree, nowSeconds: Int64) throws(KernelError) {
    let there = Set(tree.buckets().map { KindBucket(kind: $0.kind, bucket: $0.bucket) })
    for key in entries.keys where !there.contains(key) { entries[key] = nil }
    for (kind, bucket) in tree.buckets() {
      try tree.withBucket(bucket, of: kind) { (directory) throws(KernelError) in
        try refresh(directory, KindBucket(kind: kind, bucket: bucket), tree.layout, nowSeconds)
      }
    }
    for kind in tree.layout.kinds {
      var count = TierCount()
      var newest: ModificationTime?
      try tree.withPlace(tree.layout[kind].hot) { (directory) throws(KernelError) in
        try Self.forEachFile(of: kind, in: directory, tree.layout) { _, status in
          count = count + TierCount(files: 1, bytes: status.size)
          newest = max(newest ?? status.modified, status.modified)
        }
      }
      hot[kind] = count
      newestHot[kind] = newest
    }
  }

  private func refresh(
    _ directory: borrowing Directory, _ key: KindBucket, _ layout: Layout, _ nowSeconds: Int64
  ) throws(KernelError) {
    let version = try FolderVersion(of: directory)
    if let entry = entries[key], entry.version == version { return }
    var entry = Entry()
    let anyAge = RetentionRule(ageSeconds: PerKind(repeating: 0))
    let isWhole = try Self.forEachFile(of: key.kind, in: directory, layout) { listed, status in
      if layout.isSegment(key.kind), entry.newestSegment.map({ $0.modified < status.modified }) ?? true {
        entry.newestSegment =
          .init(layout.number(of: listed.name, key.kind), status.modified) ?? entry.newestSegment
      }
      entry.count = entry.count + TierCount(files: 1, bytes: status.size)
      if anyAge.verdict(of: key.kind, status.modified, nowSeconds: nowSeconds) == .implausible {
        entry.implausible += 1
      } else {
        entry.oldest = min(entry.oldest ?? status.modified, status.modified)
        entry.newest = max(entry.newest ?? status.modified, status.modified)
      }
    }
    if isWhole, version.isSettled(atSeconds: nowSeconds) { entry.version = version }
    entries[key] = entry
  }

  /// Gives every regular file of a kind in a folder to `body`, with its whole status. Returns false if the status of a file
  /// could not be read, which is passed to `unreadable`, or if a stop signal came first.
  @discardableResult
  static func forEachFile(
    of kind: Kind, in directory: borrowing Directory, _ layout: Layout,
    _ body: (borrowing DirectoryEntry, FileStatus) -> Void,
    unreadable: (borrowing DirectoryEntry, Errno) -> Void = { _, _ in }
  ) throws(KernelError) -> Bool {
    var isWhole = true
    var walk = Walk(layout, look: .wholeStatus)
    walk.warms = true
    try walk.run(
      directory, wants: { $0 == kind }, goesOn: { StopSignal.pending == nil },
      visit: { (entry, found, status) throws(KernelError) in
        switch found {
        case .file: body(entry, status)
        case .unreadable(_, let errno):
          isWhole = false
          unreadable(entry, errno)
        case .vanished, .other: break
        }
      })
    return isWhole && StopSignal.pending == nil
  }
}
