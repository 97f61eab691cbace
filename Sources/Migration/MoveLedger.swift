internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Turns the outcomes of a pass's moves into counts.
struct MoveLedger: ~Copyable {
  /// Begins the paths in errors.
  private let capture: FilePath
  private let observer: any MigrationObserver
  private let tellsMoves: Bool

  var tallies = PerKind { _ in PassTally() }
  /// Files moved to each bucket.
  private(set) var movedByBucket = PerKind(repeating: PerBucket(repeating: 0))
  /// Files that were to leave a bucket but stayed in it.
  private(set) var stayingByBucket = PerKind(repeating: PerBucket(repeating: 0))
  private(set) var problems = Problems()
  /// The files that this run has moved to a hot place; no more than the hot limits allow.
  private(set) var promoted: Set<FileIdentity>
  private let target: MigrationOptions.Target
  let layout: Layout
  private let allowsLinks: Bool
  /// The error that ended the run: after it no further move can succeed.
  private(set) var stopError: KernelError?
  /// Whether something changed that the pass had already looked at, such as a destination folder that was removed.
  private(set) var needsAnotherPass = false
  private var gone: [FileIdentity] = []
  /// Files that got another identity since the last call of `takeRenamed`: another name, or as a copy another inode.
  private var renamed: [(old: FileIdentity, new: FileIdentity)] = []
  private(set) var renamedCount = 0

  private(set) var copies = CopyTally()

  /// `promoted`: the files that earlier passes have moved to a hot place.
  init(
    of tree: CaptureTree, target: MigrationOptions.Target, promoted: Set<FileIdentity>,
    observer: any MigrationObserver
  ) {
    capture = tree.capture
    layout = tree.layout
    allowsLinks = tree.allowsLinks
    self.target = target
    self.promoted = promoted
    self.observer = observer
    tellsMoves = observer.wantsMoves
  }

  /// Whether the run is to end here: by a signal, or by an error that every further move would meet as well.
  var isStopped: Bool { stopError != nil || StopSignal.pending != nil }

  /// Ends the run early: nothing more is begun, what is in flight is finished.
  mutating func stop(_ error: KernelError) {
    if stopError == nil { stopError = error }
  }

  /// Requests another pass: something already visited has changed.
  mutating func lookAgain() { needsAnotherPass = true }

  // MARK: outcomes of renames

  mutating func count(_ outcome: Outcome, _ name: Span<UInt8>, _ move: Move, from dirfd: Int32) {
    switch outcome {
    case .done: countMoved(name, move, as: name)
    case .notExecuted: tallies[move.kind].pending += 1
    case .failed(.fileExists):
      tallies[move.kind].conflicts += 1
      countStaying(move)
      addProblem(name, from: move.from, to: move.to, .nameTaken)
    case .failed(.noSuchFileOrDirectory): countMissing(name, move, from: dirfd)
    // Other files could be linked, so the reason lies in this file.
    case .failed(.invalidArgument) where allowsLinks && hasMoved:
      countFailed(name, move, .errno(.notPermitted))
    case .failed(.invalidArgument):
      // The file system cannot do this for any file: every move would fail.
      tallies[move.kind].pending += 1
      stopUnrenamable(to: layout.prefix(of: move.to))
    case .failed(let errno):
      countFailed(name, move, .errno(errno))
      if errno.stopsRun {
        stop(KernelError(.rename, capture.reaching(layout.prefix(of: move.to)), errno))
      }
    }
  }

  private var hasMoved: Bool {
    tallies.reduce(false) { $0 || $1.left > 0 || $1.promoted > 0 }
  }

  private mutating func stopUnrenamable(to prefix: String) {
    let operation = allowsLinks ? KernelError.Operation.link : .rename
    stop(KernelError(operation, capture.reaching(prefix), .invalidArgument))
  }

  private mutating func countMoved(_ name: Span<UInt8>, _ move: Move, as newName: Span<UInt8>) {
    if case .bucket(let kind, let bucket) = move.to { movedByBucket[kind].update(bucket) { $0 += 1 } }
    if revisits(move.to) {
      tallies[move.kind].promoted += 1
      promoted.insert(move.identity)
    } else {
      tallies[move.kind].left += 1
    }
    if tellsMoves {
      observer.moved(
        name, from: layout.prefix(of: move.from), to: layout.prefix(of: move.to), as: newName)
    }
  }

  var isToFlat: Bool { target == .flat }

  /// Whether a later pass visits the files of this folder again.
  func revisits(_ site: Site) -> Bool {
    if case .place = site { target == .tiered } else { false }
  }

  mutating func countRenamed(_ name: Span<UInt8>, _ move: Move, as newName: Span<UInt8>) {
    countMoved(name, move, as: newName)
    renamedCount += 1
    let new = FileIdentity(name: newName, kind: move.kind, inode: move.identity.inode)
    renamed.append((move.identity, new))
  }

  /// Counts a copy. It is another file, known by its own inode number from then on.
  mutating func countCopy(
    _ outcome: CopyBatch.Outcome, _ name: Span<UInt8>, _ planned: Planned
  ) { countCopy(outcome, name, planned, as: name) }

