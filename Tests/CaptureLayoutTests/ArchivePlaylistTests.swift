import TestKit
import Testing

@testable import CaptureLayout

/// The playlist of an hour folder, from names and times alone.
@Suite struct ArchivePlaylistTests {
  /// Seconds after 14 November 2023, 22:00 UTC.
  static let start: Int64 = 1_699_999_200

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
    let durations = LiveDurations([MediaPlaylist(parsing: Array(live.utf8))])
    let contents = contents(ArchivePlaylist(of: segments, live: durations, isOver: isOver))
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
        "#EXTM3U", "# hotcold", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:1", "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:00:00.000Z",
        "#EXTINF:1.000000,", "segment_1.ts", "#EXTINF:1.000000,", "segment_2.ts", "#EXTINF:1.000000,",
        "segment_3.ts", "#EXT-X-ENDLIST",
      ])
  }

  @Test func anHourThatIsStillFillingIsNeither() {
    let lines = Self.lines(Self.segments(1...3, from: 1, every: 1), isOver: false)
    #expect(!lines.contains("#EXT-X-PLAYLIST-TYPE:VOD") && !lines.contains("#EXT-X-ENDLIST"))
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
    #expect(!Self.contents(ArchivePlaylist(of: segments, live: LiveDurations(), isOver: true)).isEmpty)
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
