internal import CaptureLayout
internal import KernelIO

/// What a bucket holds that matters to its playlists.
struct HourContents: ~Copyable {
  private(set) var segments: [Day: ArchivedSegments] = [:]
  private(set) var names = PlaylistNames()
  /// Of a segment: one that cannot be looked at has no moment to be played at; the others are listed without it.
  private(set) var unreadable: KernelError?

  /// `leaves`: whether a segment is to be left out.
  init(
    of directory: borrowing Directory, _ bucket: Bucket, _ layout: Layout, _ hours: inout HourClock,
    leaves: (Span<UInt8>, ModificationTime) -> Bool
  ) throws(KernelError) {
    // Of a bucket with a date everything is of that day.
    let day = layout.buckets.day(of: bucket)
    try Walk(layout, look: .modification).run(
      directory, wants: layout.isSegment,
      visit: { (entry, found, status) throws(KernelError) in
        switch found {
        case .file(let kind):
          let modified = status.modified
          if leaves(entry.name, modified) { break }
          segments[day ?? hours.day(of: modified), default: ArchivedSegments()].append(
            entry.name, number: layout.number(of: entry.name, kind), modified)
        case .unreadable(_, let errno): unreadable = directory.error(.stat, entry.name, errno)
        case .vanished: break
        case .other: names.add(entry)
        }
      })
  }
}
