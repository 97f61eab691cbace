internal import CaptureLayout
internal import KernelIO

/// The contents of a bucket that matter to its playlists.
struct HourContents: ~Copyable {
  private(set) var segments: [Day: ArchivedSegments] = [:]
  private(set) var names = PlaylistNames()
  /// More segments than an hour of one-second segments has. Such buckets are held in memory one at a time.
  private static let largeCount = 4000
  private var turn: Turn.Taken?
  /// The error of a segment whose status could not be read: its time is not known, so the others are listed without it.
  private(set) var unreadable: KernelError?

  /// Hands the segments of a day over to the caller, so that tens of thousands are held only once.
  mutating func take(_ day: Day) -> ArchivedSegments? { segments.removeValue(forKey: day) }

  /// - Parameters:
  ///   - large: shared by all folders that are read at the same time; lets one large one through at a time.
  ///   - leaves: whether to leave out a segment.
  init(
    of directory: borrowing Directory, _ bucket: Bucket, _ layout: Layout, _ hours: inout HourClock,
    large: Turn, leaves: (Span<UInt8>, ModificationTime) -> Bool
  ) throws(KernelError) {
    var count = 0
    // Everything in a bucket with a date is of that day.
    let day = layout.buckets.day(of: bucket)
    try Walk(layout, look: .modification).run(
      directory, wants: layout.isSegment,
      visit: { (entry, found, status) throws(KernelError) in
        switch found {
        case .file(let kind):
          let modified = status.modified
          if leaves(entry.name, modified) { break }
          count += 1
          if count == Self.largeCount { turn = large.take() }
          segments[day ?? hours.day(of: modified), default: ArchivedSegments()].append(
            entry.name, number: layout.number(of: entry.name, kind), modified)
        case .unreadable(_, let errno): unreadable = directory.error(.stat, entry.name, errno)
        case .vanished: break
        case .other: names.add(entry)
        }
      })
  }
}
