internal import CLiburing

/// Short-lived threads for work that waits for the kernel or for memory.
public enum Threads {
  /// Calls `body` once for each index below `count`, each on its own thread, and returns the results when all are done.
  /// The last call runs on the calling thread, and so does every call for which the kernel grants no thread.
  ///
  /// `body` does not actually escape, but declaring it so would compile in a check that contains the length of this file's
  /// full path, and then the binary would not be reproducible byte for byte in another folder.
  @discardableResult
  public static func run<Value: Sendable>(_ count: Int, _ body: @escaping @Sendable (Int) -> Value) -> [Value]
  {
    let slots = (0..<count).map { _ in Slot<Value>() }
    let calls = slots.enumerated().map { index, slot in Call { slot.value = body(index) } }
    let threads = calls.dropLast().map {
      unsafe hc_thread_start(Call.run, Unmanaged.passUnretained($0).toOpaque())
    }
    calls.last?.body()
    for (call, thread) in zip(calls, threads) {
      if thread == 0 { call.body() } else { hc_thread_join(thread) }
    }
    return slots.map { $0.value! }
  }

  /// Calls `body` on its own thread and does not wait for it; on this thread if the kernel grants none.
  public static func detach(_ body: @escaping @Sendable () -> Void) {
    let call = unsafe Unmanaged.passRetained(Call(body))
    let thread = unsafe hc_thread_start(
      { unsafe Unmanaged<Call>.fromOpaque($0!).takeRetainedValue().body() }, call.toOpaque())
    guard thread == 0 else { return hc_thread_detach(thread) }
    unsafe call.release()
    body()
  }

  /// Whether the kernel grants one more thread (RLIMIT_NPROC, pids.max).
  public static var areGranted: Bool {
    let thread = unsafe hc_thread_start({ _ in }, nil)
    if thread != 0 { hc_thread_join(thread) }
    return thread != 0
  }

  /// Written by one thread, and read by another after joining it.
  private final class Slot<Value>: @unchecked Sendable {
    var value: Value?
  }

  private final class Call: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    static let run: @convention(c) (UnsafeMutableRawPointer?) -> Void = {
      unsafe Unmanaged<Call>.fromOpaque($0!).takeUnretainedValue().body()
    }
  }
}
