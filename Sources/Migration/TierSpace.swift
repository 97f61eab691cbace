internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// The space needed by hot files that are to be copied to the file systems of the hot places, checked before any is copied.
struct TierSpace {
  private struct Need {
    var bytes: UInt64 = 0
    var files: UInt64 = 0
  }
  /// The space that the smallest file takes on most file systems.
  private static let blockBytes: UInt64 = 4096

  private let tree: CaptureTree
  /// Needs by mount; nil is the file system of the capture.
  private var needs: [Int?: Need] = [:]

  init(of settler: borrowing Settler, _ tree: CaptureTree) {
    self.tree = tree
    guard tree.copiesFiles else { return }
    settler.forEachHot { name, facts in
      let hot = tree.layout[facts.kind].hot
      guard !facts.isInHotPlace, tree.isCopied(from: .place(facts.place), to: .place(hot)),
        let status = try? Name.status(of: name, in: tree.dirfd(of: facts.place))
      else { return }
      let mount = tree.layout.mount(of: hot)
      needs[mount, default: Need()].files += 1
      needs[mount]!.bytes &+= max(status.size, Self.blockBytes)
    }
  }

  /// Throws ENOSPC if there is too little space.
  func check() throws(KernelError) {
    for (mount, need) in needs {
      let free = try tree.withFileSystem(mount) { (root) throws(KernelError) in try root.fileSystem() }
      guard !free.hasRoom(bytes: need.bytes, files: need.files) else { continue }
      let path = mount.map { tree.capture.reaching(tree.layout.mounts[$0].path) }
      throw KernelError(.create, path ?? tree.capture, .noSpace)
    }
  }
}
