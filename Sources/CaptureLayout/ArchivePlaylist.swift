/// The playlist of an hour folder, `archive.m3u8` (RFC 8216), from the segments that the folder holds.
///
///     segments ─▶ sorted by time, then number ─▶ runs without a break ─▶ durations ─▶ lines
///
/// A segment's modification time is the moment at which the encoder finished it, so it lasts as long as the step from
/// the one before it in the same run. A run ends where numbers or times do not go on: a restart, a gap, the next day.
public struct ArchivePlaylist: Sendable {
  /// The second line of every playlist that hotcold writes: RFC 8216 section 4.1 makes it a comment.
  public static let mark = "# hotcold"

  private let bytes: [UInt8]
  public var contents: [UInt8] { bytes }

  /// `isOver`: no segment will come to this hour any more.
  public init(of segments: consuming ArchivedSegments, live: LiveDurations, isOver: Bool) {
    segments.sort()
    let durations = Durations(segments, live)
    var text = Lines()
    text.add("#EXTM3U")
    text.add(Self.mark)
    text.add("#EXT-X-VERSION:3")
    text.add("#EXT-X-TARGETDURATION:\(durations.targetSeconds)")
    text.add("#EXT-X-MEDIA-SEQUENCE:0")
    if isOver { text.add("#EXT-X-PLAYLIST-TYPE:VOD") }
    for index in 0..<segments.count {
      let duration = durations[index]
      if durations.startsRun(at: index) {
        if index > 0 { text.add("#EXT-X-DISCONTINUITY") }
        text.add("#EXT-X-PROGRAM-DATE-TIME:\(segments.modified(at: index).text(minusMicroseconds: duration))")
      }
      text.addDuration(microseconds: duration)
      text.addURI(segments.name(at: index))
    }
    if isOver { text.add("#EXT-X-ENDLIST") }
    bytes = text.bytes
  }

  /// How a playlist names a file: the bare name; a byte that no URI may hold (RFC 3986 section 2) is percent-encoded,
  /// as a line feed must be.
  public static func uri(of name: Span<UInt8>) -> [UInt8] {
    var lines = Lines()
    lines.addURI(name)
    return lines.bytes.dropLast()
  }

  // MARK: playlists of others

  /// Whether a playlist may be replaced: hotcold's own, or one that the guide's old archiver wrote. Anything else
  /// belongs to somebody.
  public static func mayReplace(_ contents: [UInt8]) -> Bool {
    contents.isEmpty || isOwn(contents) || isOfOldArchiver(contents)
  }

  public static func isOwn(_ contents: [UInt8]) -> Bool { contents.starts(with: "#EXTM3U\n\(mark)\n".utf8) }

  /// The old archiver wrote this form and no other: a target of 4 s, 1 s for every segment, bare names; cut off
  /// anywhere, if it was killed.
  private static func isOfOldArchiver(_ contents: [UInt8]) -> Bool {
    let header = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:"
    guard contents.starts(with: header.utf8) else { return false }
    let lines = contents.dropFirst(header.utf8.count).split(separator: UInt8(ascii: "\n")).dropFirst()
    let tags = ["#EXTINF:1.000000,", "#EXT-X-ENDLIST"]
    func isWhole(_ line: ArraySlice<UInt8>) -> Bool {
      tags.contains { line.elementsEqual($0.utf8) } || line.starts(with: "segment_".utf8)
    }
    guard let last = lines.last, !isWhole(last) else { return lines.allSatisfy(isWhole) }
    return lines.dropLast().allSatisfy(isWhole)
      && (tags + ["segment_"]).contains { $0.utf8.starts(with: last) }
  }
}

/// The segments of one hour folder: names in one buffer, so that tens of thousands cost two arrays.
public struct ArchivedSegments: ~Copyable {
  private struct Segment {
    let nameStart: Int
    let nameCount: Int
    let number: Int64?
    let modified: ModificationTime
  }
  private var names: [UInt8] = []
  private var segments: [Segment] = []

