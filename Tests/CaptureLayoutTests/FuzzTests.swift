import Foundation
import TestKit
import Testing

@testable import CaptureLayout

/// The parsers of bytes that others write, with valid input that was damaged at random. They must not trap, and what
/// they let through must be what the rest relies on.
@Suite struct FuzzTests {
  /// Seconds in every run of the tests, minutes by hand: HOTCOLD_FUZZ=2000000 swift test --filter FuzzTests
  static let inputs = Int(ProcessInfo.processInfo.environment["HOTCOLD_FUZZ"] ?? "") ?? 3000

  static let playlist = Array(
    """
    #EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:7\r\n#EXTINF:4.000000,title\n\
    segment_7.ts\n#EXTINF:4.0,\nhttp://host/live/segment_8.ts?token=1#x\n\n#EXT-X-ENDLIST
    """.utf8)
  static let archive = Array(
    """
    #EXTM3U\n# hotcold\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:7\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:6.000000,\n\
    segment_0.ts\n#EXT-X-DISCONTINUITY\n#EXTINF:99999999999.25,\nsegment_1.ts\n#EXT-X-ENDLIST\n
    """.utf8)
  static let tags = Array(
    """
    #EXT-X-MAP:URI="init.mp4",BYTERANGE="1@0"\n./segment_9.ts\n#EXT-X-KEY:METHOD=AES-128,URI="../key"\r
    #EXT-X-MAP:URI="a:/x/init2.mp4"\nx/./segment_10.ts\n/\n?\n#EXTINF:1.5\n#EXTINF:\n
    """.utf8)
  static let captures = Array("# captures\n/var/www/capture1\n  /srv/b c \r\n\n/x # y\n".utf8)
  static let names = [
    "segment_000001.ts", "capture_1_thumbnail.jpg", "capture_20231114.json", "capture_7.jpg",
  ]
  .map { Array($0.utf8) }

  /// Bytes flipped, removed, doubled, or taken from another place of the input.
  static func damage(_ input: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
    var bytes = input
    for _ in 0..<Int.random(in: 1...8, using: &random) where !bytes.isEmpty {
      let index = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.remove(at: index)
      case 2: bytes.insert(contentsOf: bytes[index...].prefix(300), at: index)
      case 3: bytes.removeLast(min(bytes.count, Int.random(in: 0...20, using: &random)))
      default: bytes.insert([0, 9, 10, 13, 32, 35, 47, 255].randomElement(using: &random)!, at: index)
      }
    }
    return bytes
  }

  static func forEachInput(_ seeds: [[UInt8]], _ body: ([UInt8]) -> Void) {
    var random = SeededRandom(SeededRandom.seeds(1)[0])
    for number in 0..<inputs { body(damage(seeds[number % seeds.count], &random)) }
    Figures.add("damaged inputs parsed", inputs)
  }

  @Test func playlists() {
    Self.forEachInput([Self.playlist, Self.archive, Self.tags]) { bytes in
      let playlist = MediaPlaylist(parsing: bytes)
      // More of a name than any file can have is not kept.
      let expected = ReferencePlaylist(bytes, nameBytesMax: 3 * FileName.longest + 1)
      let segments = playlist.entries.map {
        ReferencePlaylist.Segment(name: Bytes($0.name), microseconds: $0.durationMicroseconds)
      }
      #expect(segments == expected.segments && playlist.isFinished == expected.isFinished, "\(Bytes(bytes))")
      #expect(!ArchivePlaylist.mayReplace(bytes) || bytes.isEmpty || bytes.starts(with: "#EXTM3U\n".utf8))
    }
  }

  @Test func filesOfCaptures() {
    Self.forEachInput([Self.captures]) { bytes in
      #expect(
        CapturesFile(parsing: bytes).lines.map { Bytes($0.text) } == ParserTests.folders(bytes),
        "\(Bytes(bytes))")
    }
  }

  @Test func fileNames() {
    Self.forEachInput(Self.names) { name in
      let kind = FileName.kind(of: name.span)
      // NAME_MAX, which FUSE may exceed. A slash is in no name.
      let isName = name.count <= 255 && !name.contains(UInt8(ascii: "/"))
      if isName || name.count > 255 {
        let model = LayoutModel()
        let expected =
          isName ? ["", "captures/"].compactMap { model.kind(Bytes($0) + Bytes(name)) }.first : nil
        #expect(kind?.name == expected, "\(Bytes(name))")
      }
      guard let kind else { return }
      let isPlaylist = name.span.isEqual(to: "output.m3u8")
      #expect(!isPlaylist)
      // What is recognised can be settled.
      var hotSet = HotSet(limit: 1)
      let facts = FileFacts(
        place: Layout.guide[kind].flat, isInHotPlace: false,
        modified: ModificationTime(seconds: 0, nanoseconds: 0),
        identity: FileIdentity(name: name.span, kind: kind, inode: 1))
      let verdict = hotSet.offer(name.span, facts)
      #expect(verdict == .kept)
    }
  }
}
