extension FileName {
  /// A name of the same kind with a file's modification time in it, in UTC: `segment_000000005.ts` becomes
  /// `segment_000000005.20261124T130501Z.ts`. For a file whose own name another one has, as where a recorder begins its
  /// numbers again. Nil where that would be longer than a name may be.
  public static func timed(_ name: Span<UInt8>, of kind: Kind, _ modified: ModificationTime) -> [UInt8]? {
    let suffix = suffixCount(of: kind)
    guard name.count >= suffix else { return nil }
    let time = CalendarTime(secondsSinceEpoch: modified.seconds).text.filter { $0 != "-" && $0 != ":" }
    let bytes = Array(copying: name)
    let timed = bytes.dropLast(suffix) + Array(".\(time)Z".utf8) + bytes.suffix(suffix)
    return timed.count <= HotSet.longestName && self.kind(of: Array(timed).span) == kind ? Array(timed) : nil
  }
}
