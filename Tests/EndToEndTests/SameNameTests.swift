import Foundation
import TestKit
import Testing

/// Two files of one name on their way to one folder of another file system: both live on, whatever comes of the first.
@Suite(.enabled(if: MountedFileSystem.canMount, "no root")) struct SameNameTests {
  /// In the flat and in the hot place, of one hour and too old to stay.
  private static func makeDouble(_ disks: ColdDisks, hot: String, flat: String) throws {
    let hour = Int(Date().timeIntervalSince1970) / 3600 * 3600 - 7200
    try Shell.must(["mkdir", "-p", disks.capture + "/segments"])
    func make(_ path: String, _ contents: String, _ age: Int) throws {
      try Folder.writeFile(disks.capture + "/" + path, contents)
      try Shell.must(["touch", "-d", "@\(hour + age)", disks.capture + "/" + path])
    }
    try make("segments/segment_0.ts", hot, 0)
    try make("segment_0.ts", flat, hot == flat ? 0 : 1)
    for number in 1...15 { try make("segment_\(number).ts", "segment \(number)", 100 + number) }
    usleep(30_000)
  }

  private static func contents(_ folders: [String]) throws -> Set<String> {
    var contents: Set<String> = []
    for folder in folders {
      for path in try Snapshot(folder).files.keys where path.description.hasSuffix(".ts") {
        contents.insert(ServiceTests.contents(folder + "/" + path.description))
      }
    }
    return contents
  }

  /// A target with unnamed files, and one without, where the two would share a temporary name.
  @Test(
    .requires("bindfs"), arguments: [false, true], ["", "--on-conflict rename", "--verify-copies"])
  func ofAnotherContentIsAConflict(isFUSE: Bool, options: String) throws {
    let disks = try ColdDisks()
    try Self.makeDouble(disks, hot: "of the hot place", flat: "of the flat place")
    let mount = disks.layouts.path + "/disk"
    if isFUSE {
      try Shell.must(["mkdir", mount])
      try Shell.must(["bindfs", disks.cold.path, mount])
    }
    defer { if isFUSE { Shell.run(["umount", "-l", mount]) } }
    let point = isFUSE ? mount : disks.cold.path
    let layout = try disks.layout(["root: \"\(point)/{capture}\"", "mount: \(point)"])
    let before = try Self.contents([disks.capture])
    #expect(before.count == 17)
    let result = ColdRoot.run(
      "migrate", [disks.capture], layout,
      ["--execute", "--yes"] + options.split(separator: " ").map(String.init))
    #expect(result.status == (options.contains("rename") ? 0 : 1), "\(result)")
    #expect(try Self.contents([disks.capture, disks.cold.path]) == before, "\(result)")
  }

  /// The second of two equal files finds the copy of the first, which is taken back since a recorder has written to its source: the
  /// second is the only one then.
  @Test(.requires("strace"), .requires("prlimit")) func ofTheSameContentStaysUntilTheFirstIsSafe() throws {
    let disks = try ColdDisks("tmpfs", "ext4")
    try Self.makeDouble(disks, hot: "the same", flat: "the same")
    // So many that the flat place is read in several windows, and the copy of the first is on its way in the meantime.
    for number in 0..<3000 { try Folder.writeFile("\(disks.capture)/junk_\(number).txt", "") }
    let layout = try disks.declared()
    let before = try Self.contents([disks.capture])
    // Batches of one file, whose second syncfs(2) takes a second.
    let run = try Running([
      "strace", "-f", "-o", "/dev/null", "-e", "trace=syncfs", "-e", "inject=syncfs:delay_enter=1000000",
      "prlimit", "--nofile=76:76", HotColdBinary.path, "migrate", disks.capture, "--layout", layout,
      "--execute", "--yes", "--no-manifests", "--engine", "syscalls",
    ])
    let isCopied = ArchiverTests.waitUntil {
      Shell.run(["find", disks.cold.path, "-name", "segment_0.ts"]).output.contains("segment_0")
    }
    #expect(isCopied)
    try Folder.writeFile(disks.capture + "/segments/segment_0.ts", "a new recording")
    let result = run.wait()
    let after = try Self.contents([disks.capture, disks.cold.path])
    #expect(after == before.union(["a new recording"]), "\(result)")
  }
}
