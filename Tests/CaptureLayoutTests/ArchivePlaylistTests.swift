import TestKit
import Testing

@testable import CaptureLayout

/// The playlist of an hour folder, from names and times alone.
@Suite struct ArchivePlaylistTests {
  /// Seconds after 14 November 2023, 22:00 UTC.
  static let start: Int64 = 1_699_999_200
  static let day = Day(localSeconds: start)

  static func lines(
    _ files: [(name: String, seconds: Double)], live: String = "", isOver: Bool = true
  ) -> [String] {
    var segments = ArchivedSegments()
    for file in files {
      let whole = file.seconds.rounded(.down)
      segments.append(
        Array(file.name.utf8).span,
        ModificationTime(
          seconds: start + Int64(whole), nanoseconds: UInt32(((file.seconds - whole) * 1e9).rounded())))
    }
    var durations = LiveDurations()
    var parser = PlaylistParser()
    parser.parse(Array(live.utf8).span) { durations.add($0, $1) }
    parser.finish { durations.add($0, $1) }
    durations.finish()
    let contents = contents(ArchivePlaylist(of: segments, day: day, live: durations, isOver: isOver))
    return String(decoding: contents, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  static func contents(_ playlist: consuming ArchivePlaylist) -> [UInt8] {
    var bytes: [UInt8] = []
    playlist.write { chunk in for index in chunk.indices { bytes.append(chunk[index]) } }
    let isEqual = playlist.isEqual(to: bytes) && !playlist.isEqual(to: bytes + [0x0a])
    #expect(isEqual)
    return bytes
  }

  static func segments(_ numbers: ClosedRange<Int>, from: Double, every step: Double) -> [(String, Double)] {
    numbers.map { ("segment_\($0).ts", from + Double($0 - numbers.lowerBound) * step) }
  }

  static func durations(_ lines: [String]) -> [String] {
    lines.filter { $0.hasPrefix("#EXTINF:") }.map { String($0.dropFirst("#EXTINF:".count).dropLast()) }
  }

  @Test func anHourThatIsOverIsVODAndEnds() {
    let lines = Self.lines(Self.segments(1...3, from: 1, every: 1))
    #expect(
      lines == [
        "#EXTM3U", "# hotcold", "# day 2023-11-14", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:00:00.000Z",
        "#EXTINF:1.000000,", "segment_1.ts", "#EXTINF:1.000000,", "segment_2.ts", "#EXTINF:1.000000,",
        "segment_3.ts", "#EXT-X-ENDLIST",
      ])
  }

  @Test func anHourThatIsStillFillingIsAnEventWithRoomForLongerSegments() {
    let lines = Self.lines(Self.segments(1...3, from: 1, every: 1), isOver: false)
    #expect(lines.contains("#EXT-X-PLAYLIST-TYPE:EVENT") && !lines.contains("#EXT-X-ENDLIST"))
    #expect(lines.contains("#EXT-X-START:TIME-OFFSET=0") && lines.contains("#EXT-X-TARGETDURATION:3"))
  }

  @Test func theOrderIsThatOfTimeThenOfNumber() {
    let lines = Self.lines([
      ("segment_10.ts", 5), ("segment_9.ts", 5), ("segment_1.ts", 9), ("segment_8.ts", 4),
    ])
    #expect(
      lines.filter { !$0.hasPrefix("#") } == [
        "segment_8.ts", "segment_9.ts", "segment_10.ts", "segment_1.ts",
      ])
  }

  @Test func aStepLastsAsLongAsTheSegmentThatItEnds() {
    let lines = Self.lines([
      ("segment_1.ts", 10), ("segment_2.ts", 12), ("segment_3.ts", 13.5), ("segment_4.ts", 15.5),
    ])
    // Of the first one it is not known; the next one says most.
    #expect(Self.durations(lines) == ["2.000000", "2.000000", "1.500000", "2.000000"])
    #expect(lines.contains("#EXT-X-TARGETDURATION:2"))
  }

