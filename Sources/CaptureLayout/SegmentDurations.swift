/// What the live playlist says about its segments: their durations, and where a segment does not continue the previous one.
///
/// Add its entries, then call `finish`.
public struct LiveDurations: Sendable {
  /// Kept small: a playlist may list more than a million segments.
  private struct Entry {
    let nameHash: UInt64
    /// 0 if unknown.
    let microseconds: Int32
    let isDiscontinuous: Bool
  }
  /// Sorted by hash after `finish`.
  private var entries: [Entry] = []
  /// The median of all known durations; nil if there are none.
  public private(set) var medianMicroseconds: Int64?

  public init() {}

  /// Adds an entry. An implausible duration counts as unknown.
  public mutating func add(_ name: Span<UInt8>, _ entry: PlaylistEntry) {
    let known = entry.microseconds.flatMap { SegmentDurations.plausible.contains($0) ? $0 : nil }
    guard known != nil || entry.isDiscontinuous else { return }
    entries.append(
      Entry(
        nameHash: hashOfName(name), microseconds: Int32(known ?? 0), isDiscontinuous: entry.isDiscontinuous))
  }

  /// Call after the last entry, before asking.
  public mutating func finish() {
    medianMicroseconds = entries.map(\.microseconds).filter { $0 > 0 }.sorted().median.map(Int64.init)
    entries.sort { ($0.nameHash, $0.microseconds) < ($1.nameHash, $1.microseconds) }
  }

  /// A copy without the entries for those of `segments` that `isHot` is true for: the live playlist means the hot file, and the
  /// archived one of the same name is from another recording.
  public func without(
    _ segments: borrowing ArchivedSegments, thatAreHot isHot: (Span<UInt8>) -> Bool
  ) -> LiveDurations {
    var others = self
    guard !entries.isEmpty else { return others }
    var hot: Set<UInt64> = []
    for index in 0..<segments.count {
      let name = segments.name(at: index)
      if entry(of: name) != nil, isHot(name) { hot.insert(hashOfName(name)) }
    }
    if !hot.isEmpty { others.entries.removeAll { hot.contains($0.nameHash) } }
    return others
  }

  func microseconds(of name: Span<UInt8>) -> Int64? {
    entry(of: name).flatMap { $0.microseconds > 0 ? Int64($0.microseconds) : nil }
  }

  /// Whether the playlist says that a segment does not continue the previous one.
  func isDiscontinuous(_ name: Span<UInt8>) -> Bool { entry(of: name)?.isDiscontinuous ?? false }

  private func entry(of name: Span<UInt8>) -> Entry? {
    guard !entries.isEmpty else { return nil }
    let hash = hashOfName(name)
    var start = 0
    var end = entries.count
    while start < end {
      let middle = start + (end - start) / 2
      if entries[middle].nameHash < hash { start = middle + 1 } else { end = middle }
    }
    return start < entries.count && entries[start].nameHash == hash ? entries[start] : nil
  }
}

/// Durations and runs of sorted segments.
///
/// A run ends where numbers are not consecutive, and at a gap: a step longer than any plausible segment. No duration is
/// longer than a minute, nor much longer than what is typical around it.
struct SegmentDurations {
  /// Plausible durations of a segment, in microseconds. A longer step is a gap, whatever is typical.
  static let plausible: ClosedRange<Int64> = 1...60_000_000
  private static let fallbackMicroseconds: Int64 = 1_000_000
  /// The steps between segments mean nothing if they were not written in real time, or if copying lost their times.
  private static let shortestMicroseconds: Int64 = 250_000
  /// Fewer steps say little about what is typical.
  private static let typicalSteps = 3
  /// A step unlike the others of its run is judged by this many steps on either side.
  private static let neighbours = 4
  /// Marks the start of a run, in place of a step.
  private static let none = Int64.min

  /// The longest step that is not a gap: a typical segment plus half of one and a second, for an encoder's jitter; never more
  /// than four segments, nor a minute. In microseconds.
  static func longestStep(_ typical: Int64) -> Int64 {
    min(typical + typical / 2 + 1_000_000, 4 * typical, plausible.upperBound)
  }

  /// The typical duration if it is long enough to be meaningful, else the fallback.
  static func plausibleOrFallback(_ typical: Int64) -> Int64 {
    typical >= shortestMicroseconds ? typical : fallbackMicroseconds
  }

  /// For each segment, the microseconds since the previous one, or `none` at the start of a run.
  private var steps: [Int64]
  /// The longest duration to expect of a segment, judging by the existing ones.
  private(set) var longestExpected: Int64 = 0
  private let live: LiveDurations

  /// - Parameters:
  ///   - isKnown: whether it has been published already that a segment continues the previous one, or that it does not.
  ///   - startTime: the first presentation time of a segment, if it can be read.
  init(
    _ segments: borrowing ArchivedSegments, _ live: LiveDurations, isKnown: (Int) -> Bool = { _ in false },
    _ startTime: StreamSeams.StartTime = { _ in nil }
  ) {
    self.live = live
    steps = Self.consecutiveSteps(segments)
    longestExpected = Self.longestStep(
      Self.median(of: steps[...]).flatMap { $0 >= Self.shortestMicroseconds ? $0 : nil } ?? unknown)
    for index in steps.indices where !isKnown(index) && live.isDiscontinuous(segments.name(at: index)) {
      steps[index] = Self.none
    }
    let suspicious = breakAtGaps()
    var seams = StreamSeams(longest: longestExpected)
    for (index, longest) in suspicious where !isKnown(index) {
      if !seams.goesOn(segments, to: index, longest: longest, startTime) { steps[index] = Self.none }
    }
    breakAtSeams(of: segments, &seams, isKnown, startTime)
  }

