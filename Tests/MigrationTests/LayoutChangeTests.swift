import CFaults
import CaptureLayout
import Foundation
import SystemPackage
import TestKit
import Testing

@testable import Migration

/// From one random layout to another that has nothing in common with it but its kinds, and back, against the independent
/// model: other folders, other limits, other buckets. `HOTCOLD_FAULTS=all` tries eight times as many.
///
/// To repeat a failure: `HOTCOLD_SEED=17 swift test --filter LayoutChangeTests`.
@Suite struct LayoutChangeTests {
  static let pairs = ProcessInfo.processInfo.environment["HOTCOLD_FAULTS"] == "all" ? 120 : 9

  // MARK: random layouts

  private struct Trial {
    let seed: UInt64
    let plain: [PlainLayout]
    let layouts: [Layout]
    let folder: Folder
    var random: SeededRandom

    /// As many layouts of the same kinds, none of which is in the way of another.
    init(_ seed: UInt64, layouts count: Int) throws {
      var random = SeededRandom(seed)
      let kinds = Int.random(in: 1...4, using: &random)
      let suffixes = (0..<kinds).map { _ in [".ts", ".jpg", ""].randomElement(using: &random)! }
      var plain: [PlainLayout] = []
      var layouts: [Layout] = []
      while layouts.count < count {
        let next = Self.layout(suffixes, &random)
        guard !plain.contains(where: { $0.isInTheWay(of: next) }),
          let layout = try? Layout(LayoutDescription(next))
        else { continue }
        plain.append(next)
        layouts.append(layout)
      }
      self.seed = seed
      self.random = random
      self.plain = plain
      self.layouts = layouts
      folder = try Folder()
    }

    /// Folders that kinds and tiers may share, and that are in each other. The check of layouts takes out what is not
    /// allowed.
    static func layout(_ suffixes: [String], _ random: inout SeededRandom) -> PlainLayout {
      let folders = ["", "in/", "in/deep/", "a/", "a/b/", "a/b/c/", "hot/", "hot/x/", "cold/", "cold/x/y/"]
      let odd = ["a/7/", "in/2023-11-20/", "hot/24/", "cold/07/"]
      return PlainLayout(
        kinds: suffixes.indices.map { index in
          func folder(_ own: String) -> String {
            if Int.random(in: 0..<12, using: &random) == 0 { return odd.randomElement(using: &random)! }
            return (folders + [own, own + "deep/"]).randomElement(using: &random)!
          }
          let flat = folder("k\(index)/")
          let hot = [flat, folder("k\(index)/"), folder("k\(index)/")].randomElement(using: &random)!
          return PlainLayout.Kind(
            name: "kind\(index)", prefix: "k\(index)_", suffix: suffixes[index], flat: flat, hot: hot,
            cold: Bool.random(using: &random) && !hot.isEmpty ? hot : folder("c\(index)/"),
            limit: [0, 1, 5, 20].randomElement(using: &random)!)
        }, hasDates: Bool.random(using: &random))
    }

    mutating func file(_ number: Int, roles: [PlainLayout.File.Role]) -> PlainLayout.File {
      let kind = Int.random(in: plain[0].kinds.indices, using: &random)
      let corners = [0, 951_782_400, 2_147_483_648, 253_402_300_799, -1]
      return PlainLayout.File(
        kind: kind, name: Bytes(plain[0].kinds[kind].prefix + "\(number)" + plain[0].kinds[kind].suffix),
        role: roles.randomElement(using: &random)!,
        seconds: Int.random(in: 0..<20, using: &random) == 0
          ? corners.randomElement(using: &random)!
          : 1_700_000_000 + 1800 * Int.random(in: 0...200, using: &random),
        nanoseconds: Int.random(in: 0...1, using: &random))
    }

    func make(_ file: PlainLayout.File, in layout: Int) throws {
      try folder.makeFile(plain[layout].path(file), seconds: file.seconds, nanoseconds: file.nanoseconds)
    }

    var comment: Comment {
      let described = plain.map { plain in
        plain.kinds.map { "\($0.flat)|\($0.hot)|\($0.cold)|\($0.limit)" }.joined(separator: " ")
          + (plain.hasDates ? " dates" : " hours")
      }
      return "HOTCOLD_SEED=\(seed) swift test --filter LayoutChangeTests; \(described)"
    }

    // MARK: runs

    func run(
      _ engine: EngineChoice, _ layout: Layout, isDryRun: Bool = false,
      target: MigrationOptions.Target = .tiered
    ) throws -> CaptureReport {
      var options = MigrationOptions(layout: layout, hours: HourClock { _ in 0 }, isDryRun: isDryRun)
      options.target = target
      return try Engine.choose(engine).migrate(
        FilePath(folder.path), options: options, observer: SilentObserver())
    }

