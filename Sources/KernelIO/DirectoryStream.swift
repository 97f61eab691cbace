internal import CLiburing
internal import SystemPackage

/// What `getdents64` says an entry is (`d_type`, readdir(3)).
public enum EntryType: Sendable {
  case regular, directory, link, other
  /// The file system does not store types in its folders (`mkfs.ext4 -O ^filetype`): statx decides.
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
@safe public struct DirectoryStream: ~Copyable {
  /// 64 KiB hold some 1,200 entries of a capture. Larger windows measured no gain.
  public static let windowBytes = 64 << 10

  private let descriptor: Int32
  private let path: FilePath
  private let window: UnsafeMutableRawBufferPointer

  /// Opens the stream on a file description of its own, so that it always starts at the beginning.
  public init(of directory: borrowing Directory) throws(KernelError) {
    path = directory.path
    descriptor = try KernelError.check(
      unsafe hc_open_folder(directory.descriptor, "."), .open, directory.path)
    unsafe window = UnsafeMutableRawBufferPointer.allocate(
      byteCount: Self.windowBytes, alignment: 8)
  }

  deinit {
    unsafe window.deallocate()
    hc_close(descriptor)
  }

  /// Reads the next window and gives each of its entries to `body`. Returns false at the end of the folder.
  public mutating func nextWindow<Failure>(
    _ body: (borrowing DirectoryEntry) throws(Failure) -> Void
  ) throws(DirectoryStreamError<Failure>) -> Bool {
    let filled = unsafe hc_getdents64(descriptor, window.baseAddress, window.count)
    guard filled >= 0 else { throw .kernel(KernelError(.list, path, Errno(shim: filled))) }
    var offset = 0
    while offset < Int(filled) {
      offset = try emitEntry(at: offset, filled: Int(filled), body)
    }
    return filled > 0
  }

  /// `struct linux_dirent64` (getdents64(2)): the one place where its layout and bounds are known.
  private enum Layout {
    static let inode = 0, recordLength = 16, type = 18, name = 19
  }

  private func emitEntry<Failure>(
    at offset: Int, filled: Int, _ body: (borrowing DirectoryEntry) throws(Failure) -> Void
  ) throws(DirectoryStreamError<Failure>) -> Int {
    let malformed = DirectoryStreamError<Failure>.kernel(KernelError(.list, path, .ioError))
    guard offset + Layout.name < filled else { throw malformed }
    let length = unsafe Int(
      window.loadUnaligned(fromByteOffset: offset + Layout.recordLength, as: UInt16.self))
    guard length > Layout.name, offset + length <= filled else { throw malformed }

    let start = unsafe window.baseAddress!.advanced(by: offset + Layout.name)
      .assumingMemoryBound(to: UInt8.self)
    let capacity = length - Layout.name
    var count = 0
    while count < capacity, unsafe start[count] != 0 { count += 1 }
    guard count > 0, count < capacity else { throw malformed }

    let isSelfOrParent =
      unsafe start[0] == UInt8(ascii: ".")
      && (count == 1 || (count == 2 && start[1] == UInt8(ascii: ".")))
    if !isSelfOrParent {
      let entry = unsafe DirectoryEntry(
        name: Span(_unsafeStart: start, count: count),
        type: EntryType(rawType: UInt32(window[offset + Layout.type])),
        inode: window.loadUnaligned(fromByteOffset: offset + Layout.inode, as: UInt64.self))
      do throws(Failure) { try body(entry) } catch { throw .body(error) }
    }
    return offset + length
  }
}

/// Either the listing failed, or what was done with an entry did.
public enum DirectoryStreamError<Failure: Error>: Error {
  case kernel(KernelError)
  case body(Failure)
}
