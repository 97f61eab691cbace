internal import Synchronization

/// Signs of life, for a supervisor's watchdog. They are given by the calls that loops over files consist of (directory streams,
/// renames, unlinks, syncs), so that no loop can be forgotten.
public enum Heartbeat {
  /// The number of entries of a directory stream per sign.
  static let entriesPerSign = 64

  private static let signs = Atomic<UInt64>(0)
  private static let calls = Atomic<Int>(0)
  private static let callStart = Atomic<Int64>(0)

  /// Rises while work goes on.
  public static var signCount: UInt64 { signs.load(ordering: .relaxed) }

  /// How long, in nanoseconds, a potentially slow call, such as syncfs(2) on a slow disk, has not returned; nil if none is being
  /// made.
  public static var waitingNanoseconds: Int64? {
    guard calls.load(ordering: .relaxed) > 0 else { return nil }
    return SystemClock.monotonicNanoseconds - callStart.load(ordering: .relaxed)
  }

  static func sign() { signs.add(1, ordering: .relaxed) }

  /// Makes a potentially slow call.
  static func waiting<Result>(for call: () -> Result) -> Result {
    callStart.store(SystemClock.monotonicNanoseconds, ordering: .relaxed)
    calls.add(1, ordering: .relaxed)
    defer {
      calls.subtract(1, ordering: .relaxed)
      sign()
    }
    return call()
  }
}
