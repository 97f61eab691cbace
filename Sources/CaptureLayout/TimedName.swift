extension FileName {
  /// A name of the same kind with a file's modification time in it, in UTC: `segment_000000005.ts` becomes
  /// `segment_000000005.20261124T130501Z.ts`. For a file whose own name another one has, as where a recorder begins its
  /// numbers again. Nil where that would be longer than a name may be.
  public static func timed(_ name: Span<UInt8>, of kind: Kind, _ modified: ModificationTime) -> [UInt8]? {
    let suffix = suffixCount(of: kind)
    guard name.count >= suffix else { return nil }
    let bytes = Array(copying: name)
    let timed = bytes.dropLast(suffix) + Array(".\(modified.compactText)".utf8) + bytes.suffix(suffix)
    return timed.count <= HotSet.longestName && self.kind(of: Array(timed).span) == kind ? Array(timed) : nil
  }
}

extension ModificationTime {
  /// In UTC, without what a file name should not hold: `20261124T130501Z` (ISO 8601, basic format).
  var compactText: String {
    CalendarTime(secondsSinceEpoch: seconds).text.filter { $0 != "-" && $0 != ":" } + "Z"
  }
}
