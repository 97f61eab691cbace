import TestKit
import Testing

@testable import CaptureLayout

/// Copies of init segments: their names, what they hold, and which segments are played with which.
@Suite struct InitializationTests {
  private static let start = ArchivePlaylistTests.start

  private static func seconds(_ name: String, of original: String = "init.mp4") -> Int64? {
    InitializationCopy.seconds(in: Array(name.utf8).span, of: original)
  }

  private static func isTemporary(_ name: String, of original: String = "init.mp4") -> Bool {
    InitializationCopy.isTemporary(Array(name.utf8).span, of: original)
  }

  private static func isAside(_ name: String, of original: String = "init.mp4") -> Bool {
    InitializationCopy.isAside(Array(name.utf8).span, of: original)
  }

  private static func isWhole(_ contents: [UInt8]) -> Bool { InitializationSection.isWhole(contents.span) }

  private static func matches(_ glob: Glob, _ name: String) -> Bool { glob.matches(Array(name.utf8).span) }

  // MARK: names

  @Test(arguments: [
    ("init.mp4", "init.20231114T220000Z.mp4"), ("init", "init.20231114T220000Z"),
    (".init", ".init.20231114T220000Z"), ("a.b.mp4", "a.b.20231114T220000Z.mp4"),
  ])
  func aCopyIsNamedAfterItsMoment(original: String, copy: String) throws {
    #expect(InitializationCopy.name(of: original, seconds: Self.start) == copy)
    #expect(Self.seconds(copy, of: original) == Self.start)
    let temporary = TemporaryName.ofWritten(copy)
    #expect(Self.isTemporary(temporary, of: original) && Self.seconds(temporary, of: original) == nil)
    for name in [copy, original] {
      let aside = TemporaryName.ofAside(name)
      #expect(Self.isAside(aside, of: original))
      #expect(!Self.isTemporary(aside, of: original) && Self.seconds(aside, of: original) == nil)
    }
    #expect(Self.matches(try #require(InitializationCopy.pattern(of: original)), copy))
  }

  @Test(arguments: SeededRandom.seeds(20)) func everyMomentIsReadFromItsName(seed: UInt64) throws {
    var random = SeededRandom(seed)
    for _ in 0..<200 {
      let seconds = Int64.random(in: -62_135_596_800...253_402_300_799, using: &random)
      let name = try #require(InitializationCopy.name(of: "init.mp4", seconds: seconds))
      #expect(Self.seconds(name) == seconds)
    }
  }

  @Test(arguments: [
    "", "init.mp4", "init..mp4", "init.20231114T220000Z.mp5", "init.20231314T220000Z.mp4",
    "init.20230230T220000Z.mp4", "init.20231114T250000Z.mp4", "init.20231114t220000Z.mp4",
    "init.20231114T2200000.mp4", "init.20231114T220000Z.mp4.old", "xinit.20231114T220000Z.mp4",
    "init.2023111\u{b2}T22000Z.mp4",
  ])
  func otherNamesAreNone(name: String) {
    #expect(Self.seconds(name) == nil)
    #expect(!Self.isTemporary(".\(name).hotcold"))
    #expect(name == "init.mp4" || !Self.isAside(".\(name).aside.hotcold"))
  }

  @Test func aNameThatWouldBeTooLongIsNotGiven() {
    #expect(InitializationCopy.name(of: String(repeating: "i", count: 240), seconds: 0) == nil)
  }

  // MARK: contents

  static func box(_ type: String, _ payload: [UInt8]) -> [UInt8] {
    let size = UInt32(8 + payload.count)
    return (0..<4).map { UInt8(truncatingIfNeeded: size >> (24 - 8 * $0)) } + Array(type.utf8) + payload
  }

