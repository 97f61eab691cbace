import TestKit
import Testing

@testable import CaptureLayout
@testable import LayoutFiles

/// Files that are right, and what they say.
@Suite struct LayoutFileTests {
  static let everything = """
    # Layout of a garden.
    ---
    buckets: date-hour        # or hour
    time-zone: Europe/Zurich
    kinds:
      segments:
        match: ["segment_*.m4s", 'part "*".m4s']
        except: "*_thumbnail*"
        flat: .
        hot: live/segments
        cold: "old segments"
        limit: 10
        retain: 24h
        playlist: output.m3u8
        init: [init.mp4, init-2.mp4]
      stills:
        match:
          - still_*.jpg
          - "2024"
        flat: stills
        hot: stills
        limit: 0

    """
  static let expected = LayoutDescription(
    name: "garden",
    kinds: [
      .init(
        name: "segments", match: ["segment_*.m4s", "part \"*\".m4s"], except: ["*_thumbnail*"], flat: "",
        hot: "live/segments", cold: "old segments", limit: 10, retentionSeconds: 86_400,
        playlist: "output.m3u8",
        initialization: ["init.mp4", "init-2.mp4"]),
      .init(name: "stills", match: ["still_*.jpg", "2024"], flat: "stills", hot: "stills", limit: 0),
    ], buckets: .dateHour, timeZone: "Europe/Zurich")

  @Test func everyKey() throws { #expect(try parse(Self.everything).layout == Self.expected) }

  static let tiers = """
    buckets: hour
    mounts:
      fast: any
      hot: {type: ext4, uuid: 0a1b2c3d-0000-4000-8000-0123456789ab}
    cold:
      root: "/mnt/disk/{capture}"
      mount: /mnt/disk
      type: xfs
      uuid: "1234-ABCD"
    kinds:
      a: {match: "a_*", flat: ., hot: hot/a, limit: 5}
      b: {match: "b_*", flat: fast/b, hot: b, cold: deep/b, limit: 5}

    """

  @Test func whatIsOnOtherDisks() throws {
    let layout = try parse(Self.tiers).layout
    #expect(
      layout.mounts == [
        .init(path: "fast"), .init(path: "hot", type: "ext4", uuid: "0a1b2c3d-0000-4000-8000-0123456789ab"),
      ])
    #expect(
      layout.coldRoot
        == .init(path: "/mnt/disk/{capture}", type: "xfs", uuid: "1234-ABCD", point: "/mnt/disk"))
    #expect(try parse(LayoutFile.render(layout)).layout == layout)
    let placed = try Layout(layout).placed(name: "{capture} 1")
    #expect(
      placed.kinds.map { placed.path(of: placed.coldPlace(of: $0)) } == [
        "/mnt/disk/{capture} 1/hot/a", "/mnt/disk/{capture} 1/deep/b",
      ])
    #expect(placed.mounts.last?.point == "/mnt/disk")
    // A root alone.
    let root = try parse("cold: {root: /mnt/a}\n" + MistakeTests.whole).layout
    #expect(root.coldRoot == .init(path: "/mnt/a"))
    #expect(try parse(LayoutFile.render(root)).layout == root)
    #expect(try Layout(root).placed(name: "x").paths.contains("/mnt/a/stills"))
  }

  @Test func theLinesOfOtherSystems() throws {
    #expect(try parse(Self.everything.replacing("\n", with: "\r\n")).layout == Self.expected)
    #expect(try parse("\u{feff}" + Self.everything).layout == Self.expected)
    // Places are counted as without.
    #expect(
      refusal("\u{feff}a: 1\r\n")
        == "1:1 unknown key 'a'; the keys are buckets, time-zone, mounts, cold, kinds")
    #expect(refusal("buckets: hour\r\nkinds: 5\r\n")?.hasPrefix("2:8 ") == true)
  }

  @Test(arguments: [
    ("garden.yaml", "garden"), ("/etc/hotcold/garden.yml", "garden"), ("garden", "garden"),
    (".yaml", ".yaml"),
    ("a.b.yaml", "a.b"), ("/", "/"),
  ])
  func theNameIsThatOfTheFile(_ path: String, _ expected: String) throws {
    #expect(try parse(Self.everything, name: path).layout.name == expected)
  }

  @Test(arguments: [("60s", 60), ("1m", 60), ("90s", 90), ("5m", 300), ("24h", 86_400), ("14d", 1_209_600)])
  func ages(_ text: String, _ seconds: Int64) throws {
    #expect(
      try parse(MistakeTests.whole + "    retain: \(text)\n").layout.kinds[0].retentionSeconds == seconds)
  }

  // MARK: examples

  @Test func thereAreExamples() { #expect(Examples.names.count >= 7) }

  @Test(arguments: Examples.names) func examplesAreLayouts(_ name: String) throws {
    let layout = try parse(bytes: Examples.contents(name), name: name).layout
    #expect((1...8).contains(layout.kinds.count))
  }

  @Test func theGuideIsTheBuiltInLayout() throws {
    let layout = try parse(bytes: Examples.contents("guide.yaml"), name: "guide.yaml").layout
    let day: Int64 = 86_400
    let expected = LayoutDescription(
      name: "guide",
      kinds: [
        .init(
          name: "segments", match: ["segment_*.ts"], flat: "", hot: "segments", limit: 10,
          retentionSeconds: day,
          playlist: "output.m3u8"),
        .init(
          name: "captures", match: ["capture_*.jpg"], except: ["*_thumbnail*"], flat: "captures",
          hot: "captures",
          limit: 100, retentionSeconds: 3600),
        .init(
          name: "thumbnails", match: ["capture_*_thumbnail.jpg"], flat: "captures", hot: "thumbnails",
          limit: 100,
          retentionSeconds: day),
        .init(
          name: "metadata", match: ["capture_*.json"], flat: "captures", hot: "metadata", limit: 100,
          retentionSeconds: day),
      ], buckets: .hour)
    #expect(layout == expected)
  }

  @Test func theDocumentationIsRight() throws {
    let example = try #require(Examples.page.firstRange(of: "```yaml\n"))
    let text = Examples.page[example.upperBound...]
    let end = try #require(text.firstRange(of: "```"))
    #expect(try parse(String(text[..<end.lowerBound])).layout.kinds.count == 2)
    for key in WholeKey.allCases.map(\.rawValue) + KindKey.allCases.map(\.rawValue) {
      #expect(Examples.page.contains("\n| `\(key)` |"), "\(key)")
    }
    for name in Examples.names { #expect(Examples.page.contains("\n| `\(name)` |"), "\(name)") }
    #expect(Examples.page.contains("garden.yaml, " + messageOfThePage))
  }

  private var messageOfThePage: String {
    let mistake = #expect(throws: LayoutFileMistake.self) {
      try parse(MistakeTests.whole.replacing("limit", with: "limits"))
    }
    return mistake.map { String($0.description.dropFirst("garden.yaml, ".count)) } ?? "?"
  }

  // MARK: rendering

  @Test func isRenderedWithComments() {
    #expect(
      LayoutFile.render(Self.expected) == """
        # A hotcold layout: the kinds of files in a capture, and where each is kept.

        # How the folders of older files are named: hour (0 to 23) or date-hour (2026-11-24/13).
        buckets: date-hour
        time-zone: Europe/Zurich
        kinds:
          segments:
            match: ["segment_*.m4s", "part \\"*\\".m4s"]  # its file names; * stands for anything
            except: "*_thumbnail*"  # but not these
            flat: .  # where the recorder writes them; . is the capture itself
            hot: live/segments  # the folder of the newest files
            cold: "old segments"  # the folder with the buckets, for all other files
            limit: 10  # how many stay hot
            retain: 24h  # how long the others are kept, if retention is enabled
            playlist: output.m3u8  # the live playlist of these segments
            init: [init.mp4, init-2.mp4]  # what players load before a segment (EXT-X-MAP)
          stills:
            match: ["still_*.jpg", "2024"]
            flat: stills
            hot: stills
            limit: 0

        """)
  }

  @Test(arguments: SeededRandom.seeds(100, campaign: 300)) func whatIsRenderedIsReadAsTheSame(_ seed: UInt64)
    throws
  {
    var random = SeededRandom(seed)
    let layout = RandomLayout.make(&random)
    let text = LayoutFile.render(layout)
    #expect(try parse(text, name: "\(layout.name).yaml").layout == layout, "HOTCOLD_SEED=\(seed)\n\(text)")
  }
}