  public init() {}

  public var count: Int { segments.count }

  public mutating func append(_ name: Span<UInt8>, _ modified: ModificationTime) {
    segments.append(
      Segment(
        nameStart: names.count, nameCount: name.count, number: FileName.number(of: name), modified: modified))
    for index in name.indices { names.append(name[index]) }
  }

  /// By time, then number, then name.
  mutating func sort() {
    let names = names
    segments.sort { left, right in
      if left.modified != right.modified { return left.modified < right.modified }
      if left.number != right.number { return left.number ?? .min < right.number ?? .min }
      return names[left.nameStart..<left.nameStart + left.nameCount].lexicographicallyPrecedes(
        names[right.nameStart..<right.nameStart + right.nameCount])
    }
  }

  @_lifetime(borrow self)
  public func name(at index: Int) -> Span<UInt8> {
    let segment = segments[index]
    return names.span.extracting(segment.nameStart..<segment.nameStart + segment.nameCount)
  }

  func modified(at index: Int) -> ModificationTime { segments[index].modified }
  func number(at index: Int) -> Int64? { segments[index].number }
}

/// What the live playlist says about durations.
public struct LiveDurations: Sendable {
  private var byName: [UInt64: Int64] = [:]
  /// Of all that it lists; nil where it lists none.
  public private(set) var medianMicroseconds: Int64?

  public init(_ playlists: [MediaPlaylist] = []) {
    for entry in playlists.joined() {
      if let duration = entry.durationMicroseconds, duration > 0 {
        byName[hashOfName(entry.name.span)] = duration
      }
    }
    medianMicroseconds = byName.values.sorted().median
  }

  func microseconds(of name: Span<UInt8>) -> Int64? { byName.isEmpty ? nil : byName[hashOfName(name)] }
}

/// Durations and runs of sorted segments.
private struct Durations {
  private static let fallbackMicroseconds: Int64 = 1_000_000
  /// Segments that were not written in real time, or whose times a copy has lost, say nothing by their steps.
  private static let shortestMicroseconds: Int64 = 250_000
  /// Fewer steps than that say little about what is typical.
  private static let typicalSteps = 3
  /// A step that is this much longer than a segment is a gap: half a segment and a second, for an encoder's jitter.
  private static func longestStep(_ typical: Int64) -> Int64 { typical + typical / 2 + 1_000_000 }

  /// From the segment before, or nil at the start of a run.
  private var steps: [Int64?]
  private var durations: [Int64]

  var targetSeconds: Int64 {
    // RFC 8216 section 4.3.3.1: no EXTINF, rounded, may be larger.
    max(1, ((durations.max() ?? 0) + 999_999) / 1_000_000)
  }

  subscript(index: Int) -> Int64 { durations[index] }
  func startsRun(at index: Int) -> Bool { steps[index] == nil }

  init(_ segments: borrowing ArchivedSegments, _ live: LiveDurations) {
    steps = Self.consecutiveSteps(segments)
    steps = Self.withoutGaps(steps, live)
    durations = []
    let fallback = live.medianMicroseconds ?? Self.fallbackMicroseconds
    for index in steps.indices {
      // At the start of a run the next segment says most: the same encoder with the same settings.
      let step = steps[index] ?? (index + 1 < steps.count ? steps[index + 1] : nil)
      let fromStep = step.flatMap { $0 >= Self.shortestMicroseconds ? $0 : nil }
      durations.append(live.microseconds(of: segments.name(at: index)) ?? fromStep ?? fallback)
    }
  }

  /// Steps between segments whose numbers follow each other.
  private static func consecutiveSteps(_ segments: borrowing ArchivedSegments) -> [Int64?] {
    var steps: [Int64?] = []
    for index in 0..<segments.count {
      guard index > 0, follows(segments.number(at: index - 1), segments.number(at: index)) else {
        steps.append(nil)
        continue
      }
      steps.append(segments.modified(at: index).microseconds(since: segments.modified(at: index - 1)))
    }
    return steps
  }

