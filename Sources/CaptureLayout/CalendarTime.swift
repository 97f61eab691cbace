/// A moment in the Gregorian calendar, in the zone of the seconds that it is made from. Years 1 to 9999; earlier and later
/// moments are clamped.
public struct CalendarTime: Sendable {
  private static let secondsPerDay: Int64 = 86_400
  private let days: Int64
  private let secondsOfDay: Int64

  public init(secondsSinceEpoch seconds: Int64) {
    // Years 1 to 9999: a stray mtime beyond them could not be printed with four digits.
    let seconds = min(max(seconds, -62_135_596_800), 253_402_300_799)
    let remainder = seconds % Self.secondsPerDay
    secondsOfDay = remainder < 0 ? remainder + Self.secondsPerDay : remainder
    days = (seconds - secondsOfDay) / Self.secondsPerDay
  }

  /// ISO 8601 without fraction and zone: 2026-11-22T22:15:25.
  public var text: String {
    let date = date
    return "\(Self.padded(date.year, 4))-\(Self.padded(date.month, 2))-\(Self.padded(date.day, 2))T"
      + [secondsOfDay / 3600, secondsOfDay / 60 % 60, secondsOfDay % 60].map { Self.padded($0, 2) }
      .joined(separator: ":")
  }

  /// Days from 1 January 1970 to a date, which need not exist: 31 June counts as 1 July.
  static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }

  private var date: (year: Int64, month: Int64, day: Int64) {
    // Years are counted from 1 March 0000, so that the leap day is the last of its year.
    let daysPerEra: Int64 = 146_097
    let shifted = days + 719_468
    let era = (shifted >= 0 ? shifted : shifted - (daysPerEra - 1)) / daysPerEra
    let dayOfEra = shifted - era * daysPerEra
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
  }

  package static func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
  }
}
