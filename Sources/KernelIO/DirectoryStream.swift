internal import CLiburing
internal import SystemPackage

/// The type of an entry, from `getdents64` (`d_type`, readdir(3)) or else from statx.
public enum EntryType: Sendable {
  case regular, directory, link, other
  /// Unknown to both: statx failed.
  case unknown

  init(rawType: UInt32) {
    switch Int(rawType) {
    case HC_TYPE_UNKNOWN: self = .unknown
    case HC_TYPE_DIRECTORY: self = .directory
    case HC_TYPE_REGULAR: self = .regular
    case HC_TYPE_LINK: self = .link
    default: self = .other
    }
  }

  /// Whether it counts as a file. An entry of unknown type does: it must not be skipped, and whoever looks at it later learns
  /// why that fails.
  public var countsAsFile: Bool { self == .regular || self == .unknown }
}

/// One entry of a directory stream. It points into the stream's window and cannot escape it.
public struct DirectoryEntry: ~Copyable, ~Escapable {
  /// The name's bytes, without the terminating NUL that follows them in the window.
  public let name: Span<UInt8>
  public let type: EntryType
  public let inode: UInt64

  @_lifetime(copy name)
  init(name: Span<UInt8>, type: EntryType, inode: UInt64) {
    self.name = name
    self.type = type
    self.inode = inode
  }
}

/// A directory stream over getdents64(2) with a window of fixed size: memory does not grow with the folder.
///
///     getdents64 ──▶ window ──▶ entry, entry, entry … ──▶ getdents64 ──▶ …
///
/// The kernel lists entries that do not change exactly once; it may or may not list those that are added or removed
/// meanwhile (readdir(3)). "." and ".." are skipped.
///
/// Some file systems store no types in their folders (`mkfs.ext4 -O ^filetype`, xfs without ftype, some FUSE): there
/// statx is called for each entry before it is passed on, and one that is gone by then is passed on with an unknown type.
///
/// Sendable because threads share it only while `visit` borrows it, and the window changes only in `fill`; what a companion
/// reads ahead belongs to `Prefetch`.
@safe public struct DirectoryStream: ~Copyable, @unchecked Sendable {
  /// 64 KiB hold about 1,200 entries of a capture. Larger windows were measured to bring no gain.
  public static let windowBytes = 64 << 10

  private let descriptor: Int32
  private let place: FolderPath
  private var window: DirectoryWindow
  private var ahead: Ahead?
  /// The window being visited, if a companion reads them.
  private var prepared: PrefetchedWindow?

  private struct Ahead {
    let work: Prefetch
    let companion: Companion
    /// The number of the companion's piece of work.
    let number: UInt32
    var windowCount: UInt32 = 0
  }

  /// Opens the stream on its own open file description, so that it always starts at the beginning.
  public init(of directory: borrowing Directory) throws(KernelError) {
    place = directory.place
    descriptor = try KernelError.check(
      unsafe hc_open_folder(directory.descriptor, "."), .open, directory.path)
    window = DirectoryWindow(byteCount: Self.windowBytes)
  }

  /// A stream with a given first window, for tests of what a faulty kernel or FUSE server might return.
  init(parsing bytes: [UInt8]) {
    place = .named("")
    descriptor = -1
    window = DirectoryWindow(bytes)
  }

  deinit {
    if let ahead {
      ahead.work.end()
      ahead.companion.finish(ahead.number)
    }
    hc_close(descriptor)
  }

  /// Reads the next window. False at the end of the folder.
  public mutating func fill() throws(KernelError) -> Bool {
    let count: Int64
    if ahead == nil {
      count = window.read(descriptor)
    } else {
      count = takePrepared()
    }
    if count < 0, Errno(shim: count) == .noSuchFileOrDirectory, isRemoved { return false }
    return try KernelError.check(count, .list, place.path) > 0
  }

  private mutating func takePrepared() -> Int64 {
    if let prepared {
      // The companion stopped there: nothing follows.
      guard prepared.result > 0 else { return prepared.result }
      ahead!.work.release()
    }
    ahead!.windowCount &+= 1
    let next = ahead!.work.window(ahead!.windowCount)
    prepared = next
    window = next.window
    return next.result
  }

  /// Whether the folder was removed while it was open: then it is empty, and getdents64(2) fails with ENOENT.
  private var isRemoved: Bool {
    var status = hc_stat()
    return unsafe hc_statx(descriptor, "", &status) == 0 && status.links == 0
  }

