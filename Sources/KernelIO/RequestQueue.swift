internal import CLiburing
internal import SystemPackage

/// Requests on their way: a bounded first-in first-out queue from which a ring and the thread that owns it
/// both take.
///
///      head            front              tail
///       │ begun          │ pending          │
///       ▼                ▼                  ▼
///     ──[ done │ flying │ done ][ … waiting … ]──▶
///       retire            take               append
///
/// The queue owns a copy of the names, so the window that they came from may be refilled at once. Its memory is
/// fixed.
///
/// Positions count up for ever; a request's slot is its position modulo the capacity.
public struct RequestQueue: ~Copyable {
  private struct Slot {
    var request: Request
    var nameCount: Int
    var result = RequestQueue.unfinished
  }
  /// NAME_MAX and its NUL.
  private static let nameBytes = 256
  // No errno: the kernel's are below 4096.
  private static let unfinished: Int32 = .min
  private static let cancelled: Int32 = .min + 1

  public let capacity: Int
  private var slots: [Slot]
  private var names: [UInt8]
  /// The oldest request that was not retired.
  public private(set) var head = 0
  /// The oldest request that nobody has begun.
  public private(set) var front = 0
  /// Where the next request goes.
  public private(set) var tail = 0

  public init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
    slots = Array(repeating: Slot(request: .unlink(in: -1), nameCount: 0), count: capacity)
    names = Array(repeating: 0, count: capacity * Self.nameBytes)
  }

  public var isEmpty: Bool { head == tail }
  public var isFull: Bool { tail - head == capacity }
  public var pendingCount: Int { tail - front }

  /// Adds a request for `name` and returns its position. Its folders must stay open until it is retired.
  @discardableResult
  public mutating func append(_ name: Span<UInt8>, _ request: Request) -> Int {
    precondition(!isFull && name.count < Self.nameBytes)
    let slot = tail % capacity
    slots[slot] = Slot(request: request, nameCount: name.count)
    let start = slot * Self.nameBytes
    for index in name.indices { names[start + index] = name[index] }
    names[start + name.count] = 0
    tail += 1
    return tail - 1
  }

  /// Drops the pending requests that do not satisfy `isWanted`, which is asked once for each, the oldest first.
  public mutating func keepPending(where isWanted: (Span<UInt8>) -> Bool) {
    let pending = front..<tail
    tail = front
    for position in pending where isWanted(name(at: position)) {
      let (from, to) = (position % capacity, tail % capacity)
      slots[to] = slots[from]
      for index in 0...slots[from].nameCount {
        names[to * Self.nameBytes + index] = names[from * Self.nameBytes + index]
      }
      tail += 1
    }
  }

  // MARK: executing

  /// Takes the oldest pending request, and returns its position.
  mutating func begin() -> Int {
    precondition(front < tail)
    front += 1
    return front - 1
  }

  /// Executes the oldest pending request on this thread.
  public mutating func executeFront() { execute(at: begin()) }

  /// Executes on this thread all that nobody has begun, or that was given to a ring and came back unexecuted.
  public mutating func executeRest() {
    executeCancelled()
    while pendingCount > 0 { executeFront() }
  }

  /// Executes what was given to a ring and came back unexecuted.
  public mutating func executeCancelled() {
    for position in head..<front where slots[position % capacity].result == Self.cancelled {
      execute(at: position)
    }
  }

  private mutating func execute(at position: Int) {
    let request = slots[position % capacity].request
    slots[position % capacity].result = unsafe withName(at: position) { unsafe request.execute($0) }
  }

  /// Prepares the oldest pending request in a ring, tagged with its position. False when the submission queue
  /// is full.
  mutating func prepareFront(in ring: OpaquePointer) -> Bool {
    precondition(front < tail)
    let request = slots[front % capacity].request
    let isPrepared = unsafe withName(at: front) {
      unsafe request.prepare($0, in: ring, tag: UInt64(front))
    }
    if isPrepared { front += 1 }
    return isPrepared
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

  /// The outcome of the oldest request, or nil while it is pending or in flight.
  public var headOutcome: Outcome? {
    guard head < front else { return nil }
    switch slots[head % capacity].result {
    case Self.unfinished: return nil
    case Self.cancelled: return .notExecuted
    case let result: return Outcome(shim: result)
    }
  }

  /// Makes room: the oldest request is done with.
  public mutating func retireHead() {
    precondition(head < front)
    head += 1
  }

  /// The name of a request that was not retired.
  @_lifetime(borrow self)
  public func name(at position: Int) -> Span<UInt8> {
    let slot = position % capacity
    let start = slot * Self.nameBytes
    return names.span.extracting(start..<start + slots[slot].nameCount)
  }

  private func withName<Result>(at position: Int, _ body: (UnsafePointer<CChar>) -> Result) -> Result {
    let start = position % capacity * Self.nameBytes
    return unsafe names.withUnsafeBufferPointer { names in
      unsafe (names.baseAddress! + start).withMemoryRebound(
        to: CChar.self, capacity: Self.nameBytes, body)
    }
  }
}
