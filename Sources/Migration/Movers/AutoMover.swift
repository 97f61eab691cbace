internal import KernelIO
internal import SystemPackage

/// Decides by measurement what works beside this thread. A short run has nothing; a longer one a helper thread; in a long one a
/// ring and the helper carry stretches in turn, and the faster goes on.
///
///     512 files: none ─▶ 32,768: helper ─▶ 4,096 each: ring, helper, ring, helper ─▶ the rest: the faster
///
/// A thread costs some 50 µs, a ring a millisecond and 13 ms of waiting when it is closed, so neither is set up before
/// there is work for it.
final class AutoMover: Mover {
  private enum Stage: Equatable {
    case alone, helped
    case trial(Int)
    case settled

    static let trialCount = 4
    static let trialFiles = 4096

    /// Files after which the next stage begins.
    var length: Int {
      switch self {
      case .alone: 512
      case .helped: 32_768
      case .trial: Self.trialFiles
      case .settled: .max
      }
    }
  }

  private enum Current {
    case none
    case helper(HelperMover)
    case ring(RingMover)
  }

  /// Set up when it is first needed.
  private enum Candidate<Value> {
    case unknown, closed
    case granted(Value)
    case refused(KernelError)

    init(_ value: () throws(KernelError) -> Value) {
      do throws(KernelError) { self = .granted(try value()) } catch { self = .refused(error) }
    }

    var value: Value? { if case .granted(let value) = self { value } else { nil } }
    var refusal: KernelError? { if case .refused(let error) = self { error } else { nil } }
  }

  private static let hasOtherProcessors = CurrentProcess.processorCount > 1

  private var current = Current.none
  private var stage = Stage.alone
  private var helper = Candidate<HelperMover>.unknown
  private var ring = Candidate<RingMover>.unknown
  /// Of a ring that was closed.
  private var closedTotals = RingTotals()
  /// Renamed by this thread.
  private var renameCount = 0
  /// Of this stage: how many had been begun when it began, and when that was.
  private var startCount = 0
  private var startNanoseconds: Int64 = 0
  /// Of all stretches of the trial.
  private var helperNanoseconds: Int64 = 0
  private var ringNanoseconds: Int64 = 0

  // MARK: stages

  /// Stages and stretches do not go over from one pass to the next: a service waits in between.
  func begin() { start(at: renameCount) }

  private func start(at count: Int) {
    startCount = count
    startNanoseconds = SystemClock.monotonicNanoseconds
  }

  private func count(_ queue: borrowing MoveQueue) -> Int { renameCount + queue.renames.front }

  private func advance(_ queue: inout MoveQueue) throws(KernelError) {
    try drain(&queue)
    noteTime()
    stage = next()
    current = choose()
    start(at: count(queue))
  }

  private func noteTime() {
    guard case .trial = stage else { return }
    let nanoseconds = SystemClock.monotonicNanoseconds - startNanoseconds
    switch current {
    case .none: break
    case .helper: helperNanoseconds += nanoseconds
    case .ring: ringNanoseconds += nanoseconds
    }
  }

  private func next() -> Stage {
    switch stage {
    case .alone: return Self.hasOtherProcessors ? .helped : .settled
    case .helped: return openHelper() != nil && openRing() != nil ? .trial(0) : .settled
    case .trial(let number):
      return number + 1 < Stage.trialCount && openRing() != nil ? .trial(number + 1) : .settled
    case .settled: return .settled
    }
  }

  private func choose() -> Current {
    switch stage {
    case .alone: return .none
    case .helped: return openHelper().map(Current.helper) ?? .none
    case .trial(let number):
      return number % 2 == 0
        ? openRing().map(Current.ring) ?? .none : openHelper().map(Current.helper) ?? .none
    case .settled: return fastest()
    }
  }

  private func fastest() -> Current {
    // Where no thread is granted, nor is a worker of a ring, as a rule, and that shows only in its silence.
    guard Self.hasOtherProcessors, let helper = openHelper() else { return .none }
    if let ring = openRing(), isTried, ringNanoseconds < helperNanoseconds { return .ring(ring) }
    closeRing()
    return .helper(helper)
  }

  private var isTried: Bool { helperNanoseconds > 0 && ringNanoseconds > 0 }

  private func openHelper() -> HelperMover? {
    if case .unknown = helper { helper = Candidate { () throws(KernelError) in try HelperMover() } }
    return helper.value
  }

  private func openRing() -> RingMover? {
    if case .unknown = ring { ring = Candidate { () throws(KernelError) in try RingMover() } }
    return ring.value.flatMap { $0.givenUp == nil ? $0 : nil }
  }

  private func closeRing() {
    guard let mover = ring.value, mover.givenUp == nil else { return }
    closedTotals = mover.totals
    ring = .closed
  }
}

// MARK: moving

extension AutoMover {
  static let queueCapacity = RingMover.queueCapacity

  var pendingMax: Int {
    switch current {
    case .none: 0
    case .helper(let mover): mover.pendingMax
    case .ring(let mover): mover.pendingMax
    }
  }

  func rename(_ name: Span<UInt8>, _ move: Move, from: Int32, to: Int32, in tree: CaptureTree)
    -> Outcome
  {
    renameCount += 1
    return Name.rename(name, from: from, to: to)
  }

  func poll(_ queue: inout MoveQueue) throws(KernelError) {
    switch current {
    case .none: break
    case .helper(let mover): mover.poll(&queue)
    case .ring(let mover): mover.poll(&queue)
    }
    if count(queue) - startCount >= stage.length { try advance(&queue) }
  }

  func work(off queue: inout MoveQueue) throws(KernelError) {
    switch current {
    case .none: while StopSignal.pending == nil, queue.renames.executeFront() {}
    case .helper(let mover): mover.work(off: &queue)
    case .ring(let mover): mover.work(off: &queue)
    }
  }

  func drain(_ queue: inout MoveQueue) throws(KernelError) {
    switch current {
    case .none: break
    case .helper(let mover): mover.drain(&queue)
    case .ring(let mover): try mover.drain(&queue)
    }
  }

  func execute(_ requests: inout RequestQueue) throws(KernelError) {
    switch current {
    case .none: requests.executeRest()
    case .helper(let mover): mover.execute(&requests)
    case .ring(let mover): try mover.execute(&requests)
    }
  }
}

// MARK: the report

extension AutoMover {
  var name: Engine.Name {
    switch current {
    case .none: .syscalls
    case .helper: .threads
    case .ring: .ioUring
    }
  }

  var totals: RingTotals { ring.value?.totals ?? closedTotals }
  var givenUp: RingMover.GivenUp? { ring.value?.givenUp }

  /// Why this one, and why not another.
  var reason: String {
    if stage == .alone { return "few files" }
    guard Self.hasOtherProcessors else { return "one processor" }
    var reasons: [String] = []
    if isTried {
      reasons.append("tried: threads \(rate(helperNanoseconds)), io_uring \(rate(ringNanoseconds))")
    } else if case .unknown = ring, helper.value != nil {
      reasons.append("too few files to try io_uring")
    }
    if helper.refusal != nil { reasons.append("the kernel grants no thread") }
    if let error = ring.refusal { reasons.append(Engine.refusalReason(error)) }
    return reasons.joined(separator: "; ")
  }

  private func rate(_ nanoseconds: Int64) -> String {
    let files = Int64(Stage.trialFiles * Stage.trialCount / 2)
    return "\(files * 1_000_000 / nanoseconds),000 files/s"
  }
}
