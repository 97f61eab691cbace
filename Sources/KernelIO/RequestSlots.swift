internal import CLiburing
internal import Synchronization
internal import SystemPackage

/// The memory of a `RequestQueue`: who fills it owns it, and a `HelperThread` may take from it at the same time.
///
///     owner: fill ─▶ publish (tail) ─▶ ─────────────────────────▶ read the result, fill again
///     whoever begins it first (front): ─▶ execute ─▶ store the result
///
/// A slot is its owner's until `tail` is past it, then of whoever moved `front` past it, then its owner's again once it has a
/// result. Each of these steps releases what was written before, and acquires it on the other side. A slot has its name beside
/// its state, so that a rename moves one line between the caches for names of up to 40 bytes.
@safe final class RequestSlots: @unchecked Sendable {
  // No errno: the kernel's are below 4096.
  static let unfinished: Int32 = .min
  static let cancelled: Int32 = .min + 1

  private struct Slot: ~Copyable {
    var request: Request
    var nameCount: UInt16
    let result: Atomic<Int32>
  }
  /// NAME_MAX and its NUL.
  private static let nameBytes = 256
  /// Of a line of the cache, and of the one that is fetched with it.
  private static let line = 64
  private static let nameOffset = MemoryLayout<Slot>.size
  private static let stride = (nameOffset + nameBytes + line - 1) / line * line
  /// Each of the two counters has lines of its own.
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

  // MARK: the owner's

  /// The oldest request that nobody has begun.
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

  /// Lets others take what is before `tail`.
  func publish(upTo tail: Int) { unsafe tailCounter.pointee.store(tail, ordering: .releasing) }

  func skip(to position: Int) { unsafe frontCounter.pointee.store(position, ordering: .releasing) }

  func name(at position: Int) -> UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(start: nameStart(position), count: Int(slot(position).pointee.nameCount))
  }

  func result(at position: Int) -> Int32 { unsafe slot(position).pointee.result.load(ordering: .acquiring) }

  func setResult(_ result: Int32, at position: Int) {
    unsafe slot(position).pointee.result.store(result, ordering: .releasing)
  }

  /// Where no helper has a share.
  func prepareFront(in ring: OpaquePointer) -> Bool {
    let position = front
    let isPrepared = unsafe nameStart(position).withMemoryRebound(to: CChar.self, capacity: Self.nameBytes) {
      unsafe slot(position).pointee.request.prepare($0, in: ring, tag: UInt64(position))
    }
    if isPrepared { skip(to: position + 1) }
    return isPrepared
  }

  // MARK: anybody's

  var hasPending: Bool {
    unsafe frontCounter.pointee.load(ordering: .acquiring) < tailCounter.pointee.load(ordering: .acquiring)
  }

  /// Takes the oldest pending request, and returns its position; nil where there is none.
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

  /// Begins the oldest pending request and executes it on this thread. Returns its result; nil where there is none.
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
