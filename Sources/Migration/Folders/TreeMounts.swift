internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The file systems of a tree: that of the capture, and those of the mounts and cold roots of its layout.
extension CaptureTree {
  /// Opens a mount or cold root. A bind mount of the capture's own file system does not count as a mount: throws ENODEV.
  static func openMount(
    _ mount: LayoutDescription.Mount, in capture: borrowing Directory
  ) throws(KernelError) -> OpenFolder? {
    guard let root = try capture.openTier(mount) else { return nil }
    if !mount.isColdRoot, try root.status().device == capture.status().device {
      throw KernelError(.mount, root.path, .operationNotSupportedByDevice)
    }
    return OpenFolder(root)
  }

  func medium(of mount: Int, _ capture: borrowing Directory) throws(KernelError) -> Int? {
    guard let root = mounts[mount] else { return mount }
    if try root.directory.isOnSameMount(as: capture) { return nil }
    for (index, other) in mounts[..<mount].enumerated() {
      if let other, try root.directory.isOnSameMount(as: other.directory) { return media[index] }
    }
    return mount
  }

  /// Whether a file must be copied to get from one folder to the other, since it cannot be renamed between them.
  func isCopied(from: Site, to: Site) -> Bool {
    copiesFiles && layout.mount(of: from).flatMap { media[$0] } != layout.mount(of: to).flatMap { media[$0] }
  }

  /// An error if a mount or cold root is no longer what it was when this tree was made: a user may unmount it at any time, and a
  /// tmpfs is lost once nobody has it open any more. Nil if nothing has changed.
  var lackOfMount: KernelError? {
    var lack: KernelError?
    withPlace(.root) { root in
      for (mount, folder) in zip(layout.mounts, mounts) {
        guard lack == nil, let folder else { continue }
        do throws(KernelError) {
          guard let now = try root.openTier(mount) else {
            throw KernelError(.mount, capture.reaching(mount.path), .replaced)
          }
          guard try now.status().folder == folder.directory.status().folder else {
            throw KernelError(.mount, capture.reaching(mount.path), .replaced)
          }
        } catch { lack = error }
      }
    }
    return lack
  }

  var mountsKeepInodes: Bool {
    get throws(KernelError) {
      for case let mount? in mounts where try !mount.directory.fileSystem().keepsInodes { return false }
      return true
    }
  }

  /// The file systems other than that of the capture.
  func mountedFileSystems() throws(KernelError) -> [(path: FilePath, status: FileSystemStatus)] {
    var systems: [(path: FilePath, status: FileSystemStatus)] = []
    for (folder, medium) in zip(mounts, media) {
      guard let folder, medium != nil else { continue }
      systems.append((folder.directory.path, try folder.directory.fileSystem()))
    }
    return systems
  }

  /// The path and file system of a mount, or of the capture for nil; works for a cold root that does not exist yet, too.
  func fileSystem(
    of mount: Int?, in capture: borrowing Directory
  ) throws(KernelError) -> (path: FilePath, status: FileSystemStatus) {
    guard let mount else { return (capture.path, try capture.fileSystem()) }
    let path = self.capture.reaching(layout.mounts[mount].path)
    if let folder = mounts[mount] { return (path, try folder.directory.fileSystem()) }
    return (path, try capture.fileSystem(ofMissing: layout.mounts[mount]))
  }

  /// Syncs the file systems of all tiers (syncfs(2)).
  func syncFileSystems() throws(KernelError) {
    for mount in [nil] + mounts.indices.filter({ mounts[$0] != nil }).map(Optional.init) {
      try withFileSystem(mount) { (root) throws(KernelError) in try root.syncFileSystem() }
    }
  }

  /// Gives `body` the root of the mount that a path of the layout is on, or the capture, and the rest of the path below that:
  /// empty for the root itself.
  func withRoot<Result>(
    ofPath path: String, _ body: (borrowing Directory, _ path: String) throws(KernelError) -> Result
  ) throws(KernelError) -> Result {
    let (mount, below) = layout.split(path)
    return try withFileSystem(mount) { (root) throws(KernelError) in try body(root, below) }
  }
}
