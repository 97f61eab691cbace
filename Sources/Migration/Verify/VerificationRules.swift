internal import CaptureLayout
internal import KernelIO

/// The rules that all criteria share, and the way they read files.
///
/// A recorder and the service may be at work during the verification. Files that they may not have dealt with yet, those younger
/// than a minimum age, are counted apart as not yet settled.
struct VerificationRules {
  let layout: Layout
  let hotLimits: PerKind<Int>
  let hours: HourClock
  let now = ModificationTime(seconds: SystemClock.realtimeNanoseconds / 1_000_000_000, nanoseconds: 0)
  private let minAgeSeconds: Int64
  private let companion = LazyCompanion()
  /// Called after each window with the number of its entries.
  private let visited: (Int) -> Void
  /// Files modified later than this are not yet settled.
  let settledUntil: ModificationTime
  /// Nor are segments of these times: those that the live playlist dropped within the last minimum age.
  private var lastDropped: Range<ModificationTime>?

  init(
    _ layout: Layout, _ rule: SettleRule, _ hours: HourClock, minAgeSeconds: Int64,
    visited: @escaping (Int) -> Void
  ) {
    self.layout = layout
    hotLimits = rule.hotLimits
    self.hours = hours
    self.minAgeSeconds = minAgeSeconds
    self.visited = visited
    settledUntil = now.earlier(bySeconds: minAgeSeconds)
  }

  /// `oldest`: modification time of the oldest segment in the playlist of an encoder at work.
  mutating func noteListed(oldest: ModificationTime) {
    lastDropped = oldest.earlier(bySeconds: minAgeSeconds)..<oldest
  }

  func isYoung(_ kind: Kind, _ modified: ModificationTime) -> Bool {
    modified > settledUntil || (layout.isSegment(kind) && lastDropped?.contains(modified) ?? false)
  }

  /// Whether it is a file that a killed run had renamed aside: its recording is there, but nobody finds it. One that a run at work
  /// has renamed is gone again in a moment.
  func isLeftAside(
    _ entry: borrowing DirectoryEntry, in directory: borrowing Directory, of capture: borrowing Directory
  ) -> Bool {
    guard entry.type.countsAsFile, layout.isAside(entry.name) else {
      return false
    }
    return !FolderLock.isHeld(capture) && Name.isThere(entry.name, in: directory.descriptor)
  }

  /// Visits the files of wanted kinds. Throws if the status of one cannot be read, since nothing would be proven then.
  ///
  /// - Parameter others: called for entries that are no files of those kinds.
  func forEachFile(
    in directory: borrowing Directory, wants: (Kind) -> Bool,
    _ body: (borrowing DirectoryEntry, Kind, ModificationTime) -> Void,
    others: (borrowing DirectoryEntry) -> Void = { _ in }
  ) throws(KernelError) {
    var walk = Walk(layout, look: .modification)
    walk.warms = true
    walk.companion = companion
    var entries = 0
    try walk.run(
      directory, wants: wants,
      afterWindow: {
        visited(entries)
        entries = 0
      },
      visit: { (entry, found, status) throws(KernelError) in
        entries += 1
        switch found {
        case .file(let kind): body(entry, kind, status.modified)
        case .unreadable(_, let errno): throw directory.error(.stat, entry.name, errno)
        case .other: others(entry)
        case .vanished: break
        }
      })
  }
}

extension ModificationTime {
  func earlier(bySeconds seconds: Int64) -> ModificationTime {
    ModificationTime(seconds: self.seconds.subtractingSaturating(seconds), nanoseconds: nanoseconds)
  }
}
