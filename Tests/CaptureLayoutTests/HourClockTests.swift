import CaptureLayout
import Foundation
import TestKit
import Testing

@Suite struct HourClockTests {
  /// Zones with and without clock change, with offsets of quarters, and with seconds in their past.
  @Test(arguments: [
    "UTC", "Europe/Zurich", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Asia/Tokyo",
    "Africa/Monrovia", "Pacific/Apia", "America/Sao_Paulo", "Africa/Casablanca",
  ]) func hoursAgreeWithTheCalendar(zone: String) throws {
    let timeZone = try #require(TimeZone(identifier: zone))
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = timeZone
    var clock = HourClock { Int64(timeZone.secondsFromGMT(for: Date(timeIntervalSince1970: Double($0)))) }
    var random = SeededRandom(11)
    var moments = (0..<2000).map { _ in Int64.random(in: 0...2_000_000_000, using: &random) }
    // Around every clock change of twenty years, second by second.
    var change = Date(timeIntervalSince1970: 1_500_000_000)
    for _ in 0..<20 {
      guard let next = timeZone.nextDaylightSavingTimeTransition(after: change) else { break }
      change = next
      moments += (-5...5).map { Int64(next.timeIntervalSince1970) + $0 }
    }
    for moment in moments {
      let expected = calendar.component(.hour, from: Date(timeIntervalSince1970: Double(moment)))
      let hour = clock.hour(of: ModificationTime(seconds: moment, nanoseconds: 999_999_999))
      #expect(hour == expected, "\(zone) at \(moment)")
    }
  }

  @Test func offsetsThatChangeWithinAQuarterAreExact() {
    // A zone that leaves local mean time 70 seconds into a quarter.
    let change: Int64 = 900 * 1000 + 70
    let offset: @Sendable (Int64) -> Int64 = { $0 < change ? -2670 : 3600 }
    var clock = HourClock(offsetAt: offset)
    for moment in [change + 10, change - 1, change, change - 900, change + 900, change - 60] {
      let expected = Int((moment + offset(moment)) % 86_400 / 3600)
      #expect(clock.hour(of: ModificationTime(seconds: moment, nanoseconds: 0)) == expected)
    }
  }

  @Test func hoursBefore1970AreHoursOfDay() {
    var clock = HourClock { _ in 0 }
    #expect(clock.hour(of: ModificationTime(seconds: -1, nanoseconds: 0)) == 23)
    #expect(clock.hour(of: ModificationTime(seconds: -86_400, nanoseconds: 0)) == 0)
  }

  /// Any program can set any time: the whole of 64 bits, in zones up to a day and more from Greenwich.
  @Test func anyTimeHasAnHour() {
    var random = SeededRandom(SeededRandom.seeds(1)[0])
    let ends: [Int64] = [.min, .min + 1, .min + 899, .min + 900, -1, 0, .max - 900, .max - 1, .max]
    for offset in [Int64(0), 50_400, -43_200, 93_599, -93_599] {
      var clock = HourClock { _ in offset }
      for seconds in ends + (0..<2000).map({ _ in Int64.random(in: .min ... .max, using: &random) }) {
        let day: Int128 = 86_400
        let local = Int128(seconds) + Int128(offset)
        let expected = Int((local % day + day) % day / 3600)
        #expect(clock.hour(of: ModificationTime(seconds: seconds, nanoseconds: 0)) == expected, "\(seconds)")
      }
    }
  }

  @Test func anAgeIsCutOffAtWhatSixtyFourBitsHold() {
    let ends: [Int64] = [.min, .min + 1, -1, 0, 1, .max - 1, .max]
    for seconds in ends {
      for now in ends {
        let age = ModificationTime(seconds: seconds, nanoseconds: 0).age(atSeconds: now)
        #expect(Int128(age) == min(max(Int128(now) - Int128(seconds), Int128(Int64.min)), Int128(Int64.max)))
      }
    }
  }

  @Test func theZoneIsAskedOnceForEachQuarter() {
    nonisolated(unsafe) var calls = 0
    var clock = HourClock { _ in
      calls += 1
      return 0
    }
    for second in 0..<Int64(3600) { _ = clock.hour(of: ModificationTime(seconds: second, nanoseconds: 0)) }
    #expect(calls == 8)
  }
}
