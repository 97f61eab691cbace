/// Which time a recording covers, and where it has holes.
///
///     segments    ▇▇▇▇▇▇▇▇▇      ▇▇▇▇▇▇▇▇▇▇|▇▇▇▇▇▇▇▇      ▇▇▇▇▇
///     stretches   [───────]      [────────][──────]      [───]      of all playlists: an hour ends within a recording
///     holes               └ hole ┘                └ hole ┘
///
/// Only missing time is a hole. Where the numbers begin anew, or the stream's own time does, a stretch ends; that is a
/// discontinuity of a playlist and no hole, unless more time went by than a segment can last.
public struct RecordedTime: Sendable {
  /// Segments that follow each other.
  private struct Stretch {
    /// When the first segment ended, and the last.
    let firstEnd: ModificationTime
    var end: ModificationTime
    var count: Int64
    /// Of the first segment.
    let microseconds: Int64

    /// How long its segments are. A playlist knows little of the one that it begins with; the steps between them say more.
    var typical: Int64 {
      count > 1 ? end.microseconds(since: firstEnd) / (count - 1) : microseconds
    }
  }

  private var stretches: [Stretch] = []

  public init() {}

  /// Adds the next segment of a playlist. `goesOn`: from the one before, without a discontinuity.
  mutating func add(segmentEndingAt end: ModificationTime, microseconds: Int64, goesOn: Bool) {
    guard goesOn, let last = stretches.indices.last,
      end.microseconds(since: stretches[last].end) <= SegmentDurations.plausible.upperBound
    else {
      stretches.append(Stretch(firstEnd: end, end: end, count: 1, microseconds: microseconds))
      return
    }
    stretches[last].end = end
    stretches[last].count += 1
  }

  /// Adds what another playlist of the same recording covers.
  public mutating func add(_ other: RecordedTime) { stretches += other.stretches }

  /// The holes that ended since a moment, in seconds since the epoch. Times from the future or the epoch say nothing.
  public func gaps(since startSeconds: Int64, nowSeconds: Int64) -> RecordingGaps {
    var recent: [Stretch] = []
    var before: Stretch?
    for stretch in stretches
    where (RetentionRule.firstPlausibleSecond...max(RetentionRule.firstPlausibleSecond, nowSeconds)).contains(
      stretch.firstEnd.seconds)
    {
      if stretch.firstEnd.seconds >= startSeconds {
        recent.append(stretch)
      } else if before.map({ $0.end < stretch.end }) ?? true {
        before = stretch
      }
    }
    recent.sort { $0.firstEnd < $1.firstEnd }
    var gaps = RecordingGaps()
    var last = before
    for stretch in recent {
      if let last { gaps.add(Self.missing(between: last, and: stretch)) }
      // Another playlist may hold what a stretch of this one lies within.
      if last.map({ $0.end < stretch.end }) ?? true { last = stretch }
    }
    return gaps
  }

  /// Microseconds; 0 where the step from the one to the other is one that a segment can last.
  private static func missing(between last: Stretch, and next: Stretch) -> Int64 {
    let step = next.firstEnd.microseconds(since: last.end)
    let typical = SegmentDurations.plausibleOrFallback(max(last.typical, next.typical))
    return step > SegmentDurations.longestStep(typical) ? step - typical : 0
  }
}

/// Holes in a recording.
public struct RecordingGaps: Equatable, Sendable {
  public private(set) var count = 0
  /// What is missing in all of them.
  public private(set) var microseconds: Int64 = 0

  public init() {}

  fileprivate mutating func add(_ missing: Int64) {
    guard missing > 0 else { return }
    count += 1
    microseconds = microseconds.addingSaturating(missing)
  }
}
