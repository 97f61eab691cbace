import CaptureLayout
import TestKit
import Testing

@Suite struct FileNameTests {
  @Test(arguments: [
    ("segment_000000001.ts", Kind.segments), ("segment_.ts", .segments),
    ("segment_\u{1b}[31m\n.ts", .segments), ("capture_1.jpg", .captures), ("capture_.jpg", .captures),
    ("capture_000000001_thumbnail.jpg", .thumbnails), ("capture__thumbnail.jpg", .thumbnails),
    ("capture_1.json", .metadata), ("capture_1_thumbnail.json", .metadata),
  ]) func namesOfAKind(name: String, kind: Kind) {
    #expect(FileName.kind(of: Array(name.utf8).span) == kind)
  }

  @Test(arguments: [
    "", "segment_", "segment.ts", "segment_1.ts.tmp", "Segment_1.ts", "segment_1.TS", "segment_ts",
    "capture_1.jpeg", "capture_1.jpg~", "capture_thumbnail.jpg", "capture_1_thumbnail_2.jpg",
    "capture_1_thumbnail.jpg.tmp", "capture_", "capture.json", "output.m3u8", ".ts", "xsegment_1.ts",
  ]) func namesOfNoKind(name: String) {
    #expect(FileName.kind(of: Array(name.utf8).span) == nil)
  }

  @Test func namesBeyondTheLimitOfTheKernelAreOfNoKind() {
    let longest = 255
    func name(_ count: Int) -> [UInt8] {
      Array("segment_".utf8) + Array(repeating: 0x78, count: count - 11) + Array(".ts".utf8)
    }
    #expect(FileName.kind(of: name(longest).span) == .segments)
    #expect(FileName.kind(of: name(longest + 1).span) == nil)
  }

  @Test func namesNeedNotBeText() {
    let name = Array("segment_".utf8) + [0xff, 0xfe, 0x0a, 0x80] + Array(".ts".utf8)
    #expect(FileName.kind(of: name.span) == .segments)
  }

  @Test func namesAgreeWithTheModel() {
    var random = SeededRandom(7)
    let parts = [
      "segment_", "capture_", "_thumbnail", ".ts", ".jpg", ".json", "1", "_", ".", "x", "thumbnail",
    ]
    let model = LayoutModel()
    for _ in 0..<20_000 {
      let name = (0..<Int.random(in: 1...5, using: &random)).map { _ in parts.randomElement(using: &random)! }
        .joined()
      let expected = ["", "captures/"].compactMap { model.kind(Bytes($0 + name)) }.first
      #expect(FileName.kind(of: Array(name.utf8).span)?.name == expected, "\(name)")
    }
  }
}
