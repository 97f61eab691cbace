internal import CLiburing
internal import SystemPackage

/// What an entry is: what `getdents64` says (`d_type`, readdir(3)), else what statx says.
public enum EntryType: Sendable {
  case regular, directory, link, other
  /// Neither said: statx failed.
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

  /// Whether it counts as a file. So does an entry of unknown type: it must not be passed over, and whoever goes on to
  /// look at it learns why that fails.
  public var countsAsFile: Bool { self == .regular || self == .unknown }
}

/// One entry of a directory stream. It lives inside the stream's window and cannot leave it.
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

/// A directory stream over getdents64(2) with one bounded window: memory does not grow with the folder.
///
///     getdents64 ──▶ window ──▶ entry, entry, entry … ──▶ getdents64 ──▶ …
///
/// The kernel lists entries that stay untouched exactly once; those that come or go meanwhile it may or may
/// not list (readdir(3)). "." and ".." are left out.
///
/// Some file systems store no types in their folders (`mkfs.ext4 -O ^filetype`, xfs without ftype, some FUSE): there
/// each entry is looked at when it is handed out, and one that has gone by then is not handed out at all.
///
/// Sendable because threads share it only while `visit` borrows it, and the window changes in `fill` alone.
@safe public struct DirectoryStream: ~Copyable, @unchecked Sendable {
  /// 64 KiB hold some 1,200 entries of a capture. Larger windows measured no gain.
  public static let windowBytes = 64 << 10

  private let descriptor: Int32
  private let path: FilePath
  private var window: UnsafeMutableRawBufferPointer
  private var ahead: ReadAhead?
  /// Bytes of the window that hold entries.
  private var filled = 0

