public import CaptureLayout
internal import KernelIO
public import SystemPackage

/// Which captures of a run, or of a service, have a cold root in the way of another capture or of its root. What is in the way of its own
/// capture is refused when that is opened.
public struct ColdRootConflicts: Sendable {
  private var conflicts: [FilePath: ColdRootConflict] = [:]

  /// Of two captures in each other's way, the one that comes later.
  public subscript(capture: FilePath) -> ColdRootConflict? { conflicts[capture] }

  private struct Folders {
    let capture: FilePath
    let roots: [FilePath]
    /// Of those that are there: a second mount of a disk shows them by another path.
    let identities: [FilePath: FolderIdentity]
  }

  /// Reads only. A capture that cannot be opened is passed over: its run says why.
  public init(among captures: [FilePath], layout: (FilePath) -> Layout) {
    guard captures.contains(where: { layout($0).mounts.contains(where: \.isColdRoot) }) else { return }
    let all = captures.map { Self.folders(of: $0, layout($0)) }
    // Each path with the first capture that has it.
    var captureAt: [FilePath: Int] = [:]
    var rootAt: [FilePath: Int] = [:]
    var folderAt: [FolderIdentity: (index: Int, path: FilePath)] = [:]
    for (index, folders) in all.enumerated() {
      guard let folders else { continue }
      if captureAt[folders.capture] == nil { captureAt[folders.capture] = index }
      for root in folders.roots where rootAt[root] == nil { rootAt[root] = index }
      for (path, folder) in folders.identities where folderAt[folder] == nil {
        folderAt[folder] = (index, path)
      }
    }
    for (index, folders) in all.enumerated() {
      guard let folders else { continue }
      func add(_ other: Int?, _ conflict: (Folders) -> ColdRootConflict?) {
        // One capture may be named by two paths: its own lock keeps the runs apart.
        guard let other, let others = all[other], others.capture != folders.capture,
          let conflict = conflict(others)
        else { return }
        let later = captures[max(index, other)]
        if conflicts[later] == nil { conflicts[later] = conflict }
      }
      for root in folders.roots {
        if let first = folders.identities[root].flatMap({ folderAt[$0] }) {
          add(first.index) {
            ColdRootConflict(root, of: folders.capture, isAlso: first.path, of: $0.capture)
          }
        }
        Self.forEachAncestor(of: root) { path in
          add(captureAt[path]) { _ in ColdRootConflict(root, of: folders.capture, path) }
          add(rootAt[path]) { ColdRootConflict(root, of: folders.capture, path, of: $0.capture) }
        }
      }
      Self.forEachAncestor(of: folders.capture) { path in
        add(rootAt[path]) { ColdRootConflict(path, of: $0.capture, folders.capture) }
      }
    }
  }

  /// Both without links; a root whose disk is not there by the path that the layout gives it.
  private static func folders(of path: FilePath, _ layout: Layout) -> Folders? {
    guard let capture = try? Directory.open(path), let resolved = try? capture.resolvedPath(),
      let placed = try? layout.placed(on: capture)
    else { return nil }
    var roots: [FilePath] = []
    var identities: [FilePath: FolderIdentity] = [:]
    for root in placed.coldRoots {
      let path = (try? capture.resolvedPath(of: root)) ?? FilePath(root.path)
      roots.append(path)
      if let folder = try? capture.openTier(root) { identities[path] = try? folder.status().folder }
    }
    return Folders(capture: resolved, roots: roots, identities: identities)
  }

  /// The folder itself, and those that it is in.
  private static func forEachAncestor(of path: FilePath, _ body: (FilePath) -> Void) {
    var path = path
    while !path.components.isEmpty {
      body(path)
      path.removeLastComponent()
    }
  }
}
