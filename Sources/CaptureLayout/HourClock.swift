/// The local hour of a modification time, in one time zone.
///
/// Offsets come from `offsetAt`, which is asked for both ends of a quarter of an hour; where they agree the
/// offset holds for the whole quarter (no zone changes twice within one) and is remembered. Zones whose
/// offset changes within a quarter, as some did before 1972, are asked for every file: exact, and rare.
public struct HourClock: Sendable {
  private struct Quarter {
    var number: Int64
    var offset: Int64
  }
  private static let quarterSeconds: Int64 = 900
  private static let daySeconds: Int64 = 86_400
  /// Three weeks of quarters, more than the longest capture of the guide: 32 KiB.
  private static let cachedQuarters = 2048

  private let offsetAt: @Sendable (Int64) -> Int64
  private var cache: [Quarter]

  /// `offsetAt` gives the seconds east of Greenwich at a moment in seconds since the epoch.
  public init(offsetAt: @escaping @Sendable (Int64) -> Int64) {
    self.offsetAt = offsetAt
    cache = Array(repeating: Quarter(number: .min, offset: 0), count: Self.cachedQuarters)
  }

  /// 0 to 23.
  public mutating func hour(of time: ModificationTime) -> Int {
    let local = time.seconds &+ offset(at: time.seconds)
    return Int(floorModulo(local, Self.daySeconds) / 3600)
  }

  private mutating func offset(at seconds: Int64) -> Int64 {
    let number = floorDivide(seconds, Self.quarterSeconds)
    let index = Int(floorModulo(number, Int64(Self.cachedQuarters)))
    if cache[index].number == number { return cache[index].offset }

    let start = number &* Self.quarterSeconds
    let offset = offsetAt(start)
    guard offsetAt(start &+ (Self.quarterSeconds - 1)) == offset else { return offsetAt(seconds) }
    cache[index] = Quarter(number: number, offset: offset)
    return offset
  }

  private func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    (value - floorModulo(value, divisor)) / divisor
  }

  private func floorModulo(_ value: Int64, _ divisor: Int64) -> Int64 {
    let remainder = value % divisor
    return remainder < 0 ? remainder + divisor : remainder
  }
}