  @Test func whatTheLivePlaylistSaysGoesFirstAndItsMedianFillsGaps() {
    let live =
      "#EXTM3U\n#EXTINF:1.25,\nsegment_2.ts\n#EXTINF:1.5,\nsegment_90.ts\n#EXTINF:1.5,\nsegment_91.ts\n"
    let lines = Self.lines([("segment_2.ts", 10), ("segment_50.ts", 20)], live: live)
    #expect(Self.durations(lines) == ["1.250000", "1.500000"])
  }

  @Test func aRestartAGapAndTheNextDayAreDiscontinuities() {
    let files =
      Self.segments(100...105, from: 0, every: 1) + Self.segments(106...110, from: 60, every: 1)
      + Self.segments(1...5, from: 100, every: 1) + Self.segments(6...9, from: 86_400, every: 1)
    let lines = Self.lines(files)
    #expect(lines.count { $0 == "#EXT-X-DISCONTINUITY" } == 3)
    #expect(
      lines.filter { $0.hasPrefix("#EXT-X-PROGRAM-DATE-TIME:") } == [
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T21:59:59.000Z",
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:00:59.000Z",
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:01:39.000Z",
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-15T21:59:59.000Z",
      ])
    #expect(Self.durations(lines).allSatisfy { $0 == "1.000000" })
  }

  /// A recorder that was started again so soon that times and numbers go on.
  @Test func whereTheLivePlaylistHasADiscontinuityTheArchiveHasOne() {
    let live = "#EXTM3U\n#EXTINF:1,\nsegment_3.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:1,\nsegment_4.ts\n"
    let lines = Self.lines(Self.segments(1...6, from: 0, every: 1), live: live)
    #expect(lines.count { $0 == "#EXT-X-DISCONTINUITY" } == 1)
    let seam = lines.firstIndex(of: "#EXT-X-DISCONTINUITY")
    #expect(seam.map { lines[$0...].first { !$0.hasPrefix("#") } } == "segment_4.ts")
  }

  @Test func fourSecondSegmentsAmongOneSecondOnesAreNoGaps() {
    let files = Self.segments(1...20, from: 0, every: 1) + Self.segments(1...6, from: 100, every: 4)
    let lines = Self.lines(files, live: "#EXTM3U\n#EXTINF:1.0,\nsegment_77.ts\n")
    #expect(lines.count { $0 == "#EXT-X-DISCONTINUITY" } == 1)
    #expect(Self.durations(lines).suffix(6).allSatisfy { $0 == "4.000000" })
    #expect(lines.contains("#EXT-X-TARGETDURATION:4"))
  }

  @Test func timesThatACopyHasLostSayNothing() {
    let lines = Self.lines(Self.segments(1...4, from: 7, every: 0))
    #expect(Self.durations(lines) == Array(repeating: "1.000000", count: 4))
    #expect(!lines.contains("#EXT-X-DISCONTINUITY"))
  }

  /// More than one piece of the text.
  @Test func tensOfThousandsOfSegmentsAreAllListed() {
    let lines = Self.lines(Self.segments(1...20_000, from: 0, every: 2))
    #expect(lines.count { $0.hasPrefix("segment_") } == 20_000 && lines.last == "#EXT-X-ENDLIST")
    #expect(lines.count { $0 == "#EXTINF:2.000000," } == 20_000)
  }

  @Test func theTargetIsNeverSmallerThanADuration() {
    let lines = Self.lines(Self.segments(1...4, from: 7, every: 2.1))
    #expect(lines.contains("#EXT-X-TARGETDURATION:3"))
  }

  @Test func namesWithoutNumbersGoByTheirTimes() {
    let lines = Self.lines([
      ("segment_a.ts", 1), ("segment_b.ts", 2), ("segment_c.ts", 3), ("segment_d.ts", 90),
    ])
    #expect(lines.count { $0 == "#EXT-X-DISCONTINUITY" } == 1)
  }

  @Test func aNameThatIsNoURIIsEncoded() {
    let lines = Self.lines([("segment_1\n#EXT-X-ENDLIST.ts", 1), ("segment_2 %?.ts", 2)])
    #expect(
      lines.filter { !$0.hasPrefix("#") } == ["segment_1%0A%23EXT-X-ENDLIST.ts", "segment_2%20%25%3F.ts"])
  }

  @Test func mtimesFarOutDoNotTrap() {
    var segments = ArchivedSegments()
    for seconds in [Int64.min, -1, 0, 15_032_385_535, .max] {
      segments.append(
        Array("segment_1.ts".utf8).span, ModificationTime(seconds: seconds, nanoseconds: 999_999_999))
    }
    #expect(
      !Self.contents(ArchivePlaylist(of: segments, day: Self.day, live: LiveDurations(), isOver: true))
        .isEmpty)
  }

  @Test func aStepThatNoSegmentCanLastIsAGapHoweverFewSegmentsThereAre() {
    // Decades apart and a minute and a bit apart, in both orders of their numbers; after two steps that are alike.
    for apart in [61.0, 86_400, 1e9, 1_699_999_200] {
      for numbers in [[1, 2], [2, 1]] {
        let lines = Self.lines([("segment_\(numbers[0]).ts", 0), ("segment_\(numbers[1]).ts", apart)])
        #expect(Self.durations(lines) == ["1.000000", "1.000000"], "\(apart) s")
        #expect(lines.count { $0 == "#EXT-X-DISCONTINUITY" } == 1, "\(apart) s")
        #expect(lines.contains("#EXT-X-TARGETDURATION:1"), "\(apart) s")
        #expect(lines.contains("#EXT-X-PROGRAM-DATE-TIME:2023-11-14T21:59:59.000Z"), "\(apart) s")
      }
    }
    let lines = Self.lines([("segment_1.ts", 0), ("segment_2.ts", 90), ("segment_3.ts", 180)])
    #expect(Self.durations(lines) == Array(repeating: "1.000000", count: 3))
    // What the live playlist lists is no longer either.
    let live = "#EXTM3U\n#EXTINF:86400,\nsegment_1.ts\n#EXTINF:2,\nsegment_9.ts\n"
    #expect(Self.durations(Self.lines([("segment_1.ts", 0)], live: live)) == ["2.000000"])
  }

  @Test func segmentsThatBecomeLongerInTheMiddleOfARunAreNoGaps() {
    let lines = Self.lines(
      Self.segments(1...30, from: 0, every: 1) + Self.segments(31...50, from: 33, every: 4))
    #expect(!lines.contains("#EXT-X-DISCONTINUITY"))
    #expect(Self.durations(lines).count { $0 == "4.000000" } == 20)
    // Two that are unlike all others are gaps.
    let files = Self.segments(1...30, from: 0, every: 1) + [("segment_31.ts", 59.0), ("segment_32.ts", 89.0)]
    let gaps = Self.lines(files + Self.segments(33...60, from: 90, every: 1))
    #expect(gaps.count { $0 == "#EXT-X-DISCONTINUITY" } == 2)
    #expect(Self.durations(gaps).allSatisfy { $0 == "1.000000" })
  }

  /// Times of any kind, from ticks to the ends of 64 bits, in short and long runs.
  @Test(arguments: SeededRandom.seeds(80, campaign: 300)) func everyDurationIsPlausible(seed: UInt64) throws {
    var random = SeededRandom(seed)
    var segments = ArchivedSegments()
    var time = Int64(1_700_000_000)
    let typical = Int64([0, 1, 400, 1000, 4000, 10_000].randomElement(using: &random)!)
    var number = 0
    for _ in 0..<Int.random(in: 1...60, using: &random) {
      number += Int.random(in: 0..<8, using: &random) == 0 ? Int.random(in: -50...50, using: &random) : 1
      var milliseconds = typical
      switch Int.random(in: 0..<12, using: &random) {
      case 0: milliseconds = Int64.random(in: 0...120_000, using: &random)
      case 1: time = time.addingSaturating(Int64.random(in: -2_000_000_000...2_000_000_000, using: &random))
      case 2: time = [.min, .max, 0, -1, 15_032_385_535].randomElement(using: &random)!
      default: milliseconds += Int64.random(in: 0...typical / 4, using: &random)
      }
      time = time.addingSaturating(milliseconds / 1000)
      let nanoseconds = UInt32(milliseconds % 1000) * 1_000_000
      segments.append(
        Array("segment_\(abs(number)).ts".utf8).span,
        ModificationTime(seconds: time, nanoseconds: nanoseconds))
    }
    let text = Self.contents(
      ArchivePlaylist(of: segments, day: Self.day, live: LiveDurations(), isOver: true))
    let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    let durations = try Self.durations(lines).map { try #require(Double($0)) }
    // RFC 8216 section 4.3.3.1: no EXTINF, rounded, exceeds the target.
    let target = lines.compactMap { $0.hasPrefix("#EXT-X-TARGETDURATION:") ? Int($0.dropFirst(22)) : nil }
    #expect(target == [Int(try #require(durations.max()).rounded(.up))], "HOTCOLD_SEED=\(seed)")
    #expect(durations.allSatisfy { $0 > 0 && $0 <= 60 }, "HOTCOLD_SEED=\(seed)")
    #expect(lines.count { !$0.hasPrefix("#") } == durations.count, "HOTCOLD_SEED=\(seed)")
  }

  @Test func onlyOwnPlaylistsAndThoseOfTheOldArchiverMayBeReplaced() {
    func mayReplace(_ text: String) -> Bool { ArchivePlaylist.mayReplace(Array(text.utf8)) }
    let old = """
      #EXTM3U
      #EXT-X-VERSION:3
      #EXT-X-TARGETDURATION:4
      #EXT-X-MEDIA-SEQUENCE:17
      #EXTINF:1.000000,
      segment_000000017.ts
      #EXTINF:1.000000,
      segment_000000018.ts
      #EXT-X-ENDLIST

      """
    #expect(mayReplace(old))
    // Killed while it wrote, wherever that was.
    for length in old.utf8.count / 2..<old.utf8.count { #expect(mayReplace(String(old.prefix(length)))) }
    #expect(mayReplace(Self.lines(Self.segments(1...2, from: 0, every: 1)).joined(separator: "\n")))
    #expect(!mayReplace("#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXTINF:6.0,\nsegment_1.ts\n"))
    #expect(!mayReplace(old.replacing("#EXT-X-ENDLIST", with: "#EXT-X-INDEPENDENT-SEGMENTS")))
    #expect(!mayReplace(old.replacing("1.000000", with: "4.004000")))
    #expect(!mayReplace("something else"))
  }
}

@Suite struct FileNumberTests {
  @Test func theNumberStandsRightAfterThePrefix() {
    func number(_ name: String) -> Int64? { FileName.number(of: Array(name.utf8).span) }
    #expect(number("segment_000000012.ts") == 12)
    #expect(number("capture_7.jpg") == 7)
    #expect(number("capture_000000007_thumbnail.jpg") == 7)
    #expect(number("capture_7.json") == 7)
    #expect(number("segment_.ts") == nil)
    #expect(number("segment_a1.ts") == nil)
    #expect(number("segment_1a.ts") == nil)
    #expect(number("segment_999999999999999999.ts") == 999_999_999_999_999_999)
    #expect(number("segment_9999999999999999999.ts") == nil)
  }
}

@Suite struct RetentionRuleTests {
  @Test func byTheFilesOwnTimeAlone() {
    let rule = RetentionRule(ageSeconds: PerKind { $0 == .captures ? 3600 : nil })
    let now: Int64 = 1_800_000_000
    func verdict(_ kind: Kind, _ seconds: Int64) -> RetentionRule.Verdict {
      rule.verdict(of: kind, ModificationTime(seconds: seconds, nanoseconds: 0), nowSeconds: now)
    }
    #expect(verdict(.captures, now - 3601) == .expired)
    #expect(verdict(.captures, now - 3600) == .kept)
    #expect(verdict(.captures, now + 1) == .implausible)
    #expect(verdict(.captures, 0) == .implausible)
    #expect(verdict(.captures, -5) == .implausible)
    #expect(verdict(.segments, now - 999_999) == .kept)
  }
}
