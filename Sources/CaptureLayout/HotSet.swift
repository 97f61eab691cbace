/// The newest files of one kind: a heap of at most `limit` files with the oldest at its root.
///
/// Files are ordered by modification time, then by name bytes, then by place (of two files with the same name and
/// time, the one in the hot place counts as newer, so that fewer files move). Whatever does not fit is given back
/// at once, so a file can be moved before the rest of the folder has been read:
///
///     offer(file) ──▶ fits:              kept
///                     older than all:    .turnedAway        (the file offered is cold)
///                     else:              .displaced         (the oldest so far is cold: `displaced…`)
///
/// Memory is one fixed slot per file up to the limit, however many are offered.
public struct HotSet: ~Copyable {
  public enum Verdict: Sendable { case kept, turnedAway, displaced }

  public let limit: Int
  /// Slots in heap order, the oldest file first.
  private var heap: [Int] = []
  /// The slot outside the heap: it receives the next file, and holds the last displaced one.
  private var spare = 0
  private var facts: [FileFacts] = []
  private var nameCounts: [Int] = []
  private var names: [UInt8] = []

  public init(limit: Int) {
    precondition(limit >= 0)
    self.limit = limit
  }

  public var count: Int { heap.count }

  /// Offers a file. A `turnedAway` file is cold; after `displaced`, an older file is (`displacedFacts`, `displacedName`).
  public mutating func offer(_ name: Span<UInt8>, _ offered: FileFacts) -> Verdict {
    precondition(name.count <= FileName.longest)
    guard limit > 0 else { return .turnedAway }
    if heap.count < limit {
      store(name, offered, in: heap.count)
      heap.append(heap.count)
      siftUp(heap.count - 1)
      spare = heap.count
      return .kept
    }
    let oldest = heap[0]
    // Most files of a large folder end here, before their name is copied.
    guard offered.modified >= facts[oldest].modified else { return .turnedAway }
    store(name, offered, in: spare)
    guard isOlder(oldest, spare) else { return .turnedAway }
    heap[0] = spare
    spare = oldest
    siftDown(0)
    return .displaced
  }

  /// The file displaced by the last offer. Valid until the next offer.
  public var displacedFacts: FileFacts { facts[spare] }

  /// The name of the displaced file, valid until the next offer.
  public var displacedName: Span<UInt8> {
    @_lifetime(borrow self) get { name(in: spare) }
  }

  /// The files of the set, in no particular order.
  public func visit<Failure>(
    _ body: (Span<UInt8>, FileFacts) throws(Failure) -> Void
  ) throws(Failure) {
    for slot in heap { try body(name(in: slot), facts[slot]) }
  }

  // MARK: slots

  @_lifetime(borrow self)
  private func name(in slot: Int) -> Span<UInt8> {
    let start = slot * FileName.longest
    return names.span.extracting(start..<start + nameCounts[slot])
  }

  private mutating func store(_ name: Span<UInt8>, _ stored: FileFacts, in slot: Int) {
    if slot == facts.count {
      facts.append(stored)
      nameCounts.append(0)
      names.append(contentsOf: repeatElement(0, count: FileName.longest))
    }
    facts[slot] = stored
    nameCounts[slot] = name.count
    let start = slot * FileName.longest
    for index in name.indices { names[start + index] = name[index] }
  }

  private func isOlder(_ left: Int, _ right: Int) -> Bool {
    if facts[left].modified != facts[right].modified {
      return facts[left].modified < facts[right].modified
    }
    switch compare(name(in: left), name(in: right)) {
    case let order where order != 0: return order < 0
    default: return !facts[left].isInHotPlace && facts[right].isInHotPlace
    }
  }

  private func compare(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Int {
    for index in 0..<min(left.count, right.count) where left[index] != right[index] {
      return Int(left[index]) - Int(right[index])
    }
    return left.count - right.count
  }

  // MARK: heap order

  private mutating func siftUp(_ start: Int) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      guard isOlder(heap[child], heap[parent]) else { return }
      heap.swapAt(child, parent)
      child = parent
    }
  }

  private mutating func siftDown(_ start: Int) {
    var parent = start
    while true {
      var oldest = parent
      for child in (2 * parent + 1)...(2 * parent + 2)
      where child < heap.count && isOlder(heap[child], heap[oldest]) {
        oldest = child
      }
      guard oldest != parent else { return }
      heap.swapAt(parent, oldest)
      parent = oldest
    }
  }
}
