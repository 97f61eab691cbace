internal import CaptureLayout
internal import KernelIO

/// What a bucket holds that matters to its playlists.
struct HourContents: ~Copyable {
  private(set) var segments: [Day: ArchivedSegments] = [:]
  private(set) var names = PlaylistNames()
  /// More segments than an hour of segments of one second has. Such hours are held one at a time.
  private static let largeCount = 4000
  private var turn: Turn.Taken?
  /// Of a segment: one that cannot be looked at has no moment to be played at; the others are listed without it.
  private(set) var unreadable: KernelError?

  /// The segments of a day, which are its caller's from then on: tens of thousands are held once.
  mutating func take(_ day: Day) -> ArchivedSegments? { segments.removeValue(forKey: day) }

  /// `large`: of all that are read at the same time. `leaves`: whether a segment is to be left out.
  init(
    of directory: borrowing Directory, _ bucket: Bucket, _ layout: Layout, _ hours: inout HourClock,
    large: Turn, leaves: (Span<UInt8>, ModificationTime) -> Bool
  ) throws(KernelError) {
    var count = 0
    // Of a bucket with a date everything is of that day.
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
