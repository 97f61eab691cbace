public import CaptureLayout
internal import KernelIO
public import SystemPackage

/// Finds the captures of a run, or of a service, whose cold root conflicts with another capture or its cold root. A conflict
/// within one capture is found when that is opened (`Layout.coldRootConflict`).
public struct ColdRootConflicts: Sendable {
  private var conflicts: [FilePath: ColdRootConflict] = [:]

  /// The conflict of a capture; nil if it has none. Of two captures in conflict, the one later in the list has it.
  public subscript(capture: FilePath) -> ColdRootConflict? { conflicts[capture] }

  private struct Folders {
    let capture: FilePath
    let roots: [FilePath]
    /// The identities of roots that exist: a disk mounted twice shows them under two paths.
    let identities: [FilePath: FolderIdentity]
  }

  /// Reads only. A capture that cannot be opened is skipped: its run will say why.
  public init(among captures: [FilePath], layout: (FilePath) -> Layout) {
    guard captures.contains(where: { layout($0).mounts.contains(where: \.isColdRoot) }) else { return }
    let all = captures.map { Self.folders(of: $0, layout($0)) }
    // For each path or folder, the first capture that has it.
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
        // One capture under two paths is no conflict: its lock keeps the runs apart.
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

  /// The resolved paths of a capture and its cold roots. For a root whose disk is not mounted, the path in the layout.
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

  /// Calls `body` for the folder itself and all its parents.
  private static func forEachAncestor(of path: FilePath, _ body: (FilePath) -> Void) {
    var path = path
    while !path.components.isEmpty {
      body(path)
      path.removeLastComponent()
    }
  }
}
