import TestKit
import Testing

@testable import CaptureLayout

@Suite struct LayoutCheckTests {
  /// By trying every way to let a star stand for something: independent of the automata.
  private static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
    guard let first = pattern.first else { return name.isEmpty }
    guard first == UInt8(ascii: "*") else {
      return name.first == first && matches(pattern.dropFirst(), name.dropFirst())
    }
    return (0...name.count).contains { matches(pattern.dropFirst(), name.dropFirst($0)) }
  }

  /// All names of up to six letters.
  private static let names: [[UInt8]] = {
    var all: [[UInt8]] = [[]]
    var last = all
    for _ in 0..<6 {
      last = last.flatMap { name in "abx".utf8.map { name + [$0] } }
      all += last
    }
    return all
  }()

  @Test func patternsOverlapWhereThereIsAName() throws {
    var random = SeededRandom(13)
    var overlapping = 0
    for _ in 0..<200 {
      func pattern() throws -> Glob {
        let count = Int.random(in: 1...4, using: &random)
        return try #require(Glob(String((0..<count).map { _ in "ab*".randomElement(using: &random)! })))
      }
      let (left, right, exception) = (try pattern(), try pattern(), try pattern())
      var budget = 1_000_000
      let found = Glob.overlap(left, right, besides: [exception], budget: &budget)
      let expected = Self.names.contains { name in
        func isMatch(_ glob: Glob) -> Bool { Self.matches(Array(glob.text.utf8)[...], name[...]) }
        return !name.isEmpty && isMatch(left) && isMatch(right) && !isMatch(exception)
      }
      #expect(found == expected, "\(left.text) \(right.text) without \(exception.text)")
      if expected { overlapping += 1 }
    }
    #expect((20...180).contains(overlapping))
  }

  /// Prefixes, endings and parts between stars of up to twelve bytes: shorter and longer than what is compared as a number.
  @Test func aNameIsOfTheKindWhosePatternsItFits() throws {
    var random = SeededRandom(8)
    var matched = 0
    for trial in 0..<500 {
      func literal() -> String {
        let count = Int.random(in: 0...12, using: &random)
        return String((0..<count).map { _ in "ab".randomElement(using: &random)! })
      }
      func pattern() -> String {
        // A glob is never empty.
        "a" + (0..<Int.random(in: 1...3, using: &random)).map { _ in literal() }.joined(separator: "*")
      }
      let kinds = (0..<3).map { _ in (matches: [pattern(), pattern()], exceptions: [pattern()]) }
      let matcher = NameMatcher(
        kinds.map { ($0.matches.compactMap(Glob.init), $0.exceptions.compactMap(Glob.init)) })
      // A name that fits one of them, with what its stars stand for, and now and then one byte changed.
      let source = kinds.randomElement(using: &random)!.matches.randomElement(using: &random)!
      var name = source.split(separator: "*", omittingEmptySubsequences: false).map { Array($0.utf8) }
        .joined(separator: Array(literal().utf8)).map { $0 }
      if trial % 3 == 0 { name[Int.random(in: name.indices, using: &random)] = UInt8(ascii: "x") }
      let fitting = kinds.indices.filter { index in
        func fits(_ pattern: String) -> Bool { Self.matches(Array(pattern.utf8)[...], name[...]) }
        return kinds[index].matches.contains(where: fits) && !kinds[index].exceptions.contains(where: fits)
      }
      let kind = matcher.kind(of: name.span).map { Int($0.index) }
      #expect(
        kind.map { fitting.contains($0) } ?? fitting.isEmpty,
        "\(kinds) \(String(decoding: name, as: UTF8.self))")
      if kind != nil { matched += 1 }
    }
    #expect(matched > 150)
  }

  private static func layout(_ patterns: (Int) -> (match: [String], except: [String])) throws {
    let kinds = (0..<8).map { index in
      LayoutDescription.Kind(
        name: "kind\(index)", match: patterns(index).match, except: patterns(index).except, flat: "",
        hot: "hot\(index)", limit: 1)
    }
    _ = try Layout(LayoutDescription(name: "many", kinds: kinds, buckets: .hour))
  }

  @Test func asManyKindsAndPatternsAsThereMayBeAreToldApart() throws {
    try Self.layout { kind in
      ((0..<8).map { "recording_of_camera_\(kind)_stream_\($0)_*.ts" }, ["*_small*", "*.part*"])
    }
  }

  @Test func patternsThatTakeTooLongToCompareAreRefused() {
    let stars = { (kind: Int) in "*_\(kind)_*.ts" }
    let mistake = #expect(throws: LayoutMistake.self) {
      try Self.layout { kind in ([stars(kind)], (0..<8).filter { $0 != kind }.map { "*_\($0)_*" }) }
    }
    #expect(mistake?.reason.contains("too many stars") == true)
  }

  private static func stream(playlist: String, initialization: String) throws {
    var description = LayoutDescription.guide
    description.kinds[0].playlist = playlist
    description.kinds[0].initialization = [initialization]
    _ = try Layout(description)
  }

  /// A copy has a time in its name, and its temporary name more than that.
  private static let longestInitialization = String(repeating: "i", count: 219) + ".mp4"

  @Test(arguments: [
    ("*.m3u8", "init.mp4", "'*.m3u8' cannot be the name of a live playlist", "playlist"),
    ("live.m3u8", "init_*.mp4", "'init_*.mp4' cannot be the name of an init segment", "init"),
    ("live.m3u8", "i" + longestInitialization, "mp4' is too long", "init"),
  ])
  func namesThatCanNeverWorkAreRefused(
    _ playlist: String, _ initialization: String, _ reason: String, _ key: String
  ) throws {
    try Self.stream(playlist: "live.m3u8", initialization: Self.longestInitialization)
    let mistake = #expect(throws: LayoutMistake.self) {
      try Self.stream(playlist: playlist, initialization: initialization)
    }
    #expect(mistake?.reason.contains(reason) == true && mistake?.key == key && mistake?.kind == 0)
  }
}