  @Test func onlyAWholeInitSegmentIsOne() {
    let whole = Self.box("ftyp", [1, 2, 3, 4]) + Self.box("moov", Self.box("mvhd", [5]))
    #expect(Self.isWhole(whole))
    #expect(Self.isWhole(whole + Self.box("free", [])))
    for count in whole.indices { #expect(!Self.isWhole(Array(whole[..<count]))) }
    for damaged in [
      whole + Self.box("mdat", [1]), whole + Self.box("moof", []) + Self.box("free", []),
      whole + [0], Self.box("moov", []), Self.box("ftyp", []), Self.box("moof", []) + whole,
      whole + [0, 0, 0, 0] + Array("free".utf8), whole + [0xff, 0xff, 0xff, 0xff] + Array("free".utf8),
    ] {
      #expect(!Self.isWhole(damaged))
    }
  }

  // MARK: playlists

  private static func maps(_ files: [(Double, String)]) -> SegmentMaps {
    SegmentMaps(
      files.map { seconds, uri in
        let whole = seconds.rounded(.down)
        return (
          ModificationTime(
            seconds: start + Int64(whole), nanoseconds: UInt32((seconds - whole) * 1e9)), uri
        )
      })
  }

  private static func playlist(
    _ numbers: Range<Int>, _ maps: SegmentMaps, after previous: String? = nil, isOver: Bool = true
  ) -> String {
    var segments = ArchivedSegments()
    for number in numbers {
      let name = Array("segment_\(number).m4s".utf8)
      segments.append(
        name.span, number: Int64(number),
        ModificationTime(seconds: start + Int64(number), nanoseconds: 0))
    }
    let published = previous.flatMap { PublishedPlaylist(parsing: Array($0.utf8)) }
    let playlist = ArchivePlaylist(
      of: segments, day: ArchivePlaylistTests.day, after: published, live: LiveDurations(), maps: maps,
      isOver: isOver)
    return String(decoding: ArchivePlaylistTests.contents(playlist), as: UTF8.self)
  }

  /// Without durations and times.
  private static func body(_ text: String) -> [String] {
    text.split(separator: "\n").map(String.init).filter {
      !$0.hasPrefix("#") || $0.hasPrefix("#EXT-X-MAP") || $0 == "#EXT-X-DISCONTINUITY"
    }
  }

  @Test func eachSegmentIsPlayedWithWhatItWasMadeWith() {
    let text = Self.playlist(1..<6, Self.maps([(3.5, "../b.mp4"), (0, "../a.mp4"), (5, "../c.mp4")]))
    #expect(
      Self.body(text) == [
        "#EXT-X-MAP:URI=\"../a.mp4\"", "segment_1.m4s", "segment_2.m4s", "segment_3.m4s",
        "#EXT-X-DISCONTINUITY", "#EXT-X-MAP:URI=\"../b.mp4\"", "segment_4.m4s",
        "#EXT-X-DISCONTINUITY", "#EXT-X-MAP:URI=\"../c.mp4\"", "segment_5.m4s",
      ])
    #expect(text.contains("#EXT-X-VERSION:6\n"))
    #expect(text.split(separator: "\n").count { $0.hasPrefix("#EXT-X-PROGRAM-DATE-TIME") } == 3)
  }

