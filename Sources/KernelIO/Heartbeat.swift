internal import Synchronization

/// Signs of life, for a supervisor's watchdog. The calls that loops over files consist of leave them (directory streams,
/// renames, unlinks, syncs), so that no loop can be forgotten.
public enum Heartbeat {
  /// A sign is left for each of this many entries of a directory stream.
  static let entriesPerSign = 64

  private static let signs = Atomic<UInt64>(0)
  private static let calls = Atomic<Int>(0)
  private static let callStart = Atomic<Int64>(0)

  /// Rises while work goes on.
  public static var signCount: UInt64 { signs.load(ordering: .relaxed) }

  /// Nanoseconds for which a call that may take long, such as syncfs(2) on a slow disk, has not returned; nil where there
  /// is none.
  public static var waitingNanoseconds: Int64? {
    guard calls.load(ordering: .relaxed) > 0 else { return nil }
    return SystemClock.monotonicNanoseconds - callStart.load(ordering: .relaxed)
  }

  static func sign() { signs.add(1, ordering: .relaxed) }

  /// Makes a call that may take long.
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
