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

  @Test(
    arguments: [
      ("", []), ("#EXTM3U", []), ("\n\n", []), ("#EXTINF:1,\n", []), ("/", []), ("?", []), ("dir/\n", []),
      ("#EXTM3U\nsegm", ["segm"]), ("a\n#b\nc/d?e\n", ["a", "d"]),
      (" a\t\r\n\t#b\n \n x y ", ["a", "x y"]),
    ] as [(String, [Bytes])])
  func brokenPlaylistsAreRead(text: String, expected: [Bytes]) {
    #expect(Self.names(text) == expected)
    #expect(ReferencePlaylist(Array(text.utf8)).segments.map(\.name) == expected)
  }

  @Test(arguments: SeededRandom.seeds(80, campaign: 200)) func arbitraryBytesAreRead(seed: UInt64) {
    var random = SeededRandom(seed)
    let alphabet: [UInt8] = [0x0a, 0x0d, 0x23, 0x2f, 0x3f, 0x00, 0xff, 0x20, 0x09, 0x41]
    let bytes = (0..<Int.random(in: 0...300, using: &random)).map { _ in
      alphabet.randomElement(using: &random)!
    }
    #expect(
      MediaPlaylist(parsing: bytes).segmentNames.map { Bytes($0) }
        == ReferencePlaylist(bytes).segments.map(\.name), "HOTCOLD_SEED=\(seed)")
    #expect(
      CapturesFile(parsing: bytes).lines.map { Bytes($0.text) } == Self.folders(bytes), "HOTCOLD_SEED=\(seed)"
    )
  }

  /// In whatever pieces a playlist comes.
  @Test(arguments: SeededRandom.seeds(80, campaign: 200)) func piecesAreReadAsTheWhole(seed: UInt64) {
    var random = SeededRandom(seed)
    let bytes = (0..<3).flatMap { _ in FuzzTests.damage(FuzzTests.playlist, &random) + FuzzTests.tags }
    func entries(_ pieceMax: Int) -> [String] {
      var parser = PlaylistParser()
      var entries: [String] = []
      func add(_ name: Span<UInt8>, _ entry: PlaylistEntry) {
        entries.append("\(Array(copying: name)) \(entry)")
      }
      var start = 0
      while start < bytes.count {
        let end = min(bytes.count, start + Int.random(in: 1...pieceMax, using: &random))
        let piece = Array(bytes[start..<end])
        parser.parse(piece.span, add)
        start = end
      }
      parser.finish(add)
      return entries + ["\(parser.maps) \(parser.isWhole) \(parser.lacksURI) \(parser.listsOtherFolders)"]
    }
    let whole = entries(.max / 2)
    #expect(whole.count > 3)
    for pieceMax in [1, 7, 100] { #expect(entries(pieceMax) == whole, "HOTCOLD_SEED=\(seed)") }
  }

  /// The host and the folders of a long URI hide no name, wherever a piece ends; a line without end takes no memory, and hides
  /// nothing that follows.
  @Test(arguments: [1000, 65_536, 10_000_000]) func linesOfAnyLengthAreRead(pieceBytes: Int) {
    let folder = Array(repeating: UInt8(ascii: "x"), count: 13_000)
    let uri = Array("http://h/".utf8) + folder + Array("/segment_1.ts\n".utf8)
    let endless = (0..<100).flatMap { _ in folder } + Array("/segment_2.ts\n".utf8)
    let bytes = Array(repeating: UInt8(ascii: "#"), count: 60_000) + [0x0a] + uri + endless + uri
    var parser = PlaylistParser()
    var names: [Bytes] = []
    func add(_ name: Span<UInt8>, _ entry: PlaylistEntry) { names.append(Bytes(Array(copying: name))) }
    for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
      let piece = Array(bytes[start..<min(bytes.count, start + pieceBytes)])
      parser.parse(piece.span, add)
    }
    #expect(names.map(\.bytes.count) == [12, 766, 12] && names.first == "segment_1.ts")
  }

  /// One folder a line, without the blanks around it; comments and blank lines name none. Byte by byte, as a check.
  static func folders(_ contents: [UInt8]) -> [Bytes] {
    var folders: [Bytes] = []
    var line: [UInt8] = []
    for byte in contents + [0x0a] {
      if byte != 0x0a {
        // Blanks count only once something follows them.
        if !line.isEmpty || ![0x20, 0x09, 0x0d].contains(byte) { line.append(byte) }
        continue
      }
      while let last = line.last, [0x20, 0x09, 0x0d].contains(last) { line.removeLast() }
      if let first = line.first, first != 0x23 { folders.append(Bytes(line)) }
      line = []
    }
    return folders
  }

  @Test func aCapturesFileNamesOneFolderALine() {
    let text = "# captures\n/var/stream/capture1\n\n  /var/stream/with space \r\n#/off\n/last"
    #expect(
      CapturesFile(parsing: Array(text.utf8)).lines.map { Bytes($0.text) }
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
