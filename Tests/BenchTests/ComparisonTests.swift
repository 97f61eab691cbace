import TestKit
import Testing

@testable import Bench

/// When figures are worse, the same, or too noisy to tell: by made-up figures with noise.
@Suite struct ComparisonTests {
  /// `count` figures around `value`, each off by up to `noise` of it.
  private static func figures(
    _ value: Double, noise: Double, count: Int = 7, _ random: inout SeededRandom
  ) -> [Double] {
    (0..<count).map { _ in value * (1 + Double.random(in: -noise...noise, using: &random)) }
  }

  private static func judge(_ now: [Double], _ before: [Double], isBetterIfLarger: Bool = false)
    -> BenchComparison.Verdict
  {
    BenchComparison.judge(Estimate(now), Estimate(before), 0.25, isBetterIfLarger: isBetterIfLarger)
  }

  /// Each figure by itself; the program measures once more before it says so.
  @Test func noiseIsSeldomWorse() {
    var worse = 0
    for seed in 0..<300 {
      var random = SeededRandom(UInt64(seed))
      let before = Self.figures(1, noise: 0.3, &random)
      let now = Self.figures(1, noise: 0.3, &random)
      if Self.judge(now, before) == .worse { worse += 1 }
    }
    #expect(worse <= 9)
  }

  @Test func aHalfMoreIsWorseAndAThirdLessIsBetter() {
    for seed in 0..<300 {
      var random = SeededRandom(UInt64(seed))
      let before = Self.figures(1, noise: 0.1, &random)
      let more = Self.figures(1.5, noise: 0.1, &random)
      #expect(Self.judge(more, before) == .worse && Self.judge(before, more) == .better, "\(seed)")
      #expect(Self.judge(more, before, isBetterIfLarger: true) == .better, "\(seed)")
      #expect(Self.judge(before, more, isBetterIfLarger: true) == .worse, "\(seed)")
    }
  }

  @Test func figuresThatAreAnythingTellNothing() {
    #expect(Self.judge([1, 9, 2, 8, 1, 9, 5], [1, 9, 2, 8, 1, 9, 2]) == .noisy)
    #expect(Self.judge([1, 3, 1.4], [1, 1.3, 1]) == .noisy)
  }

  /// A processor that is twice as fast in some rounds shifts command and loop alike.
  @Test func aRatioIsOfTheSameRounds() {
    let floors = [1, 2, 1, 2, 1, 2, 1.0]
    let estimate = Estimate(floors.map { $0 * 1.5 }, over: floors)
    #expect(abs(estimate.value - 1.5) < 0.001 && abs(estimate.low - 1.5) < 0.001 && estimate.spread < 0.001)
  }

  @Test func fewAndEqualFigures() {
    let one = Estimate([2])
    #expect(one.value == 2 && one.low == 2 && one.high == 2 && one.spread == 0)
    #expect(Estimate([1, 3]).value == 2)
    // A clock that did not go on.
    #expect(Estimate([0, 0, 0]).spread == 0 && Estimate([1, 1], over: [0, 0]).value == 1)
  }

  @Test(arguments: [
    (0.0, 0.0, 2, false), (0.15, 0.0, 2, false), (0.3, 0.0, 2, true), (0.1, 0.2, 2, true),
    (1.0, 0.0, 4, false),
    (2.0, 0.0, 4, true), (5.0, 0.0, 8, false), (1.0, 0.0, 1, true),
  ]) func othersThatDisturb(others: Double, stolen: Double, processors: Int, disturbs: Bool) {
    #expect(MachineLoad.disturbs(others: others, stolen: stolen, processors: processors) == disturbs)
  }
}
