/// The local hour of a modification time, in one time zone.
///
/// Offsets come from `offsetAt`, which is called for both ends of a quarter of an hour. If they agree, the
/// offset holds for the whole quarter (no zone changes twice within one) and is cached. In a quarter within
/// which the offset changes, as some zones had before 1972, it is called for every file: exact, and rare.
public struct HourClock: Sendable {
  private struct Quarter {
    var number: Int64
    var offset: Int64
  }
  private static let quarterSeconds: Int64 = 900
  private static let daySeconds: Int64 = 86_400
  /// Three weeks of quarters, more than the longest capture of the guide: 32 KiB.
  private static let cachedQuarters = 2048

  /// The name of the zone; nil for that of the process.
  public let zone: String?
  private let offsetAt: @Sendable (Int64) -> Int64
  private var cache: [Quarter]

  /// A clock for UTC, whatever the zone of the process.
  public static var universal: HourClock { HourClock(zone: "UTC") { _ in 0 } }

  /// - Parameters:
  ///   - zone: the name of the zone; nil for that of the process.
  ///   - offsetAt: the seconds east of Greenwich at a moment, in seconds since the epoch.
  public init(zone: String? = nil, offsetAt: @escaping @Sendable (Int64) -> Int64) {
    self.zone = zone
    self.offsetAt = offsetAt
    cache = Array(repeating: Quarter(number: .min, offset: 0), count: Self.cachedQuarters)
  }

  /// 0 to 23.
  public mutating func hour(of time: ModificationTime) -> Int {
    // Each is within a day, so the sum cannot overflow, whatever the time is.
    let local = floorModulo(time.seconds, Self.daySeconds) + offset(at: time.seconds) % Self.daySeconds
    return Int(floorModulo(local, Self.daySeconds) / 3600)
  }

  /// The local day.
  public mutating func day(of time: ModificationTime) -> Day {
    Day(localSeconds: time.seconds.addingSaturating(offset(at: time.seconds)))
  }

  /// The local day; nil if its year does not have four digits.
  mutating func dayIfNamed(of time: ModificationTime) -> Day? {
    let seconds = time.seconds.addingSaturating(offset(at: time.seconds))
    return Day.isNamed(localSeconds: seconds) ? Day(localSeconds: seconds) : nil
  }

  private mutating func offset(at seconds: Int64) -> Int64 {
    let number = floorDivide(seconds, Self.quarterSeconds)
    let index = Int(floorModulo(number, Int64(Self.cachedQuarters)))
    if cache[index].number == number { return cache[index].offset }

    let offset = offsetAt(number.multipliedSaturating(by: Self.quarterSeconds))
    let end = (number + 1).multipliedSaturating(by: Self.quarterSeconds) - 1
    guard offsetAt(end) == offset else { return offsetAt(seconds) }
    cache[index] = Quarter(number: number, offset: offset)
    return offset
  }

  private func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    value / divisor - (value % divisor < 0 ? 1 : 0)
  }

  private func floorModulo(_ value: Int64, _ divisor: Int64) -> Int64 {
    let remainder = value % divisor
    return remainder < 0 ? remainder + divisor : remainder
  }
}

extension Int64 {
  /// The product with a positive factor, saturating.
  fileprivate func multipliedSaturating(by factor: Int64) -> Int64 {
    let (product, hasOverflown) = multipliedReportingOverflow(by: factor)
    return hasOverflown ? (self < 0 ? .min : .max) : product
  }
}
