import CaptureLayout
import SystemPackage
import TestKit
import Testing

@testable import Migration

/// Random layouts and random trees against the independent model: to the tiers, from one rule of buckets to the other, back
/// to the flat layout.
@Suite struct LayoutPropertyTests {
  private struct Trial {
    let plain: PlainLayout
    let layout: Layout
    /// The same places, with the other rule for the names of buckets.
    let other: Layout
    var files: [PlainLayout.File] = []

    init(_ random: inout SeededRandom) throws {
      plain = Self.plain(&random)
      layout = try Layout(LayoutDescription(plain))
      other = try Layout(LayoutDescription(plain.withOtherBuckets))
      // Both ends of what a date can name, the turn of 2038, leap days; and a span of some weeks.
      let corners = [
        0, 86_399, 951_782_400, 2_147_483_647, 2_147_483_648, 4_102_444_799, 253_402_300_799, -1,
      ]
      for number in 0..<Int.random(in: 1...250, using: &random) {
        let kind = Int.random(in: plain.kinds.indices, using: &random)
        let name = plain.kinds[kind].prefix + "\(number)" + plain.kinds[kind].suffix
        let isCorner = Int.random(in: 0..<10, using: &random) == 0
        let seconds =
          isCorner
          ? corners.randomElement(using: &random)!
          : 1_700_000_000 + 1800 * Int.random(in: 0...1000, using: &random)
        files.append(
          .init(
            kind: kind, name: Bytes(name),
            role: PlainLayout.File.Role.allCases.randomElement(using: &random)!,
            seconds: seconds, nanoseconds: Int.random(in: 0...1, using: &random)))
      }
    }

    private static func plain(_ random: inout SeededRandom) -> PlainLayout {
      let kinds = (0..<Int.random(in: 1...8, using: &random)).map { index -> PlainLayout.Kind in
        let hot = ["k\(index)/", "hot/k\(index)/", "a/b/k\(index)/"].randomElement(using: &random)!
        return PlainLayout.Kind(
          name: "kind\(index)", prefix: "k\(index)_",
          suffix: [".ts", ".jpg", ""].randomElement(using: &random)!,
          flat: ["", "in/", "in/deep/", hot].randomElement(using: &random)!, hot: hot,
          cold: [hot, "cold/k\(index)/"].randomElement(using: &random)!,
          limit: [0, 1, 5, 100].randomElement(using: &random)!)
      }
      return PlainLayout(kinds: kinds, hasDates: Bool.random(using: &random))
    }

    func make(in folder: Folder) throws {
      for file in files {
        try folder.makeFile(plain.path(file), seconds: file.seconds, nanoseconds: file.nanoseconds)
      }
    }
  }

  private static func run(
    _ folder: Folder, _ engine: EngineChoice, _ change: (inout MigrationOptions) -> Void
  ) throws -> CaptureReport {
    var options = MigrationOptions(hours: HourClock { _ in 0 }, isDryRun: false)
    change(&options)
    options.rule = SettleRule(of: options.layout)
    return try Engine.choose(engine).migrate(
      FilePath(folder.path), options: options, observer: SilentObserver())
  }

