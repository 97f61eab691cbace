internal import KernelIO

/// Decides whether the supervisor is to hear that the service is alive (`WATCHDOG=1`, sd_notify(3)).
///
/// The service is alive if it is idle, has made progress within the last two looks, or is in one long system call, such as
/// syncfs(2) on a slow disk, for less than ten minutes.
struct Watchdog {
  static let longestCallNanoseconds: Int64 = 600_000_000_000

  private var signCount: UInt64 = 0
  private var isFirst = true
  private var missedLooks = 0
  /// After this many looks without a sign of life the service counts as dead: two looks are one interval.
  private static let missedLooksMax = 2

  /// Call twice per watchdog interval of the supervisor.
  ///
  /// - Parameters:
  ///   - signCount: a counter that rises with every sign of life.
  ///   - waitingNanoseconds: how long the current long system call has lasted; nil outside of one.
  ///   - isIdle: whether the service waits for its next round.
  mutating func isAlive(signCount: UInt64, waitingNanoseconds: Int64?, isIdle: Bool) -> Bool {
    if isFirst || isIdle || signCount != self.signCount { missedLooks = 0 } else { missedLooks += 1 }
    isFirst = false
    self.signCount = signCount
    return missedLooks < Self.missedLooksMax
      || waitingNanoseconds.map { $0 < Self.longestCallNanoseconds } ?? false
  }
}
