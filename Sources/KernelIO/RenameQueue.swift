internal import CLiburing
internal import SystemPackage

/// Renames on their way: a bounded first-in first-out queue from which a ring and the thread that owns it
/// both take.
///
///      head            front              tail
///       │ begun          │ pending          │
///       ▼                ▼                  ▼
///     ──[ done │ flying │ done ][ … waiting … ]──▶
///       retire            take               append
///
/// Every rename keeps its name and refuses to replace (renameat2(2), RENAME_NOREPLACE). The queue owns a copy
/// of the names, so the window that they came from may be refilled at once. Its memory is fixed.
///
/// Positions count up for ever; a rename's slot is its position modulo the capacity.
public struct RenameQueue: ~Copyable {
  private struct Slot {
    var fromDirfd: Int32 = 0
    var toDirfd: Int32 = 0
    var nameCount = 0
    var result: Int32 = 0
  }
  /// NAME_MAX and its NUL.
  private static let nameBytes = 256
  // No errno: the kernel's are below 4096.
  private static let unfinished: Int32 = .min
  private static let cancelled: Int32 = .min + 1

  public let capacity: Int
  private var slots: [Slot]
  private var names: [UInt8]
  /// The oldest rename that was not retired.
  public private(set) var head = 0
  /// The oldest rename that nobody has begun.
  public private(set) var front = 0
  /// Where the next rename goes.
  public private(set) var tail = 0

  public init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
    slots = Array(repeating: Slot(), count: capacity)
    names = Array(repeating: 0, count: capacity * Self.nameBytes)
  }

  public var isEmpty: Bool { head == tail }
  public var isFull: Bool { tail - head == capacity }
  public var pendingCount: Int { tail - front }

  /// Adds the rename of `name` from one folder to another and returns its position. Both folders must stay
  /// open until it is retired.
  public mutating func append(_ name: Span<UInt8>, from: Int32, to: Int32) -> Int {
    precondition(!isFull && name.count < Self.nameBytes)
    let slot = tail % capacity
    slots[slot] = Slot(
      fromDirfd: from, toDirfd: to, nameCount: name.count, result: Self.unfinished)
    let start = slot * Self.nameBytes
    for index in name.indices { names[start + index] = name[index] }
    names[start + name.count] = 0
    tail += 1
    return tail - 1
  }

  // MARK: executing

  /// Takes the oldest pending rename, and returns its position.
  mutating func begin() -> Int {
    precondition(front < tail)
    front += 1
    return front - 1
  }

  /// Executes the oldest pending rename on this thread.
  public mutating func renameFront() { rename(at: begin()) }

  /// Executes what was given to a ring and came back unexecuted.
  public mutating func renameCancelled() {
    for position in head..<front where slots[position % capacity].result == Self.cancelled {
      rename(at: position)
    }
  }

  private mutating func rename(at position: Int) {
    let slot = slots[position % capacity]
    slots[position % capacity].result = unsafe withName(at: position) {
      unsafe hc_rename_noreplace(slot.fromDirfd, $0, slot.toDirfd, $0)
    }
  }

  /// Prepares the oldest pending rename in a ring, tagged with its position. False when the submission queue
  /// is full.
  mutating func prepareFront(in ring: OpaquePointer) -> Bool {
    precondition(front < tail)
    let slot = slots[front % capacity]
    let result = unsafe withName(at: front) {
      unsafe hc_ring_prepare_rename(
        ring, slot.fromDirfd, $0, slot.toDirfd, $0, hc_flag_noreplace(), UInt64(front))
    }
    guard result == 0 else { return false }
    front += 1
    return true
  }

  /// Records a completion of the ring.
  mutating func complete(at position: Int, result: Int32) {
    precondition((head..<front).contains(position))
    slots[position % capacity].result =
      result == -Errno.canceled.rawValue ? Self.cancelled : result
  }

  /// Takes back what was prepared in a ring, when nothing is in flight there and nothing will be submitted any more.
  mutating func takeBack() {
    for position in head..<front where slots[position % capacity].result == Self.unfinished {
      slots[position % capacity].result = Self.cancelled
    }
  }

  /// Gives up whatever has no result: it will not be executed any more. Call when nothing is in flight, or
  /// when the ring that carried it has failed.
  public mutating func abandonUnfinished() {
    for position in head..<tail where slots[position % capacity].result == Self.unfinished {
      slots[position % capacity].result = Self.cancelled
    }
    front = tail
  }

  // MARK: outcomes

  /// The outcome of the oldest rename, or nil while it is pending or in flight.
  public var headOutcome: RenameOutcome? {
    guard head < front else { return nil }
    switch slots[head % capacity].result {
    case Self.unfinished: return nil
    case Self.cancelled: return .notExecuted
    case let result: return RenameOutcome(shim: result)
    }
  }

  /// Makes room: the oldest rename is done with.
  public mutating func retireHead() {
    precondition(head < front)
    head += 1
  }

  /// The name of a rename that was not retired.
  @_lifetime(borrow self)
  public func name(at position: Int) -> Span<UInt8> {
    let slot = position % capacity
    let start = slot * Self.nameBytes
    return names.span.extracting(start..<start + slots[slot].nameCount)
  }

  private func withName(at position: Int, _ body: (UnsafePointer<CChar>) -> Int32) -> Int32 {
    let start = position % capacity * Self.nameBytes
    return unsafe names.withUnsafeBufferPointer { names in
      unsafe (names.baseAddress! + start).withMemoryRebound(
        to: CChar.self, capacity: Self.nameBytes, body)
    }
  }
}
