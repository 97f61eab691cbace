/// A day in the calendar of one time zone, years 1 to 9999: what a stray time says beyond them is the first or last of them.
public struct Day: Hashable, Comparable, Sendable {
  private static let all: ClosedRange<Int64> = -719_162...2_932_896
  private static let secondsPerDay: Int64 = 86_400

  /// Since 1 January 1970.
  let number: Int32

  /// Of local seconds since the epoch.
  init(localSeconds seconds: Int64) {
    let number = seconds / Self.secondsPerDay - (seconds % Self.secondsPerDay < 0 ? 1 : 0)
    self.number = Int32(min(max(number, Self.all.lowerBound), Self.all.upperBound))
  }

  /// 2026-11-24.
  public var text: String {
    String(CalendarTime(secondsSinceEpoch: Int64(number) * Self.secondsPerDay).text.prefix(10))
  }

  public static func < (left: Self, right: Self) -> Bool { left.number < right.number }
}
