import Glibc
import KernelIO
import Testing

extension Trait where Self == ConditionTrait {
  /// Sets the clock to what it is, which every other program of the machine notices too: only where that is asked for.
  static var requiresSettableClock: Self {
    .enabled("sets the clock: HOTCOLD_SET_CLOCK=1, as root") {
      getenv("HOTCOLD_SET_CLOCK") != nil && ClockWatchTests.touchClock()
    }
  }
}

@Suite(.serialized) struct ClockWatchTests {
  static func touchClock() -> Bool {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return clock_settime(CLOCK_REALTIME, &now) == 0
  }

  @Test func aClockThatNobodySetsIsSteady() {
    let watch = ClockWatch()
    for _ in 0..<1000 {
      guard case .steady(let now) = watch.look() else {
        Issue.record("set by nobody")
        return
      }
      #expect(abs(now - Int64(time(nil))) <= 1)
    }
  }

  /// Set and back again: no difference is left, and yet times that were written meanwhile are wrong.
  @Test(.requiresSettableClock) func aClockThatWasSetToWhatItIsIsDisturbedUntilTheNextRound() {
    let watch = ClockWatch()
    #expect(Self.touchClock())
    // Whoever looks: one capture of a round after the other.
    for _ in 0..<3 { #expect(watch.look() == .disturbed) }
    watch.beginRound()
    guard case .steady = watch.look() else {
      Issue.record("still disturbed")
      return
    }
  }
}