  /// Finds restarts with an ordinary step: there the stream's time falls behind the clock.
  private mutating func breakAtSeams(
    of segments: borrowing ArchivedSegments, _ seams: inout StreamSeams, _ isKnown: (Int) -> Bool,
    _ startTime: StreamSeams.StartTime
  ) {
    var start = 1
    while start < steps.count {
      var end = start
      while end < steps.count, steps[end] != Self.none, !isKnown(end) { end += 1 }
      if end > start {
        for index in seams.find(in: segments, from: start - 1, to: end - 1, startTime) {
          steps[index] = Self.none
        }
      }
      start = end + 1
    }
  }

  func startsRun(at index: Int) -> Bool { steps[index] == Self.none }

  func microseconds(of segments: borrowing ArchivedSegments, at index: Int) -> Int64 {
    if let known = live.microseconds(of: segments.name(at: index)) { return known }
    // At the start of a run the next segment is the best guess: the same encoder with the same settings.
    let step = startsRun(at: index) && index + 1 < steps.count ? steps[index + 1] : steps[index]
    return step >= Self.shortestMicroseconds ? step : unknown
  }

  /// The duration to assume for a segment about which nothing is known.
  private var unknown: Int64 { live.medianMicroseconds ?? Self.fallbackMicroseconds }

  /// The plausible steps between segments with consecutive numbers.
  private static func consecutiveSteps(_ segments: borrowing ArchivedSegments) -> [Int64] {
    var steps = [Int64](repeating: none, count: segments.count)
    for index in steps.indices.dropFirst()
    where follows(segments.number(at: index - 1), segments.number(at: index)) {
      let step = segments.modified(at: index).microseconds(since: segments.modified(at: index - 1))
      if step <= plausible.upperBound { steps[index] = step }
    }
    return steps
  }

  /// The median of about a hundred evenly spaced steps: enough to know what is typical.
  private static func median(of steps: ArraySlice<Int64>) -> Int64? {
    let sampled = 101
    let stride = max(1, steps.count / sampled)
    return Swift.stride(from: steps.startIndex, to: steps.endIndex, by: stride).map { steps[$0] }
      .filter { $0 != none }.sorted().median
  }

  /// Whether the numbers are consecutive. Names without numbers are ordered by their times alone.
  private static func follows(_ number: Int64?, _ next: Int64?) -> Bool {
    guard let number, let next else { return number == nil && next == nil }
    return next == number.addingSaturating(1)
  }

  /// Ends runs at gaps. A step is a gap if it is too long for a segment: longer than is typical of its run, unless its
  /// neighbours are as long, because then segments are longer there.
  ///
  /// - Returns: the steps that are not gaps but differ from the typical step of their run by more than a fifth, because the
  ///   encoder may have been restarted there; each with the longest duration that the previous segment can have had.
  private mutating func breakAtGaps() -> [(index: Int, longest: Int64)] {
    var suspicious: [(index: Int, longest: Int64)] = []
    let all = Self.median(of: steps[...]) ?? unknown
    let lasting = steps
    var start = 0
    while start < lasting.count {
      // A run of consecutive numbers; its first segment has no step.
      let end = lasting[(start + 1)...].firstIndex(of: Self.none) ?? lasting.count
      let run = (start + 1)..<max(end, start + 1)
      let median =
        run.count >= Self.typicalSteps
        ? Self.median(of: lasting[run]) ?? all : live.medianMicroseconds ?? all
      let typical = median >= Self.shortestMicroseconds ? median : unknown
      for index in run where 5 * abs(lasting[index] - median) > median {
        let around = lasting[run.clamped(to: index - Self.neighbours..<index + Self.neighbours + 1)]
        let here = around.count >= Self.typicalSteps ? around.sorted().median ?? typical : typical
        let longest = Self.longestStep(max(typical, here))
        if lasting[index] > longest {
          steps[index] = Self.none
        } else {
          suspicious.append((index, longest))
        }
      }
      start = end
    }
    return suspicious
  }
}

extension Array where Element: FixedWidthInteger {
  /// The median of a sorted array.
  fileprivate var median: Element? { isEmpty ? nil : self[count / 2] }
}

extension ModificationTime {
  /// Microseconds since an earlier time, limited to some decades: a file may have any time, and decades are as much a gap as
  /// centuries.
  package func microseconds(since earlier: ModificationTime) -> Int64 {
    let decades: Int64 = 1_000_000_000
    let seconds = min(max(seconds.subtractingSaturating(earlier.seconds), -decades), decades)
    return seconds * 1_000_000 + (Int64(nanoseconds) - Int64(earlier.nanoseconds)) / 1000
  }
}

extension Int64 {
  /// The sum of untrusted numbers; on overflow, the largest or smallest `Int64`.
  package func addingSaturating(_ other: Int64) -> Int64 {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }

  package func subtractingSaturating(_ other: Int64) -> Int64 {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? (other < 0 ? .max : .min) : difference
  }
}
