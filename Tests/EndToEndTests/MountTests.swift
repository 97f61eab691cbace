import Foundation
import TestKit
import Testing

/// Mounts and subvolumes in and around captures.
@Suite(.serialized) struct MountTests {
  /// A subvolume is no mount, and yet nothing can be renamed into it (EXDEV): refused once, by name, and not file by file.
  @Test(.requiresMounting) func aHotPlaceThatIsASubvolumeIsRefusedOnce() throws {
    let fileSystem = try MountedFileSystem("btrfs")
    let trial = try Trial(in: fileSystem.path)
    try Shell.must(["btrfs", "subvolume", "create", trial.folder.path + "/segments"])
    for options in [[], ["--execute", "--yes"]] {
      let result = HotColdBinary.run(["migrate", trial.folder.path, "--format", "json"] + options)
      let report = try JSON(parsing: result.output)["captures", 0]
      #expect(report["kinds", "segments", "counts", "moved"].int == 0)
      #expect(report["kinds", "segments", "counts", "failed"].int == SmallCapture.segments)
      #expect(
        report.errors.count { $0.contains("segments:") } == 1, "\(result.output)")
      #expect(report.errors.first?.contains("segments: is another mount or subvolume") == true)
    }
    try trial.expectIntact()
    withExtendedLifetime(fileSystem) {}
  }

  /// Each capture has some hundred folders open; those of more file systems than that allows wait for their turn.
  @Test(.requiresMounting, arguments: [256, 1024]) func capturesOnManyFileSystemsShareTheDescriptors(
    limit: Int
  ) throws {
    let fileSystems = try (0..<14).map { _ in try MountedFileSystem("tmpfs", megabytes: 16) }
    let trials = try fileSystems.map { try Trial(in: $0.path) }
    let result = Shell.run(
      ["sh", "-c", "ulimit -n \(limit); exec \"$0\" \"$@\"", HotColdBinary.path, "migrate"]
        + trials.map(\.folder.path) + ["--execute", "--yes", "--quiet"], environment: ["TZ": "UTC"])
    #expect(result.status == 0, "\(result.output)")
    for trial in trials { try trial.expectSettled() }
    withExtendedLifetime(fileSystems) {}
  }

  /// The home of some user is on a mount whose server answers no more. The passwd(5) of this test is its own.
  @Test(.requiresMounting, .requires("bindfs")) func aHomeOnADeadMountHoldsNothingUp() throws {
    let trial = try Trial()
    let home = try Folder(in: "/tmp")
    let server = try Running(["bindfs", "-f", trial.folder.path, home.path])
    defer {
      server.signal(SIGKILL)
      Shell.run(["umount", "-l", home.path])
    }
    #expect(ArchiverTests.waitUntil { Shell.run(["mountpoint", "-q", home.path]).status == 0 })
    let users = try Folder(in: "/tmp")
    let linked = users.path + "/linked"
    try Shell.must(["ln", "-s", users.path + "/real", linked])
    try SmallCapture.make(in: users, at: "real")
    try users.makeFile(
      "passwd",
      contents: Array(
        """
        root:x:0:0:root:/root:/bin/sh
        dead:x:1001:1001::\(home.path):/bin/sh
        linked:x:1002:1002::\(linked)//:/bin/sh

        """.utf8))
    server.signal(SIGSTOP)
    // What the kernel remembers of the root of the mount is good for a second.
    sleep(2)
    func migrate(_ path: String) throws -> Shell.Result {
      let run = try Running([
        "unshare", "-m", "sh", "-c",
        "mount --bind '\(users.path)/passwd' /etc/passwd && exec timeout 60 \"$0\" \"$@\"",
        HotColdBinary.path,
        "migrate", path,
      ])
      return run.wait()
    }
    #expect(try migrate(trial.folder.path).status == 0)
    let refused = try migrate(users.path + "/real")
    #expect(refused.status == 66 && refused.output.contains("home folder"), "\(refused.output)")
  }
}
