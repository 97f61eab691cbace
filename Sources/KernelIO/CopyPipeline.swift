/// Two batches of copies in turn: while one becomes durable, on a thread of its own, the next is filled.
///
///     this thread      copy, copy, …, full ─▶ copy, copy, …, full ─▶ …
///     its companion                           commit                 commit
///
/// A disk that is written to and synced leaves a processor idle, and so does a thread that copies. Where no thread is granted, and for a
/// batch that is not full, this thread does both.
///
/// `Item`: what the caller wants to know of each file again.
public struct CopyPipeline<Item>: ~Copyable {
  /// Asked once the copies have their names: why no source may go. Nil where all is well.
  public typealias Objection = @Sendable () -> KernelError?

  /// Used by one thread at a time: this one fills it and reads what came of it, and waits for the companion in between.
  private final class Slot: @unchecked Sendable {
    var batch: CopyBatch
    var items: [Item] = []
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
    }
  }

  private let makeBatch: () throws(KernelError) -> CopyBatch
  private let companion = LazyCompanion()
  private var filling: Slot?
  private var committing: Slot?
  private var spare: Slot?

  /// `makeBatch`: called for each of the two when there is something for it.
  public init(_ makeBatch: @escaping () throws(KernelError) -> CopyBatch) { self.makeBatch = makeBatch }

  deinit { companion.finish() }

  public var isFull: Bool { filling?.batch.isFull ?? false }

  /// As `CopyBatch.copy`.
  public mutating func copy(
    _ name: Span<UInt8>, from: Int32, to: Int32, as newName: Span<UInt8>, _ item: Item
  ) throws(KernelError) -> CopyBatch.Outcome? {
    if filling == nil { filling = Slot(try makeBatch()) }
    guard let slot = filling else { return nil }
    if let outcome = slot.batch.copy(name, from: from, to: to, as: newName) { return outcome }
    slot.items.append(item)
    return nil
  }

  /// Has what was copied committed. Call `collect` first.
  public mutating func begin(unless objection: @escaping Objection) {
    precondition(committing == nil)
    guard let slot = filling, !slot.batch.isEmpty else { return }
    filling = spare
    spare = nil
    committing = slot
    let isBegun = slot.batch.isFull && companion.begin { slot.commit(unless: objection) }
    if !isBegun { slot.commit(unless: objection) }
  }

  /// Waits for what was begun, and gives what became of each file to `body`. Returns the objection, if there was one.
  public mutating func collect(
    _ body: (CopyBatch.Outcome, _ name: Span<UInt8>, Item) -> Void
  ) -> KernelError? {
    guard let slot = committing else { return nil }
    companion.finish()
    Self.tell(slot.batch, slot, body)
    slot.removeAll()
    committing = nil
    spare = slot
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
