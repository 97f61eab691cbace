public import CaptureLayout
public import Migration
public import SystemPackage

/// What the service is to do.
public struct ArchiverOptions: Sendable {
  /// Captures named for good; those of the file come on top.
  public var captures: [FilePath] = []
  /// Of those among them whose line of a list names a layout.
  public var layouts: [FilePath: ListedLayout] = [:]
  /// Read again in every round.
  public var capturesFile: FilePath?
  public var intervalSeconds: Int64 = 60
  /// Younger files do not go to hour folders: they may still be in use.
  public var minAgeSeconds: Int64 = 60
  /// Of every capture whose line in the list names no layout.
  public var policy: Policy
  /// That of a layout which the list names.
  public var policyOf: @Sendable (ListedLayout) throws(SettingsMistake) -> Policy
  public var keepLive = false
  public var writesManifests = true
  public var renaming = RenamingOptions()
  public var isRetentionForced = false
  public var isDryRun = false
  /// For how long the end of the service may take what is in memory to the disk; nil where it stays in memory.
  public var flushSeconds: Int64?
  public var metricsFile: FilePath?
  /// A warning where less of the bytes or inodes is free.
  public var warnFreePercent: Int64 = 10
  public var engine = EngineChoice.auto

  public init(
    policy: Policy,
    policyOf: @escaping @Sendable (ListedLayout) throws(SettingsMistake) -> Policy = {
      _ throws(SettingsMistake) in
      throw SettingsMistake(message: "no other layouts are available")
    }
  ) {
    self.policy = policy
    self.policyOf = policyOf
  }
}

/// What depends on the layout of a capture.
public struct Policy: Sendable {
  public var layout: Layout
  public var rule: SettleRule
  public var hours: HourClock
  public var retention: RetentionRule
  /// The command that deletes what retention declined by these rules, but for the capture at its end.
  public var confirmation: String

  public init(
    layout: Layout = .guide, rule: SettleRule? = nil, hours: HourClock,
    retention: RetentionRule = RetentionRule(), confirmation: String = Policy.confirmation
  ) {
    self.layout = layout
    self.rule = rule ?? SettleRule(of: layout)
    self.hours = hours
    self.retention = retention
    self.confirmation = confirmation
  }

  public static let confirmation = "hotcold archive --once --force-retention"
}