enum RandomLayout {
  static func make(_ random: inout SeededRandom) -> LayoutDescription {
    let names = ["on", "null", "segments", "1", "-", "0x1", "a-b_c", "y", "no", "e1", "2024-11-24"].shuffled(
      using: &random)
    let kinds = names.prefix(Int.random(in: 1...8, using: &random)).map { kind($0, &random) }
    return LayoutDescription(
      name: "random", kinds: kinds, buckets: BucketRule.allCases.randomElement(using: &random)!,
      timeZone: Bool.random(using: &random) ? "Europe/Zurich" : nil)
  }

  private static func kind(_ name: String, _ random: inout SeededRandom) -> LayoutDescription.Kind {
    var kind = LayoutDescription.Kind(
      name: name, match: texts(1...4, &random), except: texts(0...3, &random), flat: folder(&random),
      hot: folder(&random), limit: Int.random(in: 0...100_000, using: &random))
    if Bool.random(using: &random) { kind.cold = text(&random) }
    if Bool.random(using: &random) {
      kind.retentionSeconds = Int64.random(in: 60...315_360_000, using: &random)
    }
    if Bool.random(using: &random) {
      kind.retentionSeconds = Int64.random(in: 1...3650, using: &random) * 86_400
    }
    if Bool.random(using: &random) {
      kind.playlist = text(&random)
      kind.initialization = texts(0...2, &random)
    }
    return kind
  }

  private static func texts(_ counts: ClosedRange<Int>, _ random: inout SeededRandom) -> [String] {
    (0..<Int.random(in: counts, using: &random)).map { _ in text(&random) }
  }

  private static func folder(_ random: inout SeededRandom) -> String {
    Bool.random(using: &random) ? "" : text(&random)
  }

  /// Not ".", which in a file is the capture itself, and in a description is not allowed.
  private static func text(_ random: inout SeededRandom) -> String {
    let parts =
      Array("ab1.-_*/ :#\"'\\&!%@`|>?[]{},~é€𝄞e\u{301}").map(String.init) + [
        "..", "null", " #", ": ", "yes", "0x", "<<",
      ]
    while true {
      let text = (0..<Int.random(in: 1...8, using: &random)).map { _ in parts.randomElement(using: &random)! }
        .joined()
      if text != "." { return text }
    }
  }
}
