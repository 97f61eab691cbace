import Glibc

/// What must hold after any fault. Each function returns the violations.
public enum Invariants {
  /// Nothing is lost, duplicated, changed or left behind.
  ///
  /// - I1, I2: every file exists once, with its name, inode, content, size, mtime, mode, owner, group and extended
  ///   attributes.
  /// - I4: nothing is new but the folders of the layout.
  ///
  /// The summary counts what was checked, and what was lost or overwritten, unless a mover is broken on purpose.
  public static func violations(
    before: Snapshot, after: Snapshot, isOnPurpose: Bool = false
  ) -> [String] {
    var found: [String] = []
    let old = inventory(before)
    let new = inventory(after)
    var lost = 0
    for (file, count) in old where new[file, default: 0] != count {
      found.append("\(file.name): there \(count) times before, \(new[file, default: 0]) times after")
      if new[file] == nil { lost += 1 }
    }
    for (file, count) in new where old[file] == nil {
      found.append("\(file.name): not there before, \(count) times after")
    }
    for path in after.entries.keys where after.entries[path]!.isFolder && before.entries[path] == nil {
      if !isOfLayout(path) { found.append("\(path): an unexpected folder") }
    }
    for (path, entry) in before.entries where !entry.isFile && after.entries[path] != entry {
      found.append("\(path): a folder or other entry has changed")
    }
    if !isOnPurpose {
      Figures.add("trees compared, file by file")
      Figures.add("files compared", old.count)
      Figures.add("lost files", lost)
      Figures.add("overwritten files", overwrittenCount(before, after))
    }
    return found.sorted()
  }

  /// Files whose path now has another inode, and whose own inode no longer exists.
  private static func overwrittenCount(_ before: Snapshot, _ after: Snapshot) -> Int {
    let files = after.files
    let inodes = Set(files.values.map(\.inode))
    return before.files.count { path, entry in
      files[path].map { $0.inode != entry.inode } ?? false && !inodes.contains(entry.inode)
    }
  }

  private struct NamedFile: Hashable {
    let name: Bytes
    let entry: Snapshot.Entry
  }

  /// How often each file exists, by its name and everything that a move must keep.
  private static func inventory(_ snapshot: Snapshot) -> [NamedFile: Int] {
    snapshot.files.reduce(into: [:]) { $0[NamedFile(name: $1.key.name, entry: $1.value), default: 0] += 1 }
  }

  private static func isOfLayout(_ path: Bytes) -> Bool {
    let kinds = ["segments", "captures", "thumbnails", "metadata"]
    return kinds.contains { kind in
      path == Bytes(kind) || (0..<24).contains { path == Bytes("\(kind)/\($0)") }
    }
  }

  /// The playlists of each hour folder together list the segments of that folder, each once, and nothing else.
  public static func playlistViolations(_ snapshot: Snapshot) -> [String] {
    (0..<24).compactMap { hour in
      let folder = Bytes("segments/\(hour)")
      let there = snapshot.paths.filter {
        $0.folder == folder && $0.name.bytes.starts(with: "segment_".utf8)
          && $0.name.bytes.suffix(3) == Array(".ts".utf8)[...]
      }
      let listed = snapshot.manifests.filter { $0.key.folder == folder }.values.joined()
        .split(separator: UInt8(ascii: "\n"))
        .filter { $0.first != UInt8(ascii: "#") }.map { Bytes(Array($0)) }
      return Set(listed) == Set(there.map(\.name)) && listed.count == there.count
        ? nil : "\(folder): lists \(listed), holds \(there.map(\.name))"
    }
  }

  /// The number of files whose path has changed.
  public static func movedCount(before: Snapshot, after: Snapshot) -> Int {
    before.paths.subtracting(after.paths).count
  }
}

/// A capture and a canary next to it with the same names, watched together.
public struct WatchedCapture: Sendable {
  public let path: String
  public let before: Snapshot
  private let canary: String
  private let canaryTimes: [Bytes: [Int]]

  /// Watches an existing capture; its canary is made now.
  public init(_ path: String) throws {
    self.path = path
    canary = path + "-canary"
    try Shell.must(["cp", "-a", "--sparse=never", path, canary])
    before = try Snapshot(path)
    canaryTimes = try Snapshot(canary).changeTimes
  }

  /// I1, I2 and I4 for the capture; I5: the canary is unchanged, change times included; I6: the report of the run, if there is
  /// one, has the right number of moved files; I8: two snapshots, a second apart, are equal, so nothing is still at work.
  public func violations(report: JSON? = nil, settlesFor seconds: UInt32 = 1) throws -> [String] {
    let after = try Snapshot(path)
    var found = Invariants.violations(before: before, after: after)
    if let report {
      let playlists = report["captures", 0, "livePlaylist"].string == "moved" ? 1 : 0
      let moved = Invariants.movedCount(before: before, after: after) - playlists
      let reported = report["captures", 0, "total", "moved"].int
      if reported != moved { found.append("\(moved) files were moved, not \(reported ?? -1) as reported") }
    }
    if try Snapshot(canary).changeTimes != canaryTimes { found.append("the canary was touched") }
    sleep(seconds)
    if try Snapshot(path).changeTimes != after.changeTimes { found.append("still at work after it returned") }
    return found
  }
}
