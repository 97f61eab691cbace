import Foundation
import TestKit
import Testing

/// A disk with captures, and one for what is cold.
final class ColdDisks {
  let hot: MountedFileSystem
  let cold: MountedFileSystem
  let layouts: Folder
  var capture: String { hot.path + "/camera1" }
  var root: String { cold.path + "/camera1" }

  init(
    _ hotType: String = "ext4", _ coldType: String = "ext4", megabytes: (hot: Int, cold: Int) = (320, 320)
  ) throws {
    hot = try MountedFileSystem(hotType, megabytes: megabytes.hot)
    cold = try MountedFileSystem(coldType, megabytes: megabytes.cold)
    layouts = try Folder()
  }

  /// Copied with its times, and old enough to be copied again.
  func fill(_ name: String = "camera1", from folder: String) throws {
    try Shell.must(["mkdir", "-p", hot.path + "/" + name])
    try Shell.must(["cp", "-a", folder + "/.", hot.path + "/" + name])
    usleep(30_000)
  }

  /// A layout file: one that is installed, with the keys of `cold`.
  func layout(_ keys: [String], of name: String = "guide") throws -> String {
    let text = (["cold:"] + keys.map { "  \($0)" }).joined(separator: "\n")
    return try LayoutFile.edited([("\nkinds:\n", "\n\(text)\nkinds:\n")], of: name, in: layouts)
  }

  /// That of most tests: a root that hotcold may make.
  func declared(_ more: [String] = [], of name: String = "guide") throws -> String {
    try layout(["root: \"\(cold.path)/{capture}\"", "mount: \(cold.path)"] + more, of: name)
  }

  /// By name: what every file must keep, wherever it is. A copy has an inode number of its own.
  func contents() throws -> [Bytes: Set<Snapshot.Entry>] {
    var contents: [Bytes: Set<Snapshot.Entry>] = [:]
    for disk in [hot, cold] {
      for file in try Snapshot(disk.path).files {
        var entry = file.value
        entry.inode = 0
        contents[ColdRoot.ownName(of: file.key.name), default: []].insert(entry)
      }
    }
    return contents
  }

  func uuid() throws -> String {
    try Shell.must(["blkid", "-s", "UUID", "-o", "value", cold.imagePath ?? ""]).trimmed
  }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}

/// Runs of the program over captures whose layout has a cold root.
enum ColdRoot {
  /// Of a source that a killed run had taken aside, after its copy was durable.
  static func ownName(of name: Bytes) -> Bytes {
    let text = String(decoding: name.bytes, as: UTF8.self)
    guard text.hasPrefix("."), text.hasSuffix(".aside.hotcold") else { return name }
    return Bytes(String(text.dropFirst().dropLast(".aside.hotcold".count)))
  }

  static func run(_ command: String, _ paths: [String], _ layout: String, _ options: [String] = [])
    -> Shell.Result
  {
    HotColdBinary.run([command] + paths + ["--layout", layout] + options)
  }

  static func execute(_ command: String, _ paths: [String], _ layout: String) -> Shell.Result {
    run(command, paths, layout, ["--execute", "--yes"])
  }

  /// Of the guide's layout a file in a bucket has two folders above it.
  static func isCold(_ path: Bytes) -> Bool {
    String(decoding: path.bytes, as: UTF8.self).split(separator: "/").count == 3
  }

  static let commands = [
    ["migrate"], ["migrate", "--execute", "--yes"], ["verify"], ["archive", "--once"], ["next-numbers"],
    ["revert", "--execute", "--yes"],
  ]
}
