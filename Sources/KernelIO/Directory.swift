internal import CLiburing
internal import Synchronization
public import SystemPackage

/// Decides which descriptors may be closed.
///
/// A request in a ring names its folders by descriptor number, which the kernel resolves when it executes the request. If it is
/// unknown whether all requests have been executed (`Ring.isLost`), no folder that was open then is ever closed: its number
/// must not be reused for another folder.
enum DescriptorEpoch {
  private static let value = Atomic<Int>(0)

  static var current: Int { value.load(ordering: .relaxed) }
  static func end() { value.add(1, ordering: .relaxed) }
}

/// An open folder. Every path operation of hotcold is on one name relative to such a folder (a "dirfd").
///
/// Owns its descriptor and closes it. Sub-folders are opened beneath it, never through a link, and never on
/// another mount (openat2(2)).
public struct Directory: ~Copyable, Sendable {
  /// Valid as long as this value exists. A plain number, so that batches of renames can hold it.
  public let descriptor: Int32
  /// For messages only: the descriptor identifies the folder.
  public var path: FilePath { place.path }
  let place: FolderPath
  private let epoch = DescriptorEpoch.current

  private init(descriptor: Int32, place: FolderPath) {
    self.descriptor = descriptor
    self.place = place
  }

  deinit {
    if epoch == DescriptorEpoch.current { hc_close(descriptor) }
  }

  /// Opens the folder that a user named, following links on the way there.
  public static func open(_ path: FilePath) throws(KernelError) -> Directory {
    let descriptor = unsafe path.withPlatformString { unsafe hc_open_path($0) }
    return Directory(descriptor: try KernelError.check(descriptor, .open, path), place: .named(path))
  }

  /// Opens a folder for listing that is already open, perhaps only with O_PATH.
  init(reopening descriptor: Int32, place: FolderPath) throws(KernelError) {
    self.init(
      descriptor: try KernelError.check(unsafe hc_open_folder(descriptor, "."), .open, place.path),
      place: place)
  }

  /// Opens the same folder on another descriptor.
  public func reopened() throws(KernelError) -> Directory {
    try Directory(reopening: descriptor, place: place)
  }

  /// Opens the folder that a user named; makes it first if only its last component is missing.
  public static func openOrMake(_ path: FilePath) throws(KernelError) -> Directory {
    let result = unsafe path.withPlatformString { unsafe hc_mkdir_path($0, 0o755) }
    if result < 0, Errno(shim: result) != .fileExists {
      throw KernelError(.makeFolder, path, Errno(shim: result))
    }
    return try open(path)
  }

  /// Opens the sub-folder `name`.
  ///
  /// - Throws: `ELOOP` if it is a link, `ENOTDIR` if it is a file, `EXDEV` if it is on another mount.
  public func openFolder(_ name: String) throws(KernelError) -> Directory {
    let descriptor = try KernelError.check(
      unsafe hc_open_folder(self.descriptor, name), .open, path.appending(name))
    return Directory(descriptor: descriptor, place: .below(place, name))
  }

  /// Opens the file system that is mounted on a folder below this one.
  ///
  /// - Parameters:
  ///   - name: a path below this folder.
  ///   - type: the required type (`FileSystemStatus.name`); nil for any.
  ///   - uuid: the required UUID; nil for any.
  /// - Throws: `ENODEV` if nothing is mounted there; `EMEDIUMTYPE`, `ENOMEDIUM`, `ENODATA` as by `check`.
  public func openMount(_ name: String, type: String?, uuid: String? = nil) throws(KernelError) -> Directory {
    let relative = FilePath(name)
    let parent = relative.removingLastComponent()
    let component = relative.lastComponent?.string ?? name
    let folder: Directory
    do throws(KernelError) {
      folder = parent.isEmpty ? try reopened() : try openFolder(parent.string)
    } catch { throw KernelError(.mount, path.appending(name), error.errno) }
    let descriptor = try KernelError.check(
      unsafe hc_open_mount(folder.descriptor, component), .mount, path.appending(name))
    let mount = Directory(descriptor: descriptor, place: .below(place, name))
    try mount.check(type: type, uuid: uuid)
    return mount
  }

  // MARK: status

  /// The status of this folder.
  public func status() throws(KernelError) -> FileStatus { try status(of: "") }

  /// The status of an entry; nil if there is no such entry. Links are not followed.
  public func statusIfThere(_ name: String) throws(KernelError) -> FileStatus? {
    do throws(KernelError) { return try status(of: name) } catch {
      guard error.errno != .noSuchFileOrDirectory else { return nil }
      throw error
    }
  }

