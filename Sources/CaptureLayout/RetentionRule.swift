/// How long cold files of each kind are kept.
public struct RetentionRule: Sendable {
  /// What retention decides about a file.
  public enum Verdict: Sendable {
    case kept
    case expired
    /// In the future, or near the epoch, where a clock that was never set starts: the age is unknown.
    case implausible
  }

  /// In seconds; nil for no limit.
  public var ageSeconds: PerKind<Int64?>
  /// If more files than this would be deleted in one pass, that is taken for a mistake, and none is.
  public var deletionsMax: Int

  public static let deletionsMaxDefault = 50_000
  /// 1 January 1971. No capture is older, and a machine without a hardware clock starts in 1970.
  static let firstPlausibleSecond: Int64 = 31_536_000

  public init(ageSeconds: PerKind<Int64?> = PerKind(repeating: nil), deletionsMax: Int = deletionsMaxDefault)
  {
    self.ageSeconds = ageSeconds
    self.deletionsMax = deletionsMax
  }

  public var isOff: Bool { ageSeconds.reduce(true) { $0 && $1 == nil } }

  /// Decides by the file's own modification time, never by its folder: an hour folder is filled again every day.
  public func verdict(of kind: Kind, _ modified: ModificationTime, nowSeconds: Int64) -> Verdict {
    guard let age = ageSeconds[kind] else { return .kept }
    if modified.seconds > nowSeconds || modified.seconds < Self.firstPlausibleSecond { return .implausible }
    return modified.age(atSeconds: nowSeconds) > age ? .expired : .kept
  }
}
