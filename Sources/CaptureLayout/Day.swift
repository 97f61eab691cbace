/// A day in the calendar of one time zone, years 1 to 9999: what a stray time says beyond them is the first or last of them.
public struct Day: Hashable, Comparable, Sendable {
  private static let all: ClosedRange<Int64> = -719_162...2_932_896
  private static let secondsPerDay: Int64 = 86_400

  /// Since 1 January 1970.
  let number: Int32

  init(number: Int32) { self.number = number }

  /// As `text` is: nil for anything else, such as 30 February.
  init?(parsing name: Span<UInt8>) {
    var fields = [Int64](repeating: 0, count: 3)
    var field = 0
    for index in name.indices {
      switch name[index] {
      case UInt8(ascii: "-") where field < 2: field += 1
      case UInt8(ascii: "0")...UInt8(ascii: "9"): fields[field] = fields[field] * 10 + Int64(name[index]) - 48
      default: return nil
      }
    }
    number = Int32(CalendarTime.days(year: fields[0], month: fields[1], day: fields[2]))
    guard Self.all.contains(Int64(number)), name.isEqual(to: text) else { return nil }
  }

  /// Whether local seconds since the epoch are of a day in that range.
  static func isNamed(localSeconds seconds: Int64) -> Bool {
    (all.lowerBound * secondsPerDay..<(all.upperBound + 1) * secondsPerDay).contains(seconds)
  }

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
