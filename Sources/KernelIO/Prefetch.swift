internal import Synchronization

/// The windows of a directory stream that a second thread reads and looks into while the first one visits those before.
///
///     first:      visit window 1 ─▶ from the front of window 2 ─▶         ◀─ and so on
///     companion:  read window 2 ─▶ from its back ◀─ until they meet ─▶ read window 3
///
/// Both do the same to an entry, and whoever comes first does it. From the back, so that each thread goes on for long before
/// they meet. Entries are visited by the first thread alone, in the order of the folder, so that nothing depends on who looked.
///
/// A window is the companion's from the moment that it is free until it is read; from then on both read its bytes, and the
/// claims say whose its entries are (`Claims`), until the first thread has visited them all and frees it. The bells order that.
final class Prefetch: Sendable {
  typealias Tag = @Sendable (borrowing DirectoryEntry) -> UInt8?

  private let descriptor: Int32
  private let asksStatus: Bool
  private let tag: Tag
  private let windows: [PrefetchedWindow]
  /// Windows that were read so far, and those that may be.
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

  /// Waits for a window, counted from 1 on. The one two before it is free again when it has been visited.
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
