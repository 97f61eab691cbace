internal import CaptureLayout
internal import KernelIO

/// Finds files of the layout's kinds where another layout has its hot files: they would be ignored, and a recorder that continues
/// with the next numbers would overwrite them. It looks in
///
/// - mount points that the layout does not know, and at most two folders below them;
/// - folders `hot/NAME`, where NAME is that of a kind or of one of its own folders.
struct OtherTier {
  private static let hotFolder = "hot"
  private static let depthMax = 2

  private let layout: Layout

  init(_ layout: Layout) { self.layout = layout }

  /// The first such folder, as a path below `directory`: the unknown folder `name` itself, or one directly in it or below.
  func first(in directory: borrowing Directory, _ name: String) throws(KernelError) -> String? {
    if let path = try mounted(directory, name) { return path }
    guard let folder = try directory.folder(name, isBucket: false),
      try folder.directory.mayHaveSubfolders(), let inner = try folder.directory.foldersUnlessClosed()
    else { return nil }
    for innerName in inner {
      if let path = try mounted(folder.directory, innerName) { return "\(name)/\(path)" }
      guard name == Self.hotFolder, names.contains(innerName),
        try holdsFile(folder.directory, innerName)
      else { continue }
      return "\(name)/\(innerName)"
    }
    return nil
  }

  private var names: Set<String> {
    var names: Set<String> = []
    for kind in layout.kinds {
      names.insert(layout.name(of: kind))
      for place in [layout[kind].flat, layout[kind].hot, layout.coldPlace(of: kind)] {
        if let last = layout.path(of: place).split(separator: "/").last { names.insert(String(last)) }
      }
    }
    return names
  }

  private func holdsFile(_ directory: borrowing Directory, _ name: String) throws(KernelError) -> Bool {
    guard let folder = try directory.folder(name, isBucket: false) else { return false }
    return try holdsFile(folder.directory, depth: Self.depthMax) != nil
  }

  private func mounted(_ directory: borrowing Directory, _ name: String) throws(KernelError) -> String? {
    guard let mount = try? directory.openMount(name, type: nil),
      let path = try holdsFile(mount, depth: 0)
    else { return nil }
    return path.isEmpty ? name : "\(name)/\(path)"
  }

  /// The path of the first folder with such a file, below this one; empty for this one, nil if there is none.
  private func holdsFile(_ directory: borrowing Directory, depth: Int) throws(KernelError) -> String? {
    guard let folders = try directory.foldersUnlessClosed() else { return nil }
    if try directory.holdsFile(of: layout.kinds, layout) { return "" }
    guard depth < Self.depthMax else { return nil }
    for name in folders {
      guard let folder = try directory.folder(name, isBucket: false),
        let path = try holdsFile(folder.directory, depth: depth + 1)
      else { continue }
      return path.isEmpty ? name : "\(name)/\(path)"
    }
    return nil
  }
}
