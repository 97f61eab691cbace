internal import CLiburing

/// The bytes returned by one getdents64(2). The only place where their layout and bounds are known
/// (`struct linux_dirent64`). Sendable because only one thread at a time writes to it; see `Prefetch`.
@safe final class DirectoryWindow: @unchecked Sendable {
  /// The size of the smallest entry that `entry(at:)` accepts: its header, one byte of a name and the NUL.
  static let entryBytesMin = Layout.name + 2

  private let bytes: UnsafeMutableRawBufferPointer
  /// The number of bytes that contain entries.
  private(set) var filled = 0

  init(byteCount: Int) {
    unsafe bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 8)
  }

  /// A window with given bytes, for tests of what a faulty kernel or FUSE server might return.
  init(_ bytes: [UInt8]) {
    unsafe self.bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, bytes.count), alignment: 8)
    unsafe self.bytes.copyBytes(from: bytes)
    filled = bytes.count
  }

  deinit { unsafe bytes.deallocate() }

  /// Reads the next entries of the folder. Returns the number of bytes, or a negative errno.
  func read(_ descriptor: Int32) -> Int64 {
    let count = unsafe hc_getdents64(descriptor, bytes.baseAddress, bytes.count)
    filled = Int(max(0, count))
    return count
  }

  private enum Layout {
    static let inode = 0, recordLength = 16, type = 18, name = 19
  }

  /// Passes all entries to `body`. False if the bytes are malformed, after the entries before that.
  @inline(__always)
  func forEachEntry<Failure>(
    _ body: (Span<UInt8>, EntryType, UInt64) throws(Failure) -> Void
  ) throws(Failure) -> Bool {
    var offset = 0
    var entries = 0
    while offset < filled {
      guard let next = try entry(at: offset, body) else { return false }
      offset = next
      entries += 1
      if entries % Heartbeat.entriesPerSign == 0 { Heartbeat.sign() }
    }
    Heartbeat.sign()
    return true
  }

  /// Passes the entry at `offset` to `body`, unless it is "." or "..", and returns the offset of the next one; nil if it is
  /// malformed. Each name is followed by a NUL.
  @inline(__always)
  func entry<Failure>(
    at offset: Int, _ body: (Span<UInt8>, EntryType, UInt64) throws(Failure) -> Void
  ) throws(Failure) -> Int? {
    guard offset + Layout.name < filled else { return nil }
    let length = unsafe Int(
      bytes.loadUnaligned(fromByteOffset: offset + Layout.recordLength, as: UInt16.self))
    guard length > Layout.name, offset + length <= filled else { return nil }

    let start = unsafe bytes.baseAddress!.advanced(by: offset + Layout.name)
      .assumingMemoryBound(to: UInt8.self)
    let capacity = length - Layout.name
    let count = unsafe hc_name_length(start, capacity)
    guard count > 0, count < capacity else { return nil }

    let isSelfOrParent =
      unsafe start[0] == UInt8(ascii: ".")
      && (count == 1 || (count == 2 && start[1] == UInt8(ascii: ".")))
    if !isSelfOrParent {
      let name = unsafe Span<UInt8>(_unsafeStart: start, count: count)
      let type = unsafe EntryType(rawType: UInt32(bytes[offset + Layout.type]))
      try unsafe body(
        name, type, bytes.loadUnaligned(fromByteOffset: offset + Layout.inode, as: UInt64.self))
    }
    return offset + length
  }

  /// Calls statx(2) for type, modification time and link count of one of the window's entries. Returns 0 or a negative errno.
  static func look(at name: Span<UInt8>, in descriptor: Int32, _ status: inout hc_stat) -> Int32 {
    unsafe name.withUnsafeBufferPointer { name in
      // The NUL after the name is part of the window.
      let terminated = unsafe UnsafeRawPointer(name.baseAddress!).assumingMemoryBound(to: CChar.self)
      return unsafe hc_statx_mtime(descriptor, terminated, &status)
    }
  }

  /// The type of an entry, from statx if the file system lists none. An entry that is gone stays unknown: it was listed, and
  /// whoever looks at it counts it as vanished.
  static func type(of name: Span<UInt8>, listed: EntryType, in descriptor: Int32) -> EntryType {
    guard listed == .unknown else { return listed }
    var status = hc_stat()
    return look(at: name, in: descriptor, &status) < 0 ? .unknown : FileStatus(status).type
  }
}
