/// The playlist of an hour folder, `archive.m3u8` (RFC 8216), from the segments that the folder holds.
///
///     segments ─▶ sorted by time, then number ─▶ runs without a break ─▶ durations ─▶ lines
///
/// A segment's modification time is the moment at which the encoder finished it, so it lasts as long as the step from
/// the one before it in the same run. A run ends where numbers or times do not go on: a restart, a gap, the next day.
public struct ArchivePlaylist: ~Copyable {
  /// The second line of every playlist that hotcold writes: RFC 8216 section 4.1 makes it a comment.
  public static let mark = "# hotcold"
  private static let chunkBytes = 64 << 10

  private let segments: ArchivedSegments
  private let durations: SegmentDurations
  private let isOver: Bool

  /// `isOver`: no segment will come to this hour any more.
  public init(of segments: consuming ArchivedSegments, live: LiveDurations, isOver: Bool) {
    segments.sort()
    durations = SegmentDurations(segments, live)
    self.segments = segments
    self.isOver = isOver
  }

  /// Gives the text to `body`, piece by piece, so that it need not be held.
  public func write<Failure>(to body: (Span<UInt8>) throws(Failure) -> Void) throws(Failure) {
    var text = Lines(capacity: Self.chunkBytes + 1024)
    text.add("#EXTM3U")
    text.add(Self.mark)
    text.add("#EXT-X-VERSION:3")
    text.add("#EXT-X-TARGETDURATION:\(durations.targetSeconds(of: segments))")
    text.add("#EXT-X-MEDIA-SEQUENCE:0")
    if isOver { text.add("#EXT-X-PLAYLIST-TYPE:VOD") }
    for index in 0..<segments.count {
      let duration = durations.microseconds(of: segments, at: index)
      if durations.startsRun(at: index) {
        if index > 0 { text.add("#EXT-X-DISCONTINUITY") }
        text.add("#EXT-X-PROGRAM-DATE-TIME:\(segments.modified(at: index).text(minusMicroseconds: duration))")
      }
      text.addDuration(microseconds: duration)
      text.addURI(segments.name(at: index))
      if text.bytes.count >= Self.chunkBytes {
        try body(text.bytes.span)
        text.removeAll()
      }
    }
    if isOver { text.add("#EXT-X-ENDLIST") }
    try body(text.bytes.span)
  }

  /// Whether this is the very text.
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

  /// How a playlist names a file: the bare name; a byte that no URI may hold (RFC 3986 section 2) is percent-encoded,
  /// as a line feed must be.
  public static func uri(of name: Span<UInt8>) -> [UInt8] {
    var lines = Lines()
    lines.addURI(name)
    return lines.bytes.dropLast()
  }

  // MARK: foreign playlists

  /// Whether a playlist may be replaced: hotcold's own, or one that the guide's old archiver wrote. Anything else
  /// is foreign.
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
  /// Small: an hour folder of a long capture holds tens of thousands.
  private struct Segment {
    let modifiedSeconds: Int64
    /// -1 for a name without a number.
    let number: Int64
    let modifiedNanoseconds: UInt32
    let nameStart: UInt32
    let nameCount: UInt16

    var modified: ModificationTime {
      ModificationTime(seconds: modifiedSeconds, nanoseconds: modifiedNanoseconds)
    }
    var name: Range<Int> { Int(nameStart)..<Int(nameStart) + Int(nameCount) }
  }
  private var names: [UInt8] = []
  private var segments: [Segment] = []

  public init() {}

  public var count: Int { segments.count }

  public mutating func append(_ name: Span<UInt8>, _ modified: ModificationTime) {
    segments.append(
      Segment(
        modifiedSeconds: modified.seconds, number: FileName.number(of: name) ?? -1,
        modifiedNanoseconds: modified.nanoseconds, nameStart: UInt32(names.count),
        nameCount: UInt16(name.count)))
    for index in name.indices { names.append(name[index]) }
  }

  /// By time, then number, then name.
  mutating func sort() {
    let names = names
    segments.sort { left, right in
      if left.modified != right.modified { return left.modified < right.modified }
      if left.number != right.number { return left.number < right.number }
      return names[left.name].lexicographicallyPrecedes(names[right.name])
    }
  }

  @_lifetime(borrow self)
  public func name(at index: Int) -> Span<UInt8> { names.span.extracting(segments[index].name) }

  func modified(at index: Int) -> ModificationTime { segments[index].modified }
  func number(at index: Int) -> Int64? { segments[index].number < 0 ? nil : segments[index].number }
}

/// Lines of a playlist.
private struct Lines {
  private(set) var bytes: [UInt8] = []

  init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

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

extension ModificationTime {
  /// ISO 8601 in UTC with milliseconds, a duration earlier.
  fileprivate func text(minusMicroseconds duration: Int64) -> String {
    let milliseconds = Int64(nanoseconds) / 1_000_000 - duration / 1000
    let wholeSeconds = milliseconds >= 0 ? 0 : (milliseconds - 999) / 1000
    let fraction = String(milliseconds - wholeSeconds * 1000)
    return CalendarTime(secondsSinceEpoch: seconds.addingSaturating(wholeSeconds)).text + "."
      + String(repeating: "0", count: 3 - fraction.count) + fraction + "Z"
  }
}
