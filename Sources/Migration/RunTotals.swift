internal import CaptureLayout

/// Adds up the passes of a run: each file counts once, however often it was visited.
///
///     settled:   in the folders whose files stay              listed before the passes
///     gone:      moved out of the other folders, or vanished  summed over the passes
///     remaining: left in the other folders                    from the last pass
struct RunTotals: ~Copyable {
  private let layout: Layout
  private let target: MigrationOptions.Target
  private let settled: PerKind<Int>
  private let unrecognisedBefore: Unrecognised
  private var byBucket: PerKind<PerBucket<Int>>
  /// In a dry run, for each bucket, the days of the segments that would go there.
  private(set) var segmentDays: [Bucket: Set<Day>] = [:]
  private var gone = PerKind(repeating: Tally())
  private var last = PerKind(repeating: PassTally())
  private var isBalanced = true
  private var problems = Problems()
  private var unrecognised = Unrecognised()
  private var livePlaylist = PlaylistOutcome.absent
  private var companions = PlaylistCompanions()
  private var playlistWay: PlaylistWay?
  private var sawRecentFile = false
  private var sawRecentFlatFile = false
  private var sawRecentHotPlaylist = false

  private var renamed = 0
  private(set) var copies = CopyTally()
  private var initSegmentsMoved = 0
  private(set) var passes = 0
  /// Whether it is known what was there before: only after a complete first pass.
  private(set) var knowsBefore = false
  private(set) var hasSettled = false
  private(set) var promoted: Set<FileIdentity> = []
  private var numbers: HighestNumbers
  private(set) var pins = PlaylistPins()
  /// `Pass.newestHotSegments` of the last pass.
  private(set) var newestHotSegments: [Bucket: ModificationTime] = [:]
  /// `Pass.newestHot` of the last pass.
  private var newestHot = PerKind<ModificationTime?>(repeating: nil)
  /// How many files of each kind were there before the run: settled already, or found in the first pass.
  private(set) var before: PerKind<Int>
  private(set) var foldersMade = 0

  init(_ layout: Layout, _ target: MigrationOptions.Target, settled: Listing) {
    self.layout = layout
    self.target = target
    self.settled = settled.kinds
    unrecognisedBefore = settled.unrecognised
    byBucket = settled.byBucket
    before = settled.kinds
    numbers = settled.numbers
  }

  mutating func add<M>(_ pass: borrowing Pass<M>) {
    passes += 1
    segmentDays = pass.segmentDays
    for kind in layout.kinds {
      let tally = pass.plan.ledger.tallies[kind]
      if passes == 1 {
        before[kind] += tally.found
        knowsBefore = pass.isComplete
      }
      isBalanced = isBalanced && tally.isBalanced
      gone[kind] = gone[kind] + tally.gone
      if target == .tiered {
        byBucket[kind].add(pass.plan.ledger.movedByBucket[kind])
      } else {
        byBucket[kind] = pass.plan.ledger.stayingByBucket[kind]
      }
    }
    foldersMade += pass.plan.foldersMade
    renamed += pass.plan.ledger.renamedCount
    copies.add(pass.plan.ledger.copies)
    initSegmentsMoved += pass.plan.initSegmentsMoved
    promoted = pass.plan.ledger.promoted
    numbers.add(pass.numbers)
    pins = pass.pins
    newestHotSegments = pass.newestHotSegments()
    newestHot = pass.newestHot()
    sawRecentFile = sawRecentFile || pass.writer.isActive
    sawRecentFlatFile = sawRecentFlatFile || pass.writer.isFlat
    sawRecentHotPlaylist = sawRecentHotPlaylist || pass.writer.isHot
    // Not from a later pass that was stopped: what it did not visit is as the pass before left it, counts and names alike.
    if passes == 1 || pass.isComplete {
      for kind in layout.kinds { last[kind] = pass.plan.ledger.tallies[kind] }
      problems = pass.plan.ledger.problems
      unrecognised = pass.unrecognised
      // A playlist that an earlier pass has moved is `inPlace` for this pass, but moved for the run.
      let playlist = pass.livePlaylist
      if !livePlaylist.hasLeft || playlist.outcome != .inPlace { livePlaylist = playlist.outcome }
      companions = playlist.companions
      playlistWay = playlist.way.flatMap { layout.way(from: $0.from, to: $0.to) }
    }
    hasSettled =
      pass.isComplete && !pass.plan.ledger.needsAnotherPass
      && pass.plan.ledger.tallies.reduce(true) { $0 && $1.left + $1.promoted + $1.pending == 0 }
  }

  /// Adds the unrecognised entries that a clean-up left.
  mutating func add(_ others: Unrecognised) { unrecognised = unrecognised + others }

  /// How many files of each kind should be there now.
  var expected: PerKind<Int> {
    PerKind { settled[$0] + gone[$0].moved + last[$0].remaining.found }
  }

  func fill(_ report: inout CaptureReport) {
    report.passes = passes
    report.hasSettled = hasSettled || report.isDryRun
    report.problems = problems
    report.unrecognised = unrecognised + unrecognisedBefore
    report.livePlaylist = livePlaylist
    report.companions = companions
    report.livePlaylistWay = playlistWay
    report.listedSegments = pins.segmentsListed
    report.renamed = renamed
    report.copies = copies
    report.initSegmentsMoved = initSegmentsMoved
    report.writerIsActive = sawRecentFile
    report.writerIsFlat = sawRecentFlatFile
    report.writerIsHot = sawRecentHotPlaylist
    report.isBalanced = isBalanced
    report.numbers = numbers
    report.newestHot = newestHot
    report.unreadablePlaylists = pins.tooLarge
    for kind in layout.kinds {
      let inPlace = Tally(found: settled[kind], inPlace: settled[kind])
      let left = last[kind].remaining
      let cold = target == .tiered ? settled[kind] + gone[kind].moved : byBucket[kind].sum
      report.kinds[kind] = KindReport(
        tally: inPlace + gone[kind] + left,
        hot: target == .tiered ? last[kind].hot : max(0, left.found - cold), cold: cold,
        byBucket: byBucket[kind])
    }
  }
}
