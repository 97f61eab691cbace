/// What a file name says. Names are bytes: nothing here decodes text.
public enum FileName {
  /// The HLS media playlist that the encoder rewrites for every segment.
  public static let livePlaylist = "output.m3u8"
  /// A live playlist that another one has superseded, by when it was written last: with its time where an earlier one has the
  /// plain name.
  public static func supersededPlaylists(_ modified: ModificationTime) -> [String] {
    ["\(livePlaylist).old", "\(livePlaylist).\(modified.compactText).old"]
  }
  /// The playlist of an hour folder.
  public static let archivePlaylist = "archive.m3u8"

  /// The kind that a name belongs to, or nil for a name that no layout knows.
  ///
  /// | kind | pattern |
  /// |---|---|
  /// | segments | `segment_*.ts` |
  /// | captures | `capture_*.jpg` without `_thumbnail` anywhere |
  /// | thumbnails | `capture_*_thumbnail.jpg` |
  /// | metadata | `capture_*.json` |
  ///
  /// A name longer than NAME_MAX, which some file systems of other worlds can list, is of no kind.
  public static func kind(of name: Span<UInt8>) -> Kind? {
    guard name.count <= HotSet.longestName else { return nil }
    if starts(name, segmentPrefix) {
      return ends(name, segmentSuffix, after: segmentPrefix.count) ? .segments : nil
    }
    guard starts(name, capturePrefix) else { return nil }
    if ends(name, metadataSuffix, after: capturePrefix.count) { return .metadata }
    if ends(name, thumbnailSuffix, after: capturePrefix.count) { return .thumbnails }
    guard ends(name, captureSuffix, after: capturePrefix.count) else { return nil }
    return contains(name, thumbnailMark) ? nil : .captures
  }

  /// The number in a name: its digits right after the prefix, such as 12 in `segment_000000012.ts` and in
  /// `capture_12_thumbnail.jpg`. Nil where there are none, or where something else than the name's ending follows.
  public static func number(of name: Span<UInt8>) -> Int64? {
    let start = starts(name, segmentPrefix) ? segmentPrefix.count : capturePrefix.count
    var number: Int64 = 0
    var index = start
    while index < name.count, index < start + digitsMax, let digit = digit(name[index]) {
      number = number * 10 + digit
      index += 1
    }
    guard index > start, index < name.count, [UInt8(ascii: "."), UInt8(ascii: "_")].contains(name[index])
    else { return nil }
    return number
  }

  /// More do not fit into 64 bits.
  private static let digitsMax = 18

  private static func digit(_ byte: UInt8) -> Int64? {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int64(byte - UInt8(ascii: "0")) : nil
  }

  /// Whether a file can have this name: at most NAME_MAX bytes, none of which is a NUL or a slash.
  public static func canExist(_ name: Span<UInt8>) -> Bool {
    (1...HotSet.longestName).contains(name.count)
      && !name.indices.contains { name[$0] == 0 || name[$0] == UInt8(ascii: "/") }
  }

  public static func isLivePlaylist(_ name: Span<UInt8>) -> Bool { equals(name, livePlaylistBytes) }
  /// Whether it is the name of a playlist of an hour folder: `archive.m3u8`, or `archive-2026-11-24.m3u8`.
  public static func isArchivePlaylist(_ name: Span<UInt8>) -> Bool {
    if equals(name, archiveBytes) { return true }
    guard name.count == datedArchive.count else { return false }
    return name.indices.allSatisfy { index in
      datedArchive[index] == UInt8(ascii: "0")
        ? digit(name[index]) != nil : name[index] == datedArchive[index]
    }
  }

  /// The playlist of an hour folder for a day before the newest.
  public static func archivePlaylist(of day: Day) -> String { "archive-\(day.text).m3u8" }

  /// How many bytes end each name of a kind.
  static func suffixCount(of kind: Kind) -> Int {
    switch kind {
    case .segments: segmentSuffix.count
    case .captures: captureSuffix.count
    case .thumbnails: thumbnailSuffix.count
    case .metadata: metadataSuffix.count
    }
  }

  private static let segmentPrefix = Array("segment_".utf8)
  private static let segmentSuffix = Array(".ts".utf8)
  private static let capturePrefix = Array("capture_".utf8)
  private static let captureSuffix = Array(".jpg".utf8)
  private static let thumbnailMark = Array("_thumbnail".utf8)
  private static let thumbnailSuffix = Array("_thumbnail.jpg".utf8)
  private static let metadataSuffix = Array(".json".utf8)
  private static let livePlaylistBytes = Array(livePlaylist.utf8)
  private static let archiveBytes = Array(archivePlaylist.utf8)
  /// Each 0 is any digit.
  private static let datedArchive = Array("archive-0000-00-00.m3u8".utf8)

  private static func equals(_ name: Span<UInt8>, _ other: [UInt8]) -> Bool {
    name.count == other.count && matches(name, at: 0, other)
  }

  private static func starts(_ name: Span<UInt8>, _ prefix: [UInt8]) -> Bool {
    matches(name, at: 0, prefix)
  }

  /// Prefix and suffix of a pattern may not share bytes, hence `after`.
  private static func ends(_ name: Span<UInt8>, _ suffix: [UInt8], after prefixCount: Int) -> Bool {
    let start = name.count - suffix.count
    return start >= prefixCount && matches(name, at: start, suffix)
  }

  private static func contains(_ name: Span<UInt8>, _ part: [UInt8]) -> Bool {
    guard name.count >= part.count else { return false }
    for start in 0...(name.count - part.count) where matches(name, at: start, part) { return true }
    return false
  }

  private static func matches(_ name: Span<UInt8>, at start: Int, _ part: [UInt8]) -> Bool {
    guard start + part.count <= name.count else { return false }
    for index in part.indices where name[start + index] != part[index] { return false }
    return true
  }
}
