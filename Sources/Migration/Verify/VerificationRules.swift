internal import CaptureLayout
internal import KernelIO

/// What all criteria go by, and how they look at files.
///
/// A recorder and the service may be at work meanwhile. What they have not come to yet is counted apart, as not yet
/// settled: files younger than a minimum age.
struct VerificationRules {
  let layout: Layout
  let hotLimits: PerKind<Int>
  let hours: HourClock
  let now = ModificationTime(seconds: SystemClock.realtimeNanoseconds / 1_000_000_000, nanoseconds: 0)
  private let minAgeSeconds: Int64
  private let companion = LazyCompanion()
  /// Told after each window how many entries it had.
  private let visited: (Int) -> Void
  /// Files that were modified later are not yet settled.
  let settledUntil: ModificationTime
  /// Nor are segments of these times: what the list of an encoder at work dropped within the last minimum age.
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

  /// `oldest`: of the segments that the list of an encoder at work has now.
  mutating func noteListed(oldest: ModificationTime) {
    lastDropped = oldest.earlier(bySeconds: minAgeSeconds)..<oldest
  }

  func isYoung(_ kind: Kind, _ modified: ModificationTime) -> Bool {
    modified > settledUntil || (layout.isSegment(kind) && lastDropped?.contains(modified) ?? false)
  }

  /// A file that cannot be looked at is not passed over: nothing is proven then. `others`: what is no file of those kinds.
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
