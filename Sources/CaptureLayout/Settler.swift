/// How many files of each kind stay hot, and for how long young ones do.
public struct SettleRule: Sendable {
  public var hotLimits: PerKind<Int>
  /// Files modified after this moment stay hot whatever their number; nil for no minimum age.
  public var youngSince: ModificationTime?

  public init(hotLimits: PerKind<Int>, youngSince: ModificationTime? = nil) {
    self.hotLimits = hotLimits
    self.youngSince = youngSince
  }

  /// With the limits of a layout.
  public init(of layout: Layout) {
    hotLimits = PerKind(repeating: 0)
    for kind in layout.kinds { hotLimits[kind] = layout[kind].hotLimit }
  }
}

/// Decides what is hot and gives every other file its bucket.
///
/// For each kind the newest files, as many as its limit, and every segment that the live playlist lists are
/// the hot set; so are files younger than the minimum age. Each other file belongs in the bucket of its
/// modification time. The result depends on the files alone, not on the order in which they are offered nor
/// on what an earlier run did.
///
///     offer ──▶ HotSet ──▶ cold(name, facts, bucket)     at once, as soon as it is certain
///       finish: forEachHot                             what is left
public struct Settler: ~Copyable {
  private var hotSets: InlineArray<8, HotSet>
  private var verdicts: ColdVerdicts

  public init(layout: Layout, rule: SettleRule, hours: HourClock) {
    hotSets = InlineArray { HotSet(limit: rule.hotLimits[Kind($0)]) }
    verdicts = ColdVerdicts(
      segments: layout.stream?.kind, buckets: layout.buckets, hours: hours, youngSince: rule.youngSince)
  }

  /// Keeps the segments of live playlists hot. May be called again as a playlist moves on, with what was listed once
  /// among the names.
  public mutating func pin(_ names: ListedNames) { verdicts.pinned = names }

  /// Offers a file. Whichever file is thereby certain to be cold, this or an older one, is given to `cold`
  /// with its bucket: nil where no bucket is named after its time.
  public mutating func offer<Failure>(
    _ name: Span<UInt8>, _ facts: FileFacts,
    cold: (Span<UInt8>, FileFacts, Bucket?) throws(Failure) -> Void
  ) throws(Failure) {
    try verdicts.settle(name, facts, in: &hotSets[Int(facts.kind.index)], cold)
  }

  /// Gives every hot file to `body`. Call when all files have been offered.
  public func forEachHot<Failure>(
    _ body: (Span<UInt8>, FileFacts) throws(Failure) -> Void
  ) throws(Failure) {
    for index in hotSets.indices { try hotSets[index].visit(body) }
    for file in verdicts.heldBack { try body(file.name.span, file.facts) }
  }
}

/// What becomes of files that are not among the newest of their kind.
private struct ColdVerdicts: ~Copyable {
  let segments: Kind?
  let buckets: BucketRule
  var hours: HourClock
  let youngSince: ModificationTime?
  var pinned = ListedNames()
  /// Hot beyond the limit: pinned or young. As many as the playlist lists and the encoder just wrote.
  var heldBack: [(name: [UInt8], facts: FileFacts)] = []

  init(segments: Kind?, buckets: BucketRule, hours: HourClock, youngSince: ModificationTime?) {
    self.segments = segments
    self.buckets = buckets
    self.hours = hours
    self.youngSince = youngSince
  }

  mutating func settle<Failure>(
    _ name: Span<UInt8>, _ facts: FileFacts, in hotSet: inout HotSet,
    _ cold: (Span<UInt8>, FileFacts, Bucket?) throws(Failure) -> Void
  ) throws(Failure) {
    switch hotSet.offer(name, facts) {
    case .kept: break
    case .turnedAway: try judge(name, facts, cold)
    case .displaced: try judge(hotSet.displacedName, hotSet.displacedFacts, cold)
    }
  }

  private mutating func judge<Failure>(
    _ name: Span<UInt8>, _ facts: FileFacts,
    _ cold: (Span<UInt8>, FileFacts, Bucket?) throws(Failure) -> Void
  ) throws(Failure) {
    if isYoung(facts) || isPinned(name, facts) {
      heldBack.append((Array(copying: name), facts))
    } else {
      try cold(name, facts, buckets.bucket(of: facts.modified, &hours))
    }
  }

  private func isYoung(_ facts: FileFacts) -> Bool {
    guard let youngSince else { return false }
    return facts.modified > youngSince
  }

  private func isPinned(_ name: Span<UInt8>, _ facts: FileFacts) -> Bool {
    facts.kind == segments && pinned.contains(name)
  }
}

extension Array where Element == UInt8 {
  /// The bytes of a name, for the few names that are kept.
  public init(copying name: Span<UInt8>) {
    self = []
    reserveCapacity(name.count)
    for index in name.indices { append(name[index]) }
  }
}
