internal import CaptureLayout
internal import KernelIO
internal import SystemPackage

/// What hot files take that are to be copied to the file systems of the hot places: asked before any is.
struct TierSpace {
  private struct Need {
    var bytes: UInt64 = 0
    var files: UInt64 = 0
  }
  /// Of most file systems: what the smallest file takes.
  private static let blockBytes: UInt64 = 4096

  private let tree: CaptureTree
  /// By mount; nil is the file system of the capture.
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

  /// Throws ENOSPC where there is too little room.
  func check() throws(KernelError) {
    for (mount, need) in needs {
      let free = try tree.withFileSystem(mount) { (root) throws(KernelError) in try root.fileSystem() }
      guard !free.hasRoom(bytes: need.bytes, files: need.files) else { continue }
      let path = mount.map { tree.capture.reaching(tree.layout.mounts[$0].path) }
      throw KernelError(.create, path ?? tree.capture, .noSpace)
    }
  }
}
