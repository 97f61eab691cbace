internal import CLiburing

/// Tells the time of day only as long as it can be trusted: since the first look nobody has set the clock.
///
/// The time that ages are computed from and the check that the clock was not set are one sample. If they were two, a
/// clock that is set in between would make files old that are not.
public final class ClockWatch {
  /// What a look found.
  public enum Reading: Equatable, Sendable {
    /// Seconds since the epoch.
    case steady(nowSeconds: Int64)
    /// Set since the first look, by this many seconds. Said once, it holds for as long as this watch lives.
    case stepped(seconds: Int64)
    /// Set in this round, and back again or by less than a minute: times that were written meanwhile may be wrong.
    case disturbed
  }
  /// What NTP corrects bit by bit, and a leap second, are no steps.
  private static let toleranceNanoseconds: Int64 = 60_000_000_000

  private let reference: Int64
  private var steppedSeconds: Int64?
  private var isDisturbed = false
  /// Negative where the kernel grants none: then only a difference shows that the clock was set.
  private let descriptor = hc_clock_watch_open()

  public init() { reference = Sample.take().offset }

  deinit { if descriptor >= 0 { hc_close(descriptor) } }

  /// What was disturbed counts as settled from now on. A clock that was set since the last look shows at the next one.
  public func beginRound() { isDisturbed = false }

  public func look() -> Reading {
    // Asked first: a clock that is set after it shows in the sample, or at the next look.
    if hc_clock_watch_fired(descriptor) { isDisturbed = true }
    let sample = Sample.take()
    let step = sample.offset - reference
    if abs(step) > Self.toleranceNanoseconds { steppedSeconds = step / 1_000_000_000 }
    if let steppedSeconds { return .stepped(seconds: steppedSeconds) }
    return isDisturbed ? .disturbed : .steady(nowSeconds: sample.realtime / 1_000_000_000)
  }

  /// The time of day, and the time since the machine was started, which nobody can set, at one moment.
  private struct Sample {
    let realtime: Int64
    let boottime: Int64

    var offset: Int64 { realtime - boottime }

    /// A thread that is put aside between the two readings would see a step that there was not: then they are taken again.
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
