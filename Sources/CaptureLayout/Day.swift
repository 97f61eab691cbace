/// A day in the calendar of one time zone, years 1 to 9999. Stray times beyond them are clamped to the first or last day.
public struct Day: Hashable, Comparable, Sendable {
  private static let all: ClosedRange<Int64> = -719_162...2_932_896
  private static let secondsPerDay: Int64 = 86_400

  /// Days since 1 January 1970.
  let number: Int32

  init(number: Int32) { self.number = number }

  /// Parses the format of `text`; nil for anything else, such as 30 February.
  public init?(parsing name: Span<UInt8>) {
    let dashes = [4, 7]
    guard name.count == 10,
      name.indices.allSatisfy({ index in
        dashes.contains(index)
          ? name[index] == UInt8(ascii: "-")
          : (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(name[index])
      })
    else { return nil }
    func number(_ range: Range<Int>) -> Int64 {
      range.reduce(0) { $0 * 10 + Int64(name[$1] - UInt8(ascii: "0")) }
    }
    let days = CalendarTime.days(year: number(0..<4), month: number(5..<7), day: number(8..<10))
    guard Self.all.contains(days) else { return nil }
    self.number = Int32(days)
    guard name.isEqual(to: text) else { return nil }
  }

  /// Whether local seconds since the epoch are in a day of that range.
  static func isNamed(localSeconds seconds: Int64) -> Bool {
    (all.lowerBound * secondsPerDay..<(all.upperBound + 1) * secondsPerDay).contains(seconds)
  }

  /// The day of local seconds since the epoch, clamped.
  init(localSeconds seconds: Int64) {
    let number = seconds / Self.secondsPerDay - (seconds % Self.secondsPerDay < 0 ? 1 : 0)
    self.number = Int32(min(max(number, Self.all.lowerBound), Self.all.upperBound))
  }

  /// Such as `2026-11-24`.
  public var text: String {
    String(CalendarTime(secondsSinceEpoch: Int64(number) * Self.secondsPerDay).text.prefix(10))
  }

  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}
