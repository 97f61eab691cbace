import CaptureLayout
import TestKit
import Testing

/// Parsers of bytes that anybody may have written.
@Suite struct ParserTests {
  static func names(_ text: String) -> [Bytes] {
    MediaPlaylist(parsing: Array(text.utf8)).segmentNames.map { Bytes($0) }
  }

  @Test func aPlaylistListsItsSegments() {
    let text = """
      #EXTM3U
      #EXT-X-VERSION:3
      #EXTINF:1.000000,
      segment_1.ts\r
      #EXTINF:1.000000,

      http://host/stream/capture1/segment_2.ts?token=a/b
      /abs/segment_3.ts
      """
    #expect(Self.names(text) == ["segment_1.ts", "segment_2.ts", "segment_3.ts"])
  }

  @Test(arguments: ["", "#EXTM3U", "\n\n", "#EXTINF:1,\n", "/", "?", "dir/\n", "#EXTM3U\nsegm"])
  func brokenPlaylistsAreRead(text: String) {
    let names = Self.names(text)
    #expect(names.allSatisfy { !$0.bytes.isEmpty })
  }

  @Test(arguments: SeededRandom.seeds(200)) func arbitraryBytesAreRead(seed: UInt64) {
    var random = SeededRandom(seed)
    let alphabet: [UInt8] = [0x0a, 0x0d, 0x23, 0x2f, 0x3f, 0x00, 0xff, 0x20, 0x41]
    let bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in
      alphabet.randomElement(using: &random)!
    }
    for name in MediaPlaylist(parsing: bytes).segmentNames {
      #expect(!name.isEmpty && !name.contains(0x2f) && !name.contains(0x0a))
    }
    for path in CapturesFile(parsing: bytes).paths {
      #expect(!path.isEmpty && path.first != 0x23 && path.first != 0x20 && path.last != 0x0d)
    }
  }

  @Test func aCapturesFileNamesOneFolderALine() {
    let text = "# captures\n/var/stream/capture1\n\n  /var/stream/with space \r\n#/off\n/last"
    #expect(
      CapturesFile(parsing: Array(text.utf8)).paths.map { Bytes($0) }
        == ["/var/stream/capture1", "/var/stream/with space", "/last"])
  }

  @Test(
    arguments: [
      ("/a\n/b\n", nil), ("/a\r\n/b\r\n", nil), ("/a\r\n/b\r", nil), ("\t/a # \u{e9}", nil), ("", nil),
      ("/a\n/b\0", 2), ("/a\r/b", 1), ("\u{1b}[m", 1), ("\n\n/a\u{7f}\n", 3), ("/a\r\r\n", 1),
    ] as [(String, Int?)])
  func aControlCharacterIsFoundByItsLine(text: String, line: Int?) {
    #expect(TextLines.lineWithControlCharacter(Array(text.utf8)) == line)
  }
}
