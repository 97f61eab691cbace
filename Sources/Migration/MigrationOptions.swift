public import CaptureLayout
internal import KernelIO

/// What a run may do where a plain rename is not enough.
public struct RenamingOptions: Sendable {
  /// Move by linkat(2) and unlinkat(2) if the file system has no RENAME_NOREPLACE (for the risk see `Name.moveByLink`);
  /// otherwise such a capture is refused.
  public var allowsLinks = false
  /// Of two files of one name that belong in the same bucket, give the one that comes second its time in its name
  /// (`Layout.timed`); otherwise that file stays where it is.
  public var renamesConflicts = false
  /// Read copies to another file system back from the disk and compare them before the originals go.
  public var verifiesCopies = false

  public init(allowsLinks: Bool = false, renamesConflicts: Bool = false, verifiesCopies: Bool = false) {
    self.allowsLinks = allowsLinks
    self.renamesConflicts = renamesConflicts
    self.verifiesCopies = verifiesCopies
  }
}

/// What the user decides about a migration.
public struct MigrationOptions: Sendable {
  /// The form of the layout that the files move to.
  public enum Target: Sendable {
    /// The newest files of each kind go to its hot place, all others to buckets.
    case tiered
    /// All files go to the flat place of their kind.
    case flat
  }

  public var layout: Layout
  public var target = Target.tiered
  public var rule: SettleRule
  /// Converts modification times to local hours; one time zone for a whole run.
  public var hours: HourClock
  public var isDryRun: Bool
  /// Move only what is cold; leave the hot set and the live playlist where a live reader expects them.
  public var keepLive: Bool
  /// Also move hot files to buckets if they are in memory and their buckets are not: the oldest first, whatever a live
  /// playlist lists. Set `keepLive` with it, so that nothing moves to the hot places.
  public var emptiesMemory = false
  /// Make the moves survive a power cut before reporting success.
  public var syncs: Bool
  /// Write a playlist for each bucket that holds segments.
  public var writesManifests: Bool
  public var renaming = RenamingOptions()
  /// Follow a symbolic link on the way to the capture only if no other user can have put it there.
  public var guardsPath = false
  /// List the capture once more afterwards and compare it with what was there before.
  public var proves = true
  /// When to leave the rest to a later run, in nanoseconds of CLOCK_MONOTONIC; nil for no limit.
  public var deadlineNanoseconds: Int64?
  /// The command that repeats this run, without the capture, which is to be appended. Set if files come from another layout:
  /// other commands refuse a capture that is in both.
  public var rerun: String?
  /// How many descriptors the run may have open at a time.
  public var descriptorsMax = CurrentProcess.descriptorLimit

  /// `rule`: nil for the hot limits of the layout.
  public init(
    layout: Layout = .guide, rule: SettleRule? = nil, hours: HourClock, isDryRun: Bool = true,
    keepLive: Bool = false, syncs: Bool = true, writesManifests: Bool = true
  ) {
    self.layout = layout
    self.rule = rule ?? SettleRule(of: layout)
    self.hours = hours
    self.isDryRun = isDryRun
    self.keepLive = keepLive
    self.syncs = syncs
    self.writesManifests = writesManifests
  }
}
