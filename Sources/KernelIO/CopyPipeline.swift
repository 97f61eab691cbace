/// Three batches of copies in turn: while two become durable, each on a thread of its own, the next is filled.
///
///     this thread      copy, copy, …, full ─▶ copy, copy, …, full ─▶ copy, copy, …, full ─▶ …
///     a companion                             sync, names, sync, sources               commit
///     another                                                        commit
///
/// A thread that syncs a disk waits most of the time: two of them leave no processor idle. Where no thread is granted, and for a batch
/// that is not full, this thread does it all.
///
/// Of two files that are to have one name in one folder the second must wait (`holds`): what the one batch has given a name the other may
/// take for the copy of a killed run, remove its source, and see it taken back. Folders stay open until their files were collected.
///
/// `Item`: what the caller wants to know of each file again.
public struct CopyPipeline<Item>: ~Copyable {
  /// Asked once the copies have their names: why no source may go. Nil where all is well.
  public typealias Objection = @Sendable () -> KernelError?

  /// Used by one thread at a time: this one fills it and reads what came of it; who commits it has it in between.
  private final class Slot: @unchecked Sendable {
    var batch: CopyBatch
    var items: [Item] = []
    /// Hashes: one that two names share makes the second wait.
    var targets: Set<UInt64> = []
    var outcomes: [CopyBatch.Outcome] = []
    var objection: KernelError?

    init(_ batch: consuming CopyBatch) { self.batch = batch }

    func commit(unless objection: Objection) {
      var found: KernelError?
      outcomes = batch.commit {
        found = objection()
        return found == nil
      }
      self.objection = found
    }

    func removeAll() {
      batch.removeAll()
      items.removeAll(keepingCapacity: true)
      targets.removeAll(keepingCapacity: true)
    }
  }

  private let makeBatch: () throws(KernelError) -> CopyBatch
  private let companions = [LazyCompanion(), LazyCompanion()]
  private var filling: Slot?
  /// The oldest first.
  private var committing: [(slot: Slot, companion: LazyCompanion)] = []
  private var spares: [Slot] = []

  /// `makeBatch`: called for each of the three when there is something for it.
  public init(_ makeBatch: @escaping () throws(KernelError) -> CopyBatch) { self.makeBatch = makeBatch }

  deinit { for companion in companions { companion.finish() } }

  /// Whether another batch would have to wait: `collect` first.
  public var isBusy: Bool { committing.count == companions.count }
  public var isCommitting: Bool { !committing.isEmpty }
  public var isFull: Bool { filling?.batch.isFull ?? false }

  /// Whether a copy is on its way that is to have this name in a folder: `collect` all first.
  public func holds(_ name: Span<UInt8>, in folder: Int32) -> Bool {
    let target = Self.hash(name, folder)
    return filling?.targets.contains(target) == true
      || committing.contains { $0.slot.targets.contains(target) }
  }

  private static func hash(_ name: Span<UInt8>, _ folder: Int32) -> UInt64 {
    // FNV-1a.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in name.indices { hash = (hash ^ UInt64(name[index])) &* 0x100_0000_01b3 }
    return (hash ^ UInt64(UInt32(bitPattern: folder))) &* 0x100_0000_01b3
  }

  /// As `CopyBatch.copy`. Not of a name that it `holds`.
  public mutating func copy(
    _ name: Span<UInt8>, from: Int32, to: Int32, as newName: Span<UInt8>, _ item: Item
  ) throws(KernelError) -> CopyBatch.Outcome? {
    if filling == nil { filling = Slot(try makeBatch()) }
    guard let slot = filling else { return nil }
    if let outcome = slot.batch.copy(name, from: from, to: to, as: newName) { return outcome }
    slot.items.append(item)
    slot.targets.insert(Self.hash(newName, to))
    return nil
  }

  /// Has what was copied committed, unless this is busy.
  public mutating func begin(unless objection: @escaping Objection) {
    precondition(!isBusy)
    guard let slot = filling, !slot.batch.isEmpty else { return }
    filling = spares.popLast()
    let companion = companions.first { idle in !committing.contains { $0.companion === idle } }!
    committing.append((slot, companion))
    let isBegun = slot.batch.isFull && companion.begin { slot.commit(unless: objection) }
    if !isBegun { slot.commit(unless: objection) }
  }

  /// Waits for the batch that was begun first, and gives what became of each of its files to `body`. Returns the objection, if there was
  /// one.
  public mutating func collect(
    _ body: (CopyBatch.Outcome, _ name: Span<UInt8>, Item) -> Void
  ) -> KernelError? {
    guard isCommitting else { return nil }
    let (slot, companion) = committing.removeFirst()
    companion.finish()
    Self.tell(slot.batch, slot, body)
    slot.removeAll()
    spares.append(slot)
    return slot.objection
  }

  /// A name lives as long as its batch is borrowed.
  private static func tell(
    _ batch: borrowing CopyBatch, _ slot: Slot, _ body: (CopyBatch.Outcome, Span<UInt8>, Item) -> Void
  ) {
    for index in slot.outcomes.indices {
      body(slot.outcomes[index], batch.name(at: index), slot.items[index])
    }
  }
}
