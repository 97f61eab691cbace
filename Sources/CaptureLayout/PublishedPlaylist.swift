/// The contents of a playlist that hotcold wrote. Players may hold it, so the next one continues it.
public struct PublishedPlaylist: Sendable {
  struct Entry: Sendable, Equatable {
    let uriHash: UInt64
    /// Nil for an implausible duration.
    let microseconds: Int32?
    let isDiscontinuity: Bool
  }
  enum PlaylistType { case none, event, vod }

  /// The day, in the format of `Day.text`.
  public let dayText: String
  let entries: [Entry]
  /// The target duration; nil for a value that hotcold never writes.
  let targetSeconds: Int64?
  let mediaSequence: Int
  let discontinuitySequence: Int
  let type: PlaylistType
  let startsAtBeginning: Bool

  /// Nil for a playlist that is not hotcold's, and for those of 0.1.0, which name no day and are written anew.
  public init?(parsing contents: [UInt8]) {
    guard ArchivePlaylist.isOwn(contents) else { return nil }
    var lines = PublishedTags()
    var entries: [Entry] = []
    var microseconds: Int64?
    var isDiscontinuity = false
    for line in contents.split(separator: UInt8(ascii: "\n")) {
      if line.first != UInt8(ascii: "#") {
        let duration = microseconds.flatMap { SegmentDurations.plausible.contains($0) ? Int32($0) : nil }
        entries.append(
          Entry(uriHash: hashOfName(line.span), microseconds: duration, isDiscontinuity: isDiscontinuity))
        microseconds = nil
        isDiscontinuity = false
      } else if line.starts(with: Self.durationTag) {
        let duration = line.dropFirst(Self.durationTag.count).prefix { $0 != UInt8(ascii: ",") }
        microseconds = PlaylistParser.microseconds(duration.span)
      } else if line.elementsEqual("#EXT-X-DISCONTINUITY".utf8) {
        isDiscontinuity = true
      } else {
        lines.read(line)
      }
    }
    guard let day = lines.day else { return nil }
    dayText = day
    self.entries = entries
    targetSeconds = lines.number("#EXT-X-TARGETDURATION").flatMap {
      (1...SegmentDurations.plausible.upperBound / 1_000_000).contains(Int64($0)) ? Int64($0) : nil
    }
    mediaSequence = lines.number("#EXT-X-MEDIA-SEQUENCE") ?? 0
    discontinuitySequence = lines.number("#EXT-X-DISCONTINUITY-SEQUENCE") ?? 0
    type = lines.type
    startsAtBeginning = lines.startsAtBeginning
  }

  private static let durationTag = Array("#EXTINF:".utf8)
}

/// The tags that occur once in a playlist.
private struct PublishedTags {
  private static let tagBytesMax = 64
  /// More than any plausible sequence number.
  private static let numberMax = 1 << 52

  private(set) var day: String?
  private(set) var type = PublishedPlaylist.PlaylistType.none
  private(set) var startsAtBeginning = false
  private var numbers: [String: Int] = [:]

  mutating func read(_ line: ArraySlice<UInt8>) {
    let text = String(decoding: line.prefix(Self.tagBytesMax), as: UTF8.self)
    if text.hasPrefix(ArchivePlaylist.dayMark) {
      day = String(text.dropFirst(ArchivePlaylist.dayMark.count))
    } else if text.hasPrefix("#EXT-X-PLAYLIST-TYPE:") {
      type = text.hasSuffix(":EVENT") ? .event : .vod
    } else if text.hasPrefix("#EXT-X-START:") {
      startsAtBeginning = true
    } else if let colon = text.firstIndex(of: ":"), let number = Int(text[text.index(after: colon)...]) {
      numbers[String(text[..<colon])] = min(max(number, 0), Self.numberMax)
    }
  }

  func number(_ tag: String) -> Int? { numbers[tag] }
}

/// The lines of a published playlist whose segments still exist.
struct PublishedLines {
  /// What was published of each segment, in order; nil for new ones. Empty if all are new.
  private var entries: [PublishedPlaylist.Entry?] = []
  /// Segments right after published ones that are gone, apart from those removed from the head.
  private(set) var followsLost: Set<Int> = []
  /// Whether no published segment is left.
  private(set) var hasLostAll = false
  /// The sequence numbers of the first segment, with everything removed from the head counted (RFC 8216 section 6.2.2).
  private(set) var mediaSequence = 0
  private(set) var discontinuitySequence = 0

  init(of segments: borrowing ArchivedSegments, in previous: PublishedPlaylist?) {
    guard let previous else { return }
    entries = Array(repeating: nil, count: segments.count)
    var indices: [UInt64: Int] = Dictionary(minimumCapacity: segments.count)
    for index in 0..<segments.count {
      indices[ArchivePlaylist.uriHash(of: segments.name(at: index))] = index
    }
    mediaSequence = previous.mediaSequence
    discontinuitySequence = previous.discontinuitySequence
    var last: Int?
    var hasLost = false
    for entry in previous.entries {
      guard let index = indices[entry.uriHash] else {
        if last == nil { countHead(entry) } else { hasLost = true }
        continue
      }
      // Times or names have changed, so the order is no longer the published one.
      if let last, index <= last {
        forget()
        return
      }
      last = index
      entries[index] = entry
      if hasLost { followsLost.insert(index) }
      hasLost = false
    }
    if hasLost, let last { followsLost.insert(last + 1) }
    hasLostAll = last == nil && !previous.entries.isEmpty
  }

  private mutating func countHead(_ entry: PublishedPlaylist.Entry) {
    mediaSequence += 1
    if entry.isDiscontinuity { discontinuitySequence += 1 }
  }

  /// What was published of a segment; nil if it is new.
  func entry(at index: Int) -> PublishedPlaylist.Entry? { entries.isEmpty ? nil : entries[index] }

  private mutating func forget() {
    entries = []
    followsLost = []
  }
}
