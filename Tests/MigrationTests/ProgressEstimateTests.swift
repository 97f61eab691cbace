import CaptureLayout
import Foundation
import SystemPackage
import TestKit
import Testing

@testable import Migration

/// What is said about the time left is right, or nothing is said.
@Suite struct ProgressEstimateTests {
  static func progress(_ entries: Int, of expected: Int?, seconds: Double) -> MigrationProgress {
    MigrationProgress(
      capture: "/capture", entries: entries, entriesExpected: expected,
      elapsedNanoseconds: Int64(seconds * 1e9))
  }

  @Test func nothingIsSaidBeforeEnoughIsKnown() {
    var estimate = ProgressEstimate()
    #expect(estimate.secondsLeft == nil && estimate.rate == nil && estimate.fraction == nil)
    // Setting up took three seconds; then 300,000 files at 25,000 a second.
    for tick in 0..<10 {
      estimate.add(Self.progress(1200 + tick * 2500, of: 300_000, seconds: 3 + Double(tick) / 10))
      #expect(estimate.secondsLeft == nil && estimate.rate == nil)
    }
    estimate.add(Self.progress(26_200, of: 300_000, seconds: 4))
    #expect(estimate.rate == 25_000 && estimate.secondsLeft == 11)
  }

  @Test func aSecondIsNotEnoughWhereHardlyAnythingWasDone() {
    var estimate = ProgressEstimate()
    estimate.add(Self.progress(100, of: 1_000_000, seconds: 0))
    estimate.add(Self.progress(19_000, of: 1_000_000, seconds: 5))
    #expect(estimate.secondsLeft == nil && estimate.rate != nil)
    estimate.add(Self.progress(21_000, of: 1_000_000, seconds: 6))
    #expect(estimate.secondsLeft != nil)
  }

  @Test func noneIsLeftIsNeverSaid() {
    var estimate = ProgressEstimate()
    for second in 0...20 {
      estimate.add(Self.progress(second * 1000, of: 10_000, seconds: Double(second)))
      #expect(estimate.secondsLeft != 0)
      #expect(estimate.fraction.map { $0 < 1 } ?? true)
      // More is there than was expected: nobody knows how much.
      if second >= 10 { #expect(estimate.secondsLeft == nil) }
    }
  }

  @Test func anotherPassBeginsAgain() {
    var estimate = ProgressEstimate()
    estimate.add(Self.progress(1000, of: 100_000, seconds: 0))
    estimate.add(Self.progress(99_000, of: 100_000, seconds: 10))
    estimate.add(Self.progress(200, of: nil, seconds: 11))
    #expect(estimate.secondsLeft == nil && estimate.rate == nil && estimate.fraction == nil)
  }

  @Test func noNumbersAreTooLarge() {
    var estimate = ProgressEstimate()
    estimate.add(Self.progress(0, of: .max, seconds: 0))
    estimate.add(Self.progress(.max / 2, of: .max, seconds: 9e9))
    #expect(estimate.secondsLeft ?? 0 > 0)
    var slow = ProgressEstimate()
    slow.add(Self.progress(.max / 4, of: .max, seconds: 0))
    slow.add(Self.progress(.max / 4 + 1, of: .max, seconds: 9e9))
    #expect(slow.secondsLeft == 1_000_000_000)
  }

  /// Keeps what a run says of its progress.
  final class Listener: MigrationObserver {
    var wantsMoves: Bool { false }
    private(set) var told: [MigrationProgress] = []

    func progressed(_ progress: MigrationProgress) { told.append(progress) }
    func moved(_ name: Span<UInt8>, from: String, to: String, as newName: Span<UInt8>) {}

    /// Of the first pass alone.
    var firstPass: ArraySlice<MigrationProgress> {
      let end = told.indices.dropFirst().first { told[$0].entries < told[$0 - 1].entries }
      return told[..<(end ?? told.endIndex)]
    }
  }

  @Test func everyCommandExpectsWhatItWalks() throws {
    let folder = try Folder()
    try SampleCapture(files: 6000, spanSeconds: 86_400).make(at: FilePath(folder.path + "/capture"))
    let path = FilePath(folder.path + "/capture")
    func expectHonest(_ told: ArraySlice<MigrationProgress>, walks: Int, _ what: Comment) throws {
      let last = try #require(told.last, what)
      let expected = try #require(last.entriesExpected, what)
      #expect(abs(expected - walks) < walks / 20 && abs(last.entries - walks) < walks / 20, what)
      #expect(told.allSatisfy { $0.entriesExpected == expected }, what)
    }
    let engine = try Engine.choose(.syscalls)
    #expect(engine.migrate(path, options: options(LayoutModel()), observer: SilentObserver()).isClean)

    var told: [MigrationProgress] = []
    let verification = Verification.run(
      path, rule: SettleRule(of: .guide), hours: HourClock { _ in 0 }, progressed: { told.append($0) })
    #expect(verification.isMet)
    try expectHonest(told[...], walks: 6000, "verify")

    for isDryRun in [true, false] {
      let listener = Listener()
      let report = engine.migrate(path, options: revertOptions(dryRun: isDryRun), observer: listener)
      #expect(report.isClean)
      try expectHonest(listener.firstPass, walks: report.total.moved, "revert")
      #expect(listener.told.dropFirst(listener.firstPass.count).allSatisfy { $0.entriesExpected == nil })
    }
    let listener = Listener()
    #expect(engine.migrate(path, options: options(LayoutModel()), observer: listener).isClean)
    try expectHonest(listener.firstPass, walks: 6000, "migrate")
    #expect(listener.told.dropFirst(listener.firstPass.count).allSatisfy { $0.entriesExpected == nil })

    var made: [MigrationProgress] = []
    try SampleCapture(files: 6000).make(at: path.appending("sample"), progressed: { made.append($0) })
    #expect(made.count > 5 && made.allSatisfy { $0.entriesExpected == 6000 })
    #expect(zip(made, made.dropFirst()).allSatisfy { $0.entries < $1.entries })
  }
}
