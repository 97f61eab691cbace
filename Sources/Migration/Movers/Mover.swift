internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// Executes renames. Every mover gives each rename the same outcome for the same tree.
///
/// The thread that migrates scans and settles. It leaves moves in the queue as long as the mover wants them there, and
/// renames the others itself:
///
///     scan, settle ─▶ fewer pending than `pendingMax`?  ─▶ queue ─▶ whatever works beside this thread
///                     else                               ─▶ rename, at once, on this thread
///
/// Callers are generic over the mover, so that nothing is dispatched at run time for a file.
protocol Mover: AnyObject {
  /// Capacity of the queue: twice what may be pending, since renames that are done stay in it until they are counted, in order.
  /// 1 for a mover with nothing that works beside this thread.
  static var queueCapacity: Int { get }
  /// Call at the beginning of a pass, which has a queue of its own.
  func begin()
  /// How many renames to leave pending for whatever works beside this thread; 0 if nothing does.
  var pendingMax: Int { get }
  /// Renames at once, on this thread.
  func rename(_ name: Span<UInt8>, _ move: Move, from: Int32, to: Int32, in tree: CaptureTree)
    -> Outcome
  /// Keeps whatever works beside this thread supplied. Cheap; never waits. After a stop signal nothing more is
  /// begun.
  func poll(_ queue: inout MoveQueue) throws(KernelError)
  /// Renames what is pending, on this thread too. Never waits.
  func work(off queue: inout MoveQueue) throws(KernelError)
  /// Waits until nothing is in flight.
  func drain(_ queue: inout MoveQueue) throws(KernelError)
  /// Executes all that is pending in a queue of its own, in one submission if there is a ring, and waits for it.
  ///
  /// - Throws: an error of the ring; the outcome of requests that were in flight is then unknown.
  func execute(_ requests: inout RequestQueue) throws(KernelError)
}

extension Mover {
  static var queueCapacity: Int { 512 }
  func begin() {}
  func rename(_ name: Span<UInt8>, _ move: Move, from: Int32, to: Int32, in tree: CaptureTree)
    -> Outcome
  {
    Name.rename(name, from: from, to: to)
  }
}

/// A mover with nothing that works beside this thread.
protocol LoneMover: Mover {}

extension LoneMover {
  static var queueCapacity: Int { 1 }
  var pendingMax: Int { 0 }
  func poll(_ queue: inout MoveQueue) {}
  func work(off queue: inout MoveQueue) {}
  func drain(_ queue: inout MoveQueue) {}
}

/// Renames by plain system calls, one after the other.
final class PlainMover: LoneMover {
  func execute(_ requests: inout RequestQueue) { requests.executeRest() }
}
