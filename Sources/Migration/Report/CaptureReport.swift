public import CaptureLayout
public import KernelIO
public import SystemPackage

/// What a run did with one capture, or would do.
public struct CaptureReport: Sendable {
  public let capture: FilePath
  /// The layout placed on this capture (`Layout.placed`), once that is open.
  public internal(set) var layout: Layout
  public let isDryRun: Bool
  /// Whether the target is the flat layout rather than the hot/cold one.
  public let isReversion: Bool
  /// As `RenamingOptions.renamesConflicts`.
  public internal(set) var renamesConflicts = false
  /// As `MigrationOptions.rerun`.
  public internal(set) var rerun: String?
  /// The login name of the capture folder's owner, once that is open.
  public var owner: String?
  /// The folder that the path led to.
  public internal(set) var folder: FolderIdentity?
  public var kinds = PerKind(repeating: KindReport())
  public var livePlaylist = PlaylistOutcome.absent
  /// The move of the live playlist as planned from where it was found; nil if none was found.
  var livePlaylistWay: PlaylistWay?
  /// The recorder's own init segments that moved with the live playlist, or would.
  var initSegmentsMoved = 0
  /// How many segments a live playlist lists (of two, the longer one): they stay hot, however many.
  public internal(set) var listedSegments = 0
  /// Why the live playlist is held.
  public internal(set) var companions = PlaylistCompanions()
  /// Live playlists larger than `livePlaylistBytesMax`: no segment was moved, since any may be listed.
  public internal(set) var unreadablePlaylists: [FilePath] = []
  public static let livePlaylistBytesMax = LivePlaylistVersion.bytesMax
  /// The playlists of the buckets; nil if none were requested, or the run ended before them.
  public var manifests: ManifestReport?
  /// The largest numbers in the file names of this capture.
  public var numbers = HighestNumbers()
  /// Modification time of the newest hot file of each kind, in any place; after a run that was cut short, of the files visited.
  public internal(set) var newestHot = PerKind<ModificationTime?>(repeating: nil)
  public var unrecognised = Unrecognised()
  /// For each kind at most one bucket whose files are all of no kind; paths as in the layout.
  public internal(set) var bucketsOfNoKind: [String] = []
  public var problems = Problems()
  /// Files that got their time in their name because their own name was taken, or would get it.
  public internal(set) var renamed = 0
  public internal(set) var copies = CopyTally()
  public var refusals: [FolderRefusal] = []
  /// Folders of the layout that were made, or would be.
  public var foldersMade = 0
  /// The time zone of the buckets; nil for that of the process.
  public internal(set) var timeZone: String?
  /// Empty folders that the target layout does not need and that were removed, or would be.
  public internal(set) var foldersRemoved = 0
  /// Why some folders could not be removed.
  public internal(set) var cleanUpFailures: [KernelError] = []
  public var passes = 0
  /// False if a busy folder still had something to move after the last pass allowed.
  public var hasSettled = true
  /// Whether a file or the live playlist was written during a pass or in the ten seconds before it.
  public var writerIsActive = false
  /// Whether that writer writes to the flat places.
  public var writerIsFlat = false
  /// Whether an encoder has its live playlist in the hot place.
  public var writerIsHot = false
  /// In a dry run: why an execution would be refused.
  public var executionRefusal: MigrationError?
  /// Whether new folders and playlists get the owner and group of the capture; otherwise they belong to the user of the run.
  public var mayGiveAway = true
  /// Whether another run held the capture during this dry run.
  public var otherRunIsActive = false
  /// In a dry run: the file system may lack RENAME_NOREPLACE. Only an execution can tell; it then stops before anything is
  /// moved.
  public var mayReplace = false
  /// Nil for a dry run, and if a run was stopped before it had visited every file.
  public var comparison: Comparison?
  public var elapsedNanoseconds: Int64 = 0
  /// Whether in every pass each visited file was counted exactly once. False is a defect of this program.
  public var isBalanced = true
  /// Whether the time given to this run was over before every file was visited.
  public var isCutShort = false
  /// Why the run ended early, if it did.
  public var error: MigrationError?
  public var stopSignal: Int32?
  /// Whether the moves were made durable (`syncfs`).
  public var isSynced = false

  init(capture: FilePath, layout: Layout, isDryRun: Bool, isReversion: Bool = false) {
    self.capture = capture
    self.layout = layout
    self.isDryRun = isDryRun
    self.isReversion = isReversion
  }

