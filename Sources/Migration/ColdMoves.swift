internal import CaptureLayout

/// Plans moves to buckets. In a dry run it also notes the days of the segments, for the playlists.
struct ColdMoves {
  private let layout: Layout
  private let isDryRun: Bool
  private var hours: HourClock
  private(set) var segmentDays: [Bucket: Set<Day>] = [:]

  init(_ options: MigrationOptions) {
    layout = options.layout
    isDryRun = options.isDryRun
    hours = options.hours
  }

  /// `bucket`: nil if no bucket can be named after the file's time.
  mutating func add<M>(
    _ name: Span<UInt8>, _ identity: FileIdentity, from site: Site, to bucket: Bucket?,
    _ modified: ModificationTime, _ plan: inout MovePlan<M>
  ) {
    let kind = identity.kind
    guard let bucket else {
      let move = Move(identity: identity, from: site, to: .place(layout.coldPlace(of: kind)))
      return plan.ledger.countFailed(name, move, .undated)
    }
    let before = plan.ledger.tallies[kind].left
    plan.add(name, Move(identity: identity, from: site, to: .bucket(kind, bucket)))
    if isDryRun, layout.isSegment(kind), plan.ledger.tallies[kind].left > before {
      segmentDays[bucket, default: []].insert(hours.day(of: modified))
    }
  }
}
