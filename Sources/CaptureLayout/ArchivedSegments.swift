/// The segments of one day in an hour folder. All names share one buffer, so tens of thousands cost two arrays.
public struct ArchivedSegments: Sendable {
  /// Kept small: an hour folder of a long capture holds tens of thousands.
  private struct Segment {
    let modifiedSeconds: Int64
    /// -1 for a name without a number.
    let number: Int64
    let modifiedNanoseconds: UInt32
    /// Offset in `names`: two bytes of length, then the name.
    let nameStart: UInt32

    var modified: ModificationTime {
      ModificationTime(seconds: modifiedSeconds, nanoseconds: modifiedNanoseconds)
    }
    func name(in names: [UInt8]) -> Range<Int> {
      let start = Int(nameStart) + 2
      return start..<start + Int(names[start - 2]) + Int(names[start - 1]) << 8
    }
  }
  private var names: [UInt8] = []
  private var segments: [Segment] = []

  public init() {}

  public var count: Int { segments.count }

  /// - Parameters:
  ///   - name: the file name, of at most 255 bytes.
  ///   - number: the number in the name (`Layout.number`).
  ///   - modified: the modification time, which dates its end.
  public mutating func append(_ name: Span<UInt8>, number: Int64?, _ modified: ModificationTime) {
    segments.append(
      Segment(
        modifiedSeconds: modified.seconds, number: number ?? -1,
        modifiedNanoseconds: modified.nanoseconds, nameStart: UInt32(names.count)))
    names.append(UInt8(name.count & 0xFF))
    names.append(UInt8(name.count >> 8))
    for index in name.indices { names.append(name[index]) }
  }

  /// Sorts by time, then number, then name.
  mutating func sort() {
    let names = names
    segments.sort { left, right in
      if left.modified != right.modified { return left.modified < right.modified }
      if left.number != right.number { return left.number < right.number }
      return names[left.name(in: names)].lexicographicallyPrecedes(names[right.name(in: names)])
    }
  }

  @_lifetime(borrow self)
  public func name(at index: Int) -> Span<UInt8> { names.span.extracting(segments[index].name(in: names)) }

  func modified(at index: Int) -> ModificationTime { segments[index].modified }
  func number(at index: Int) -> Int64? { segments[index].number < 0 ? nil : segments[index].number }
}
