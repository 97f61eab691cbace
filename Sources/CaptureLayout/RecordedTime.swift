/// Which time a recording covers, and where it has gaps.
///
///     segments    ▇▇▇▇▇▇▇▇▇      ▇▇▇▇▇▇▇▇▇▇|▇▇▇▇▇▇▇▇      ▇▇▇▇▇
///     stretches   [───────]      [────────][──────]      [───]      of all playlists: an hour ends within a recording
///     gaps                └─ gap ┘                └─ gap ┘
///
/// Only missing time is a gap. Where the numbers begin anew, or the stream's own time does, a stretch ends; that is a
/// discontinuity of a playlist and no gap, unless more time went by than a segment can last.
public struct RecordedTime: Sendable {
  /// Segments that follow each other.
  private struct Stretch {
    /// When the first segment ended, and the last.
    let firstEnd: ModificationTime
    private(set) var end: ModificationTime
    private(set) var count: Int64
    /// How long its segments are: what the steps between them say; of one alone, what its playlist says, which may be a guess.
    var typical: Int64

    init(_ end: ModificationTime, _ microseconds: Int64) {
      (firstEnd, self.end, count, typical) = (end, end, 1, microseconds)
    }

    mutating func add(segmentEndingAt end: ModificationTime) {
      self.end = end
      count += 1
      typical = end.microseconds(since: firstEnd) / (count - 1)
    }
  }

  private var stretches: [Stretch] = []

  public init() {}

  /// Adds the next segment of a playlist. `goesOn`: from the one before, without a discontinuity.
  mutating func add(segmentEndingAt end: ModificationTime, microseconds: Int64, goesOn: Bool) {
    guard goesOn, let last = stretches.indices.last,
      end.microseconds(since: stretches[last].end) <= SegmentDurations.plausible.upperBound
    else {
      stretches.append(Stretch(end, microseconds))
      return
    }
    stretches[last].add(segmentEndingAt: end)
  }

  /// Adds what another playlist of the same recording covers.
  public mutating func add(_ other: RecordedTime) { stretches += other.stretches }

  /// The gaps that ended since a moment, in seconds since the epoch. Times from the future or the epoch say nothing.
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
    var last: Stretch?
    for stretch in Self.withoutGuesses([before].compactMap { $0 } + recent) {
      if let last { gaps.add(Self.missing(between: last, and: stretch)) }
      // Another playlist may hold what a stretch of this one lies within.
      if last.map({ $0.end < stretch.end }) ?? true { last = stretch }
    }
    return gaps
  }

  /// A segment alone is taken to be no shorter than those before it: of a recorder that starts again and again, each one is alone.
  private static func withoutGuesses(_ stretches: [Stretch]) -> [Stretch] {
    var known = stretches.first { $0.count > 1 }?.typical ?? 0
    return stretches.map { stretch in
      var stretch = stretch
      if stretch.count > 1 { known = stretch.typical } else { stretch.typical = max(stretch.typical, known) }
      return stretch
    }
  }

  /// Microseconds; 0 where the step from the one to the other is one that a segment can last.
  private static func missing(between last: Stretch, and next: Stretch) -> Int64 {
    let step = next.firstEnd.microseconds(since: last.end)
    let typical = SegmentDurations.plausibleOrFallback(max(last.typical, next.typical))
    return step > SegmentDurations.longestStep(typical) ? step - typical : 0
  }
}

/// Gaps in a recording.
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
