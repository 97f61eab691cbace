/// The media playlist of one day in an hour folder (RFC 8216), made from the segments in the folder and the playlist that
/// is already there.
///
///     segments ─▶ sorted by time, then number ─▶ runs without a break ─▶ durations ───────┐
///     previous playlist ─▶ what is gone from its head, what it says of the other segments ┴▶ lines
///
/// A segment's modification time is the moment at which the encoder finished it, so its duration is the step from the
/// previous segment of the same run. A run ends where numbers or times do not continue: a restart, a gap.
///
/// What was published stays, because players hold it (RFC 8216 section 6.2.1): durations and discontinuities are kept as
/// first written, new lines are appended, and what retention removes from the head raises the sequence numbers.
public struct ArchivePlaylist: Sendable {
  /// The second line of every playlist that hotcold writes: RFC 8216 section 4.1 makes it a comment.
  public static let mark = "# hotcold"
  /// Precedes the day that the playlist covers.
  static let dayMark = "# day "
  private static let chunkBytes = 64 << 10

  /// Kept small: there is one for each segment.
  private struct Line {
    let microseconds: Int32
    /// Index in `maps`.
    let map: Int32?
    let isDiscontinuity: Bool
  }
  private let segments: ArchivedSegments
  private let lines: [Line]
  private let day: Day
  private let isOver: Bool
  private let type: PublishedPlaylist.PlaylistType
  private let startsAtBeginning: Bool
  private let mediaSequence: Int
  private let discontinuitySequence: Int
  private let targetSeconds: Int64
  private let maps: SegmentMaps

  /// - Parameters:
  ///   - segments: those of one day; sorted here.
  ///   - day: their day, in the time zone of the hour folders.
  ///   - previous: the playlist that this one replaces.
  ///   - live: what the live playlist says about durations and discontinuities.
  ///   - maps: the init segments of these segments, if there are any (EXT-X-MAP).
  ///   - isOver: whether no more segments will come to this hour of this day.
  ///   - startTime: reads a segment's first presentation time (`StreamTime`); called only where the steps between segments
  ///     leave doubt.
  public init(
    of segments: consuming ArchivedSegments, day: Day, after previous: PublishedPlaylist? = nil,
    live: LiveDurations, maps: SegmentMaps = .none, isOver: Bool,
    startTime: (Span<UInt8>) -> Int64? = { _ in nil }
  ) {
    segments.sort()
    let merge = PublishedLines(of: segments, in: previous)
    let durations = SegmentDurations(segments, live, isKnown: { merge.entry(at: $0) != nil }, startTime)
    var lines: [Line] = []
    lines.reserveCapacity(segments.count)
    for index in 0..<segments.count {
      let fresh = durations.microseconds(of: segments, at: index)
      let published = merge.entry(at: index)
      // New, or next to a new one: then it was published after another segment, or as the first.
      let isBesideNew = published == nil || (index > 0 && merge.entry(at: index - 1) == nil)
      let startsRun = index == 0 ? merge.hasLostAll : isBesideNew && durations.startsRun(at: index)
      let map = maps.index(at: segments.modified(at: index)).map { Int32(clamping: $0) }
      // RFC 8216 section 4.3.2.3: whatever was published, a change of encoding is a discontinuity.
      let changesMap = index > 0 && map != lines[index - 1].map
      lines.append(
        Line(
          microseconds: published?.microseconds ?? Int32(fresh),
          map: map,
          isDiscontinuity: published?.isDiscontinuity ?? false || startsRun || changesMap
            || merge.followsLost.contains(index)))
    }
    mediaSequence = merge.mediaSequence
    discontinuitySequence = merge.discontinuitySequence
    type =
      if merge.mediaSequence > 0 {
        .none
      } else if !isOver || previous?.type == .event {
        .event
      } else {
        .vod
      }
    startsAtBeginning = !isOver || (previous?.startsAtBeginning ?? false)
    let longest = lines.map(\.microseconds).max() ?? 0
    // RFC 8216 section 6.2.1: the target duration must not change, so it leaves room for longer segments to come.
    let room = isOver ? 0 : durations.longestExpected
    targetSeconds = max(
      1, Self.secondsRoundedUp(Int64(longest)),
      previous?.targetSeconds ?? Self.secondsRoundedUp(room))
    self.segments = segments
    self.lines = lines
    self.day = day
    self.isOver = isOver
    self.maps = maps
  }

  /// The time that the segments cover.
  public var recordedTime: RecordedTime {
    var time = RecordedTime()
    for (index, line) in lines.enumerated() {
      time.add(
        segmentEndingAt: segments.modified(at: index), microseconds: Int64(line.microseconds),
        goesOn: !line.isDiscontinuity)
    }
    return time
  }

  private static func secondsRoundedUp(_ microseconds: Int64) -> Int64 {
    (microseconds + 999_999) / 1_000_000
  }