  public var total: Tally { kinds.reduce(Tally()) { $0 + $1.tally } }
  /// How many files of all kinds each bucket of the layout holds.
  public var bucketCounts: [(bucket: Bucket, count: Int)] {
    let sum = layout.kinds.reduce(into: PerBucket(repeating: 0)) { $0.add(kinds[$1].byBucket) }
    return sum.all.filter { $0.bucket.tree == 0 }.map { ($0.bucket, $0.value) }
  }
  public var initSegments: InitSegmentCounts {
    var counts = manifests?.initSegments ?? InitSegmentCounts()
    counts.moved = initSegmentsMoved
    return counts
  }
  public var changed: Bool { !isDryRun && wouldChange }
  /// In a dry run, whether an execution would change anything; in an execution, whether it did.
  public var wouldChange: Bool {
    total.moved > 0 || foldersMade > 0 || foldersRemoved > 0
      || livePlaylist.hasLeft || initSegments.haveChanged
      || manifests.map { $0.written + $0.removed > 0 } ?? false
  }
  public var filesPerSecond: Double {
    elapsedNanoseconds > 0 ? Double(total.found) / (Double(elapsedNanoseconds) / 1e9) : 0
  }

  public var copiedBytesPerSecond: UInt64 {
    guard elapsedNanoseconds > 0 else { return 0 }
    // Holes count as bytes but take no time, so the rate may exceed any range.
    let rate = Double(copies.bytes) / (Double(elapsedNanoseconds) / 1e9)
    return UInt64(exactly: rate.rounded()) ?? .max
  }

  /// Whether something was made that belongs to a different user or group than the capture.
  public var keepsOwnership: Bool {
    !mayGiveAway && (foldersMade > 0 || manifests.map { $0.written > 0 } ?? false)
  }

  /// Whether every file is where it belongs and nothing is missing.
  public var isClean: Bool {
    error == nil && stopSignal == nil && isBalanced && refusals.isEmpty && unreadablePlaylists.isEmpty
      && (livePlaylist.isClean || (isCutShort && livePlaylist == .pending))
      && kinds.reduce(true) { $0 && $1.tally.isClean(mayBePending: isCutShort) }
      && comparison?.isExplained ?? true && manifests?.isClean ?? true && cleanUpFailures.isEmpty
  }
}

/// Where the live playlist moves from and to.
public struct PlaylistWay: Equatable, Sendable {
  public let playlist: String
  /// Paths as in the layout, with a slash at the end; empty for the capture itself.
  public let from, to: String
  /// The name patterns of segments, for messages: "segment_*.ts".
  public let patterns: String
  /// Whether the layout is the built-in one.
  public let isOfGuide: Bool

  package init(playlist: String, from: String, to: String, patterns: String, isOfGuide: Bool = true) {
    self.playlist = playlist
    self.from = from
    self.to = to
    self.patterns = patterns
    self.isOfGuide = isOfGuide
  }
}

extension Layout {
  /// Nil if the layout has no live playlist.
  func way(from: Place, to: Place) -> PlaylistWay? {
    guard let stream else { return nil }
    return PlaylistWay(
      playlist: stream.playlist, from: prefix(of: from), to: prefix(of: to),
      patterns: description.kinds[Int(stream.kind.index)].match.joined(separator: ", "),
      isOfGuide: description == .guide)
  }
}

extension CaptureReport {
  /// Nil if the layout has no live playlist.
  public var playlistWay: PlaylistWay? {
    guard let kind = layout.stream?.kind else { return nil }
    let (flat, hot) = (layout[kind].flat, layout[kind].hot)
    return livePlaylistWay
      ?? (isReversion ? layout.way(from: hot, to: flat) : layout.way(from: flat, to: hot))
  }
}

/// The part of a report for one kind.
public struct KindReport: Sendable {
  public var tally = Tally()
  /// Hot files at the end of the run, or as they would be.
  public var hot = 0
  /// Files in buckets at the end of the run, or as they would be.
  public var cold = 0
  /// Files in each bucket at the end of the run, or as they would be.
  public var byBucket = PerBucket(repeating: 0)
}

/// What became of the live playlist.
public enum PlaylistOutcome: String, Sendable {
  case absent, moved
  case inPlace = "in place"
  /// Another encoder's playlist has taken over; this one is kept as `output.m3u8.old`.
  case superseded
  /// It stays beside files that it lists and that stay.
  case held
  case kept, conflict, failed, pending

  /// Whether it is no longer where it was.
  public var hasLeft: Bool { self == .moved || self == .superseded }
  var isClean: Bool { ![.conflict, .held, .failed, .pending].contains(self) }
}

/// Entries that the layout does not know; they stay where they are.
public struct Unrecognised: Sendable {
  public static let namedMax = 10

  public internal(set) var count = 0
  /// The first few, as bytes: relative to the capture, or absolute in a cold root.
  public internal(set) var named: [[UInt8]] = []

