public import CaptureLayout

/// What the user decides about a migration.
public struct MigrationOptions: Sendable {
  public var rule: SettleRule
  /// The local hour of a modification time; one zone for a whole run.
  public var hours: HourClock
  public var isDryRun: Bool
  /// Move only what is cold; leave the hot set and the live playlist where a live reader expects them.
  public var keepLive: Bool
  /// Make the moves survive a power cut before reporting success.
  public var syncs: Bool

  public init(
    rule: SettleRule = SettleRule(), hours: HourClock, isDryRun: Bool = true, keepLive: Bool = false,
    syncs: Bool = true
  ) {
    self.rule = rule
    self.hours = hours
    self.isDryRun = isDryRun
    self.keepLive = keepLive
    self.syncs = syncs
  }
}
