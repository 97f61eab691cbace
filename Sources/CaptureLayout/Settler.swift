/// How many files of each kind stay hot, and from what age a file may become cold.
public struct SettleRule: Sendable {
  public var hotLimits: PerKind<Int>
  /// Files modified after this moment stay hot, however many there are; nil for no minimum age.
  public var youngSince: ModificationTime?

  public init(hotLimits: PerKind<Int>, youngSince: ModificationTime? = nil) {
    self.hotLimits = hotLimits
    self.youngSince = youngSince
  }

  /// The rule with the limits of a layout, and no minimum age.
  public init(of layout: Layout) {
    hotLimits = PerKind(repeating: 0)
    for kind in layout.kinds { hotLimits[kind] = layout[kind].hotLimit }
  }
}

/// Decides what is hot and gives every other file its bucket.
///
/// The hot set of a kind is its newest files, up to its limit, every segment that the live playlist lists, and
/// every file younger than the minimum age. Any other file belongs in the bucket of its modification time. The
/// result depends only on the files, not on the order in which they are offered, nor on what an earlier run did.
///
///     offer ──▶ HotSet ──▶ cold(name, facts, bucket)     as soon as it is certain
///     at the end: forEachHot                             what is left
public struct Settler: ~Copyable {
  private var hotSets: InlineArray<8, HotSet>
  private var verdicts: ColdVerdicts

  /// - Parameters:
  ///   - layout: which kinds there are, and their buckets.
  ///   - rule: the hot limits and the minimum age.
  ///   - hours: in the time zone of the buckets.
  public init(layout: Layout, rule: SettleRule, hours: HourClock) {
    hotSets = InlineArray { HotSet(limit: rule.hotLimits[Kind($0)]) }
    verdicts = ColdVerdicts(
      segments: layout.stream?.kind, buckets: layout.buckets, hours: hours, youngSince: rule.youngSince)
  }

  /// Keeps the segments of live playlists hot. May be called again as a playlist moves on; the names must then include those
  /// listed before.
  public mutating func pin(_ names: ListedNames) { verdicts.pinned = names }

  /// Offers a file. If this makes it certain that a file is cold, this one or an older one, that file is passed to
  /// `cold` with its bucket, which is nil if no bucket can be named after its time.
  public mutating func offer<Failure>(
    _ name: Span<UInt8>, _ facts: FileFacts,
    cold: (Span<UInt8>, FileFacts, Bucket?) throws(Failure) -> Void
  ) throws(Failure) {
    try verdicts.settle(name, facts, in: &hotSets[Int(facts.kind.index)], cold)
  }

  /// Passes every hot file to `body`. Call after all files have been offered.
  public func forEachHot<Failure>(
    _ body: (Span<UInt8>, FileFacts) throws(Failure) -> Void
  ) throws(Failure) {
    for index in hotSets.indices { try hotSets[index].visit(body) }
    for file in verdicts.heldBack { try body(file.name.span, file.facts) }
  }
}

/// Decides about files that are not among the newest of their kind.
private struct ColdVerdicts: ~Copyable {
  let segments: Kind?
  let buckets: BucketRule
  var hours: HourClock
  let youngSince: ModificationTime?
  var pinned = ListedNames()
  /// Files that are hot beyond the limit, because they are pinned or young: at most those that the playlist lists and those
  /// just written.
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
  /// Copies the bytes of a name, for the few names that are kept.
  public init(copying name: Span<UInt8>) {
    self = []
    reserveCapacity(name.count)
    for index in name.indices { append(name[index]) }
  }
}