  mutating func add(_ name: Span<UInt8>, in folder: String) {
    count += 1
    guard named.count < Self.namedMax else { return }
    named.append(Array(folder.utf8) + Array(copying: name))
  }

  static func + (left: Unrecognised, right: Unrecognised) -> Unrecognised {
    var sum = Unrecognised()
    sum.count = left.count + right.count
    sum.named = Array((left.named + right.named).prefix(namedMax))
    return sum
  }
}

/// A file that could not be moved.
public struct Problem: Sendable {
  /// Why the file could not be moved.
  public enum Reason: Equatable, Sendable {
    /// Its name is taken where it belongs.
    case nameTaken
    /// The folder that it belongs in may not be used (`FolderRefusal`).
    case refused
    /// Its modification time is before year 1 or after 9999: there is no date to name its bucket.
    case undated
    /// Its copy, read back, differs from what was written.
    case copyDiffers
    case errno(Errno)
  }
  /// As bytes: relative to the capture, or absolute in a cold root.
  public let from: [UInt8]
  public let to: String
  public let reason: Reason
}

/// The first few problems by name; all are counted in the tallies.
public struct Problems: Sendable {
  public static let namedMax = 20

  public internal(set) var count = 0
  public internal(set) var named: [Problem] = []
  /// The first few whose names are taken: these count as one problem, since they have one cause.
  public internal(set) var taken: [Problem] = []
  public static let takenNamedMax = 3
  /// Whether one of those named is a permission problem.
  public var includePermissions: Bool {
    named.contains { [.errno(.permissionDenied), .errno(.notPermitted)].contains($0.reason) }
  }

  var hasRoom: Bool { named.count < Self.namedMax }

  mutating func add(_ problem: @autoclosure () -> Problem) {
    count += 1
    if hasRoom { named.append(problem()) }
  }
}

/// The capture before and after the run, compared by name and inode of every file of a kind.
public struct Comparison: Sendable {
  public var before = PerKind(repeating: 0)
  public var after = PerKind(repeating: 0)
  /// New files, made by a writer during the run.
  public var arrived = 0
  /// Files that another process was seen to delete.
  public var deletedByOthers = 0
  /// Files replaced by another process with a file of the same name.
  public var replacedByOthers = 0
  /// Files that are gone without an explanation.
  public var lost = 0
  /// So much changed during the run that differences cannot be told apart; `lost` is then a difference of counts.
  public var isByCountsOnly = false
  /// False on file systems where a rename may change the inode number.
  public var comparesInodes = true
  /// False if the kernel granted no inotify instance: what others deleted counts as lost.
  public var watchesDeletions = true

  public var isExplained: Bool { lost == 0 }
}

/// A whole run over one or many captures.
public struct RunReport: Sendable {
  private let paths: [FilePath]
  private var reports: [CaptureReport?]
  /// The engine of the thread that ended first, if there were several.
  public private(set) var engine = Engine.Name.syscalls
  public private(set) var engineReason = ""
  public private(set) var engineWarning: String?
  /// What went through rings; zero without any.
  public private(set) var ringTotals = RingTotals()
  /// In bytes, of the whole process.
  public private(set) var peakResidentBytes: UInt64 = 0

  /// An empty report; `paths` are the captures in the order of the report.
  public init(of paths: [FilePath]) {
    self.paths = paths
    reports = Array(repeating: nil, count: paths.count)
  }

  /// In the order of the paths.
  public var captures: [CaptureReport] { reports.compactMap { $0 } }
  public var total: Tally { captures.reduce(Tally()) { $0 + $1.total } }
  /// Captures that an interruption left for a later run.
  public var notBegun: [FilePath] { paths.indices.filter { reports[$0] == nil }.map { paths[$0] } }

  /// Adds the report of the capture at a position of the paths.
  public mutating func set(_ report: CaptureReport, at position: Int) { reports[position] = report }

  /// Adds what an engine reports. Call when it has done its work.
  public mutating func finish(_ engine: Engine) {
    if engineReason.isEmpty { (self.engine, engineReason) = (engine.name, engine.reason) }
    engineWarning = engineWarning ?? engine.warning
    ringTotals = ringTotals + engine.ringTotals
    peakResidentBytes = CurrentProcess.peakResidentBytes
  }
}

/// How the work of a ring was batched.
public struct RingTotals: Equatable, Sendable {
  /// Renames and new folders that a ring carried.
  public var requests = 0
  /// Submissions that carried them.
  public var submissions = 0

  static func + (left: Self, right: Self) -> Self {
    RingTotals(
      requests: left.requests + right.requests, submissions: left.submissions + right.submissions)
  }
}
