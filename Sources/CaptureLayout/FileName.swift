/// What a file name tells. Names are bytes: nothing here decodes text.
public enum FileName {
  /// NAME_MAX (limits.h).
  public static let longest = 255
  /// The playlist of a bucket.
  public static let archivePlaylist = "archive.m3u8"

  /// The names for a superseded live playlist, in order of preference: the plain one, and, if an earlier one has that, one
  /// with the time at which the playlist was last written.
  public static func superseded(_ playlist: String, _ modified: ModificationTime) -> [String] {
    ["\(playlist).old", "\(playlist).\(modified.compactText).old"]
  }

  /// The number formed by the digits from `start`, if there are any and '.' or '_' follows.
  static func number(of name: Span<UInt8>, from start: Int) -> Int64? {
    var number: Int64 = 0
    var index = start
    let end = min(name.count, start + digitsMax)
    while index < end, let digit = digit(name[index]) {
      number = number &* 10 &+ digit
      index &+= 1
    }
    guard index > start, index < name.count else { return nil }
    if name[index] == UInt8(ascii: ".") || name[index] == UInt8(ascii: "_") { return number }
    return digit(name[index]) == nil ? nil : longNumber(of: name, from: start)
  }

  /// So many digits always fit into 64 bits.
  private static let digitsMax = 18

  /// A number of more digits: nanoseconds since 1970, or many leading zeros. Nil if it or the next does not fit into 64 bits: no
  /// encoder counts so far.
  private static func longNumber(of name: Span<UInt8>, from start: Int) -> Int64? {
    var number: Int64 = 0
    var index = start
    while index < name.count, let digit = digit(name[index]) {
      let (tenfold, overflows) = number.multipliedReportingOverflow(by: 10)
      let (sum, overflowsToo) = tenfold.addingReportingOverflow(digit)
      guard !overflows, !overflowsToo else { return nil }
      number = sum
      index &+= 1
    }
    guard index < name.count, number < .max else { return nil }
    return name[index] == UInt8(ascii: ".") || name[index] == UInt8(ascii: "_") ? number : nil
  }

  private static func digit(_ byte: UInt8) -> Int64? {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) ? Int64(byte - UInt8(ascii: "0")) : nil
  }

  /// Whether a file can have this name: at most NAME_MAX bytes, none of which is a NUL or a slash.
  public static func canExist(_ name: Span<UInt8>) -> Bool {
    (1...longest).contains(name.count)
      && !name.indices.contains { name[$0] == 0 || name[$0] == UInt8(ascii: "/") }
  }

  /// Whether it is the name of a bucket's playlist: `archive.m3u8`, or `archive-2026-11-24.m3u8`.
  public static func isArchivePlaylist(_ name: Span<UInt8>) -> Bool {
    if name.isEqual(to: archivePlaylist) { return true }
    guard name.count == datedArchive.count else { return false }
    return name.indices.allSatisfy { index in
      datedArchive[index] == UInt8(ascii: "0")
        ? digit(name[index]) != nil : name[index] == datedArchive[index]
    }
  }

  /// The playlist of an hour-of-day bucket for a day other than the newest.
  public static func archivePlaylist(of day: Day) -> String { "archive-\(day.text).m3u8" }

  /// Each 0 is any digit.
  private static let datedArchive = Array("archive-0000-00-00.m3u8".utf8)
}

extension Span<UInt8> {
  /// Eight bytes as a little-endian number. A single bounds check, so that the compiler emits one load.
  @inline(__always) func word(at index: Int) -> UInt64 {
    let bytes = extracting(index..<index &+ 8)
    var word: UInt64 = 0
    for offset in 0..<8 { word |= UInt64(bytes[offset]) &<< UInt64(8 &* offset) }
    return word
  }

  /// Whether these are the bytes of a name.
  public func isEqual(to other: String) -> Bool {
    let other = other.utf8
    guard count == other.count else { return false }
    return zip(indices, other).allSatisfy { self[$0] == $1 }
  }
}

extension ModificationTime {
  /// In UTC, without characters that are awkward in file names: `20261124T130501Z` (ISO 8601, basic format).
  var compactText: String {
    CalendarTime(secondsSinceEpoch: seconds).text.filter { $0 != "-" && $0 != ":" } + "Z"
  }
}
