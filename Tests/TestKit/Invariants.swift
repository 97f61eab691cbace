/// What must hold after any fault, whatever it was. Says what does not.
public enum Invariants {
  /// Nothing is lost, doubled, changed or left behind.
  ///
  /// - I1, I2: every file is there once, with its name, inode, content, size, mtime, mode, owner and group.
  /// - I4: nothing new but the folders of the layout.
  public static func violations(before: Snapshot, after: Snapshot) -> [String] {
    var found: [String] = []
    let old = census(before)
    let new = census(after)
    for (file, count) in old where new[file, default: 0] != count {
      found.append("\(file.name): there \(count) times before, \(new[file, default: 0]) times after")
    }
    for (file, count) in new where old[file] == nil {
      found.append("\(file.name): not there before, \(count) times after")
    }
    for path in after.entries.keys where after.entries[path]!.isFolder && before.entries[path] == nil {
      if !isOfLayout(path) { found.append("\(path): a folder that nobody planned") }
    }
    for (path, entry) in before.entries where !entry.isFile && after.entries[path] != entry {
      found.append("\(path): a folder or other entry has changed")
    }
    return found.sorted()
  }

  private struct NamedFile: Hashable {
    let name: Bytes
    let entry: Snapshot.Entry
  }

  /// How often each file is there, by its name and everything that a move must keep.
  private static func census(_ snapshot: Snapshot) -> [NamedFile: Int] {
    snapshot.files.reduce(into: [:]) { $0[NamedFile(name: $1.key.name, entry: $1.value), default: 0] += 1 }
  }

  private static func isOfLayout(_ path: Bytes) -> Bool {
    let kinds = ["segments", "captures", "thumbnails", "metadata"]
    return kinds.contains { kind in
      path == Bytes(kind) || (0..<24).contains { path == Bytes("\(kind)/\($0)") }
    }
  }

  /// How many files are at another path than before.
  public static func movedCount(before: Snapshot, after: Snapshot) -> Int {
    before.paths.subtracting(after.paths).count
  }
}
