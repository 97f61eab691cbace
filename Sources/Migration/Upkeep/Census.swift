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

/// What the hour folders hold. Remembered from one look of the service to the next: a folder whose modification time
/// has not changed holds what it held (rename, link and unlink set it, POSIX).
public final class Census {
  struct Entry {
    var folderModified: ModificationTime
    var count = TierCount()
    /// Of the files whose age is known.
    var oldest: ModificationTime?
    var implausible = 0
    /// Of segments, the one that was modified last.
    var newestSegment: DeletedSegments.Segment?
    /// Not so where a file could not be looked at: the folder is read again the next time.
    var isWhole = true
  }
  /// Changes of a folder within the same tick of the kernel's clock have one modification time.
  private static let tickSeconds: Int64 = 1

  private var entries: [Int: Entry] = [:]
  public private(set) var hot = PerKind { _ in TierCount() }
  /// Of the files in the hot place.
  private(set) var newestHot = PerKind<ModificationTime?> { _ in nil }

  public init() {}

  public func cold(_ kind: Kind) -> TierCount {
    hoursOfDay.reduce(TierCount()) { $0 + (entries[FolderTable.index(kind, $1)]?.count ?? TierCount()) }
  }

  func entry(_ kind: Kind, _ hour: Int) -> Entry? { entries[FolderTable.index(kind, hour)] }

  /// The cold segment that was modified last.
  var newestSegment: DeletedSegments.Segment? {
    hoursOfDay.compactMap { entry(.segments, $0)?.newestSegment }.max { $0.modified < $1.modified }
  }

  func implausible(_ kind: Kind) -> Int {
    hoursOfDay.reduce(0) { $0 + (entries[FolderTable.index(kind, $1)]?.implausible ?? 0) }
  }

  /// Looks again at what has changed. `nowSeconds`: since the epoch; files from the future are implausible. Throws where a
  /// folder cannot be listed.
  func refresh(
    _ folders: borrowing CaptureFolders, in capture: borrowing Directory, nowSeconds: Int64
  ) throws(KernelError) {
    for kind in Kind.allCases {
      for hour in hoursOfDay {
        let index = FolderTable.index(kind, hour)
        var isThere = false
        try folders.withHour(hour, of: kind) { directory throws(KernelError) in
          isThere = true
          try refresh(directory, kind, index, nowSeconds)
        }
        if !isThere { entries[index] = nil }
      }
      var count = TierCount()
      var newest: ModificationTime?
      try folders.withPlace(kind.hotPlace, in: capture) { directory throws(KernelError) in
        try Self.forEachFile(of: kind, in: directory) { _, status in
          count = count + TierCount(files: 1, bytes: status.size)
          newest = max(newest ?? status.modified, status.modified)
        }
      }
      hot[kind] = count
      newestHot[kind] = newest
    }
  }

  private func refresh(
    _ directory: borrowing Directory, _ kind: Kind, _ index: Int, _ nowSeconds: Int64
  ) throws(KernelError) {
    let modified = try directory.status().modified
    if let entry = entries[index], entry.isWhole, entry.folderModified == modified,
      modified.age(atSeconds: nowSeconds) > Self.tickSeconds
    {
      return
    }
    var entry = Entry(folderModified: modified)
    let anyAge = RetentionRule(ageSeconds: PerKind { _ in 0 })
    entry.isWhole = try Self.forEachFile(of: kind, in: directory) { listed, status in
      if kind == .segments, entry.newestSegment.map({ $0.modified < status.modified }) ?? true {
        entry.newestSegment = .init(listed.name, status.modified) ?? entry.newestSegment
      }
      entry.count = entry.count + TierCount(files: 1, bytes: status.size)
      if anyAge.verdict(of: kind, status.modified, nowSeconds: nowSeconds) == .implausible {
        entry.implausible += 1
      } else {
        entry.oldest = min(entry.oldest ?? status.modified, status.modified)
      }
    }
    entries[index] = entry
  }

  /// Every regular file of a kind in a folder, with its whole status. False where one could not be looked at, which
  /// `unreadable` is told, or a signal came first.
  @discardableResult
  static func forEachFile(
    of kind: Kind, in directory: borrowing Directory,
    _ body: (borrowing DirectoryEntry, FileStatus) -> Void,
    unreadable: (borrowing DirectoryEntry, Errno) -> Void = { _, _ in }
  ) throws(KernelError) -> Bool {
    var isWhole = true
    var stream = try DirectoryStream(of: directory)
    while StopSignal.pending == nil, try stream.fill() {
      stream.warmIfCold()
      try stream.visit { entry in
        guard FileName.kind(of: entry.name) == kind, entry.type.countsAsFile else { return }
        do throws(Errno) {
          let status = try directory.status(ofEntry: entry.name)
          if status.type == .regular { body(entry, status) }
        } catch {
          guard error != .noSuchFileOrDirectory else { return }
          isWhole = false
          unreadable(entry, error)
        }
      }
    }
    return isWhole && StopSignal.pending == nil
  }
}
