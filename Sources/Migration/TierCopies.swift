internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Moves files to a tier on another file system: copies them one by one, and commits them in batches.
struct TierCopies: ~Copyable {
  /// Bytes copied before they are made durable: as much as a disk writes in about a second.
  private static let batchBytesMax: UInt64 = 256 << 20
  /// The same for a run with a deadline, which must be met on a slow card too.
  private static let smallBatchBytesMax: UInt64 = 16 << 20

  private let filesMax: Int
  private let deadline: Int64?
  private let verifies: Bool
  private let renamesConflicts: Bool
  private var pipeline: CopyPipeline<Planned>?
  /// The mount that `pipeline` copies to; nil for the file system of the capture.
  private var mount: Int?
  /// Files whose names are taken and that are to get new ones. Renamed when no copies are under way, since one of those might
  /// take the new name.
  private var taken: [(name: [UInt8], planned: Planned)] = []
  private static let takenMax = 256

  /// - Parameters:
  ///   - filesMax: how many files a batch may hold.
  ///   - deadline: when no more copies are begun, in nanoseconds of CLOCK_MONOTONIC.
  ///   - verifies: whether to read copies back and compare them.
  init(filesMax: Int, deadline: Int64?, verifies: Bool, renamesConflicts: Bool) {
    self.filesMax = filesMax
    self.deadline = deadline
    self.verifies = verifies
    self.renamesConflicts = renamesConflicts
  }

  /// Copies a file. Before that, commits a full batch, and finishes everything if the file goes to another file system.
  mutating func add(
    _ name: Span<UInt8>, _ planned: Planned, in tree: CaptureTree, _ ledger: inout MoveLedger
  ) {
    let target = tree.layout.mount(of: planned.move.to)
    if target != mount || holds(name, in: planned.to) || taken.count >= Self.takenMax {
      finish(in: tree, &ledger)
    }
    if pipeline?.isFull == true { begin(in: tree, &ledger) }
    do throws(KernelError) {
      guard !ledger.isStopped, !isOverdue else { return ledger.countCopy(.notExecuted, name, planned) }
      if let outcome = try copy(name, planned, target, tree) { ledger.countCopy(outcome, name, planned) }
    } catch {
      ledger.stop(error)
      ledger.countCopy(.notExecuted, name, planned)
    }
  }

  /// Whether a copy under way is to have this name in a folder.
  func holds(_ name: Span<UInt8>, in folder: Int32) -> Bool { pipeline?.holds(name, in: folder) ?? false }

  private var isOverdue: Bool { deadline.map { SystemClock.monotonicNanoseconds > $0 } ?? false }

  private mutating func copy(
    _ name: Span<UInt8>, _ planned: Planned, _ target: Int?, _ tree: CaptureTree
  ) throws(KernelError) -> CopyBatch.Outcome? {
    if pipeline == nil || target != mount {
      let (filesMax, verifies) = (filesMax, verifies)
      let bytesMax = deadline == nil ? Self.batchBytesMax : Self.smallBatchBytesMax
      pipeline = CopyPipeline { () throws(KernelError) in
        try tree.withFileSystem(target) { (directory) throws(KernelError) in
          try CopyBatch(
            to: directory, filesMax: filesMax, bytesMax: bytesMax, temporary: .own, verifies: verifies)
        }
      }
      mount = target
    }
    return try pipeline!.copy(name, from: planned.from, to: planned.to, as: name, planned)
  }

  private mutating func begin(in tree: CaptureTree, _ ledger: inout MoveLedger) {
    if pipeline?.isBusy == true { collect(in: tree, &ledger) }
    pipeline?.begin { tree.lackOfMount }
  }

  private mutating func collect(in tree: CaptureTree, _ ledger: inout MoveLedger) {
    var taken: [(name: [UInt8], planned: Planned)] = []
    let renames = renamesConflicts
    let lack = pipeline?.collect { outcome, name, planned in
      switch outcome {
      case .taken where renames && !ledger.revisits(planned.move.to):
        taken.append((Array(copying: name), planned))
      case _: ledger.countCopy(outcome, name, planned)
      }
    }
    self.taken += taken
    if let lack { ledger.stop(lack) }
  }

  /// Finishes all copies under way: afterwards each file is in its new place, or where it was.
  mutating func finish(in tree: CaptureTree, _ ledger: inout MoveLedger) {
    begin(in: tree, &ledger)
    while pipeline?.isCommitting == true { collect(in: tree, &ledger) }
    for (name, planned) in taken { rename(name, planned, in: tree, &ledger) }
    taken.removeAll()
  }

  /// Moves a file with its time in its name, since its own name is taken.
  private func rename(
    _ name: [UInt8], _ planned: Planned, in tree: CaptureTree, _ ledger: inout MoveLedger
  ) {
    guard let newName = planned.timedName(name.span, ledger.layout) else {
      return ledger.countCopy(.taken, name.span, planned)
    }
    let outcome = TierCopy.move(
      name.span, from: planned.from, to: planned.to, as: newName.span, in: tree,
      mount: tree.layout.mount(of: planned.move.to), verifies: verifies)
    ledger.countCopy(outcome, name.span, planned, as: newName.span)
  }
}

/// Copies a single file to another file system, at once.
enum TierCopy {
  /// Moves a file by copying it, or only copies it.
  ///
  /// - Parameters:
  ///   - mount: the mount that `to` is on; nil for the file system of the capture.
  ///   - verifies: as in `CopyBatch`.
  ///   - keepsSource: whether the original stays.
  static func move(
    _ name: Span<UInt8>, from: Int32, to: Int32, as newName: Span<UInt8>, in tree: CaptureTree, mount: Int?,
    verifies: Bool, keepsSource: Bool = false
  ) -> CopyBatch.Outcome {
    do throws(KernelError) {
      var batch = try tree.withFileSystem(mount) { (directory) throws(KernelError) in
        try CopyBatch(
          to: directory, filesMax: 1, bytesMax: .max, temporary: .own, verifies: verifies,
          keepsSources: keepsSource)
      }
      return batch.copy(name, from: from, to: to, as: newName) ?? batch.commit { tree.lackOfMount == nil }[0]
    } catch { return .failed(error.operation, error.errno) }
  }
}

extension CopyBatch.TemporaryNames {
  fileprivate static let own = Self(
    ofCopy: { TemporaryName.ofCopy($0) }, ofAside: { TemporaryName.ofAside($0) })
}

extension CopyBatch.Outcome {
  /// The corresponding outcome of a rename.
  var outcome: Outcome {
    switch self {
    case .moved, .finished: .done
    case .notExecuted: .notExecuted
    case .taken: .failed(.fileExists)
    case .vanished: .failed(.noSuchFileOrDirectory)
    case .changed: .failed(.resourceBusy)
    case .differs: .failed(.ioError)
    case .failed(_, let errno): .failed(errno)
    }
  }
}
