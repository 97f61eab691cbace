internal import CLiburing
internal import SystemPackage

/// A bounded first-in first-out queue of requests. Its owner's thread executes them, and a ring or a helper thread besides.
///
///      head            front              tail
///       │ begun          │ pending          │
///       ▼                ▼                  ▼
///     ──[ done │ flying │ done ][ … waiting … ]──▶
///       retire            take               append
///
/// The queue owns copies of the names, so the window that they came from may be refilled at once. Its memory is
/// fixed.
///
/// Positions only ever increase; a request's slot is its position modulo the capacity.
public struct RequestQueue: ~Copyable {
  public let capacity: Int
  /// Shared with a helper thread, if one is attached.
  let slots: RequestSlots
  /// The position of the oldest request that has not been retired.
  public private(set) var head = 0
  /// The position of the next request.
  public private(set) var tail = 0

  /// - Parameter capacity: the most requests that are in the queue at once, retired ones not counted.
  public init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
    slots = RequestSlots(capacity: capacity)
  }

  /// The position of the oldest request that nobody has begun.
  public var front: Int { slots.front }
  public var isEmpty: Bool { head == tail }
  public var isFull: Bool { tail - head == capacity }
  public var pendingCount: Int { tail - slots.front }

  /// Adds a request for `name` and returns its position. The folders of the request must stay open until it is retired.
  @discardableResult
  public mutating func append(_ name: Span<UInt8>, _ request: Request) -> Int {
    precondition(!isFull)
    slots.fill(tail, name, request)
    tail += 1
    slots.publish(upTo: tail)
    return tail - 1
  }

  /// Drops the pending requests for which `isWanted` is false. It is called once for each, oldest first. Not while a helper is
  /// attached.
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

  /// Executes the oldest pending request on this thread. False if there is none.
  @discardableResult
  public mutating func executeFront() -> Bool { slots.executeFront() != nil }

  /// Executes on this thread all requests that nobody has begun, and those that a ring returned unexecuted.
  public mutating func executeRest() {
    executeCancelled()
    while executeFront() {}
  }

  /// Executes the requests that a ring returned unexecuted.
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

  /// Records a completion from a ring.
  mutating func complete(at position: Int, result: Int32) {
    precondition((head..<front).contains(position))
    slots.setResult(
      result == -Errno.canceled.rawValue ? RequestSlots.cancelled : result, at: position)
  }

  /// Takes back what was prepared in a ring. Call when nothing is in flight there and nothing more will be submitted.
  mutating func takeBack() { cancel(head..<front) }

  /// Gives up all requests without a result: they will not be executed. Call when nothing is in flight, or when the
  /// ring has failed.
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

  /// Retires the oldest request, which must have an outcome, to make room.
  public mutating func retireHead() {
    precondition(head < tail && slots.result(at: head) != RequestSlots.unfinished)
    head += 1
  }

  /// The name of a request that has not been retired.
  @_lifetime(borrow self)
  public func name(at position: Int) -> Span<UInt8> {
    let name = unsafe slots.name(at: position)
    return unsafe _overrideLifetime(name.span, borrowing: self)
  }
}
