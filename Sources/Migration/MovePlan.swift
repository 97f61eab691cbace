internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The moves of a pass: planned as files are settled, executed while others are being settled, counted when
/// their outcome is known.
struct MovePlan: ~Copyable {
  /// Room for all names of a window (64 KiB hold at most 2,730) on top of what is left from the one before.
  private static let queueCapacity = 4096
  /// What is left pending for the kernel while the next window is read.
  private static let pendingBetweenWindows = 256

  let table: FolderTable
  private let mover: any Mover
  private let observer: any MigrationObserver
  private let tellsMoves: Bool
  private let isDryRun: Bool

  private var queue = MoveQueue(capacity: queueCapacity)

  var tallies = PerKind { _ in PassTally() }
  /// Files moved to each hour folder.
  var movedByHour = PerKind { _ in [Int](repeating: 0, count: hoursOfDay.count) }
  var problems = Problems()
  /// The files that this run has moved to a hot place: as many as the hot limits.
  var promoted: Set<FileIdentity>
  /// An errno after which no further move can succeed.
  private(set) var stopError: KernelError?
  /// A destination went away under the plan: look again.
  private(set) var needsAnotherPass = false
  private var vanished: [FileIdentity] = []

  init(
    table: FolderTable, mover: any Mover, isDryRun: Bool, promoted: Set<FileIdentity>,
    observer: any MigrationObserver
  ) {
    self.isDryRun = isDryRun
    self.table = table
    self.mover = mover
    self.promoted = promoted
    self.observer = observer
    tellsMoves = observer.wantsMoves
  }

  /// Whether the run is to end here: a signal, or an error that every further move would meet as well.
  var isStopped: Bool { stopError != nil || StopSignal.pending != nil }

  mutating func add(_ name: Span<UInt8>, _ facts: FileFacts, to destination: Destination) {
    let dirfd = table.dirfd(of: facts.kind, destination)
    guard dirfd != FolderTable.refused else {
      tallies[facts.kind].failed += 1
      problems.add(Self.problem(name, facts, destination, .refused))
      return
    }
    if queue.renames.isFull { settleUp(untilPending: 0) }
    queue.append(
      name, Move(facts: facts, destination: destination), from: table.dirfd(of: facts.place), to: dirfd)
  }

  /// Call every few files: keeps the kernel supplied.
  mutating func tend() {
    guard !isStopped else { return }
    do throws(KernelError) { try mover.tend(&queue) } catch { stop(error) }
  }

  /// Call after each window: works off what the kernel will not have done by itself.
  mutating func flowOn() {
    work(untilPending: Self.pendingBetweenWindows)
    countDone()
  }

  /// Executes everything that was planned so far.
  mutating func flush() { settleUp(untilPending: 0) }

  private mutating func settleUp(untilPending count: Int) {
    work(untilPending: count)
    do throws(KernelError) { try mover.drain(&queue) } catch { stop(error) }
    if isStopped { queue.renames.abandonUnfinished() }
    countDone()
  }

  private mutating func work(untilPending count: Int) {
    guard !isStopped else { return }
    do throws(KernelError) { try mover.work(on: &queue, untilPending: count) } catch { stop(error) }
  }

  /// Ends the plan early: nothing more is begun, what is in flight is finished.
  mutating func stop(_ error: KernelError) {
    if stopError == nil { stopError = error }
  }

  // MARK: outcomes

  private mutating func countDone() {
    while let outcome = queue.renames.headOutcome {
      count(outcome, at: queue.renames.head)
      queue.renames.retireHead()
    }
  }

  private mutating func count(_ outcome: RenameOutcome, at position: Int) {
    let move = queue.move(at: position)
    switch outcome {
    case .moved: countMoved(move, at: position)
    case .notExecuted: tallies[move.facts.kind].pending += 1
    case .failed(.fileExists):
      tallies[move.facts.kind].conflicts += 1
      addProblem(.nameTaken, at: position)
    case .failed(.noSuchFileOrDirectory): countMissing(move, at: position)
    case .failed(let errno):
      tallies[move.facts.kind].failed += 1
      addProblem(.errno(errno), at: position)
      if errno.stopsRun { stop(KernelError(.rename, FilePath(move.folder), errno)) }
    }
  }

