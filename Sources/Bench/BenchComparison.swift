/// How new results compare with a baseline.
///
/// A figure is worse, or better, if it is beyond the tolerance and its interval does not overlap that of the baseline
/// (`Estimate`). It is too noisy to tell if it is beyond the tolerance but the intervals overlap, or if an interval is wider
/// than twice the tolerance on either side. The whole comparison is too noisy if other programs or virtual machines used the
/// processors meanwhile (`MachineLoad`).
public struct BenchComparison: Encodable, Sendable {
  public enum Verdict: String, Encodable, Sendable {
    case better, same, worse
    case noisy = "too noisy to tell"
  }

  /// What is compared.
  public enum Figure: String, Encodable, Sendable {
    /// The ratio of a command to its bare loop: shows a slower program.
    case floorRatio
    /// Seconds of a bare loop: shows a slower kernel, disk or container.
    case floor
    /// Renames per entry into the kernel, through a ring.
    case ringBatch
    /// The peak resident set size, in bytes.
    case peakMemory
  }

  /// One figure, before and now.
  public struct Entry: Encodable, Sendable {
    public let files: Int
    public let name: String
    public let figure: Figure
    public let before: Double
    public let now: Double
    /// Relative: 0.1 is a tenth more.
    public let change: Double
    public let verdict: Verdict
  }

  public let entries: [Entry]
  public let verdict: Verdict
  /// Whether other programs or virtual machines used too much of the processors during this measurement; `baselineDisturbed`:
  /// when the baseline was made.
  public let disturbed: Bool
  public let baselineDisturbed: Bool
  /// In what the machines and the measurements differ.
  public let differences: [String]
  /// The version of hotcold that made the baseline.
  public let version: String

  /// Relative changes up to which a figure counts as the same.
  public struct Tolerances: Sendable {
    /// For ratios, batches and memory: 0.25 is a quarter more.
    public var ratios = 0.25
    /// For the bare loops.
    public var floors = 0.5

    public init() {}
  }

  /// Compares only what both have measured.
  public init(_ now: BenchResults, with before: BenchResults, _ tolerances: Tolerances) {
    var entries: [Entry] = []
    for size in now.sizes {
      guard let old = before.sizes.first(where: { $0.files == size.files }) else { continue }
      entries += Self.entries(size, old, tolerances)
    }
    self.entries = entries
    let sizes = Set(entries.map(\.files))
    disturbed = now.isDisturbed(sizes)
    baselineDisturbed = before.isDisturbed(sizes)
    // With nothing to compare, nothing is known.
    verdict = entries.isEmpty || disturbed || baselineDisturbed ? .noisy : Self.verdict(of: entries)
    differences = now.machine.differences(from: before.machine) + Self.missing(now, before)
    version = before.hotcold
  }

  /// Whether the results for one size are conclusive; if not, as many rounds again may make them so.
  public static func tells(
    _ now: BenchResults.SizeResults, with before: BenchResults, _ tolerances: Tolerances
  ) -> Bool {
    guard let old = before.sizes.first(where: { $0.files == now.files }) else { return true }
    return [.same, .better].contains(verdict(of: entries(now, old, tolerances)))
  }

  /// What the baseline has for a size and these results lack, such as an engine that is no longer granted.
  private static func missing(_ now: BenchResults, _ before: BenchResults) -> [String] {
    var names: [String] = []
    for size in now.sizes {
      guard let old = before.sizes.first(where: { $0.files == size.files }) else { continue }
      for command in old.commands where !size.commands.contains(where: { $0.name == command.name }) {
        if !names.contains(command.name) { names.append(command.name) }
      }
    }
    return names.map { "\($0) is not measured (was in the baseline)" }
  }

  private static func verdict(of entries: [Entry]) -> Verdict {
    for verdict in [Verdict.worse, .noisy, .better] where entries.contains(where: { $0.verdict == verdict }) {
      return verdict
    }
    return .same
  }

  private static func entries(
    _ now: BenchResults.SizeResults, _ before: BenchResults.SizeResults, _ tolerances: Tolerances
  ) -> [Entry] {
    var entries: [Entry] = []
    func add(
      _ name: String, _ figure: Figure, _ now: [Double], _ before: [Double],
      floors: [[Double]?] = [nil, nil],
      isBetterIfLarger: Bool = false
    ) {
      guard !now.isEmpty, !before.isEmpty else { return }
      let tolerance = figure == .floor ? tolerances.floors : tolerances.ratios
      let (estimate, old) = (Estimate(now, over: floors[0]), Estimate(before, over: floors[1]))
      entries.append(
        Entry(
          files: files, name: name, figure: figure, before: old.value, now: estimate.value,
          change: estimate.value / old.value - 1,
          verdict: judge(estimate, old, tolerance, isBetterIfLarger: isBetterIfLarger)))
    }
    let files = now.files
    for loop in now.loops {
      let old = before.loops.first { $0.loop == loop.loop }
      add(loop.loop.rawValue, .floor, loop.seconds, old?.seconds ?? [])
    }
    for command in now.commands {
      guard let old = before.commands.first(where: { $0.name == command.name }) else { continue }
      add(
        command.name, .floorRatio, command.seconds, old.seconds,
        floors: [now.floors(of: command), before.floors(of: old)])
      add(command.name, .peakMemory, command.peakResidentBytes, old.peakResidentBytes)
      // `auto` gives the ring a different share each time.
      guard command.name == "execute, io_uring" else { continue }
      add(command.name, .ringBatch, command.ringBatches, old.ringBatches, isBetterIfLarger: true)
    }
    return entries
  }

  static func judge(
    _ now: Estimate, _ before: Estimate, _ tolerance: Double, isBetterIfLarger: Bool
  ) -> Verdict {
    let limit = 1 + tolerance
    if now.value > before.value * limit {
      return now.low > before.high ? (isBetterIfLarger ? .better : .worse) : .noisy
    }
    if now.value * limit < before.value {
      return now.high < before.low ? (isBetterIfLarger ? .worse : .better) : .noisy
    }
    return max(now.spread, before.spread) > 4 * tolerance ? .noisy : .same
  }
}

extension BenchResults.SizeResults {
  /// For each round, the seconds of the bare loop that a command is measured against.
  func floors(of command: BenchResults.CommandResults) -> [Double]? {
    loops.first { $0.loop == command.loop }?.seconds
  }
}

extension BenchResults {
  /// Whether others used too much of the processors while captures of these sizes were measured.
  func isDisturbed(_ sizes: Set<Int>) -> Bool {
    self.sizes.contains { size in
      sizes.contains(size.files)
        && MachineLoad.disturbs(
          others: size.othersMax, stolen: size.stolenMax, processors: machine.processors)
    }
  }

  /// Whether others used too much of the processors while any size was measured.
  public var isDisturbed: Bool { isDisturbed(Set(sizes.map(\.files))) }
}
