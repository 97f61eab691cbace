internal import KernelIO
internal import SystemPackage

/// Decides by measurement what works beside this thread: nothing, a helper thread, or a ring. Two candidates take turns, a
/// stretch of files each, and the faster one carries on.
///
///     512 files: nothing ─▶ nothing against the helper ─▶ the faster, up to 33,280 ─▶ that against a ring ─▶ the faster
///
/// Starting a thread costs some 50 µs; a ring costs a millisecond, and 13 ms of waiting when it is closed. So neither is set up
/// before there is work for it. If files are only renamed, nothing is the fastest: two threads would wait for each other.
final class AutoMover: Mover {
  private enum Stage {
    case alone
    case trial(Trial)
    case helped, settled

    /// Files after which the next stage begins.
    var length: Int {
      switch self {
      case .alone: 512
      case .trial(let trial): trial.stretch
      case .helped: 24_576
      case .settled: .max
      }
    }
  }

  /// Two candidates that carry stretches of files in turn.
  private struct Trial {
    static let stretchesMax = 4
    let candidates: [Engine.Name]
    /// Length of a stretch, in files.
    let stretch: Int
    private(set) var nanoseconds: [Int64] = [0, 0]
    private(set) var stretches = 0

    init(_ first: Engine.Name, _ second: Engine.Name, stretch: Int) {
      candidates = [first, second]
      self.stretch = stretch
    }

    var current: Engine.Name { candidates[stretches % 2] }
    var isOver: Bool { stretches == Self.stretchesMax }
    var fastest: Engine.Name { candidates[nanoseconds[1] < nanoseconds[0] ? 1 : 0] }

    /// "threads 112,000, syscalls 56,000": files per second, the faster one first.
    var result: String {
      let files = Int64(stretch * Self.stretchesMax / 2)
      return zip(candidates, nanoseconds).sorted { $0.1 < $1.1 }.map { candidate, nanoseconds in
        "\(candidate.rawValue) \(files * 1_000_000 / max(1, nanoseconds)),000"
      }.joined(separator: ", ")
    }

    mutating func note(_ elapsed: Int64) {
      nanoseconds[stretches % 2] += elapsed
      stretches += 1
    }
  }

  /// A mover that is set up when it is first needed.
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

  /// What works beside this thread now.
  private(set) var name = Engine.Name.syscalls
  private var stage = Stage.alone
  private var helper = Candidate<HelperMover>.unknown
  private var ring = Candidate<RingMover>.unknown
  /// The totals of the ring, once it was closed.
  private var closedTotals = RingTotals()
  /// What each trial found, in files per second; figures of two trials do not compare, since each has files of its own.
  private var results: [String] = []
  /// Files renamed at once by this thread, without the queue.
  private var renameCount = 0
  /// How many renames had begun at the start of this stage or stretch, and when that was.
  private var startCount = 0
  private var startNanoseconds: Int64 = 0

  // MARK: stages

  /// Starts counting and timing anew: stages and stretches do not span passes, since a service waits between them.
  func begin() { start(at: renameCount) }

  private func start(at count: Int) {
    startCount = count
    startNanoseconds = SystemClock.monotonicNanoseconds
  }

  private func count(_ queue: borrowing MoveQueue) -> Int { renameCount + queue.renames.front }

  private func advance(_ queue: inout MoveQueue) throws(KernelError) {
    try drain(&queue)
    switch stage {
    case .alone:
      // If no thread is granted, a ring usually gets no worker either, and that shows only as silence.
      let isWorthIt = Self.hasOtherProcessors && openHelper() != nil
      stage = isWorthIt ? .trial(Trial(.syscalls, .threads, stretch: 2048)) : .settled
    case .trial(var trial):
      trial.note(SystemClock.monotonicNanoseconds - startNanoseconds)
      stage = trial.isOver || !isUsable(trial.current) ? end(trial) : .trial(trial)
    case .helped: stage = openRing() == nil ? .settled : .trial(Trial(name, .ioUring, stretch: 4096))
    case .settled: break
    }
    if case .trial(let trial) = stage { name = trial.current }
    start(at: count(queue))
  }

  private func end(_ trial: Trial) -> Stage {
    guard trial.isOver else {
      name = trial.candidates[0]
      return .settled
    }
    results.append(trial.result)
    name = trial.fastest
    guard trial.candidates.contains(.ioUring) else { return .helped }
    if name != .ioUring { closeRing() }
    return .settled
  }

  private func isUsable(_ name: Engine.Name) -> Bool { name != .ioUring || openRing() != nil }

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
  private enum Current {
    case none
    case helper(HelperMover)
    case ring(RingMover)
  }

  private var current: Current {
    switch name {
    case .syscalls: .none
    case .threads: helper.value.map(Current.helper) ?? .none
    case .ioUring: ring.value.map(Current.ring) ?? .none
    }
  }

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
  var totals: RingTotals { ring.value?.totals ?? closedTotals }
  var givenUp: RingMover.GivenUp? { ring.value?.givenUp }

  /// Why this engine, and why not another one.
  var reason: String {
    if case .alone = stage { return renameCount == 0 ? "nothing was renamed" : "few files" }
    guard Self.hasOtherProcessors else { return "one processor" }
    var reasons: [String] = []
    if !results.isEmpty {
      reasons.append("fastest of those tried: \(results.joined(separator: "; then ")) files/s")
    }
    if helper.refusal != nil { reasons.append("the kernel grants no thread") }
    if let error = ring.refusal { reasons.append(Engine.refusalReason(error)) }
    return reasons.isEmpty ? "few files" : reasons.joined(separator: "; ")
  }
}
