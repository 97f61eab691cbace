internal import CaptureLayout

/// The median of several runs, or the ratio of two medians, and how sure that is.
///
/// Medians before their ratio: on a machine whose speed changes from second to second that moves less than the median of the rounds'
/// ratios.
struct Estimate {
  let value: Double
  /// Where it would be, eight times of ten, if all were measured again (percentile bootstrap over the rounds).
  let low: Double
  let high: Double
  /// How far those are apart, as a part of the value.
  var spread: Double { value > 0 ? (high - low) / value : 0 }

  private static let resamples = 400
  private static let leftOut = 0.1

  /// Not empty. `floors`: of the same rounds; nil where the figures stand for themselves.
  init(_ values: [Double], over floors: [Double]? = nil) {
    let rounds = min(values.count, floors?.count ?? .max)
    func estimate(_ chosen: [Int]) -> Double {
      let value = Self.median(chosen.map { values[$0] })
      guard let floors else { return value }
      let floor = Self.median(chosen.map { floors[$0] })
      return floor > 0 ? value / floor : value
    }
    value = estimate(Array(0..<rounds))
    // The same figures give the same interval.
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
