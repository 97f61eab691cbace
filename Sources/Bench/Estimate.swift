internal import CaptureLayout

/// The median of several runs, or the ratio of two medians, with its uncertainty.
///
/// The ratio of medians, not the median of ratios: on a machine whose speed changes from second to second it is more stable.
struct Estimate {
  let value: Double
  /// The interval from `low` to `high`, in which the value would be eight times out of ten if everything were measured again
  /// (percentile bootstrap over the rounds).
  let low: Double
  let high: Double
  /// The width of that interval, relative to the value.
  var spread: Double { value > 0 ? (high - low) / value : 0 }

  private static let resamples = 400
  private static let leftOut = 0.1

  /// - Parameters:
  ///   - values: not empty.
  ///   - floors: those of the same rounds, to divide by; nil for no ratio.
  init(_ values: [Double], over floors: [Double]? = nil) {
    let rounds = min(values.count, floors?.count ?? .max)
    func estimate(_ chosen: [Int]) -> Double {
      let value = Self.median(chosen.map { values[$0] })
      guard let floors else { return value }
      let floor = Self.median(chosen.map { floors[$0] })
      return floor > 0 ? value / floor : value
    }
    value = estimate(Array(0..<rounds))
    // A fixed seed: the same figures give the same interval.
    var random = Generator(state: 1)
    let others = (0..<Self.resamples).map { _ in
      estimate((0..<rounds).map { _ in Int.random(in: 0..<rounds, using: &random) })
    }.sorted()
    let leftOut = Int(Double(Self.resamples) * Self.leftOut)
    low = others[leftOut]
    high = others[Self.resamples - 1 - leftOut]
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// SplitMix64.
  private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      defer { state &+= 0x9e37_79b9_7f4a_7c15 }
      return mixed(state)
    }
  }
}
