import CaptureLayout
import Migration
import TestKit
import Testing

/// Whole migrations of random captures on a real file system, against the independent model.
@Suite struct MigrationPropertyTests {
  @Test(arguments: EngineChoice.cases(24, campaign: 60))
  func aMigrationEndsInTheTreeOfTheModel(seed: UInt64, engine: EngineChoice) throws {
    try engine.skipUnlessGranted()
    var random = SeededRandom(seed)
    var capture = RandomCapture(&random)
    capture.model.keepLive = Bool.random(using: &random)
    let folder = try Folder()
    try capture.make(in: folder)
    let before = try Snapshot(folder.path)

    let planned = try migrate(folder, capture.model, dryRun: true)
    #expect(
      try Snapshot(folder.path).changeTimes == before.changeTimes, "a dry run wrote: HOTCOLD_SEED=\(seed)")

    let report = try migrate(folder, capture.model, engine: engine)
    let after = try Snapshot(folder.path)
    #expect(after.paths == capture.settled, "HOTCOLD_SEED=\(seed)")
    #expect(after.contents == before.contents, "HOTCOLD_SEED=\(seed)")
    expectHonest(report, seed)
    for kind in Layout.guide.kinds {
      #expect(
        planned.kinds[kind].tally == report.kinds[kind].tally, "dry run and execution: HOTCOLD_SEED=\(seed)")
      #expect(byHour(planned, kind) == byHour(report, kind), "HOTCOLD_SEED=\(seed)")
      #expect(
        byHour(report, kind)
          == (0..<24).map { after.count(in: Bytes("\(Layout.guide.name(of: kind))/\($0)")) })
    }
    #expect(planned.foldersMade == report.foldersMade)
    #expect(planned.unrecognised.count == report.unrecognised.count)

    let again = try migrate(folder, capture.model, engine: engine)
    #expect(again.total.moved == 0 && !again.changed)
    #expect(
      try Snapshot(folder.path).changeTimes == after.changeTimes, "a second run wrote: HOTCOLD_SEED=\(seed)")
  }

  private func byHour(_ report: CaptureReport, _ kind: Kind) -> [Int] {
    report.kinds[kind].byBucket.all.map(\.value)
  }

  private func expectHonest(_ report: CaptureReport, _ seed: UInt64) {
    #expect(report.isClean && report.hasSettled && report.isBalanced, "HOTCOLD_SEED=\(seed)")
    for kind in Layout.guide.kinds {
      let figures = report.kinds[kind]
      #expect(figures.tally.isBalanced)
      #expect(figures.hot + figures.cold == figures.tally.found)
      #expect(report.comparison?.before[kind] == figures.tally.found)
      #expect(report.comparison?.after[kind] == figures.tally.found)
    }
    #expect(report.comparison?.lost == 0 && report.comparison?.arrived == 0)
  }

  @Test(arguments: SeededRandom.seeds(10)) func keepLiveThenCutOverEndsWhereOneRunEnds(seed: UInt64) throws {
    var random = SeededRandom(seed)
    var capture = RandomCapture(&random)
    let folder = try Folder()
    try capture.make(in: folder)
    capture.model.keepLive = true
    #expect(try migrate(folder, capture.model).isClean)
    capture.model.keepLive = false
    #expect(try migrate(folder, capture.model).isClean)
    #expect(try Snapshot(folder.path).paths == capture.settled, "HOTCOLD_SEED=\(seed)")
  }

  @Test(arguments: SeededRandom.seeds(20)) func conflictsAreForeseenAndLeaveBothFiles(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let capture = RandomCapture(&random)
    let folder = try Folder()
    try capture.make(in: folder)
    // Names that are taken where files belong, and twins in flat and hot place of the same and of other hours.
    for file in capture.files where Int.random(in: 0..<3, using: &random) == 0 {
      guard let kind = capture.model.kind(file.path) else { continue }
      let twinSeconds = file.seconds + [0, 3600].randomElement(using: &random)!
      let hour = capture.model.hour(file.seconds)
      let place = ["\(kind)/\(hour)/", "\(kind)/"].randomElement(using: &random)!
      try? folder.makeFile(Bytes(place) + file.path.name, seconds: twinSeconds)
    }
    let before = try Snapshot(folder.path)
    let planned = try migrate(folder, capture.model, dryRun: true)
    let report = try migrate(folder, capture.model)
    #expect(try Snapshot(folder.path).contents == before.contents, "HOTCOLD_SEED=\(seed)")
    for kind in Layout.guide.kinds {
      #expect(
        planned.kinds[kind].tally.conflicts == report.kinds[kind].tally.conflicts,
        "\(Layout.guide.name(of: kind)): HOTCOLD_SEED=\(seed)")
    }
    #expect(report.isClean == (report.total.conflicts == 0))
  }
}
