internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The folder in which a benchmark makes its captures, below the one that the user named. It is locked while in use, so that the
/// next benchmark recognises one left by a killed run, and removes it.
///
/// Its name begins with a dot, so patterns such as `/srv/*` in a list of captures do not match it.
struct BenchFolder: ~Copyable {
  private static let prefix = ".hotcold-bench-"

  let directory: Directory
  private let parent: Directory
  private let name: String
  private let lock: FolderLock
  var capture: FilePath { directory.path.appending(Self.captureName) }

  static let captureName = "capture"
  private static let probes = ["probe", "taken"]

  init(in path: FilePath) throws(KernelError) {
    let parent = try Directory.open(path)
    let name = Self.prefix + String(UInt64.random(in: (1 << 60)...UInt64.max), radix: 16)
    try parent.makeFolder(name, mode: 0o700)
    let directory = try parent.openFolder(name)
    guard let lock = try FolderLock.acquire(directory),
      // Before it was locked, another benchmark may have removed it, taking it for that of a killed run.
      try parent.statusIfThere(name)?.inode == directory.status().inode
    else { throw KernelError(.lock, directory.path, .wouldBlock) }
    self.parent = parent
    self.name = name
    self.directory = directory
    self.lock = lock
  }

  /// Whether renames here can refuse to replace (renameat2(2): EINVAL if the file system has no RENAME_NOREPLACE).
  func refusesToReplace() throws(KernelError) -> Bool {
    let names = Self.probes
    for name in names {
      try directory.createFile(name, contents: [UInt8]().span, modifiedSeconds: 0, modifiedNanoseconds: 0)
    }
    let own = directory.descriptor
    let (probe, taken) = (Array(names[0].utf8), Array(names[1].utf8))
    let outcome = Name.rename(probe.span, from: own, to: own, as: taken.span)
    for name in names { try directory.removeFile(name) }
    return outcome == .failed(.fileExists)
  }

  /// Removes the capture and the folder itself.
  consuming func remove() throws(KernelError) {
    try removeCapture()
    guard try parent.removeFolder(name) else {
      throw KernelError(.remove, directory.path, .directoryNotEmpty)
    }
  }

  /// Removes the capture, so that the next one can be made.
  func removeCapture() throws(KernelError) {
    guard try directory.statusIfThere(Self.captureName) != nil else { return }
    try Self.removeContents(of: try directory.openFolder(Self.captureName))
    guard try directory.removeFolder(Self.captureName) else {
      throw KernelError(.remove, capture, .directoryNotEmpty)
    }
  }

  // MARK: leftovers of killed runs

  /// Removes the folders left by killed runs. Returns those that stay, because they contain something that no benchmark made,
  /// or could not be removed.
  static func removeLeftovers(in path: FilePath) throws(KernelError) -> [FilePath] {
    let parent = try Directory.open(path)
    var names: [String] = []
    var stream = try DirectoryStream(of: parent)
    while try stream.nextWindow({ entry throws(KernelError) in
      let text = String(decoding: Array(copying: entry.name), as: UTF8.self)
      if entry.type == .directory, isOwn(text) { names.append(text) }
    }) {}
    var left: [FilePath] = []
    for name in names {
      do throws(KernelError) {
        let folder = try parent.openFolder(name)
        guard try folder.status().owner == CurrentProcess.effectiveUser,
          let lock = try FolderLock.attemptOnce(folder)
        else { continue }
        try removeOwn(in: folder)
        if try !parent.removeFolder(name) { left.append(path.appending(name)) }
        extendLifetime(lock)
      } catch { left.append(path.appending(name)) }
    }
    return left
  }

  /// Removes what a benchmark makes, and nothing else.
  private static func removeOwn(in folder: borrowing Directory) throws(KernelError) {
    for name in probes where mayGo(Array(name.utf8).span, in: folder) { try folder.removeFile(name) }
    guard try folder.statusIfThere(captureName)?.type == .directory else { return }
    try removeContents(of: try folder.openFolder(captureName))
    _ = try folder.removeFolder(captureName)
  }

  private static func isOwn(_ name: String) -> Bool {
    name.hasPrefix(prefix) && name.utf8.count == prefix.utf8.count + 16
      && name.dropFirst(prefix.count).allSatisfy(\.isHexDigit)
  }

  /// Removes only empty files, as all files of a sample are, and playlists.
  private static func removeContents(of folder: borrowing Directory) throws(KernelError) {
    var folders: [String] = []
    var stream = try DirectoryStream(of: folder)
    while try stream.nextWindow({ entry throws(KernelError) in
      let name = entry.name
      if entry.type == .directory {
        folders.append(String(decoding: Array(copying: name), as: UTF8.self))
      } else if mayGo(name, in: folder) {
        _ = Name.unlink(name, in: folder.descriptor)
      }
    }) {}
    for name in folders {
      try removeContents(of: try folder.openFolder(name))
      _ = try folder.removeFolder(name)
    }
  }

  private static func mayGo(_ name: Span<UInt8>, in folder: borrowing Directory) -> Bool {
    guard let status = try? folder.status(ofEntry: name), status.type == .regular else { return false }
    if status.size == 0 || name.isEqual(to: Layout.guide.stream?.playlist ?? "") { return true }
    // Including one that was being written.
    let written = TemporaryName.nameOfWritten(name) ?? name.indices
    return FileName.isArchivePlaylist(name.extracting(written))
  }
}