  /// The status of an entry, or of this folder if `name` is empty. Links are not followed.
  public func status(of name: String) throws(KernelError) -> FileStatus {
    var raw = hc_stat()
    try KernelError.check(
      unsafe hc_statx(descriptor, name, &raw), .stat, name.isEmpty ? path : path.appending(name))
    return FileStatus(raw)
  }

  /// The type and modification time of an entry, or the errno. The call that is made for each file, so it asks for
  /// nothing else.
  public func modification(of name: Span<UInt8>) throws(Errno) -> FileStatus {
    var raw = hc_stat()
    let result = unsafe withTerminated(name) { unsafe hc_statx_mtime(descriptor, $0, &raw) }
    guard result >= 0 else { throw Errno(shim: result) }
    return FileStatus(raw)
  }

  /// The complete status of an entry, or the errno. Links are not followed.
  public func status(ofEntry name: Span<UInt8>) throws(Errno) -> FileStatus {
    var raw = hc_stat()
    let result = unsafe withTerminated(name) { unsafe hc_statx(descriptor, $0, &raw) }
    guard result >= 0 else { throw Errno(shim: result) }
    return FileStatus(raw)
  }

  /// As `modification`, for an entry that was listed: nil if it has gone since.
  public func modificationIfThere(_ name: Span<UInt8>) throws(KernelError) -> FileStatus? {
    do throws(Errno) { return try modification(of: name) } catch {
      guard error != .noSuchFileOrDirectory else { return nil }
      throw KernelError(.stat, path.appending(bytes: name.indices.map { name[$0] }), error)
    }
  }

  /// The file system that this folder is on.
  public func fileSystem() throws(KernelError) -> FileSystemStatus {
    var raw = hc_file_system()
    try KernelError.check(unsafe hc_statfs(descriptor, &raw), .fileSystem, path)
    return FileSystemStatus(raw)
  }

  /// Throws unless this process may add and remove entries here.
  public func checkWritable() throws(KernelError) {
    try KernelError.check(hc_check_writable(descriptor), .access, path)
  }

  // MARK: changes

  /// Makes a sub-folder, which must not exist (mkdirat(2)). The umask applies to `mode`.
  public func makeFolder(_ name: String, mode: UInt32) throws(KernelError) {
    try KernelError.check(
      unsafe hc_mkdirat(descriptor, name, mode), .makeFolder, path.appending(name))
  }

  /// Gives this folder the owner, group and permission bits of `model`, changing only what differs. If this process may not
  /// change the owner (chown(2): EPERM), only the group is changed, if that is permitted.
  public func takeAttributes(of model: FileStatus) throws(KernelError) {
    let own = try status()
    if own.owner != model.owner || own.group != model.group {
      try Self.giveAway(descriptor, to: model, path)
    }
    // chown(2) clears setgid, so the bits come second.
    if try status().mode != model.mode {
      try KernelError.check(hc_fchmod(descriptor, model.mode), .changeMode, path)
    }
  }

  /// Changes owner and group as far as this process may.
  static func giveAway(
    _ descriptor: Int32, to model: FileStatus, _ path: @autoclosure () -> FilePath
  ) throws(KernelError) {
    // chown(2): an owner of -1 is left as it is.
    let sameOwner = UInt32.max
    for owner in [model.owner, sameOwner] {
      let result = hc_fchown(descriptor, owner, model.group)
      if result >= 0 { return }
      guard Errno(shim: result) == .notPermitted else {
        try KernelError.check(result, .changeOwner, path())
        return
      }
    }
  }

  /// Renames one of hotcold's own files in this folder, replacing a file that has the new name. If that fails, the file is
  /// removed.
  public func renameFile(_ name: String, replacing other: String) throws(KernelError) {
    do throws(KernelError) {
      try KernelError.check(
        unsafe hc_rename_replacing(descriptor, name, other), .rename, path.appending(other))
    } catch {
      try? removeFile(name)
      throw error
    }
  }

  /// Removes a file. It is not an error if there is none.
  public func removeFile(_ name: String) throws(KernelError) {
    let result = unsafe hc_unlink(descriptor, name)
    if result < 0, Errno(shim: result) == .noSuchFileOrDirectory { return }
    try KernelError.check(result, .remove, path.appending(name))
  }

  /// Removes a folder if it is empty. Returns whether it was removed.
  public func removeFolder(_ name: String) throws(KernelError) -> Bool {
    let result = unsafe hc_rmdir(descriptor, name)
    guard result < 0 else { return true }
    if [.directoryNotEmpty, .fileExists, .noSuchFileOrDirectory].contains(Errno(shim: result)) {
      return false
    }
    throw KernelError(.remove, path.appending(name), Errno(shim: result))
  }