  private mutating func countMoved(_ move: Move, at position: Int) {
    switch move.destination {
    case .hour(let hour):
      tallies[move.facts.kind].movedToHour += 1
      movedByHour[move.facts.kind][hour] += 1
    case .hotPlace:
      tallies[move.facts.kind].movedToHotPlace += 1
      promoted.insert(move.facts.identity)
    }
    if tellsMoves {
      observer.moved(
        queue.renames.name(at: position), from: move.facts.place.prefix, to: move.folder)
    }
  }

  /// ENOENT is said of the file and of a destination folder that was removed under the descriptor alike.
  private mutating func countMissing(_ move: Move, at position: Int) {
    if queue.renames.sourceExists(at: position) {
      tallies[move.facts.kind].failed += 1
      addProblem(.errno(.noSuchFileOrDirectory), at: position)
      needsAnotherPass = true
    } else {
      countVanished(move.facts)
    }
  }

  mutating func countVanished(_ facts: FileFacts) {
    tallies[facts.kind].vanished += 1
    vanished.append(facts.identity)
  }

  /// The files that vanished since the last call.
  mutating func takeVanished() -> [FileIdentity] {
    defer { vanished.removeAll(keepingCapacity: true) }
    return vanished
  }

  /// A file that could not even be looked at.
  mutating func countFailed(_ name: Span<UInt8>, _ facts: FileFacts, _ errno: Errno) {
    tallies[facts.kind].failed += 1
    problems.add(Self.problem(name, facts, .hotPlace, .errno(errno)))
    if errno.stopsRun { stop(KernelError(.stat, FilePath(facts.place.prefix), errno)) }
  }

  /// Moves the live playlist after its segments, by a plain call: it is one file.
  mutating func moveLivePlaylist() -> PlaylistOutcome {
    let name = Array(FileName.livePlaylist.utf8)
    if !isDryRun {
      var single = RenameQueue(capacity: 1)
      _ = single.append(name.span, from: table.dirfd(of: .root), to: table.dirfd(of: .segments))
      single.renameFront()
      switch single.headOutcome {
      case .moved: break
      case .failed(.fileExists): return .conflict
      case .failed(.noSuchFileOrDirectory): return .absent
      case .failed(let errno):
        problems.add(Problem(from: name, to: "segments/", reason: .errno(errno)))
        return .failed
      case .notExecuted, nil: return .pending
      }
    }
    if tellsMoves { observer.moved(name.span, from: "", to: "segments/") }
    return .moved
  }

  private mutating func addProblem(_ reason: Problem.Reason, at position: Int) {
    let move = queue.move(at: position)
    problems.count += 1
    guard problems.hasRoom else { return }
    let problem = Self.problem(
      queue.renames.name(at: position), move.facts, move.destination, reason)
    problems.named.append(problem)
  }

  private static func problem(
    _ name: Span<UInt8>, _ facts: FileFacts, _ destination: Destination, _ reason: Problem.Reason
  ) -> Problem {
    Problem(
      from: Array(facts.place.prefix.utf8) + Array(copying: name),
      to: destination.folder(of: facts.kind), reason: reason)
  }
}

extension Move {
  /// Where it goes, below the capture, such as "segments/7/".
  var folder: String { destination.folder(of: facts.kind) }
}

extension Destination {
  func folder(of kind: Kind) -> String {
    switch self {
    case .hotPlace: "\(kind.name)/"
    case .hour(let hour): "\(kind.name)/\(hour)/"
    }
  }
}

extension Errno {
  /// Whether every further rename on this file system would fail alike: no space, quota, read-only, I/O error,
  /// a file system that shut itself down, or one that cannot refuse to replace (EINVAL, renameat2(2)).
  var stopsRun: Bool {
    switch self {
    case .noSpace, .diskQuotaExceeded, .readOnlyFileSystem, .ioError, .noMemory, .invalidArgument: true
    case Errno(rawValue: 117): true  // EUCLEAN: the file system is corrupt
    default: false
    }
  }
}