  @Test func segmentsBeforeTheOldestArePlayedWithThat() {
    let text = Self.playlist(1..<4, Self.maps([(90, "b.mp4"), (80, "a.mp4")]))
    #expect(
      Self.body(text) == ["#EXT-X-MAP:URI=\"a.mp4\"", "segment_1.m4s", "segment_2.m4s", "segment_3.m4s"])
  }

  @Test func withoutInitialisationFilesNothingIsSaidOfThem() {
    let text = Self.playlist(1..<3, .none)
    #expect(!text.contains("MAP") && text.contains("#EXT-X-VERSION:3\n"))
  }

  /// A playlist of the form before, which named one file for all, and whose lines say that nothing changes.
  @Test func aSeamThatWasPublishedWithoutOneGetsIt() {
    let before = Self.playlist(1..<6, Self.maps([(0, "../init.mp4")]), isOver: false)
    #expect(!before.contains("DISCONTINUITY"))
    let maps = Self.maps([(0, "../a.mp4"), (3, "../b.mp4")])
    let after = Self.playlist(1..<6, maps, after: before, isOver: false)
    #expect(
      Self.body(after) == [
        "#EXT-X-MAP:URI=\"../a.mp4\"", "segment_1.m4s", "segment_2.m4s", "#EXT-X-DISCONTINUITY",
        "#EXT-X-MAP:URI=\"../b.mp4\"", "segment_3.m4s", "segment_4.m4s", "segment_5.m4s",
      ])
    // Retention takes the head, and with it the seam.
    #expect(Self.playlist(1..<6, maps, after: after, isOver: false) == after)
    let late = Self.playlist(4..<6, maps, after: after, isOver: false)
    #expect(Self.body(late) == ["#EXT-X-MAP:URI=\"../b.mp4\"", "segment_4.m4s", "segment_5.m4s"])
    #expect(late.contains("#EXT-X-DISCONTINUITY-SEQUENCE:1\n"))
  }

  @Test func aPlaylistSaysWhatPlayersLoadByWhateverPath() {
    var parser = PlaylistParser()
    let text = Self.playlist(1..<6, Self.maps([(0, "../../a.mp4"), (3, "b.mp4"), (5, "../../a.mp4")]))
    parser.parse(Array(text.utf8).span) { _, _ in }
    #expect(parser.maps == ["../../a.mp4", "b.mp4", "../../a.mp4"].map { Array($0.utf8) })
  }

  // MARK: layouts

  /// A recording under the name of a copy would be in no count.
  @Test func aPatternThatMatchesCopiesIsRefused() {
    for match in ["*.mp4", "init.*.mp4"] {
      let kind = LayoutDescription.Kind(
        name: "segments", match: [match], except: ["init.mp4"], flat: "", hot: "video", limit: 10,
        playlist: "live.m3u8", initialization: ["init.mp4"])
      let mistake = #expect(throws: LayoutMistake.self) {
        _ = try Layout(LayoutDescription(name: "other", kinds: [kind], buckets: .hour))
      }
      #expect(mistake?.reason.contains("'init.*T*Z.mp4'") == true)
    }
  }

  /// A kind of all `.mp4` but the init segment, and its copies.
  @Test func copiesAreOfNoKind() throws {
    let kind = LayoutDescription.Kind(
      name: "segments", match: ["*.mp4"], except: ["init.mp4", "init.*T*Z.mp4"], flat: "", hot: "video",
      cold: "archive",
      limit: 10, playlist: "live.m3u8", initialization: ["init.mp4"])
    let layout = try Layout(LayoutDescription(name: "other", kinds: [kind], buckets: .dateHour))
    let cold = layout.coldPlace(of: layout.kinds[0])
    func isOfStream(_ name: String, _ place: Place, _ layout: Layout = layout) -> Bool {
      layout.isOfStream(Array(name.utf8).span, in: place)
    }
    func kindOf(_ name: String) -> Kind? { layout.kind(of: Array(name.utf8).span) }
    let copy = "init.20231114T220000Z.mp4"
    #expect(kindOf(copy) == nil && kindOf("init.1.mp4") != nil)
    for place in [.root, layout[layout.kinds[0]].hot, cold] { #expect(isOfStream(copy, place)) }
    #expect(isOfStream("init.mp4", .root) && !isOfStream("init.mp4", cold))
    #expect(!isOfStream(copy, .root, .guide))
  }

  @Test func aCopyIsNamedByItsPathFromABucket() throws {
    let kind = LayoutDescription.Kind(
      name: "segments", match: ["*.m4s"], flat: "", hot: "video", cold: "archive/video", limit: 10,
      playlist: "live.m3u8", initialization: ["a b.mp4"])
    let layout = try Layout(LayoutDescription(name: "other", kinds: [kind], buckets: .dateHour))
    let file = InitializationFile(
      name: "a b.20231114T220000Z.mp4", place: layout.coldPlace(of: layout.kinds[0]),
      since: ModificationTime(seconds: 0, nanoseconds: 0))
    let maps = layout.maps([file], from: .dateHour(ArchivePlaylistTests.day, 22))
    #expect(maps.uri(at: 0) == "../../a%20b.20231114T220000Z.mp4")
  }
}
