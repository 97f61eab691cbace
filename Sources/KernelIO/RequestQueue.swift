internal import CLiburing
internal import SystemPackage

/// Requests on their way: a bounded first-in first-out queue from which the thread that owns it takes, and a ring or a helper
/// thread beside it.
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
  public let capacity: Int
  /// A helper thread has a share in them.
  let slots: RequestSlots
  /// The oldest request that was not retired.
  public private(set) var head = 0
  /// Where the next request goes.
  public private(set) var tail = 0

  public init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
    slots = RequestSlots(capacity: capacity)
  }

  /// The oldest request that nobody has begun.
  public var front: Int { slots.front }
  public var isEmpty: Bool { head == tail }
  public var isFull: Bool { tail - head == capacity }
  public var pendingCount: Int { tail - slots.front }

  /// Adds a request for `name` and returns its position. Its folders must stay open until it is retired.
  @discardableResult
  public mutating func append(_ name: Span<UInt8>, _ request: Request) -> Int {
    precondition(!isFull)
    slots.fill(tail, name, request)
    tail += 1
    slots.publish(upTo: tail)
    return tail - 1
  }

  /// Drops the pending requests that do not satisfy `isWanted`, which is asked once for each, the oldest first. Not while a
  /// helper has a share.
  public mutating func keepPending(where isWanted: (Span<UInt8>) -> Bool) {
    let pending = front..<tail
    tail = front
    for position in pending where isWanted(name(at: position)) {
      if tail != position { slots.copy(from: position, to: tail) }
      tail += 1
    }
    slots.publish(upTo: tail)
  }

  // MARK: executing

  /// Takes the oldest pending request, and returns its position.
  mutating func begin() -> Int {
    guard let position = slots.begin() else { preconditionFailure("nothing is pending") }
    return position
  }

  /// Executes the oldest pending request on this thread. False where there is none.
  @discardableResult
  public mutating func executeFront() -> Bool { slots.executeFront() != nil }

  /// Executes on this thread all that nobody has begun, or that was given to a ring and came back unexecuted.
  public mutating func executeRest() {
    executeCancelled()
    while executeFront() {}
  }

  /// Executes what was given to a ring and came back unexecuted.
  public mutating func executeCancelled() {
    for position in head..<front where slots.result(at: position) == RequestSlots.cancelled {
      slots.execute(at: position)
    }
  }

  /// Prepares the oldest pending request in a ring, tagged with its position. False when the submission queue
  /// is full.
  mutating func prepareFront(in ring: OpaquePointer) -> Bool {
    precondition(front < tail)
    return unsafe slots.prepareFront(in: ring)
  }

  /// Records a completion of the ring.
  mutating func complete(at position: Int, result: Int32) {
    precondition((head..<front).contains(position))
    slots.setResult(
      result == -Errno.canceled.rawValue ? RequestSlots.cancelled : result, at: position)
  }

  /// Takes back what was prepared in a ring, when nothing is in flight there and nothing will be submitted any more.
  mutating func takeBack() { cancel(head..<front) }

  /// Gives up whatever has no result: it will not be executed any more. Call when nothing is in flight, or
  /// when the ring that carried it has failed.
  public mutating func abandonUnfinished() {
    cancel(head..<tail)
    slots.skip(to: tail)
  }

  private func cancel(_ positions: Range<Int>) {
    for position in positions where slots.result(at: position) == RequestSlots.unfinished {
      slots.setResult(RequestSlots.cancelled, at: position)
    }
  }

  // MARK: outcomes

  /// The outcome of the oldest request, or nil while it is pending or in flight.
  public var headOutcome: Outcome? {
    guard head < tail else { return nil }
    switch slots.result(at: head) {
    case RequestSlots.unfinished: return nil
    case RequestSlots.cancelled: return .notExecuted
    case let result: return Outcome(shim: result)
    }
  }

  /// Makes room: the oldest request is done with.
  public mutating func retireHead() {
    precondition(head < tail && slots.result(at: head) != RequestSlots.unfinished)
    head += 1
  }

  /// The name of a request that was not retired.
  @_lifetime(borrow self)
  public func name(at position: Int) -> Span<UInt8> {
    let name = unsafe slots.name(at: position)
    return unsafe _overrideLifetime(name.span, borrowing: self)
  }
}
