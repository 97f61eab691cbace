public import CaptureLayout
public import Migration
public import Reporting
public import SystemPackage

/// What the service is to do.
public struct ArchiverOptions: Sendable {
  /// Captures that are always processed; those of `capturesFile` are added.
  public var captures: [FilePath] = []
  /// The layouts of those of `captures` whose line in a list names one.
  public var layouts: [FilePath: ListedLayout] = [:]
  /// A file with one capture a line, read again in every round.
  public var capturesFile: FilePath?
  /// The list of the service, if the captures were chosen apart from it: it only names their layouts.
  public var layoutsFile: FilePath?
  /// Whether the layout says how long files are kept.
  public var retainsByLayout = false
  public var intervalSeconds: Int64 = 60
  /// Younger files do not go to hour folders: they may still be in use.
  public var minAgeSeconds: Int64 = 60
  /// For every capture whose line in the list names no layout.
  public var policy: Policy
  /// The policy for a layout that the list names.
  public var policyOf: @Sendable (ListedLayout) throws(SettingsMistake) -> Policy
  public var keepLive = false
  public var writesManifests = true
  public var renaming = RenamingOptions()
  public var isRetentionForced = false
  public var isDryRun = false
  /// How long the service may take at its end to move files in memory to disk; nil leaves them in memory.
  public var flushSeconds: Int64?
  public var metricsFile: FilePath?
  /// Warn if less than this share of the bytes or inodes is free.
  public var warnFreePercent: Int64 = 10
  public var engine = EngineChoice.auto

  /// Without `policyOf`, a list that names a layout is an error.
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

  /// The captures, and the layouts that lines of the file name for them.
  ///
  /// - Throws: as `CapturesList.captures(_:from:orStream:layoutsIn:)`.
  public func namedCaptures(orStream: Bool = false) throws(Issue) -> NamedCaptures {
    try CapturesList.captures(
      captures, from: capturesFile, orStream: orStream, layoutsIn: layoutsFile,
      mustEnd: retainsByLayout)
  }
}

/// The rules for captures of one layout.
public struct Policy: Sendable {
  public var layout: Layout
  public var rule: SettleRule
  public var hours: HourClock
  public var retention: RetentionRule
  /// The command that deletes what retention declined under these rules, without the capture, which is to be appended.
  public var confirmation: String

  /// `rule`: nil for the hot limits of the layout.
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