  @Test(arguments: EngineChoice.cases(24, campaign: 60))
  func everyLayoutEndsWhereTheModelDoesForthAndBack(seed: UInt64, engine: EngineChoice) throws {
    try engine.skipUnlessGranted()
    var random = SeededRandom(seed)
    let trial = try Trial(&random)
    let folder = try Folder()
    try trial.make(in: folder)
    let before = try Snapshot(folder.path)
    let seed: Comment = "HOTCOLD_SEED=\(seed)"
    let other = trial.other
    let both = try trial.layout.coming(from: other)

    // Half in one layout and half in the other: the run that knows of both ends it.
    let planned = try Self.run(folder, engine) {
      $0.layout = both
      $0.isDryRun = true
    }
    #expect(try Snapshot(folder.path).changeTimes == before.changeTimes, "a dry run wrote: \(seed)")
    let report = try Self.run(folder, engine) { $0.layout = both }
    let settled = try Snapshot(folder.path)
    #expect(settled.paths == trial.plain.settled(trial.files), seed)
    #expect(settled.contents == before.contents, seed)
    #expect(
      report.isClean && report.hasSettled && report.comparison?.lost == 0, "\(report.issuesOfTest) \(seed)")
    for kind in trial.layout.kinds {
      #expect(planned.kinds[kind].tally == report.kinds[kind].tally, seed)
      #expect(
        planned.kinds[kind].byBucket.all.map(\.value) == report.kinds[kind].byBucket.all.map(\.value), seed)
    }
    let again = try Self.run(folder, engine) { $0.layout = trial.layout }
    #expect(again.total.moved == 0 && !again.changed && again.isClean, seed)
    #expect(try Snapshot(folder.path).changeTimes == settled.changeTimes, "a second run wrote: \(seed)")

    // To the other rule and back: cold files stay cold.
    let away = try Self.run(folder, engine) { $0.layout = try! other.coming(from: trial.layout) }
    #expect(away.isClean, seed)
    let back = try Self.run(folder, engine) { $0.layout = both }
    #expect(back.isClean, seed)
    #expect(try Snapshot(folder.path).paths == settled.paths, seed)

    let reverted = try Self.run(folder, engine) {
      $0.layout = trial.layout
      $0.target = .flat
    }
    #expect(reverted.isClean && reverted.comparison?.lost == 0, seed)
    let flat = try Snapshot(folder.path)
    #expect(flat.paths == trial.plain.flat(trial.files), seed)
    #expect(flat.contents == before.contents, seed)
    let folders = Set(flat.entries.filter(\.value.isFolder).keys.map(\.description))
    #expect(
      !folders.contains { $0.contains("/2") || $0.hasSuffix("/7") }, "buckets are left: \(folders) \(seed)")
  }

  /// A layout that is forgotten must not fold many days into 24 hours.
  @Test(arguments: SeededRandom.seeds(20)) func bucketsOfTheOtherRuleAreRefused(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let trial = try Trial(&random)
    guard trial.files.contains(where: { $0.role == .otherBucket }) else { return }
    let folder = try Folder()
    try trial.make(in: folder)
    let before = try Snapshot(folder.path)
    for target in [MigrationOptions.Target.tiered, .flat] {
      let report = try Self.run(folder, .syscalls) {
        $0.layout = trial.layout
        $0.target = target
      }
      guard case .otherBuckets = report.error else {
        Issue.record("\(String(describing: report.error)) HOTCOLD_SEED=\(seed)")
        continue
      }
    }
    #expect(try Snapshot(folder.path).changeTimes == before.changeTimes, "HOTCOLD_SEED=\(seed)")
  }

  /// As few descriptors as can be: buckets are closed and opened again on the way.
  @Test(arguments: EngineChoice.cases(15))
  func fewDescriptorsMakeNoDifference(seed: UInt64, engine: EngineChoice) throws {
    try engine.skipUnlessGranted()
    var random = SeededRandom(seed)
    let trial = try Trial(&random)
    let folder = try Folder()
    try trial.make(in: folder)
    let report = try Self.run(folder, engine) {
      $0.layout = try! trial.layout.coming(from: trial.other)
      $0.descriptorsMax = 0
    }
    #expect(report.isClean, "HOTCOLD_SEED=\(seed)")
    #expect(try Snapshot(folder.path).paths == trial.plain.settled(trial.files), "HOTCOLD_SEED=\(seed)")
  }
}

extension LayoutDescription {
  init(_ plain: PlainLayout) {
    func path(_ folder: String) -> String { folder.isEmpty ? "" : String(folder.dropLast()) }
    self.init(
      name: "random",
      kinds: plain.kinds.map {
        .init(
          name: $0.name, match: ["\($0.prefix)*\($0.suffix)"], flat: path($0.flat), hot: path($0.hot),
          cold: path($0.cold), limit: $0.limit)
      }, buckets: plain.hasDates ? .dateHour : .hour)
  }
}

extension CaptureReport {
  /// What is wrong with it, for a test that fails.
  var issuesOfTest: String {
    "\(refusals) \(problems.named) \(String(describing: error)) \(total)"
  }
}