  /// Names without numbers go by their times alone.
  private static func follows(_ number: Int64?, _ next: Int64?) -> Bool {
    guard let number, let next else { return number == nil && next == nil }
    return next == number + 1
  }

  /// A step is a gap if it is too long for a segment: longer than what is typical of its numbers, unless its neighbours
  /// are as long, since then segments are longer there.
  private static func withoutGaps(_ steps: [Int64?], _ live: LiveDurations) -> [Int64?] {
    let all = steps.compactMap { $0 }.sorted().median ?? 0
    var result: [Int64?] = []
    var start = 0
    while start < steps.count {
      // Numbers that follow each other: the first has no step.
      let end = steps[(start + 1)...].firstIndex { $0 == nil } ?? steps.count
      let own = steps[start..<end].compactMap { $0 }.sorted()
      let typical = own.count >= typicalSteps ? own.median! : live.medianMicroseconds ?? all
      for index in start..<end {
        let neighbours = [index - 1, index + 1].filter((start..<end).contains).compactMap { steps[$0] }
        let longest = longestStep(max(typical, neighbours.count == 2 ? neighbours.min()! : 0))
        result.append(steps[index].flatMap { $0 <= longest ? $0 : nil })
      }
      start = end
    }
    return result
  }
}

/// Lines of a playlist.
private struct Lines {
  private(set) var bytes: [UInt8] = []

  mutating func add(_ line: String) {
    bytes.append(contentsOf: line.utf8)
    bytes.append(UInt8(ascii: "\n"))
  }

  /// `EXTINF` in seconds with six decimals, as ffmpeg writes it; byte by byte, as it is done for every segment.
  mutating func addDuration(microseconds: Int64) {
    for byte in "#EXTINF:".utf8 { bytes.append(byte) }
    var divisor: Int64 = 1_000_000
    while microseconds / divisor >= 10 { divisor *= 10 }
    var rest = microseconds
    while divisor > 0 {
      bytes.append(UInt8(ascii: "0") + UInt8(rest / divisor))
      rest %= divisor
      if divisor == 1_000_000 { bytes.append(UInt8(ascii: ".")) }
      divisor /= 10
    }
    bytes.append(UInt8(ascii: ","))
    bytes.append(UInt8(ascii: "\n"))
  }

  mutating func addURI(_ name: Span<UInt8>) {
    for index in name.indices {
      let byte = name[index]
      if Self.isPlain(byte) {
        bytes.append(byte)
      } else {
        let digits = Array("0123456789ABCDEF".utf8)
        bytes.append(contentsOf: [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]])
      }
    }
    bytes.append(UInt8(ascii: "\n"))
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
      true
    default: "~!$&'()*+,;=@".utf8.contains(byte)
    }
  }
}

extension [Int64] {
  /// Of a sorted array.
  fileprivate var median: Int64? { isEmpty ? nil : self[count / 2] }
}

extension [MediaPlaylist] {
  fileprivate func joined() -> [MediaPlaylist.Entry] { flatMap(\.entries) }
}

extension ModificationTime {
  fileprivate func microseconds(since earlier: ModificationTime) -> Int64 {
    // A day and more is a gap whatever it is; so no overflow.
    let seconds = min(seconds &- earlier.seconds, 1_000_000_000)
    return seconds * 1_000_000 + (Int64(nanoseconds) - Int64(earlier.nanoseconds)) / 1000
  }

  /// ISO 8601 in UTC with milliseconds, a duration earlier.
  fileprivate func text(minusMicroseconds duration: Int64) -> String {
    let milliseconds = Int64(nanoseconds) / 1_000_000 - duration / 1000
    let wholeSeconds = milliseconds >= 0 ? 0 : (milliseconds - 999) / 1000
    let fraction = String(milliseconds - wholeSeconds * 1000)
    return CalendarTime(secondsSinceEpoch: seconds &+ wholeSeconds).text + "."
      + String(repeating: "0", count: 3 - fraction.count) + fraction + "Z"
  }
}
