import Foundation

/// A seeded random number generator. Tests print the seed of a failure; HOTCOLD_SEED repeats it.
public struct SeededRandom: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(_ seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    let mixed = (state ^ (state >> 33)) &* 0xff51_afd7_ed55_8ccd
    return mixed ^ (mixed >> 33)
  }

  /// The seeds of a property test: the one to repeat, or the first `count`, or with `make test-faults` the first `campaign`.
  public static func seeds(_ count: Int, campaign: Int? = nil) -> [UInt64] {
    let isCampaign = ProcessInfo.processInfo.environment["HOTCOLD_FAULTS"] == "all"
    let count = isCampaign ? campaign ?? count : count
    if let text = ProcessInfo.processInfo.environment["HOTCOLD_SEED"], let seed = UInt64(text) {
      return [seed]
    }
    return (1...UInt64(count)).map { $0 }
  }
}
