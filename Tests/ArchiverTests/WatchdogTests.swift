import Testing

@testable import Archiver

/// Two looks an interval, as the service makes them.
@Suite struct WatchdogTests {
  /// The answers to looks, one after the other.
  private func answers(_ looks: [(signs: UInt64, waiting: Int64?, isIdle: Bool)]) -> [Bool] {
    var watchdog = Watchdog()
    return looks.map {
      watchdog.isAlive(signCount: $0.signs, waitingNanoseconds: $0.waiting, isIdle: $0.isIdle)
    }
  }

  @Test func aServiceThatLeavesSignsIsAliveAndOneThatDoesNotIsDeadAfterAnInterval() {
    let signs: [UInt64] = [0, 1, 2, 3, 4, 4, 4, 4, 5, 5]
    #expect(
      answers(signs.map { ($0, nil, false) }) == [
        true, true, true, true, true, true, false, false, true, true,
      ])
  }

  @Test func oneThatHasNothingToDoIsAlive() {
    #expect(answers(Array(repeating: (7, nil, true), count: 10)) == Array(repeating: true, count: 10))
  }

  @Test func aLongCallIsWaitedForAndNotForEver() {
    let longest = Watchdog.longestCallNanoseconds
    let looks: [(UInt64, Int64?, Bool)] =
      Array(repeating: (7, longest - 1, false), count: 10) + [(7, longest, false)]
    #expect(answers(looks) == Array(repeating: true, count: 10) + [false])
  }
}
