internal import Synchronization

/// The windows of a directory stream that a second thread reads, and whose entries it stats, while the first thread visits
/// earlier ones.
///
///     first:      visit window 1 ─▶ from the front of window 2 ─▶         ◀─ and so on
///     companion:  read window 2 ─▶ from its back ◀─ until they meet ─▶ read window 3
///
/// Each entry is looked at by the thread that gets to it first. The companion starts from the back, so that both threads work for
/// long before they meet. Only the first thread visits entries, in the order of the folder, so nothing depends on who looked.
///
/// A free window belongs to the companion until it has been read. From then on both threads read its bytes, and the claims decide
/// who looks at which entries (`Claims`), until the first thread has visited them all and frees the window. The bells order
/// these steps.
final class Prefetch: Sendable {
  typealias Tag = @Sendable (borrowing DirectoryEntry) -> UInt8?

  private let descriptor: Int32
  private let asksStatus: Bool
  private let tag: Tag
  private let windows: [PrefetchedWindow]
  /// The number of windows read so far, and of those that may be read.
  private let read = Bell()
  private let free = Bell()
  private let isOver = Atomic(false)

  init(_ descriptor: Int32, asksStatus: Bool, byteCount: Int, _ tag: @escaping Tag) {
    self.descriptor = descriptor
    self.asksStatus = asksStatus
    self.tag = tag
    windows = (0..<2).map { _ in PrefetchedWindow(byteCount: byteCount) }
    for _ in windows { free.ring() }
  }

  // MARK: the first thread

  /// Waits for a window, counted from 1. It reuses the memory of the window two before it, which must have been released.
  func window(_ number: UInt32) -> PrefetchedWindow {
    read.wait(for: number)
    return windows[Int(number) % windows.count]
  }

  func release() { free.ring() }

  func end() {
    isOver.store(true, ordering: .relaxed)
    free.ring()
  }

  // MARK: the companion

  func run() {
    var number: UInt32 = 0
    while true {
      number &+= 1
      free.wait(for: number)
      guard !isOver.load(ordering: .relaxed) else { return }
      let window = windows[Int(number) % windows.count]
      window.read(descriptor)
      read.ring()
      guard window.result > 0 else { return }
      window.lookFromBack(descriptor, asksStatus: asksStatus, isOver, tag)
    }
  }
}
