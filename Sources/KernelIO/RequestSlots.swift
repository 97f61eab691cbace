internal import CLiburing
internal import Synchronization
internal import SystemPackage

/// The memory of a `RequestQueue`. The thread that fills it owns it; a `HelperThread` may take requests from it concurrently.
///
///     owner: fill ─▶ publish (tail) ─▶ ─────────────────────────▶ read the result, fill again
///     whoever begins it first (front): ─▶ execute ─▶ store the result
///
/// A slot belongs to the owner until `tail` is past it, then to the thread that moved `front` past it, then to the owner again
/// once it has a result. Each of these steps is a release on one side and an acquire on the other. A slot's name is stored next
/// to its state, so that for names of up to 40 bytes a rename moves only one cache line between processors.
@safe final class RequestSlots: @unchecked Sendable {
  // Neither is a negative errno: the kernel's are below 4096.
  static let unfinished: Int32 = .min
  static let cancelled: Int32 = .min + 1

  private struct Slot: ~Copyable {
    var request: Request
    var nameCount: UInt16
    let result: Atomic<Int32>
  }
  /// NAME_MAX and its NUL.
  private static let nameBytes = 256
  /// The size of a cache line.
  private static let line = 64
  private static let nameOffset = MemoryLayout<Slot>.size
  private static let stride = (nameOffset + nameBytes + line - 1) / line * line
  /// Each of the two counters has two cache lines to itself, because an adjacent line may be prefetched with it.
  private static let countersBytes = 4 * line

  private let capacity: Int
  private let memory: UnsafeMutableRawPointer
  private let counters: UnsafeMutableRawPointer

  init(capacity: Int) {
    self.capacity = capacity
    unsafe memory = .allocate(byteCount: capacity * Self.stride, alignment: Self.line)
    unsafe counters = .allocate(byteCount: Self.countersBytes, alignment: Self.line)
    for position in 0..<capacity {
      unsafe slot(position).initialize(
        to: Slot(request: .unlink(in: -1), nameCount: 0, result: Atomic(Self.cancelled)))
    }
    unsafe frontCounter.initialize(to: Atomic(0))
    unsafe tailCounter.initialize(to: Atomic(0))
  }

  deinit {
    for position in 0..<capacity { unsafe slot(position).deinitialize(count: 1) }
    unsafe memory.deallocate()
    unsafe counters.deallocate()
  }

  private var frontCounter: UnsafeMutablePointer<Atomic<Int>> {
    unsafe counters.assumingMemoryBound(to: Atomic<Int>.self)
  }
  private var tailCounter: UnsafeMutablePointer<Atomic<Int>> {
    unsafe (counters + 2 * Self.line).assumingMemoryBound(to: Atomic<Int>.self)
  }

  private func slot(_ position: Int) -> UnsafeMutablePointer<Slot> {
    unsafe (memory + position % capacity * Self.stride).assumingMemoryBound(to: Slot.self)
  }

  private func nameStart(_ position: Int) -> UnsafeMutablePointer<UInt8> {
    unsafe (memory + (position % capacity * Self.stride + Self.nameOffset)).assumingMemoryBound(
      to: UInt8.self)
  }

  // MARK: for the owner

  /// The position of the oldest request that nobody has begun.
  var front: Int { unsafe frontCounter.pointee.load(ordering: .acquiring) }

  func fill(_ position: Int, _ name: Span<UInt8>, _ request: Request) {
    precondition(name.count < Self.nameBytes)
    let slot = unsafe slot(position)
    unsafe slot.pointee.request = request
    unsafe slot.pointee.nameCount = UInt16(name.count)
    unsafe slot.pointee.result.store(Self.unfinished, ordering: .relaxed)
    let start = unsafe nameStart(position)
    unsafe name.withUnsafeBufferPointer { name in
      guard let bytes = name.baseAddress else { return }
      unsafe start.update(from: bytes, count: name.count)
    }
    unsafe start[name.count] = 0
  }

  func copy(from position: Int, to other: Int) {
    let name = unsafe name(at: position)
    fill(other, unsafe name.span, unsafe slot(position).pointee.request)
  }

  /// Lets other threads take the requests before `tail`.
  func publish(upTo tail: Int) { unsafe tailCounter.pointee.store(tail, ordering: .releasing) }

  func skip(to position: Int) { unsafe frontCounter.pointee.store(position, ordering: .releasing) }

  func name(at position: Int) -> UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(start: nameStart(position), count: Int(slot(position).pointee.nameCount))
  }

  func result(at position: Int) -> Int32 { unsafe slot(position).pointee.result.load(ordering: .acquiring) }

  func setResult(_ result: Int32, at position: Int) {
    unsafe slot(position).pointee.result.store(result, ordering: .releasing)
  }

  /// Only while no helper is attached.
  func prepareFront(in ring: OpaquePointer) -> Bool {
    let position = front
    let isPrepared = unsafe nameStart(position).withMemoryRebound(to: CChar.self, capacity: Self.nameBytes) {
      unsafe slot(position).pointee.request.prepare($0, in: ring, tag: UInt64(position))
    }
    if isPrepared { skip(to: position + 1) }
    return isPrepared
  }

  // MARK: for any thread

  var hasPending: Bool {
    unsafe frontCounter.pointee.load(ordering: .acquiring) < tailCounter.pointee.load(ordering: .acquiring)
  }

  /// Takes the oldest pending request, and returns its position; nil if there is none.
  func begin() -> Int? {
    var position = unsafe frontCounter.pointee.load(ordering: .relaxed)
    while unsafe position < tailCounter.pointee.load(ordering: .acquiring) {
      let (isMine, now) = unsafe frontCounter.pointee.weakCompareExchange(
        expected: position, desired: position + 1, ordering: .acquiringAndReleasing)
      if isMine { return position }
      position = now
    }
    return nil
  }

  /// Takes the oldest pending request and executes it on this thread. Returns its result; nil if there is none.
  func executeFront() -> Int32? { begin().map { execute(at: $0) } }

  @discardableResult
  func execute(at position: Int) -> Int32 {
    let request = unsafe slot(position).pointee.request
    let result = unsafe nameStart(position).withMemoryRebound(to: CChar.self, capacity: Self.nameBytes) {
      unsafe request.execute($0)
    }
    setResult(result, at: position)
    return result
  }
}
