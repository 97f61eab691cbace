/// Three batches of copies in turn: while two are made durable, each on a thread of its own, the next one is filled.
///
///     this thread      copy, copy, …, full ─▶ copy, copy, …, full ─▶ copy, copy, …, full ─▶ …
///     a companion                             sync, names, sync, sources               commit
///     another                                                        commit
///
/// A thread that syncs a disk mostly waits: two of them leave no processor idle. If no thread is granted, and for a batch that
/// is not full, this thread does it all.
///
/// If two files are to have the same name in the same folder, the second must wait (`holds`): one batch could take the copy of
/// the other for that of a killed run and remove its own source, and the other could then withdraw the copy. Folders must stay
/// open until their files have been collected.
///
/// `Item` is what the caller stores with each file, and gets back in `collect`.
public struct CopyPipeline<Item>: ~Copyable {
  /// Called once the copies have their names: why no source may be removed; nil if they may.
  public typealias Objection = @Sendable () -> KernelError?

  /// Used by one thread at a time: this one fills it and reads the outcomes; in between, the committing thread has it.
  private final class Slot: @unchecked Sendable {
    var batch: CopyBatch
    var items: [Item] = []
    /// Hashes of the new names and their folders. A collision only makes the second file wait.
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
  /// Oldest first.
  private var committing: [(slot: Slot, companion: LazyCompanion)] = []
  private var spares: [Slot] = []

  /// - Parameter makeBatch: called for each of the three batches when it is first needed.
  public init(_ makeBatch: @escaping () throws(KernelError) -> CopyBatch) { self.makeBatch = makeBatch }

  deinit { for companion in companions { companion.finish() } }

  /// Whether another batch would have to wait; then call `collect` first.
  public var isBusy: Bool { committing.count == companions.count }
  public var isCommitting: Bool { !committing.isEmpty }
  public var isFull: Bool { filling?.batch.isFull ?? false }

  /// Whether a copy is on its way to this name in this folder; then call `collect` for all batches first.
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

  /// As `CopyBatch.copy`. Not for a name that it `holds`.
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

  /// Begins to commit what has been copied. Not while this is busy.
  public mutating func begin(unless objection: @escaping Objection) {
    precondition(!isBusy)
    guard let slot = filling, !slot.batch.isEmpty else { return }
    filling = spares.popLast()
    let companion = companions.first { idle in !committing.contains { $0.companion === idle } }!
    committing.append((slot, companion))
    let isBegun = slot.batch.isFull && companion.begin { slot.commit(unless: objection) }
    if !isBegun { slot.commit(unless: objection) }
  }

  /// Waits for the oldest batch and passes the outcome of each of its files to `body`. Returns the objection, if there was one.
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

  /// A function of its own, because a name lives only as long as its batch is borrowed.
  private static func tell(
    _ batch: borrowing CopyBatch, _ slot: Slot, _ body: (CopyBatch.Outcome, Span<UInt8>, Item) -> Void
  ) {
    for index in slot.outcomes.indices {
      body(slot.outcomes[index], batch.name(at: index), slot.items[index])
    }
  }
}