  /// Passes the text to `body` in chunks, so that it is never held as a whole.
  public func write<Failure>(to body: (Span<UInt8>) throws(Failure) -> Void) throws(Failure) {
    var text = Lines(capacity: Self.chunkBytes + 1024)
    addHeader(to: &text)
    for (index, line) in lines.enumerated() {
      if line.isDiscontinuity { text.add("#EXT-X-DISCONTINUITY") }
      if index > 0, line.map != lines[index - 1].map { addMap(of: line, to: &text) }
      if line.isDiscontinuity || index == 0 {
        let start = segments.modified(at: index).text(minusMicroseconds: Int64(line.microseconds))
        text.add("#EXT-X-PROGRAM-DATE-TIME:\(start)")
      }
      text.addDuration(microseconds: Int64(line.microseconds))
      text.addURI(segments.name(at: index))
      if text.bytes.count >= Self.chunkBytes {
        try body(text.bytes.span)
        text.removeAll()
      }
    }
    if isOver { text.add("#EXT-X-ENDLIST") }
    try body(text.bytes.span)
  }

  private func addHeader(to text: inout Lines) {
    text.add("#EXTM3U")
    text.add(Self.mark)
    text.add(Self.dayMark + day.text)
    // RFC 8216 section 7: version 6 for EXT-X-MAP in a playlist without EXT-X-I-FRAMES-ONLY.
    text.add("#EXT-X-VERSION:\(lines.first?.map == nil ? 3 : 6)")
    text.add("#EXT-X-TARGETDURATION:\(targetSeconds)")
    text.add("#EXT-X-MEDIA-SEQUENCE:\(mediaSequence)")
    if discontinuitySequence > 0 { text.add("#EXT-X-DISCONTINUITY-SEQUENCE:\(discontinuitySequence)") }
    switch type {
    case .none: break
    case .event: text.add("#EXT-X-PLAYLIST-TYPE:EVENT")
    case .vod: text.add("#EXT-X-PLAYLIST-TYPE:VOD")
    }
    if startsAtBeginning { text.add("#EXT-X-START:TIME-OFFSET=0") }
    if let first = lines.first { addMap(of: first, to: &text) }
  }

  private func addMap(of line: Line, to text: inout Lines) {
    if let map = line.map { text.add("#EXT-X-MAP:URI=\"\(maps.uri(at: Int(map)))\"") }
  }

  /// Whether the text is exactly `contents`.
  public func isEqual(to contents: [UInt8]) -> Bool {
    var offset = 0
    var isEqual = true
    write { chunk in
      isEqual = isEqual && offset + chunk.count <= contents.count
      for index in chunk.indices where isEqual { isEqual = chunk[index] == contents[offset + index] }
      offset += chunk.count
    }
    return isEqual && offset == contents.count
  }

  /// How a playlist names a file: the bare name, with every byte that a URI may not contain (RFC 3986 section 2)
  /// percent-encoded, a line feed among them.
  public static func uri(of name: Span<UInt8>) -> [UInt8] {
    var lines = Lines()
    lines.addURI(name)
    return lines.bytes.dropLast()
  }

  /// The hash of `uri(of:)`, which is built only if a byte needs encoding.
  public static func uriHash(of name: Span<UInt8>) -> UInt64 {
    for index in name.indices where !Lines.isPlain(name[index]) { return hashOfName(uri(of: name).span) }
    return hashOfName(name)
  }

  // MARK: foreign playlists

  /// Whether a playlist may be replaced: it is empty, hotcold's own, or written by the guide's old archiver. Anything else is
  /// foreign.
  public static func mayReplace(_ contents: [UInt8]) -> Bool {
    contents.isEmpty || isOwn(contents) || isOfOldArchiver(contents)
  }

  /// Whether it may have been left half written by a killed run, or as zeros of the right length by a power cut.
  public static func mayBeUnfinished(_ contents: [UInt8]) -> Bool {
    isOwn(contents) || "#EXTM3U\n\(mark)\n".utf8.starts(with: contents) || contents.allSatisfy { $0 == 0 }
  }

  /// Whether hotcold wrote this playlist.
  public static func isOwn(_ contents: [UInt8]) -> Bool { contents.starts(with: "#EXTM3U\n\(mark)\n".utf8) }

  /// The old archiver wrote only this form: target duration 4 s, 1 s for every segment, bare names; possibly cut off
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

/// The text of a playlist as it is built, line by line.
private struct Lines {
  private(set) var bytes: [UInt8] = []

  init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  mutating func add(_ line: String) {
    bytes.append(contentsOf: line.utf8)
    bytes.append(UInt8(ascii: "\n"))
  }

  /// `EXTINF` in seconds with six decimals, as ffmpeg writes it. Byte by byte, because it is done for every segment.
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

  static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
      true
    default: "~!$&'()*+,;=@".utf8.contains(byte)
    }
  }
}

extension ModificationTime {
  /// ISO 8601 in UTC with milliseconds, of the moment that is `duration` microseconds earlier.
  fileprivate func text(minusMicroseconds duration: Int64) -> String {
    let milliseconds = Int64(nanoseconds) / 1_000_000 - duration / 1000
    let wholeSeconds = milliseconds >= 0 ? 0 : (milliseconds - 999) / 1000
    let fraction = String(milliseconds - wholeSeconds * 1000)
    return CalendarTime(secondsSinceEpoch: seconds.addingSaturating(wholeSeconds)).text + "."
      + String(repeating: "0", count: 3 - fraction.count) + fraction + "Z"
  }
}
