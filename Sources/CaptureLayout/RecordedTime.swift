/// The time that a recording covers, and its gaps.
///
///     segments    ▇▇▇▇▇▇▇▇▇      ▇▇▇▇▇▇▇▇▇▇|▇▇▇▇▇▇▇▇      ▇▇▇▇▇
///     stretches   [───────]      [────────][──────]      [───]      of all playlists: recordings go on across hours
///     gaps                └─ gap ┘                └─ gap ┘
///
/// Only missing time is a gap. Where the numbering or the stream's own time restarts, a stretch ends; in a playlist that is
/// a discontinuity, but it is not a gap unless more time passed than a segment can last.
public struct RecordedTime: Sendable {
  /// Consecutive segments.
  private struct Stretch {
    /// When the first segment ended; `end` is when the last one did.
    let firstEnd: ModificationTime
    private(set) var end: ModificationTime
    private(set) var count: Int64
    /// The typical duration of its segments in microseconds, from the steps between them; for a single segment, from its
    /// playlist, which may be a guess.
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

  /// Adds the next segment of a playlist.
  ///
  /// - Parameter goesOn: whether it follows the previous one without a discontinuity.
  mutating func add(segmentEndingAt end: ModificationTime, microseconds: Int64, goesOn: Bool) {
    guard goesOn, let last = stretches.indices.last,
      end.microseconds(since: stretches[last].end) <= SegmentDurations.plausible.upperBound
    else {
      stretches.append(Stretch(end, microseconds))
      return
    }
    stretches[last].add(segmentEndingAt: end)
  }

  /// Adds the time that another playlist of the same recording covers.
  public mutating func add(_ other: RecordedTime) { stretches += other.stretches }

  /// The gaps that ended after a moment, in seconds since the epoch. Times in the future or near the epoch are ignored.
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
      // A stretch of one playlist may lie within a stretch of another.
      if last.map({ $0.end < stretch.end }) ?? true { last = stretch }
    }
    return gaps
  }

  /// A single segment is taken to be no shorter than those before it: if a recorder restarts again and again, every segment is
  /// single.
  private static func withoutGuesses(_ stretches: [Stretch]) -> [Stretch] {
    var known = stretches.first { $0.count > 1 }?.typical ?? 0
    return stretches.map { stretch in
      var stretch = stretch
      if stretch.count > 1 { known = stretch.typical } else { stretch.typical = max(stretch.typical, known) }
      return stretch
    }
  }

  /// The missing microseconds between two stretches; 0 if the step between them may be the duration of a segment.
  private static func missing(between last: Stretch, and next: Stretch) -> Int64 {
    let step = next.firstEnd.microseconds(since: last.end)
    let typical = SegmentDurations.plausibleOrFallback(max(last.typical, next.typical))
    return step > SegmentDurations.longestStep(typical) ? step - typical : 0
  }
}

/// Gaps in a recording.
public struct RecordingGaps: Equatable, Sendable {
  public private(set) var count = 0
  /// The missing time in all of them together.
  public private(set) var microseconds: Int64 = 0

  public init() {}

  fileprivate mutating func add(_ missing: Int64) {
    guard missing > 0 else { return }
    count += 1
    microseconds = microseconds.addingSaturating(missing)
  }
}
