public import CaptureLayout
public import Migration
public import SystemPackage

/// What the service is to do.
public struct ArchiverOptions: Sendable {
  /// Captures named for good; those of the file come on top.
  public var captures: [FilePath] = []
  /// Read again in every round.
  public var capturesFile: FilePath?
  public var intervalSeconds: Int64 = 60
  /// Younger files do not go to hour folders: they may still be in use.
  public var minAgeSeconds: Int64 = 60
  public var layout: Layout
  public var rule: SettleRule
  public var hours: HourClock
  public var keepLive = false
  public var writesManifests = true
  /// As in `MigrationOptions`.
  public var allowsLinks = false
  /// As in `MigrationOptions`.
  public var renamesConflicts = false
  public var retention = RetentionRule()
  public var isRetentionForced = false
  public var isDryRun = false
  public var metricsFile: FilePath?
  /// A warning where less of the bytes or inodes is free.
  public var warnFreePercent: Int64 = 10
  public var engine = EngineChoice.auto

  public init(layout: Layout = .guide, hours: HourClock) {
    self.layout = layout
    rule = SettleRule(of: layout)
    self.hours = hours
  }
}
