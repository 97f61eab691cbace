internal import CaptureLayout
internal import Migration

/// A chart of files by date and hour: a line per day, a column per hour, taller for more files.
struct DayChart {
  /// How many of the newest days get a line each; all earlier ones share one.
  private static let daysMax = 31
  private static let steps = Array(" ▁▂▃▄▅▆▇█")

  let lines: [String]

  init(_ counts: [(bucket: Bucket, count: Int)], _ layout: Layout) {
    var days: [Day: [Int]] = [:]
    for (bucket, count) in counts where count > 0 {
      guard let day = layout.buckets.day(of: bucket) else { continue }
      days[day, default: Array(repeating: 0, count: BucketRule.hours.count)][
        layout.buckets.hour(of: bucket)] += count
    }
    let largest = max(1, counts.map(\.count).max() ?? 1)
    let newest = days.keys.sorted().suffix(Self.daysMax)
    let older = days.filter { !newest.contains($0.key) }
    var lines = older.isEmpty ? [] : [Self.line("earlier", Self.sum(older.values), largest)]
    lines += newest.map { Self.line($0.text, days[$0]!, largest) }
    self.lines = lines + ["            0     6     12    18    "]
  }

  private static func sum(_ days: some Collection<[Int]>) -> [Int] {
    BucketRule.hours.map { hour in days.reduce(0) { $0 + $1[hour] } }
  }

  private static func line(_ name: String, _ hours: [Int], _ largest: Int) -> String {
    let bars = hours.map { count in
      steps[count == 0 ? 0 : 1 + min(count, largest) * (steps.count - 2) / largest]
    }
    return "\(Format.left(name, 10))  \(String(bars))  \(Format.count(hours.reduce(0, +)))"
  }
}
