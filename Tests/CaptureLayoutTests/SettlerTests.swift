import CaptureLayout
import TestKit
import Testing

/// The settle rule against the independent model.
@Suite struct SettlerTests {
  /// Settles files in the order given and returns where each of them ends.
  static func settle(_ files: [LayoutModel.File], _ model: LayoutModel, youngSince: ModificationTime? = nil)
    -> Set<Bytes>
  {
    var rule = SettleRule(of: .guide)
    rule.youngSince = youngSince
    for kind in Kind.allCases { rule.hotLimits[kind] = model.hotLimits[kind.name]! }
    var settler = Settler(layout: .guide, rule: rule, hours: HourClock { _ in 0 })
    let text = model.pinned.map { $0.bytes + [0x0a] }.joined()
    var names = ListedNames()
    names.add(MediaPlaylist(parsing: Array(text)).segmentNames.map { hashOfName($0.span) })
    settler.pin(names)
    var result: Set<Bytes> = []
    for (number, file) in files.enumerated() {
      guard let kind = FileName.kind(of: file.path.name.bytes.span) else { continue }
      let layout = Layout.guide
      let place = layout.places.first { layout.path(of: $0) == file.path.folder.description }!
      let facts = FileFacts(
        place: place, isInHotPlace: layout[kind].hot == place,
        modified: ModificationTime(seconds: Int64(file.seconds), nanoseconds: UInt32(file.nanoseconds)),
        identity: FileIdentity(name: file.path.name.bytes.span, kind: kind, inode: UInt64(number)))
      settler.offer(file.path.name.bytes.span, facts) { name, facts, bucket in
        result.insert(Bytes(Layout.guide.path(of: bucket!, facts.kind) + "/") + Bytes(Array(copying: name)))
      }
    }
    settler.forEachHot { name, facts in
      result.insert(Bytes("\(facts.kind.name)/") + Bytes(Array(copying: name)))
    }
    return result
  }

  static func randomFiles(_ random: inout SeededRandom) -> [LayoutModel.File] {
    let count = Int.random(in: 0...400, using: &random)
    // Few distinct times: ties are the rule, not the exception.
    let times = Int.random(in: 1...200, using: &random)
    let nanoseconds = Bool.random(using: &random) ? 1 : 3
    return (0..<count).map { number in
      let (flat, hot, name) = [
        ("", "segments/", "segment_\(number).ts"), ("captures/", "captures/", "capture_\(number).jpg"),
        ("captures/", "thumbnails/", "capture_\(number)_thumbnail.jpg"),
        ("captures/", "metadata/", "capture_\(number).json"),
      ].randomElement(using: &random)!
      return LayoutModel.File(
        Bytes((Int.random(in: 0..<5, using: &random) == 0 ? hot : flat) + name),
        seconds: 1_700_000_000 + 500 * Int.random(in: -times...times, using: &random),
        nanoseconds: Int.random(in: 0..<nanoseconds, using: &random))
    }
  }

  @Test(arguments: SeededRandom.seeds(100, campaign: 300)) func settlesAsTheModelDoes(seed: UInt64) {
    var random = SeededRandom(seed)
    let files = Self.randomFiles(&random)
    var model = LayoutModel()
    for kind in Kind.allCases {
      model.hotLimits[kind.name] = [0, 1, 2, 7, 10, 100, 1000].randomElement(using: &random)!
    }
    model.pinned = Set(
      files.filter { $0.path.name.description.hasPrefix("segment") }.map(\.path.name).filter { _ in
        Int.random(in: 0..<10, using: &random) == 0
      })
    let expected = model.settled(files)
    #expect(Self.settle(files, model) == expected, "HOTCOLD_SEED=\(seed)")
    #expect(
      Self.settle(files.shuffled(using: &random), model) == expected, "order matters: HOTCOLD_SEED=\(seed)")
  }

  @Test func tiesAreBrokenByNameBytes() {
    let files = ["segment_b.ts", "segment_a.ts", "segment_\u{e9}.ts"].map {
      LayoutModel.File(Bytes($0), seconds: 3600)
    }
    var model = LayoutModel()
    model.hotLimits["segments"] = 1
    #expect(
      Self.settle(files, model) == [
        "segments/segment_\u{e9}.ts", "segments/1/segment_a.ts", "segments/1/segment_b.ts",
      ])
  }

  @Test func youngFilesStayHotBeyondTheLimit() {
    let files = (0..<50).map { LayoutModel.File(Bytes("segment_\($0).ts"), seconds: 1000 + $0) }
    var model = LayoutModel()
    model.hotLimits["segments"] = 5
    let youngSince = ModificationTime(seconds: 1029, nanoseconds: 0)
    let settled = Self.settle(files, model, youngSince: youngSince)
    #expect(settled.count { $0.folder == "segments" } == 20)
  }

  @Test func timesFarAwayAreOrdered() {
    // -1, the epoch, and the last second that ext4 can store (2446-05-10).
    let files = [-1, 0, 15_032_385_535].map { LayoutModel.File(Bytes("segment_\($0).ts"), seconds: $0) }
    var model = LayoutModel()
    model.hotLimits["segments"] = 1
    #expect(Self.settle(files, model) == model.settled(files))
  }
}
