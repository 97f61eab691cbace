public import CaptureLayout
internal import KernelIO

/// What a run may do where a plain rename is not enough.
public struct RenamingOptions: Sendable {
  /// Move by linkat(2) and unlinkat(2) where the file system cannot refuse to replace (`Name.moveByLink` says what the
  /// risk is); such a capture is refused otherwise.
  public var allowsLinks = false
  /// Of two files of one name that belong in the same bucket, give the one that comes second its time in its name
  /// (`Layout.timed`); such a file stays where it is otherwise.
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
  /// To which form of the layout the files go.
  public enum Target: Sendable {
    /// The newest of each kind to its hot place, all others to buckets.
    case tiered
    /// All to the flat place of their kind.
    case flat
  }

  public var layout: Layout
  public var target = Target.tiered
  public var rule: SettleRule
  /// The local hour of a modification time; one zone for a whole run.
  public var hours: HourClock
  public var isDryRun: Bool
  /// Move only what is cold; leave the hot set and the live playlist where a live reader expects them.
  public var keepLive: Bool
  /// Hot files go to buckets as well where they are in memory and their buckets are not: the oldest first, whatever a live
  /// playlist lists. With `keepLive`, for nothing is to be brought there.
  public var emptiesMemory = false
  /// Make the moves survive a power cut before reporting success.
  public var syncs: Bool
  /// Write a playlist for each bucket that holds segments.
  public var writesManifests: Bool
  public var renaming = RenamingOptions()
  /// Follow a link on the way to the capture only if no other user can have put it there.
  public var guardsPath = false
  /// List the capture once more afterwards and compare it with what was there before.
  public var proves = true
  /// When to leave the rest to a later run (CLOCK_MONOTONIC); nil for as long as it takes.
  public var deadlineNanoseconds: Int64?
  /// The command that does the same again, but for the capture at its end, where files come from another layout: others refuse
  /// a capture that is in both.
  public var rerun: String?
  /// How many descriptors the run may have open at a time.
  public var descriptorsMax = CurrentProcess.descriptorLimit

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
