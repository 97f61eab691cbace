internal import CaptureLayout
public import KernelIO

/// What became of the files of one kind. Every file found is in exactly one of the other counts. JSON has the same names.
public struct Tally: Encodable, Equatable, Sendable {
  /// Counted where a file is visited, independently of the other counts.
  public var found = 0
  /// Moved to where they belong: a bucket or the hot place; in a reversion, the flat place.
  public var moved = 0
  /// Already where they belong: in a bucket or the hot place; in a reversion, the flat place.
  public var inPlace = 0
  /// Hot, and left in the flat place for a live reader (`--keep-live`).
  public var kept = 0
  /// Their name is taken where they belong; both files stay.
  public var conflicts = 0
  /// Gone between being listed and being moved.
  public var vanished = 0
  public var failed = 0
  /// Not dealt with before the run was stopped.
  public var pending = 0

  /// The promise: found = moved + in place + kept + conflicts + vanished + failed (+ pending if stopped).
  public var isBalanced: Bool {
    found == moved + inPlace + kept + conflicts + vanished + failed + pending
  }
  func isClean(mayBePending: Bool) -> Bool {
    conflicts == 0 && failed == 0 && (pending == 0 || mayBePending) && isBalanced
  }

  static func + (left: Tally, right: Tally) -> Tally {
    Tally(
      found: left.found + right.found, moved: left.moved + right.moved,
      inPlace: left.inPlace + right.inPlace, kept: left.kept + right.kept,
      conflicts: left.conflicts + right.conflicts, vanished: left.vanished + right.vanished,
      failed: left.failed + right.failed, pending: left.pending + right.pending)
  }
}

/// The counts of one kind in one pass, by what the pass did with each file.
struct PassTally {
  /// Visited in the folders that the pass walks.
  var found = 0
  /// Moved out of those folders for good: to a bucket or, in a reversion, to the flat place.
  var left = 0
  /// Moved to the hot place, where a later pass visits them again.
  var promoted = 0
  /// In the hot place because an earlier pass of this run moved it there.
  var promotedBefore = 0
  var inHotPlace = 0
  var kept = 0
  var conflicts = 0
  var vanished = 0
  var failed = 0
  var pending = 0

  /// The files left in those folders at the end of the pass, as counts of the run.
  var remaining: Tally {
    let moved = promoted + promotedBefore
    return Tally(
      found: moved + inHotPlace + kept + conflicts + failed + pending, moved: moved,
      inPlace: inHotPlace, kept: kept, conflicts: conflicts, failed: failed, pending: pending)
  }

  /// The files that have left them for good.
  var gone: Tally { Tally(found: left + vanished, moved: left, vanished: vanished) }

  /// Whether every visited file was counted exactly once.
  var isBalanced: Bool { found == gone.found + remaining.found }
  /// Hot files at the end of the pass, in whichever place.
  var hot: Int { promoted + promotedBefore + inHotPlace + kept }
}

/// The files of a run that were copied, since they moved to another file system.
public struct CopyTally: Equatable, Sendable {
  public private(set) var files = 0
  public private(set) var bytes: UInt64 = 0
  /// Files that lost an attribute: the target file system does not keep it, or this user may not set it.
  public private(set) var filesWithLosses = 0
  public private(set) var losses = CopyBatch.Losses()

  mutating func add(bytes: UInt64, lost: CopyBatch.Losses) {
    files += 1
    self.bytes &+= bytes
    if !lost.isEmpty { filesWithLosses += 1 }
    losses.formUnion(lost)
  }

  mutating func add(_ other: CopyTally) {
    files += other.files
    bytes &+= other.bytes
    filesWithLosses += other.filesWithLosses
    losses.formUnion(other.losses)
  }
}
