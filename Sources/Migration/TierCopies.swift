internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Files on their way from one tier to another, which is on another file system: copied one by one, committed together.
struct TierCopies: ~Copyable {
  /// So much is copied before it is made durable: as much as a disk writes in about a second.
  private static let batchBytesMax: UInt64 = 256 << 20

  private let filesMax: Int
  private let verifies: Bool
  private let renamesConflicts: Bool
  private var batch: CopyBatch?
  /// The mount that the batch goes to; nil for the file system of the capture.
  private var mount: Int?
  private var moves: [Planned] = []

  init(filesMax: Int, verifies: Bool, renamesConflicts: Bool) {
    self.filesMax = filesMax
    self.verifies = verifies
    self.renamesConflicts = renamesConflicts
  }

  /// Copies a file; commits what is full, and what goes to another file system, first.
  mutating func add(
    _ name: Span<UInt8>, _ planned: Planned, in tree: CaptureTree, _ ledger: inout MoveLedger
  ) {
    let target = tree.layout.mount(of: planned.move.to)
    if target != mount || batch?.isFull == true { commit(in: tree, &ledger) }
    guard !ledger.isStopped else { return ledger.countCopy(.notExecuted, name, planned) }
    do throws(KernelError) {
      if let outcome = try copy(name, planned, target, tree) { ledger.countCopy(outcome, name, planned) }
    } catch {
      ledger.stop(error)
      ledger.countCopy(.notExecuted, name, planned)
    }
  }

  private mutating func copy(
    _ name: Span<UInt8>, _ planned: Planned, _ target: Int?, _ tree: CaptureTree
  ) throws(KernelError) -> CopyBatch.Outcome? {
    if batch == nil || target != mount {
      batch = try tree.withFileSystem(target) { (directory) throws(KernelError) in
        try CopyBatch(
          to: directory, filesMax: filesMax, bytesMax: Self.batchBytesMax, temporary: .own, verifies: verifies
        )
      }
      mount = target
    }
    if let outcome = batch!.copy(name, from: planned.from, to: planned.to, as: name) { return outcome }
    moves.append(planned)
    return nil
  }

  /// Ends what was begun: each file is in its new place, or where it was.
  mutating func commit(in tree: CaptureTree, _ ledger: inout MoveLedger) {
    guard batch?.isEmpty == false else { return }
    var lack: KernelError?
    let outcomes = batch!.commit {
      lack = tree.lackOfMount
      return lack == nil
    }
    if let lack { ledger.stop(lack) }
    for index in outcomes.indices {
      // A tier that is gone is said once, and not of each file.
      let isLack = lack != nil && outcomes[index] == .failed(.mount, .wrongMedium)
      count(isLack ? .notExecuted : outcomes[index], batch!.name(at: index), moves[index], tree, &ledger)
    }
    batch!.removeAll()
    moves.removeAll(keepingCapacity: true)
  }

  private func count(
    _ outcome: CopyBatch.Outcome, _ name: Span<UInt8>, _ planned: Planned, _ tree: CaptureTree,
    _ ledger: inout MoveLedger
  ) {
    guard outcome == .taken, renamesConflicts, !ledger.revisits(planned.move.to),
      let newName = planned.timedName(name, ledger.layout)
    else { return ledger.countCopy(outcome, name, planned) }
    let outcome = TierCopy.move(
      name, from: planned.from, to: planned.to, as: newName.span, in: tree,
      mount: tree.layout.mount(of: planned.move.to), verifies: verifies)
    ledger.countCopy(outcome, name, planned, as: newName.span)
  }
}

/// A copy of one file to another file system, now.
enum TierCopy {
  /// `mount`: in which `to` is. `verifies`: as `CopyBatch`. `keepsSource`: whether the file stays where it is as well.
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
  /// As a rename would have it.
  var outcome: Outcome {
    switch self {
    case .moved: .done
    case .notExecuted: .notExecuted
    case .taken: .failed(.fileExists)
    case .vanished: .failed(.noSuchFileOrDirectory)
    case .changed: .failed(.resourceBusy)
    case .differs: .failed(.ioError)
    case .failed(_, let errno): .failed(errno)
    }
  }
}