  mutating func countCopy(
    _ outcome: CopyBatch.Outcome, _ name: Span<UInt8>, _ planned: Planned, as newName: Span<UInt8>
  ) {
    let move = planned.move
    switch outcome {
    case .moved(let inode, let bytes, let lost):
      let comparesInodes = move.identity.inode != 0
      let copy = FileIdentity(name: newName, kind: move.kind, inode: comparesInodes ? inode : 0)
      countMoved(name, Move(identity: copy, from: move.from, to: move.to), as: newName)
      if copy.nameHash != move.identity.nameHash { renamedCount += 1 }
      renamed.append((move.identity, copy))
      copies.add(bytes: bytes, lost: lost)
    case .finished:
      // The copy is counted where it is.
      tallies[move.kind].found -= 1
      gone.append(move.identity)
    case .failed(let operation, let errno) where errno.stopsRun:
      countFailed(name, move, .errno(errno))
      let isOfSource = [.open, .stat, .read, .rename, .remove].contains(operation)
      let site = isOfSource ? move.from : move.to
      stop(KernelError(operation, capture.reaching(layout.prefix(of: site)), errno))
    case .differs: countFailed(name, move, .copyDiffers)
    case .notExecuted, .taken, .vanished, .changed, .failed:
      count(outcome.outcome, name, move, from: planned.from)
    }
  }

  mutating func takeRenamed() -> [(old: FileIdentity, new: FileIdentity)] {
    defer { renamed.removeAll(keepingCapacity: true) }
    return renamed
  }

  /// Tells the two meanings of ENOENT apart: the file is gone, or the destination folder was removed while it was open.
  private mutating func countMissing(_ name: Span<UInt8>, _ move: Move, from dirfd: Int32) {
    if Name.isTaken(name, in: dirfd) {
      countFailed(name, move, .errno(.noSuchFileOrDirectory))
      needsAnotherPass = true
    } else {
      countVanished(move.identity)
    }
  }

  mutating func countFailed(_ name: Span<UInt8>, _ move: Move, _ reason: Problem.Reason) {
    tallies[move.kind].failed += 1
    countStaying(move)
    addProblem(name, from: move.from, to: move.to, reason)
  }

  private mutating func countStaying(_ move: Move) {
    if case .bucket(let kind, let bucket) = move.from { stayingByBucket[kind].update(bucket) { $0 += 1 } }
  }

  private mutating func addProblem(_ name: Span<UInt8>, from: Site, to: Site, _ reason: Problem.Reason) {
    let isTaken = reason == .nameTaken
    if !isTaken { problems.count += 1 }
    guard isTaken ? problems.taken.count < Problems.takenNamedMax : problems.hasRoom else { return }
    let from = Array(layout.prefix(of: from).utf8) + Array(copying: name)
    let problem = Problem(from: from, to: layout.prefix(of: to), reason: reason)
    if isTaken { problems.taken.append(problem) } else { problems.named.append(problem) }
  }

  // MARK: files that are not renamed

  /// Counts a file whose status cannot be read, with the move that it would probably have got.
  mutating func countUnreadable(_ name: Span<UInt8>, _ move: Move, _ errno: Errno) {
    if promoted.contains(move.identity) {
      // This run has moved it; what happened to it since is not a failure of that move.
      tallies[move.kind].promotedBefore += 1
    } else {
      countFailed(name, move, .errno(errno))
    }
    guard errno.stopsRun else { return }
    stop(
      KernelError(
        .stat, capture.reaching(layout.prefix(of: move.from)).appending(bytes: Array(copying: name)), errno))
  }

  /// Counts the old name of a file that is visited under its new name. If the old name was removed, nothing is counted.
  mutating func countLink(_ name: Span<UInt8>, _ move: Move, _ outcome: Outcome) {
    guard case .failed(let errno) = outcome else { return }
    tallies[move.kind].found += 1
    countUnreadable(name, move, errno)
  }

  mutating func countVanished(_ identity: FileIdentity) {
    tallies[identity.kind].vanished += 1
    gone.append(identity)
  }

  /// Takes the files that are gone since the last call: those that vanished, and originals whose copies were there before.
  mutating func takeGone() -> [FileIdentity] {
    defer { gone.removeAll(keepingCapacity: true) }
    return gone
  }

  // MARK: the live playlist

  mutating func countLivePlaylist(
    _ name: Span<UInt8>, _ outcome: Outcome, from: Place, to: Place, _ dirfd: Int32
  ) -> PlaylistOutcome {
    switch outcome {
    case .done:
      if tellsMoves {
        observer.moved(name, from: layout.prefix(of: from), to: layout.prefix(of: to), as: name)
      }
      return .moved
    case .failed(.fileExists): return .conflict
    // As with other files, ENOENT may mean that the destination is gone.
    case .failed(.noSuchFileOrDirectory) where !Name.isTaken(name, in: dirfd):
      return .absent
    case .failed(.invalidArgument):
      stopUnrenamable(to: layout.prefix(of: to))
      return .pending
    case .failed(let errno):
      if errno == .noSuchFileOrDirectory { needsAnotherPass = true }
      if errno.stopsRun { stop(KernelError(.rename, capture.reaching(layout.prefix(of: to)), errno)) }
      addProblem(name, from: .place(from), to: .place(to), .errno(errno))
      return .failed
    case .notExecuted: return .pending
    }
  }
}
