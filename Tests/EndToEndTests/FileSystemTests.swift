import Foundation
import TestKit
import Testing

/// Real file systems, made for the test.
@Suite(.serialized) struct FileSystemTests {
  /// The model's tree, and so that of the other engine and of every other file system.
  @Test(.requiresMounting, arguments: ["tmpfs", "ext4", "xfs", "btrfs"], Engines.all)
  func everyEngineEndsInTheSameTreeEverywhere(type: String, engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let fileSystem = try MountedFileSystem(type)
    stayWithinTheHour()
    let path = fileSystem.path + "/capture"
    #expect(HotColdBinary.run(["sample", path, "--files", "6000", "--seed", "5"]).status == 0)
    let before = try Snapshot(path)
    let (status, report) = try HotColdBinary.migrate(path, ["--engine", engine])
    #expect(status == 0)
    #expect(report["engine"].string == engine)
    let after = try Snapshot(path)
    #expect(after.contents == before.contents)
    #expect(after.paths == InterruptionTests.settled(before) && after.paths.count == 6001)
    #expect(HotColdBinary.run(["verify", path]).status == 0)
    let again = try HotColdBinary.migrate(path, ["--engine", engine])
    #expect(again.report["changed"].bool == false)
    #expect(try Snapshot(path).changeTimes == after.changeTimes, "a second run wrote")
  }

  @Test(.requiresMounting) func capturesOnDifferentFileSystemsAreAllMigrated() throws {
    let fileSystems = try ["tmpfs", "ext4"].map { try MountedFileSystem($0) }
    let trials = try fileSystems.map { try Trial(in: $0.path) } + [try Trial(in: fileSystems[0].path)]
    let paths = trials.map(\.folder.path)
    let missing = paths[1] + "-missing"
    let result = HotColdBinary.run(
      ["migrate"] + [paths[0], missing, paths[1], paths[2]] + ["--execute", "--yes", "--format", "json"])
    #expect(result.status == 66)
    let report = try JSON(parsing: result.output)
    // In the order given, whichever was done first.
    #expect(
      report["captures"].array.map { $0["capture", "text"].string } == [
        paths[0], missing, paths[1], paths[2],
      ])
    #expect(report["captures"].array.map { $0["exitCode"].int } == [0, 66, 0, 0])
    for trial in trials {
      try trial.expectIntact()
      try trial.expectSettled()
    }
    // Optimised, they would end with their last use.
    withExtendedLifetime(fileSystems) {}
  }

  @Test(.requiresMounting) func aReadOnlyFileSystem() throws {
    let fileSystem = try MountedFileSystem("tmpfs")
    let trial = try Trial(in: fileSystem.path)
    try fileSystem.remount("ro")
    let result = HotColdBinary.run(["migrate", trial.folder.path, "--execute", "--yes"])
    #expect(result.status == 74)
    #expect(result.output.contains("read-only"))
    #expect(HotColdBinary.run(["migrate", trial.folder.path]).status == 0)
    try trial.expectUntouched()
    try fileSystem.remount("rw")
  }

  @Test(.requiresMounting) func noInodeLeftForTheFolders() throws {
    let files = SmallCapture.files.count
    let fileSystem = try MountedFileSystem("tmpfs", mountOptions: "nr_inodes=\(files + 40)")
    let trial = try Trial(in: fileSystem.path)
    let result = HotColdBinary.run(["migrate", trial.folder.path, "--execute", "--yes"])
    #expect(result.status == 74)
    #expect(result.output.contains("tmpfs has") && result.output.contains("inodes free"))
    try trial.expectIntact()
    try fileSystem.remount("nr_inodes=100000")
    #expect(HotColdBinary.run(["migrate", trial.folder.path, "--execute", "--yes"]).status == 0)
    try trial.expectSettled()
  }

  @Test(.requiresMounting) func anHourFolderThatIsAnotherMount() throws {
    let trial = try Trial()
    try trial.folder.makeFolder("segments/22")
    let hour = trial.folder.path + "/segments/22"
    try Shell.must(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", hour])
    defer { Shell.run(["umount", "-l", hour]) }
    let (status, report) = try HotColdBinary.migrate(trial.folder.path)
    #expect(status == 1)
    #expect(report["captures", 0].errors.first?.contains("segments/22: is another mount") == true)
    try trial.expectIntact()
    #expect(try Snapshot(hour).files.isEmpty)
  }

  @Test(.requiresMounting) func aBindMountOfTheSameFileSystemIsAnotherMountToo() throws {
    let trial = try Trial()
    let elsewhere = try Folder()
    try trial.folder.makeFolder("metadata")
    let place = trial.folder.path + "/metadata"
    try Shell.must(["mount", "--bind", elsewhere.path, place])
    defer { Shell.run(["umount", "-l", place]) }
    let (status, report) = try HotColdBinary.migrate(trial.folder.path)
    #expect(status == 1)
    #expect(report["captures", 0].errors.first?.contains("metadata: is another mount") == true)
    try trial.expectIntact()
    #expect(try Snapshot(elsewhere.path).entries.count == 1)
  }

  @Test(.requiresRoot, .requires("chattr"), .requiresMounting) func immutableFilesFailAndTheRestMoves() throws
  {
    let fileSystem = try MountedFileSystem("ext4")
    let trial = try Trial(in: fileSystem.path)
    let immutable = trial.folder.path + "/segment_3.ts"
    try Shell.must(["chattr", "+i", immutable])
    defer { Shell.run(["chattr", "-i", immutable]) }
    let (status, report) = try HotColdBinary.migrate(trial.folder.path)
    #expect(status == 1)
    #expect(report["captures", 0, "total", "failed"].int == 1)
    try trial.expectIntact()
    #expect(trial.folder.exists("segment_3.ts"))
    Shell.run(["chattr", "-i", immutable])
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    try trial.expectSettled()
  }
}