  /// Opens the stream on a file description of its own, so that it always starts at the beginning.
  public init(of directory: borrowing Directory) throws(KernelError) {
    path = directory.path
    descriptor = try KernelError.check(
      unsafe hc_open_folder(directory.descriptor, "."), .open, directory.path)
    unsafe window = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.windowBytes, alignment: 8)
  }

  /// A stream whose first window is given: what a kernel or FUSE server at fault might return.
  init(parsing bytes: [UInt8]) {
    path = ""
    descriptor = -1
    unsafe window = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 8)
    unsafe window.copyBytes(from: bytes)
    filled = bytes.count
  }

  deinit {
    if let ahead { unsafe ahead.finish().window.deallocate() }
    unsafe window.deallocate()
    hc_close(descriptor)
  }

  /// Reads the next window. False at the end of the folder.
  public mutating func fill() throws(KernelError) -> Bool {
    let count: Int64
    if let ahead {
      let (result, next) = unsafe ahead.finish()
      unsafe window.deallocate()
      unsafe window = next
      self.ahead = nil
      count = result
    } else {
      count = unsafe hc_getdents64(descriptor, window.baseAddress, window.count)
    }
    let hasEnded = count < 0 && Errno(shim: count) == .noSuchFileOrDirectory && isRemoved
    filled = hasEnded ? 0 : Int(try KernelError.check(count, .list, path))
    return filled > 0
  }

  /// A folder that was removed while it was open holds nothing; getdents(2) says ENOENT of it.
  private var isRemoved: Bool {
    var status = hc_stat()
    return unsafe hc_statx(descriptor, "", &status) == 0 && status.links == 0
  }

  /// Begins to read the next window on another thread, for a caller that leaves a core idle meanwhile: `fill` then
  /// takes it. Not worth a thread at the end of a folder.
  public mutating func readAhead() {
    guard ahead == nil, filled > Self.windowBytes / 2 else { return }
    ahead = ReadAhead(descriptor, byteCount: Self.windowBytes)
  }

  /// Gives each entry of the window to `body`.
  public func visit(
    _ body: (borrowing DirectoryEntry) throws(KernelError) -> Void
  ) throws(KernelError) {
    try forEachListed { name, type, inode throws(KernelError) in
      let type = type == .unknown ? lookUpType(of: name) : type
      try body(DirectoryEntry(name: name, type: type, inode: inode))
    }
  }

  /// The entries as the kernel listed them.
  private func forEachListed(
    _ body: (Span<UInt8>, EntryType, UInt64) throws(KernelError) -> Void
  ) throws(KernelError) {
    var offset = 0
    var entries = 0
    while offset < filled {
      offset = try emitEntry(at: offset, body)
      entries += 1
      if entries % Heartbeat.entriesPerSign == 0 { Heartbeat.sign() }
    }
    Heartbeat.sign()
  }

  /// One that has gone is handed out all the same: it was listed, and whoever looks at it counts it as vanished.
  private func lookUpType(of name: Span<UInt8>) -> EntryType {
    var status = hc_stat()
    return look(at: name, &status) < 0 ? .unknown : FileStatus(status).type
  }

  private func look(at name: Span<UInt8>, _ status: inout hc_stat) -> Int32 {
    unsafe name.withUnsafeBufferPointer { name in
      // The NUL after the name is a part of the window.
      let terminated = unsafe UnsafeRawPointer(name.baseAddress!).assumingMemoryBound(to: CChar.self)
      return unsafe hc_statx_mtime(descriptor, terminated, &status)
    }
  }

  /// Both in one: reads the next window and gives each of its entries to `body`. False at the end.
  public mutating func nextWindow(
    _ body: (borrowing DirectoryEntry) throws(KernelError) -> Void
  ) throws(KernelError) -> Bool {
    let hasMore = try fill()
    try visit(body)
    return hasMore
  }

  // MARK: cold caches

  /// Looks at the whole window on two threads at once, if the kernel has to fetch its inodes from the disk;
  /// says whether it did.
  ///
  /// An inode that is not cached is looked up under the folder's lock, which a rename out of that folder holds
  /// as well. Looking first, and only then moving, halves a migration with cold caches (docs/PERFORMANCE.md).
  @discardableResult
  public func warmIfCold() -> Bool {
    guard isCold else { return false }
    Threads.run(Self.threads) { look(every: Self.threads, from: $0) {} }
    return true
  }

  /// Told by a few entries from all over the window: a quarter of them slow, so that a thread that was
  /// interrupted for a moment is not taken for a slow disk.
  private var isCold: Bool {
    var looks = 0
    var slowLooks = 0
    var start = SystemClock.monotonicNanoseconds
    look(every: Self.sampleStride, from: 0) {
      let now = SystemClock.monotonicNanoseconds
      looks += 1
      if now - start > Self.coldNanoseconds { slowLooks += 1 }
      start = now
    }
    return 4 * slowLooks > looks
  }

  /// Some 16 entries of a full window.
  private static let sampleStride = 75
  private static let threads = 2
  /// A statx of a cached inode takes about one microsecond, one that reads the disk six and more.
  private static let coldNanoseconds: Int64 = 3000

  /// Looks at every nth entry, only so that the kernel caches it, and calls `looked` after each.
  private func look(every step: Int, from first: Int, _ looked: () -> Void) {
    var number = 0
    var status = hc_stat()
    try? forEachListed { name, _, _ in
      if number % step == first {
        _ = look(at: name, &status)
        looked()
      }
      number += 1
    }
  }

  /// `struct linux_dirent64` (getdents64(2)): the one place where its layout and bounds are known.
  private enum Layout {
    static let inode = 0, recordLength = 16, type = 18, name = 19
  }

  private func emitEntry(
    at offset: Int, _ body: (Span<UInt8>, EntryType, UInt64) throws(KernelError) -> Void
  ) throws(KernelError) -> Int {
    guard offset + Layout.name < filled else { throw malformed }
    let length = unsafe Int(
      window.loadUnaligned(fromByteOffset: offset + Layout.recordLength, as: UInt16.self))
    guard length > Layout.name, offset + length <= filled else { throw malformed }

    let start = unsafe window.baseAddress!.advanced(by: offset + Layout.name)
      .assumingMemoryBound(to: UInt8.self)
    let capacity = length - Layout.name
    let count = unsafe hc_name_length(start, capacity)
    guard count > 0, count < capacity else { throw malformed }

    let isSelfOrParent =
      unsafe start[0] == UInt8(ascii: ".")
      && (count == 1 || (count == 2 && start[1] == UInt8(ascii: ".")))
    if !isSelfOrParent {
      let name = unsafe Span<UInt8>(_unsafeStart: start, count: count)
      let type = unsafe EntryType(rawType: UInt32(window[offset + Layout.type]))
      try unsafe body(
        name, type, window.loadUnaligned(fromByteOffset: offset + Layout.inode, as: UInt64.self))
    }
    return offset + length
  }

  private var malformed: KernelError { KernelError(.list, path, .ioError) }
}

/// A window that is being read on a thread of its own.
@safe private final class ReadAhead: @unchecked Sendable {
  private let descriptor: Int32
  private let window: UnsafeMutableRawBufferPointer
  private var result: Int64 = 0
  private var thread: UInt64 = 0

  init(_ descriptor: Int32, byteCount: Int) {
    self.descriptor = descriptor
    unsafe window = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 8)
    thread = unsafe hc_thread_start(
      { unsafe Unmanaged<ReadAhead>.fromOpaque($0!).takeUnretainedValue().read() },
      Unmanaged.passUnretained(self).toOpaque())
  }

  private func read() { result = unsafe hc_getdents64(descriptor, window.baseAddress, window.count) }

  /// Waits for the thread; reads now where the kernel granted none. The window is the caller's from now on.
  func finish() -> (result: Int64, window: UnsafeMutableRawBufferPointer) {
    if thread == 0 { read() } else { hc_thread_join(thread) }
    return unsafe (result, window)
  }
}