    /// Stops in the middle of its moves. False where there are none, or the kernel was not asked for so many.
    mutating func stopInTheMiddle(_ engine: EngineChoice, _ layout: Layout) throws -> Bool {
      let moves = try run(engine, layout, isDryRun: true).total.moved
      guard moves > 0 else { return false }
      var faults = hc_faults()
      faults.operation = Int32((engine == .ioUring ? HC_OP_RING_RENAME : HC_OP_RENAME).rawValue)
      faults.error = Errno.ioError.rawValue
      faults.first = UInt32(Int.random(in: 1...moves, using: &random))
      faults.forever = true
      let before = try Snapshot(folder.path)
      let chosen = try Engine.choose(engine)
      let options = MigrationOptions(layout: layout, hours: HourClock { _ in 0 }, isDryRun: false)
      let report = FaultTrial.withFaults(&faults) { [path = folder.path] in
        chosen.migrate(FilePath(path), options: options, observer: SilentObserver())
      }
      #expect(try Snapshot(folder.path).contents == before.contents, comment)
      guard faults.fired > 0 else { return false }
      #expect(!report.isClean, comment)
      return true
    }

    /// One change of layout, with all that is promised of it.
    func change(
      _ engine: EngineChoice, to layout: Int, _ known: Layout, _ files: [PlainLayout.File], _ step: String
    ) throws {
      let what: Comment = "\(step): \(comment)"
      let before = try Snapshot(folder.path)
      let planned = try run(engine, known, isDryRun: true)
      #expect(try Snapshot(folder.path).changeTimes == before.changeTimes, "a dry run wrote: \(what)")
      let report = try run(engine, known)
      let after = try Snapshot(folder.path)
      #expect(after.paths == plain[layout].settled(files), what)
      #expect(after.contents == before.contents, what)
      #expect(
        report.isClean && report.hasSettled && report.comparison?.lost == 0,
        "\(report.issuesOfTest) \(what)")
      for kind in known.kinds {
        #expect(planned.kinds[kind].tally == report.kinds[kind].tally, what)
        #expect(planned.kinds[kind].hot == report.kinds[kind].hot, what)
        #expect(
          planned.kinds[kind].byBucket.all.filter { $0.value > 0 }.map(\.bucket)
            == report.kinds[kind].byBucket.all.filter { $0.value > 0 }.map(\.bucket), what)
      }
      #expect(planned.foldersMade == report.foldersMade, what)
      #expect(planned.foldersRemoved == report.foldersRemoved, what)
      #expect(planned.unrecognised.count == report.unrecognised.count, what)
      #expect(report.total.moved == Invariants.movedCount(before: before, after: after), what)
      expectFolders(of: plain[layout].folders, after, what)
      let verified = Verification.run(
        FilePath(folder.path), layout: layouts[layout], rule: SettleRule(of: layouts[layout]),
        hours: HourClock { _ in 0 })
      #expect(
        verified.isMet,
        "\(verified.criteria.filter { !$0.isMet }) \(String(describing: verified.error)) \(what)")
      for layout in [known, layouts[layout]] {
        let again = try run(engine, layout)
        #expect(again.total.moved == 0 && !again.changed && again.isClean, "\(again.issuesOfTest) \(what)")
      }
      #expect(try Snapshot(folder.path).changeTimes == after.changeTimes, "a second run wrote: \(what)")
    }

    /// Nothing is left of the folders of another layout.
    func expectFolders(of wanted: Set<Bytes>, _ snapshot: Snapshot, _ what: Comment) {
      var known: Set<Bytes> = []
      for path in wanted.union(snapshot.paths.map(\.folder)) {
        var folder = path
        while !folder.bytes.isEmpty {
          known.insert(folder)
          folder = folder.folder
        }
      }
      let left = Set(snapshot.entries.filter(\.value.isFolder).keys).subtracting(known).filter { $0 != "" }
      #expect(left == [], "folders are left: \(what)")
    }

    func revert(_ engine: EngineChoice, _ layout: Int, _ files: [PlainLayout.File]) throws {
      let before = try Snapshot(folder.path)
      let planned = try run(engine, layouts[layout], isDryRun: true, target: .flat)
      let report = try run(engine, layouts[layout], target: .flat)
      let flat = try Snapshot(folder.path)
      #expect(flat.paths == plain[layout].flat(files), comment)
      #expect(flat.contents == before.contents, comment)
      #expect(report.isClean && report.comparison?.lost == 0, "\(report.issuesOfTest) \(comment)")
      #expect(planned.total == report.total, comment)
      #expect(planned.foldersRemoved == report.foldersRemoved, comment)
      let flatPlaces = plain[layout].kinds.map(\.flat).filter { !$0.isEmpty }
      expectFolders(of: Set(flatPlaces.map { Bytes(String($0.dropLast())) }), flat, comment)
    }
  }

  // MARK: tests

  @Test(arguments: EngineChoice.cases(pairs))
  func fromOneLayoutToAnotherAndBackAndToTheFlatOne(seed: UInt64, engine: EngineChoice) throws {
    try engine.skipUnlessGranted()
    var trial = try Trial(seed, layouts: 2)
    var files = (0..<Int.random(in: 1...120, using: &trial.random)).map {
      trial.file($0, roles: [.flat, .flat, .hot, .bucket])
    }
    for file in files { try trial.make(file, in: 0) }
    try trial.change(engine, to: 0, trial.layouts[0], files, "to A")
    files = trial.plain[0].roles(of: files)
    try trial.change(engine, to: 1, trial.layouts[1].coming(from: trial.layouts[0]), files, "A to B")
    files = trial.plain[1].roles(of: files)
    try trial.change(engine, to: 0, trial.layouts[0].coming(from: trial.layouts[1]), files, "B to A")
    try trial.revert(engine, 0, files)
  }

  @Test(arguments: EngineChoice.cases(pairs))
  func threeLayoutsInARowEndWhereTheLastOneWantsThem(seed: UInt64, engine: EngineChoice) throws {
    try engine.skipUnlessGranted()
    var trial = try Trial(seed, layouts: 3)
    var files = (0..<Int.random(in: 1...120, using: &trial.random)).map { trial.file($0, roles: [.flat]) }
    for file in files { try trial.make(file, in: 0) }
    try trial.change(engine, to: 0, trial.layouts[0], files, "to A")
    for next in 1...2 {
      files = trial.plain[next - 1].roles(of: files)
      let known = try trial.layouts[next].coming(from: trial.layouts[next - 1])
      try trial.change(engine, to: next, known, files, "layout \(next) to \(next + 1)")
    }
    try trial.revert(engine, 2, files)
  }

  /// Half in the one layout and half in the other, and a run that stops with an I/O error before the one that ends it.
  @Test(arguments: EngineChoice.cases(pairs))
  func whatIsHalfInEitherLayoutEndsInTheNewOne(seed: UInt64, engine: EngineChoice) throws {
    try engine.skipUnlessGranted()
    var trial = try Trial(seed, layouts: 2)
    let files = (0..<Int.random(in: 1...120, using: &trial.random)).map {
      trial.file($0, roles: [.flat, .hot, .bucket])
    }
    for file in files { try trial.make(file, in: Int.random(in: 0...1, using: &trial.random)) }
    let known = try trial.layouts[1].coming(from: trial.layouts[0])
    for _ in 0..<3 where try trial.stopInTheMiddle(engine, known) {
      Figures.add("changes of layout that were stopped, \(engine)")
    }
    try trial.change(engine, to: 1, known, files, "A and B to B")
  }

  /// Every rename of one change is the one that fails, and all after it.
  @Test(arguments: EngineChoice.all)
  func aChangeIsStoppedBySomeRenameInMostTrials(engine: EngineChoice) throws {
    try engine.skipUnlessGranted()
    var stopped = 0
    for seed in UInt64(1)...20 {
      var trial = try Trial(seed, layouts: 2)
      for number in 0..<30 { try trial.make(trial.file(number, roles: [.flat, .hot, .bucket]), in: 0) }
      if try trial.stopInTheMiddle(engine, trial.layouts[1].coming(from: trial.layouts[0])) { stopped += 1 }
    }
    #expect(stopped >= 10, "the fault did not happen")
  }

  /// What the one takes for a hot folder and the other for a bucket would be hot and cold at once.
  @Test(arguments: SeededRandom.seeds(5)) func aFolderInABucketOfTheOtherLayoutIsRefused(seed: UInt64) throws
  {
    var random = SeededRandom(seed)
    var refused = 0
    for _ in 0..<40 {
      let plain = (0..<2).map { _ in Trial.layout([".ts", ".jpg"], &random) }
      guard let layouts = try? plain.map({ try Layout(LayoutDescription($0)) }) else { continue }
      let isRefused = (try? layouts[1].coming(from: layouts[0])) == nil
      #expect(isRefused == plain[1].isInTheWay(of: plain[0]), "HOTCOLD_SEED=\(seed) \(plain)")
      if isRefused { refused += 1 }
    }
    #expect(refused > 0)
  }
}
