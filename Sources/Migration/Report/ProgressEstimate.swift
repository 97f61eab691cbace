/// How fast a command gets on and how long it may still take, judged by its progress so far.
///
/// It says nothing before enough is known: what precedes the first entries, and a disk that has to come up to speed, would
/// make ten seconds of work look like minutes. Nor does it say that nothing is left while something is.
public struct ProgressEstimate: Sendable {
  private static let knownAfterNanoseconds: Int64 = 1_000_000_000
  private static let knownFractionMin = 0.02
  private static let secondsMax = 1e9

  private var first: MigrationProgress?
  private var latest: MigrationProgress?

  public init() {}

  public mutating func add(_ progress: MigrationProgress) {
    // A new pass begins again.
    if first == nil || progress.entries < latest?.entries ?? 0 { first = progress }
    latest = progress
  }

  /// Of all that is expected; nil where that is not known. Below 1 as long as the command is at work.
  public var fraction: Double? {
    guard let latest, let expected = latest.entriesExpected, expected > 0 else { return nil }
    let nearlyAll = 0.99
    return min(nearlyAll, Double(latest.entries) / Double(expected))
  }

  /// Entries a second, once that has been seen for a second.
  public var rate: Double? {
    guard let first, let latest else { return nil }
    let nanoseconds = latest.elapsedNanoseconds - first.elapsedNanoseconds
    guard nanoseconds >= Self.knownAfterNanoseconds else { return nil }
    return Double(latest.entries - first.entries) / (Double(nanoseconds) / 1e9)
  }

  /// At least 1; nil before enough is known, and when more was there than expected.
  public var secondsLeft: Int? {
    guard let latest, let expected = latest.entriesExpected, latest.entries < expected,
      let fraction, fraction >= Self.knownFractionMin, let rate, rate > 0
    else { return nil }
    let seconds = Double(expected - latest.entries) / rate
    return Int(min(seconds, Self.secondsMax).rounded(.up))
  }
}
