internal import CaptureLayout

/// The passes of a run added up: each file once, however often it was met.
///
///     gone:      moved to an hour folder, or vanished      summed over the passes
///     remaining: left in the flat and hot places            of the last pass
struct RunTotals: ~Copyable {
  private let cold: PerKind<Int>
  private let unrecognisedInHours: Unrecognised
  private var byHour: PerKind<[Int]>
  /// Of a dry run: for each hour, the days of the segments that would come to it.
  private(set) var segmentDays = [Set<Day>](repeating: [], count: hoursOfDay.count)
  private var gone = PerKind { _ in Tally() }
  private var last = PerKind { _ in PassTally() }
  private var isBalanced = true
  private var problems = Problems()
  private var unrecognised = Unrecognised()
  private var livePlaylist = PlaylistOutcome.absent
  private var companions = PlaylistCompanions()
  private var metRecentFile = false
  private var metRecentFlatFile = false

  private var renamed = 0
  private(set) var passes = 0
  /// Without a whole first pass it is not known what was there before.
  private(set) var knowsBefore = false
  private(set) var hasSettled = false
  private(set) var promoted: Set<FileIdentity> = []
  private var numbers: HighestNumbers
  private(set) var pins = PlaylistPins()
  /// Of the last pass; see `Pass.newestHotSegments`.
  private(set) var newestHotSegments = [ModificationTime?](repeating: nil, count: hoursOfDay.count)
  /// Files of each kind that were there before: cold already, or met in the first pass.
  private(set) var before: PerKind<Int>

  init(_ cold: Listing) {
    self.cold = cold.kinds
    unrecognisedInHours = cold.unrecognised
    byHour = cold.byHour
    before = cold.kinds
    numbers = cold.numbers
  }

  mutating func add<M>(_ pass: borrowing Pass<M>) {
    passes += 1
    segmentDays = pass.segmentDays
    for kind in Kind.allCases {
      let tally = pass.plan.ledger.tallies[kind]
      if passes == 1 {
        before[kind] += tally.found
        knowsBefore = pass.isComplete
      }
      isBalanced = isBalanced && tally.isBalanced
      gone[kind] = gone[kind] + tally.gone
      for hour in hoursOfDay { byHour[kind][hour] += pass.plan.ledger.movedByHour[kind][hour] }
    }
    renamed += pass.plan.ledger.renamedCount
    promoted = pass.plan.ledger.promoted
    numbers.add(pass.numbers)
    pins = pass.pins
    newestHotSegments = pass.newestHotSegments()
    metRecentFile = metRecentFile || pass.metRecentFile
    metRecentFlatFile = metRecentFlatFile || pass.metRecentFlatFile
    // What a later pass did not come to is as the pass before it left it: counts and names alike.
    if passes == 1 || pass.isComplete {
      for kind in Kind.allCases { last[kind] = pass.plan.ledger.tallies[kind] }
      problems = pass.plan.ledger.problems
      unrecognised = pass.unrecognised
      // What an earlier pass has done with it is what the run has done.
      if !livePlaylist.hasLeft || pass.livePlaylist != .inPlace {
        livePlaylist = pass.livePlaylist
      }
      companions = pass.companions
    }
    hasSettled =
      pass.isComplete && !pass.plan.ledger.needsAnotherPass
      && Kind.allCases.allSatisfy {
        let tally = pass.plan.ledger.tallies[$0]
        return tally.movedToHour + tally.movedToPlace + tally.pending == 0
      }
  }

  /// How many files of each kind should be there now.
  var expected: PerKind<Int> {
    PerKind { cold[$0] + gone[$0].moved + last[$0].remaining.found }
  }

  func fill(_ report: inout CaptureReport) {
    report.passes = passes
    report.hasSettled = hasSettled || report.isDryRun
    report.problems = problems
    report.unrecognised = unrecognised + unrecognisedInHours
    report.livePlaylist = livePlaylist
    report.companions = companions
    report.listedSegments = pins.segmentsListed
    report.renamed = renamed
    report.writerIsActive = metRecentFile
    report.writerIsFlat = metRecentFlatFile
    report.isBalanced = isBalanced
    report.numbers = numbers
    report.unreadablePlaylists = pins.tooLarge
    for kind in Kind.allCases {
      let inHours = Tally(found: cold[kind], inPlace: cold[kind])
      report.kinds[kind] = KindReport(
        tally: inHours + gone[kind] + last[kind].remaining, hot: last[kind].hot,
        cold: cold[kind] + gone[kind].moved, byHour: byHour[kind])
    }
  }
}
