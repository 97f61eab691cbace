/// Estimates the rate of a command and the time left from its progress so far.
///
/// It gives no estimate before enough is known: the work before the first entries, and a disk that still spins up, would make
/// ten seconds of work look like minutes. Nor does it say that nothing is left while something is.
public struct ProgressEstimate: Sendable {
  private static let knownAfterNanoseconds: Int64 = 1_000_000_000
  private static let knownFractionMin = 0.02
  private static let secondsMax = 1e9

  private var first: MigrationProgress?
  private var latest: MigrationProgress?

  public init() {}

  public mutating func add(_ progress: MigrationProgress) {
    // A new pass counts entries from the beginning.
    if first == nil || progress.entries < latest?.entries ?? 0 { first = progress }
    latest = progress
  }

  /// The share of the expected entries that is done, at most 0.99; nil if the total is not known.
  public var fraction: Double? {
    guard let latest, let expected = latest.entriesExpected, expected > 0 else { return nil }
    let nearlyAll = 0.99
    return min(nearlyAll, Double(latest.entries) / Double(expected))
  }

  /// Entries per second; nil before a second has been measured.
  public var rate: Double? {
    guard let first, let latest else { return nil }
    let nanoseconds = latest.elapsedNanoseconds - first.elapsedNanoseconds
    guard nanoseconds >= Self.knownAfterNanoseconds else { return nil }
    return Double(latest.entries - first.entries) / (Double(nanoseconds) / 1e9)
  }

  /// At least 1; nil before enough is known, and if there are more entries than expected.
  public var secondsLeft: Int? {
    guard let latest, let expected = latest.entriesExpected, latest.entries < expected,
      let fraction, fraction >= Self.knownFractionMin, let rate, rate > 0
    else { return nil }
    let seconds = Double(expected - latest.entries) / rate
    return Int(min(seconds, Self.secondsMax).rounded(.up))
  }
}
