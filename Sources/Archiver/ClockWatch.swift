internal import KernelIO

/// Notices that the clock was set: the time of day and the time since the machine was started no longer agree.
struct ClockWatch {
  /// What NTP corrects bit by bit, and a leap second, are no steps.
  private static let toleranceNanoseconds: Int64 = 60_000_000_000

  private var offset: Int64?
  /// By how much, since the first look; what was said once holds until the service is started again.
  private(set) var stepSeconds: Int64?

  mutating func look() {
    let now = Clock.realtimeNanoseconds - Clock.boottimeNanoseconds
    if let offset, abs(now - offset) > Self.toleranceNanoseconds {
      stepSeconds = (now - offset) / 1_000_000_000
    }
    offset = now
  }
}
