internal import KernelIO

/// Decides whether the supervisor is to hear that the service is alive (`WATCHDOG=1`, sd_notify(3)).
///
/// The service is alive if it is idle, has made progress since the last look but one, or is in one long system call, such as
/// syncfs(2) on a slow disk: ten minutes at most.
struct Watchdog {
  static let longestCallNanoseconds: Int64 = 600_000_000_000

  private var signCount: UInt64 = 0
  private var isFirst = true
  private var missedLooks = 0
  /// Looks without a sign of life after which the service is taken for dead: two of them are one interval.
  private static let missedLooksMax = 2

  /// Call twice in each interval of the supervisor.
  mutating func isAlive(signCount: UInt64, waitingNanoseconds: Int64?, isIdle: Bool) -> Bool {
    if isFirst || isIdle || signCount != self.signCount { missedLooks = 0 } else { missedLooks += 1 }
    isFirst = false
    self.signCount = signCount
    return missedLooks < Self.missedLooksMax
      || waitingNanoseconds.map { $0 < Self.longestCallNanoseconds } ?? false
  }
}
