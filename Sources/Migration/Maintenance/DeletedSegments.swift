internal import CaptureLayout

/// Finds segments that another program deletes before they are archived, as ffmpeg does with `-hls_flags delete_segments`:
/// their numbers are missing between the newest cold segment and the oldest hot one.
struct DeletedSegments {
  struct Segment {
    let number: Int64
    let modified: ModificationTime

    init?(_ number: Int64?, _ modified: ModificationTime) {
      guard let number else { return nil }
      self.number = number
      self.modified = modified
    }
  }

  /// The newest segment in the buckets.
  var newestCold: Segment?
  private var oldestHot: Segment?
  private(set) var newestHot: Segment?
  private var hotCount: Int64 = 0

  mutating func addHot(_ segment: Segment?) {
    guard let segment else { return }
    let modified = segment.modified
    if modified < oldestHot?.modified ?? modified || oldestHot == nil { oldestHot = segment }
    if modified > newestHot?.modified ?? modified || newestHot == nil { newestHot = segment }
    hotCount += 1
  }

  /// How many segments are missing; 0 if there may be another reason.
  ///
  /// - Parameter seen: the newest hot segment of the last round, which has existed, wherever it is now.
  func count(after seen: Segment?) -> Int64 {
    guard let hot = oldestHot, let newest = newestHot else { return 0 }
    if let cold = newestCold, cold.number < hot.number, isContinuous(cold, hot, newest) {
      return hot.number.subtractingSaturating(cold.number).subtractingSaturating(1)
    }
    guard let seen, seen.number < hot.number, seen.modified < hot.modified,
      newestCold.map({ $0.modified < seen.modified }) ?? true
    else { return 0 }
    return hot.number.subtractingSaturating(seen.number)
  }

  /// Whether the missing segments were recorded: numbers and times rise in the gap at about the rate that they have in the hot
  /// place. If the numbers began elsewhere, or the recorder paused, nothing is missing.
  private func isContinuous(_ cold: Segment, _ hot: Segment, _ newest: Segment) -> Bool {
    guard hotCount > 1, newest.number > hot.number else { return false }
    let microseconds = Double(newest.modified.microseconds(since: hot.modified))
    let typical = microseconds / Double(newest.number.subtractingSaturating(hot.number))
    let between = Double(hot.modified.microseconds(since: cold.modified))
    let numbers = Double(hot.number.subtractingSaturating(cold.number))
    return typical > 0 && (0.7...1.4).contains(between / (typical * numbers))
  }
}