  /// Makes everything written so far on this file system survive a power cut (syncfs(2)). Throws if the kernel had an
  /// error while writing (reported since Linux 5.8).
  public func syncFileSystem() throws(KernelError) {
    try KernelError.check(Heartbeat.waiting { hc_syncfs(descriptor) }, .sync, path)
  }

  /// Makes the content of a file survive a power cut (fsync(2)).
  public func syncFile(_ name: String) throws(KernelError) {
    let filePath = { [place] in place.path.appending(name) }
    let file = try KernelError.check(unsafe hc_open_file(descriptor, name), .open, filePath())
    defer { hc_close(file) }
    try KernelError.check(Heartbeat.waiting { hc_fsync(file) }, .syncFile, filePath())
  }

  /// Makes the names in this folder survive a power cut (fsync(2)).
  public func syncNames() throws(KernelError) {
    try KernelError.check(Heartbeat.waiting { hc_fsync(descriptor) }, .syncFile, path)
  }

  // MARK: reading

  /// Reads the whole of a small regular file.
  ///
  /// - Throws: `EFBIG` above `limit` bytes, `EINVAL` if it is not a regular file.
  public func readFile(_ name: String, limit: Int) throws(KernelError) -> [UInt8] {
    let filePath = { [place] in place.path.appending(name) }
    let file = try KernelError.check(unsafe hc_open_file(descriptor, name), .open, filePath())
    defer { hc_close(file) }
    return try readAll(from: file, limit: limit, filePath)
  }

  /// The first bytes of a regular file, or the errno.
  public func beginning(of name: Span<UInt8>, bytesMax: Int) throws(Errno) -> [UInt8] {
    try Name.beginning(of: name, in: descriptor, bytesMax: bytesMax)
  }

  /// The status of the regular file that a link leads to; nil if the name is no link, or leads to none.
  public func statusOfTarget(ofLink name: String) throws(KernelError) -> FileStatus? {
    guard try statusIfThere(name)?.type == .link else { return nil }
    let file = unsafe hc_open_linked(descriptor, name)
    defer { if file >= 0 { hc_close(file) } }
    do throws(KernelError) {
      try KernelError.check(file, .open, path.appending(name))
      var raw = hc_stat()
      try KernelError.check(unsafe hc_statx(file, "", &raw), .stat, path.appending(name))
      return FileStatus(raw)
    } catch {
      let leadsToNone: [Errno] = [
        .noSuchFileOrDirectory, .notDirectory, .tooManySymbolicLinkLevels, .invalidArgument,
        .noSuchAddressOrDevice,
      ]
      if leadsToNone.contains(error.errno) { return nil }
      throw error
    }
  }

  /// Passes a regular file to `body` in chunks; otherwise as `readFile`.
  ///
  /// - Parameter followsLinks: whether the name may also be a link that leads to one.
  public func readFile(
    _ name: String, followsLinks: Bool = false, limit: Int, _ body: (Span<UInt8>) -> Void
  ) throws(KernelError) {
    let filePath = { [place] in place.path.appending(name) }
    let file = try KernelError.check(
      unsafe followsLinks ? hc_open_linked(descriptor, name) : hc_open_file(descriptor, name), .open,
      filePath())
    defer { hc_close(file) }
    try readChunks(from: file, limit: limit, filePath, body)
  }
}

/// Calls `body` with the NUL-terminated bytes of a name, without allocating. Names longer than NAME_MAX cannot
/// exist; they are truncated to a length that the kernel still refuses.
func withTerminated<Result>(
  _ name: Span<UInt8>, _ body: (UnsafePointer<CChar>) -> Result
) -> Result {
  let longest = 256
  return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: longest + 1) { buffer in
    let count = min(name.count, longest)
    for index in 0..<count { unsafe buffer[index] = CChar(truncatingIfNeeded: name[index]) }
    unsafe buffer[count] = 0
    return unsafe body(buffer.baseAddress!)
  }
}

extension Name {
  /// The first bytes of a regular file in the folder `dirfd`, or the errno.
  public static func beginning(of name: Span<UInt8>, in dirfd: Int32, bytesMax: Int) throws(Errno) -> [UInt8]
  {
    let file = unsafe withTerminated(name) { unsafe hc_open_file(dirfd, $0) }
    guard file >= 0 else { throw Errno(shim: file) }
    defer { hc_close(file) }
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    let count = unsafe hc_read(file, &bytes, bytesMax)
    guard count >= 0 else { throw Errno(shim: count) }
    bytes.removeLast(bytesMax - Int(count))
    return bytes
  }
}
