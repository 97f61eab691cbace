internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The file systems that a tree is on: that of the capture, and those of the mounts and cold roots of its layout.
extension CaptureTree {
  /// A part of the capture's own file system that is mounted in the capture a second time is none.
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

  /// Whether a file that goes from one to the other has to be copied: no rename leads there.
  func isCopied(from: Site, to: Site) -> Bool {
    copiesFiles && layout.mount(of: from).flatMap { media[$0] } != layout.mount(of: to).flatMap { media[$0] }
  }

  /// Where something is not mounted any more that was when this was made: somebody may unmount it at any time, and what is in
  /// memory goes with whoever has it open last. Nil where all is as it was.
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

  /// Those besides the capture's own.
  func mountedFileSystems() throws(KernelError) -> [(path: FilePath, status: FileSystemStatus)] {
    var systems: [(path: FilePath, status: FileSystemStatus)] = []
    for (folder, medium) in zip(mounts, media) {
      guard let folder, medium != nil else { continue }
      systems.append((folder.directory.path, try folder.directory.fileSystem()))
    }
    return systems
  }

  /// Of a mount, or of the capture; also where a cold root is not there yet.
  func fileSystem(
    of mount: Int?, in capture: borrowing Directory
  ) throws(KernelError) -> (path: FilePath, status: FileSystemStatus) {
    guard let mount else { return (capture.path, try capture.fileSystem()) }
    let path = self.capture.reaching(layout.mounts[mount].path)
    if let folder = mounts[mount] { return (path, try folder.directory.fileSystem()) }
    return (path, try capture.fileSystem(ofMissing: layout.mounts[mount]))
  }

  /// Those of all tiers (syncfs(2)).
  func syncFileSystems() throws(KernelError) {
    for mount in [nil] + mounts.indices.filter({ mounts[$0] != nil }).map(Optional.init) {
      try withFileSystem(mount) { (root) throws(KernelError) in try root.syncFileSystem() }
    }
  }

  /// Gives the folder on whose file system something of the capture is to `body`, and its path below that: empty for the folder
  /// itself.
  func withRoot<Result>(
    ofPath path: String, _ body: (borrowing Directory, _ path: String) throws(KernelError) -> Result
  ) throws(KernelError) -> Result {
    let (mount, below) = layout.split(path)
    return try withFileSystem(mount) { (root) throws(KernelError) in try body(root, below) }
  }
}