  /// Lets another thread read the following windows, and stat their entries, for the rest of the stream. Does nothing near the
  /// end of a folder, where waking a thread would not be worth it, if the companion is busy, or when called again.
  ///
  /// - Parameters:
  ///   - companion: works for the stream until its end.
  ///   - asksStatus: whether to get the status of the entries that have a tag.
  ///   - tag: a tag to pass on with an entry (`PrefetchedStatus.tag`), or nil to skip it. Called on the other thread.
  public mutating func prefetch(
    with companion: LazyCompanion, asksStatus: Bool,
    _ tag: @escaping @Sendable (borrowing DirectoryEntry) -> UInt8?
  ) {
    guard ahead == nil, window.filled > Self.windowBytes / 2, let companion = companion.idle else { return }
    let work = Prefetch(descriptor, asksStatus: asksStatus, byteCount: Self.windowBytes, tag)
    let number = companion.begin { work.run() }
    ahead = Ahead(work: work, companion: companion, number: number)
  }

  /// Passes each entry of the window to `body`.
  public func visit(
    _ body: (borrowing DirectoryEntry) throws(KernelError) -> Void
  ) throws(KernelError) {
    try visitPrefetched { (entry, _) throws(KernelError) in try body(entry) }
  }

  /// Passes each entry of the window to `body`, with what a companion has found out about it, if it got to it first.
  public func visitPrefetched(
    _ body: (borrowing DirectoryEntry, PrefetchedStatus?) throws(KernelError) -> Void
  ) throws(KernelError) {
    if let prepared {
      guard try prepared.visit(descriptor, body) else { throw malformed }
      return
    }
    try forEachListed { name, type, inode throws(KernelError) in
      let type = DirectoryWindow.type(of: name, listed: type, in: descriptor)
      try body(DirectoryEntry(name: name, type: type, inode: inode), nil)
    }
  }

  /// The entries as the kernel listed them.
  private func forEachListed(
    _ body: (Span<UInt8>, EntryType, UInt64) throws(KernelError) -> Void
  ) throws(KernelError) {
    guard try window.forEachEntry(body) else { throw malformed }
  }

  private var malformed: KernelError { KernelError(.list, place.path, .ioError) }

  /// Reads the next window and passes each of its entries to `body`. False at the end of the folder.
  public mutating func nextWindow(
    _ body: (borrowing DirectoryEntry) throws(KernelError) -> Void
  ) throws(KernelError) -> Bool {
    let hasMore = try fill()
    try visit(body)
    return hasMore
  }

  // MARK: cold caches

  /// Stats the whole window on two threads at once, if the kernel has to read its inodes from the disk. Returns
  /// whether it did.
  ///
  /// The kernel looks up an uncached inode under the folder's lock, which a rename out of that folder needs as
  /// well. Looking first, and moving only then, halves the time of a migration with cold caches (docs/PERFORMANCE.md).
  @discardableResult
  public func warmIfCold() -> Bool {
    // A companion looks at the entries of a prepared window anyway.
    guard prepared == nil, isCold else { return false }
    let (window, descriptor) = (window, descriptor)
    Threads.run(Self.threads) { Self.look(at: window, of: descriptor, every: Self.threads, from: $0) {} }
    return true
  }

  /// Judged by a sample of entries from all over the window: more than a quarter must be slow, so that a thread
  /// that was preempted for a moment is not taken for a slow disk.
  private var isCold: Bool {
    var looks = 0
    var slowLooks = 0
    var start = SystemClock.monotonicNanoseconds
    Self.look(at: window, of: descriptor, every: Self.sampleStride, from: 0) {
      let now = SystemClock.monotonicNanoseconds
      looks += 1
      if now - start > Self.coldNanoseconds { slowLooks += 1 }
      start = now
    }
    return 4 * slowLooks > looks
  }

  /// About 16 entries of a full window.
  private static let sampleStride = 75
  private static let threads = 2
  /// A statx of a cached inode takes about one microsecond, one that reads the disk six or more.
  private static let coldNanoseconds: Int64 = 3000

  /// Stats every nth entry, only to make the kernel cache it, and calls `looked` after each.
  private static func look(
    at window: DirectoryWindow, of descriptor: Int32, every step: Int, from first: Int, _ looked: () -> Void
  ) {
    var number = 0
    var status = hc_stat()
    _ = window.forEachEntry { name, _, _ in
      if number % step == first {
        _ = DirectoryWindow.look(at: name, in: descriptor, &status)
        looked()
      }
      number += 1
    }
  }
}
