internal import CLiburing
internal import SystemPackage

/// An io_uring instance for path operations: prepare, submit, wait, reap. One thread owns it.
///
/// The names of a prepared request must stay where they are until `submit` (the kernel copies them then),
/// and its folders must stay open until it is reaped.
@safe public struct Ring: ~Copyable {
  /// The features that the kernel granted at set-up.
  public struct Features: Sendable {
    public let singleIssuer: Bool
    public let deferTaskRun: Bool
    public let submitAll: Bool
    public let boundedWorkers: Bool
  }

  public let features: Features
  private let ring: OpaquePointer
  /// The number of requests submitted and not yet reaped.
  public private(set) var inFlight = 0
  /// The number of requests prepared and not yet taken by the kernel.
  public var preparedCount: Int { prepared }
  private var prepared = 0
  /// The number of requests that the kernel has taken so far, and of the submissions in which it took them.
  public private(set) var requestCount = 0
  public private(set) var submissionCount = 0

  /// Whether the kernel does not let this process wait for the requests in flight, so their outcome is unknown. Nothing more can
  /// be done with this ring.
  public private(set) var isLost = false

  /// The number of consecutive waits that the kernel refused, about a millisecond each.
  private var refusedWaits = 0
  private static let refusedWaitsMax = 3000
  private static let interruptionsMax = 1000
  /// The tag of a request that belongs to no queue.
  private static let cancelTag = UInt64.max

  /// Sets up a ring.
  ///
  /// - Parameters:
  ///   - entries: the size of the submission queue.
  ///   - workers: the most io-wq workers (kernel threads) that run path operations.
  public init(entries: Int, workers: Int) throws(KernelError) {
    var raw: OpaquePointer?
    var granted = hc_ring_features()
    let result = unsafe hc_ring_open(UInt32(entries), UInt32(workers), &raw, &granted)
    try KernelError.check(result, .ringSetUp, "")
    unsafe ring = raw!
    features = Features(
      singleIssuer: granted.single_issuer, deferTaskRun: granted.defer_taskrun, submitAll: granted.submit_all,
      boundedWorkers: granted.bounded_workers)
  }

  /// Closing waits some milliseconds for the kernel's worker, so another thread does it.
  deinit {
    nonisolated(unsafe) let ring = unsafe ring
    Threads.detach { unsafe hc_ring_close(ring) }
  }

  /// Prepares the oldest pending request of the queue. False when the submission queue is full.
  public mutating func prepareFront(of queue: inout RequestQueue) -> Bool {
    let isPrepared = unsafe queue.prepareFront(in: ring)
    if isPrepared { prepared += 1 }
    return isPrepared
  }

  /// Submits the prepared requests, and lets the kernel post completions (a ring with DEFER_TASKRUN posts them only
  /// when it is entered). The kernel may take fewer, or none for now (EAGAIN, EBUSY, EINTR of io_uring_enter(2)): then
  /// reap, and call again while `preparedCount` is not 0.
  public mutating func submit() throws(KernelError) {
    var interruptions = 0
    while prepared > 0 || inFlight > 0 {
      let taken = unsafe hc_ring_submit(ring)
      if taken >= 0 {
        if taken > 0 { submissionCount += 1 }
        requestCount += Int(taken)
        prepared -= Int(taken)
        inFlight += Int(taken)
        return
      }
      switch Errno(shim: taken) {
      case .interrupted where interruptions < Self.interruptionsMax: interruptions += 1
      case .resourceTemporarilyUnavailable where inFlight > 0: return
      case .resourceBusy where inFlight > 0: return
      case let errno: throw KernelError(.ringEnter, "", errno)
      }
    }
  }

  /// Gives up a ring in which nothing is in flight: what was prepared returns to the queue, cancelled. Do not submit
  /// anything afterwards.
  public mutating func takeBackPrepared(into queue: inout RequestQueue) {
    precondition(inFlight == 0)
    prepared = 0
    queue.takeBack()
  }

  /// Waits until everything in flight has completed. False after the time, or when interrupted by a signal.
  public mutating func wait(milliseconds: Int) throws(KernelError) -> Bool {
    guard inFlight > 0 else { return true }
    let result = unsafe hc_ring_wait(ring, UInt32(inFlight), UInt32(milliseconds))
    guard result < 0 else {
      refusedWaits = 0
      return true
    }
    switch Errno(shim: result) {
    case .timeout:
      refusedWaits = 0
      return false
    case let errno where errno.isTransient && refusedWaits < Self.refusedWaitsMax:
      // Not forever: the kernel may never let this process wait again.
      refusedWaits += 1
      hc_sleep_us(1000)
      return false
    case let errno:
      isLost = true
      DescriptorEpoch.end()
      throw KernelError(.ringEnter, "", errno)
    }
  }

  /// Records the available completions in the queue, without a system call.
  public mutating func reap(into queue: inout RequestQueue) {
    guard !isLost else { return }
    // 512 bytes: on the stack.
    let capacity = 32
    unsafe withUnsafeTemporaryAllocation(of: hc_completion.self, capacity: capacity) { buffer in
      while true {
        let count = unsafe Int(hc_ring_reap(ring, buffer.baseAddress, UInt32(capacity)))
        for index in 0..<count {
          let completion = unsafe buffer[index]
          guard completion.tag != Self.cancelTag else { continue }
          queue.complete(at: Int(completion.tag), result: completion.result)
        }
        inFlight -= count
        if count > 0 { Heartbeat.sign() }
        if count < capacity { return }
      }
    }
  }

  /// Asks the kernel to cancel the requests that it has not begun (Linux 5.19); they complete with ECANCELED.
  public mutating func cancelAll() {
    guard unsafe hc_ring_prepare_cancel_all(ring, Self.cancelTag) == 0 else { return }
    prepared += 1
    // If this is refused, they stay in flight and are waited for.
    try? submit()
  }
}

extension Errno {
  /// Errors after which io_uring_enter(2) may be called again.
  fileprivate var isTransient: Bool {
    [.interrupted, .resourceTemporarilyUnavailable, .resourceBusy].contains(self)
  }
}
