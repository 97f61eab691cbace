internal import CLiburing

/// Tells the time of day only while it can be trusted: while nobody has set the clock since this was created.
///
/// The time that ages are computed from and the check that the clock was not set are a single sample. If they were two, a
/// clock set in between would make young files look old.
public final class ClockWatch {
  /// The result of a look at the clock.
  public enum Reading: Equatable, Sendable {
    /// Seconds since the epoch.
    case steady(nowSeconds: Int64)
    /// The clock was set by this many seconds since this was created. Once reported, this holds for the life of the watch.
    case stepped(seconds: Int64)
    /// The clock was set during this round, but set back again, or by a minute at most: times written meanwhile may be wrong.
    case disturbed
  }
  /// Gradual corrections by NTP and leap seconds are not steps.
  private static let toleranceNanoseconds: Int64 = 60_000_000_000

  private let reference: Int64
  private var steppedSeconds: Int64?
  private var isDisturbed = false
  /// Negative if the kernel grants none: then only an offset above the tolerance shows that the clock was set.
  private let descriptor = hc_clock_watch_open()

  public init() { reference = Sample.take().offset }

  deinit { if descriptor >= 0 { hc_close(descriptor) } }

  /// Forgets an earlier `disturbed`. If the clock was set since the last look, the next one reports it.
  public func beginRound() { isDisturbed = false }

  /// Reads the clock, and checks whether it was set.
  public func look() -> Reading {
    // Checked first: a clock that is set afterwards is found by the sample, or by the next look.
    if hc_clock_watch_fired(descriptor) { isDisturbed = true }
    let sample = Sample.take()
    let step = sample.offset - reference
    if abs(step) > Self.toleranceNanoseconds { steppedSeconds = step / 1_000_000_000 }
    if let steppedSeconds { return .stepped(seconds: steppedSeconds) }
    return isDisturbed ? .disturbed : .steady(nowSeconds: sample.realtime / 1_000_000_000)
  }

  /// The time of day and the time since boot, which nobody can set, at one moment.
  private struct Sample {
    let realtime: Int64
    let boottime: Int64

    var offset: Int64 { realtime - boottime }

    /// A thread that is preempted between the two readings would see a step that did not happen, so they are then repeated.
    static func take() -> Sample {
      let apartNanosecondsMax: Int64 = 1_000_000
      var attemptsLeft = 100
      while true {
        let before = SystemClock.boottimeNanoseconds
        let realtime = SystemClock.realtimeNanoseconds
        let after = SystemClock.boottimeNanoseconds
        attemptsLeft -= 1
        if after - before <= apartNanosecondsMax || attemptsLeft == 0 {
          return Sample(realtime: realtime, boottime: before)
        }
      }
    }
  }
}
