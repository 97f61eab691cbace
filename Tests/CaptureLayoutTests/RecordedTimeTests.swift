import TestKit
import Testing

@testable import CaptureLayout

/// Gaps in a recording, from the playlists of its hours.
@Suite struct RecordedTimeTests {
  typealias Segment = (number: Int64, microseconds: Int64)

  static let start: Int64 = 1_700_000_000
  static let day = Day(localSeconds: start)

  /// Of one playlist; times are microseconds after `start`.
  static func recorded(_ files: [Segment]) -> RecordedTime {
    var segments = ArchivedSegments()
    for file in files {
      let second = file.microseconds / 1_000_000
      segments.append(
        Array("segment_\(file.number).ts".utf8).span, number: file.number,
        ModificationTime(
          seconds: start + second, nanoseconds: UInt32(file.microseconds - second * 1_000_000) * 1000))
    }
    return ArchivePlaylist(of: segments, day: day, live: LiveDurations(), isOver: true).recordedTime
  }

  /// Of a playlist for each hour, in whatever order they come.
  static func gaps(
    _ files: [Segment], since: Int64 = 0, until: Int64 = 1_000_000, _ random: inout SeededRandom
  ) -> RecordingGaps {
    var all = RecordedTime()
    let hours = Dictionary(grouping: files) { (start * 1_000_000 + $0.microseconds) / 3_600_000_000 }
    for hour in hours.keys.shuffled(using: &random) { all.add(recorded(hours[hour] ?? [])) }
    return all.gaps(since: start + since, nowSeconds: start + until)
  }

  static func run(_ numbers: ClosedRange<Int64>, from: Int64, every step: Int64 = 1_000_000) -> [Segment] {
    numbers.map { ($0, from + ($0 - numbers.lowerBound) * step) }
  }

  /// Hours of recording with gaps of known length, within an hour and across hours, and with restarts that lose no time.
  @Test(arguments: SeededRandom.seeds(40, campaign: 400)) func eachGapIsCountedOnce(seed: UInt64) {
    var random = SeededRandom(seed)
    let tenths = [5, 10, 20, 40, 60, 100].randomElement(using: &random)!
    let step = Int64(tenths) * 100_000
    let gapsMade = Int.random(in: 0...12, using: &random)
    var files: [Segment] = []
    var now: Int64 = 0
    var number: Int64 = 0
    var missing: Int64 = 0
    for part in 0...gapsMade {
      for _ in 0..<Int.random(in: 5...400, using: &random) {
        let jitter = step / 10
        now += step + Int64.random(in: -jitter...jitter, using: &random)
        number += 1
        if Int.random(in: 0..<100, using: &random) == 0 {
          number = Int64.random(in: 0..<10_000, using: &random)
        }
        files.append((number, now))
      }
      guard part < gapsMade else { break }
      let length = Int64.random(in: 2 * step + 3_000_000...7200_000_000, using: &random)
      now += length
      missing += length
      if Bool.random(using: &random) { number = 0 }
    }
    let gaps = Self.gaps(files, &random)
    #expect(gaps.count == gapsMade, "HOTCOLD_SEED=\(seed)")
    // Of the segment behind a gap it is known only how long the others are.
    let doubt = Int64(gapsMade) * max(1_000_000, step / 2)
    #expect(abs(gaps.microseconds - missing) <= doubt, "HOTCOLD_SEED=\(seed)")
  }

  @Test func numbersThatBeginAnewAreNoGap() {
    var random = SeededRandom(1)
    let files = Self.run(100...200, from: 0) + Self.run(0...50, from: 101_000_000)
    #expect(Self.gaps(files, &random) == RecordingGaps())
  }

  @Test func aGapIsAsLongAsWhatIsMissing() {
    var random = SeededRandom(1)
    let gaps = Self.gaps(Self.run(1...10, from: 0) + Self.run(11...20, from: 40_000_000), &random)
    #expect(gaps.count == 1 && gaps.microseconds == 30_000_000)
  }

  /// Files stay in a folder that another time zone would not have given them.
  @Test func whatAnotherPlaylistCoversIsNoGap() {
    var all = Self.recorded(Self.run(1...600, from: 0) + Self.run(1201...1800, from: 1200_000_000))
    #expect(all.gaps(since: Self.start, nowSeconds: Self.start + 9000).count == 1)
    all.add(Self.recorded(Self.run(601...1200, from: 600_000_000)))
    #expect(all.gaps(since: Self.start, nowSeconds: Self.start + 9000) == RecordingGaps())
  }

  @Test func onlyGapsThatEndedInTheTimeThatIsAskedForCount() {
    var random = SeededRandom(1)
    let files =
      Self.run(1...10, from: 0) + Self.run(11...20, from: 4000_000_000)
      + Self.run(21...30, from: 90_000_000_000)
    #expect(Self.gaps(files, &random).count == 2)
    #expect(Self.gaps(files, since: 4001, &random).count == 1)
    #expect(Self.gaps(files, since: 90_001, &random).count == 0)
    #expect(Self.gaps(files, until: 5000, &random).count == 1, "from the future")
  }

  /// An hour that begins with one segment, of which nothing is known but the step from the hour before.
  @Test func aSingleSegmentOfTheNextHourIsNoGap() {
    var all = Self.recorded(Self.run(1...100, from: 0, every: 6_000_000))
    all.add(Self.recorded([(101, 600_000_000)]))
    #expect(all.gaps(since: Self.start, nowSeconds: Self.start + 9000) == RecordingGaps())
  }

  @Test func timesOfAnySizeAreNoTrap() {
    var segments = ArchivedSegments()
    for (number, seconds) in [Int64.min, -1, 0, Self.start, Self.start + 100, .max - 1, .max].enumerated() {
      segments.append(
        Array("segment_\(number).ts".utf8).span, number: Int64(number),
        ModificationTime(seconds: seconds, nanoseconds: 999_999_999))
    }
    let playlist = ArchivePlaylist(of: segments, day: Self.day, live: LiveDurations(), isOver: true)
    let gaps = playlist.recordedTime.gaps(since: .min, nowSeconds: Self.start + 1000)
    #expect(gaps.count == 1 && gaps.microseconds == 99_000_000)
    for now in [Int64.min, 0, .max] { _ = playlist.recordedTime.gaps(since: .min, nowSeconds: now) }
  }
}
