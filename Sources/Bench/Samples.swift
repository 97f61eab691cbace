/// Figures of several runs.
struct Samples {
  private let sorted: [Double]

  /// Not empty.
  init(_ values: [Double]) { sorted = values.sorted() }

  var median: Double {
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// Between these the median of very many runs would be, seven times of eight (order statistics, by the binomial distribution). Of 7
  /// runs those are the second and the last but one.
  var low: Double { sorted[leftOut] }
  var high: Double { sorted[sorted.count - 1 - leftOut] }
  /// How far those are apart, as a part of the median.
  var spread: Double { median > 0 ? (high - low) / median : 0 }

  /// On either side.
  private var leftOut: Int {
    let count = Double(sorted.count)
    return max(0, Int((count - 1.5 * count.squareRoot()) / 2))
  }
}
