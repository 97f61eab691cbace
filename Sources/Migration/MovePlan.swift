internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The moves of a pass: planned as files are settled, executed in batches, counted when their outcome is
/// known. Two batches take turns, so that one can be in flight while the other is filled.
struct MovePlan: ~Copyable {
  /// A batch goes once it holds this many moves: enough to make a submission worth its while, few enough for
  /// a stop signal to be answered at once.
  private static let batchMovesMin = 512

  let table: FolderTable
  private let mover: any Mover
  private let observer: any MigrationObserver
  private let tellsMoves: Bool
  private let isDryRun: Bool

  private var filling = MoveBatch(capacity: 2 * batchMovesMin)
  private var moving = MoveBatch(capacity: 2 * batchMovesMin)

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
    filling.append(name, facts, to: destination, from: table.dirfd(of: facts.place), to: dirfd)
  }

  /// Starts the batch that was filled, once it is large enough; first finishes the one before.
  mutating func flowOn() {
    guard filling.count >= Self.batchMovesMin else { return }
    startFilled()
  }

  /// Executes everything that was planned so far.
  mutating func flush() {
    startFilled()
    finishMoving()
  }

  /// Ends the plan early: nothing more is begun, what is in flight is finished.
  mutating func stop(_ error: KernelError) {
    if stopError == nil { stopError = error }
  }

  private mutating func startFilled() {
    finishMoving()
    swap(&filling, &moving)
    guard !moving.isEmpty, !isStopped else { return }
    do throws(KernelError) { try mover.start(&moving) } catch { stop(error) }
  }

  private mutating func finishMoving() {
    guard !moving.isEmpty else { return }
    do throws(KernelError) {
      try mover.finish(&moving, executingRest: !isStopped)
    } catch { stop(error) }
    for index in 0..<moving.count { count(moving.renames.outcome(at: index), at: index) }
    moving.removeAll()
  }

  // MARK: outcomes

  private mutating func count(_ outcome: RenameOutcome, at index: Int) {
    let move = moving.moves[index]
    switch outcome {
    case .moved: countMoved(move, at: index)
    case .notExecuted: tallies[move.facts.kind].pending += 1
    case .failed(.fileExists):
      tallies[move.facts.kind].conflicts += 1
      addProblem(.nameTaken, at: index)
    case .failed(.noSuchFileOrDirectory): countMissing(move, at: index)
    case .failed(let errno):
      tallies[move.facts.kind].failed += 1
      addProblem(.errno(errno), at: index)
      if errno.stopsRun { stop(KernelError(.rename, FilePath(move.folder), errno)) }
    }
  }

  private mutating func countMoved(_ move: MoveBatch.Move, at index: Int) {
    switch move.destination {
    case .hour(let hour):
      tallies[move.facts.kind].movedToHour += 1
      movedByHour[move.facts.kind][hour] += 1
    case .hotPlace:
      tallies[move.facts.kind].movedToHotPlace += 1
      promoted.insert(move.facts.identity)
    }
    if tellsMoves {
      moving.renames.withName(at: index) {
        observer.moved($0, from: move.facts.folder, to: move.folder)
      }
    }
  }

  /// ENOENT is said of the file and of a destination folder that was removed under the descriptor alike.
  private mutating func countMissing(_ move: MoveBatch.Move, at index: Int) {
    if moving.renames.sourceExists(at: index) {
      tallies[move.facts.kind].failed += 1
      addProblem(.errno(.noSuchFileOrDirectory), at: index)
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
    if errno.stopsRun { stop(KernelError(.stat, FilePath(facts.folder), errno)) }
  }

  /// Moves the live playlist after its segments, by a plain call: it is one file.
  mutating func moveLivePlaylist() -> PlaylistOutcome {
    let name = Array(FileName.livePlaylist.utf8)
    if !isDryRun {
      var batch = RenameBatch(capacity: 1)
      batch.append(name.span, from: table.dirfd(of: .root), to: table.dirfd(of: .segments))
      batch.renameNow(at: 0)
      switch batch.outcome(at: 0) {
      case .moved: break
      case .failed(.fileExists): return .conflict
      case .failed(.noSuchFileOrDirectory): return .absent
      case .failed(let errno):
        problems.add(Problem(from: name, to: "segments/", reason: .errno(errno)))
        return .failed
      case .notExecuted: return .pending
      }
    }
    if tellsMoves { observer.moved(name.span, from: "", to: "segments/") }
    return .moved
  }

  private mutating func addProblem(_ reason: Problem.Reason, at index: Int) {
    let move = moving.moves[index]
    problems.add(
      moving.renames.withName(at: index) { Self.problem($0, move.facts, move.destination, reason) })
  }

  private static func problem(
    _ name: Span<UInt8>, _ facts: FileFacts, _ destination: Destination, _ reason: Problem.Reason
  ) -> Problem {
    Problem(
      from: Array(facts.folder.utf8) + Array(copying: name),
      to: destination.folder(of: facts.kind), reason: reason)
  }
}

extension MoveBatch.Move {
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

extension FileFacts {
  /// Where it is, below the capture: "captures/", or nothing for the capture itself.
  var folder: String { place.folderName.map { $0 + "/" } ?? "" }
}

extension Errno {
  /// Whether every further rename on this file system would fail alike: no space, quota, read-only, I/O error
  /// or a file system that shut itself down.
  var stopsRun: Bool {
    switch self {
    case .noSpace, .diskQuotaExceeded, .readOnlyFileSystem, .ioError, .noMemory: true
    case Errno(rawValue: 117): true  // EUCLEAN: the file system is corrupt
    default: false
    }
  }
}
