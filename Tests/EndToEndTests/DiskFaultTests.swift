import Foundation
import TestKit
import Testing

/// Disks that are cut off, full, read-only or layered, under the real program. What each run must leave: nothing lost, doubled
/// or changed, the documented exit code, and a rerun that ends in the settled tree.
@Suite(.serialized) struct DiskFaultTests {
  // MARK: power cuts

  /// `xfs_io -c shutdown` cuts a file system off as a power cut does: what is not in its log is gone.
  @Test(
    .requiresMounting, .requires("xfs_io"),
    arguments: Engines.all.map { ("ext4", $0) }
      + (KillTests.isCampaign ? Engines.all : ["auto"]).map { ("xfs", $0) })
  func aPowerCutInTheMiddle(type: String, engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let fileSystem = try MountedFileSystem(type)
    let trial = try LargeTrial(in: fileSystem.path)
    try Shell.must(["sync", "-f", trial.path])
    let run = try trial.start(engine)
    let wasInTheMiddle = try trial.interfere(run) { try fileSystem.cutOff() }
    #expect(wasInTheMiddle, "the cut came too late")
    #expect(run.wait().status == 74)
    try fileSystem.mountAgain()
    try trial.expectIntact("\(type), \(engine)")
    try trial.expectRerunSettles("\(type), \(engine)")
    #expect(try fileSystem.isConsistent())
    Figures.add("power cuts")
  }

  @Test(.requiresMounting, .requires("xfs_io"), arguments: ["ext4", "xfs"])
  func aPowerCutAfterSuccess(type: String) throws {
    let fileSystem = try MountedFileSystem(type)
    let trial = try LargeTrial(in: fileSystem.path)
    #expect(try HotColdBinary.migrate(trial.path).status == 0)
    try fileSystem.cutOff()
    try fileSystem.mountAgain()
    #expect(try Snapshot(trial.path).paths == InterruptionTests.settled(trial.before))
    try trial.expectIntact()
    #expect(try fileSystem.isConsistent())
    Figures.add("power cuts")
  }

  /// A copy of the disk while the migration runs is what a crash at that moment would leave.
  @Test(.requiresMounting, arguments: Engines.all)
  func aCopyOfALiveDisk(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let disk = try MountedFileSystem("xfs", megabytes: 2000)
    let image = disk.path + "/image"
    let inner = try MountedFileSystem("ext4", megabytes: 300, image: image)
    let trial = try LargeTrial(in: inner.path)
    try Shell.must(["sync", "-f", trial.path])
    let run = try trial.start(engine)
    let wasInTheMiddle = try trial.interfere(run) {
      try Shell.must(["sync", "-f", image])
      try Shell.must(["cp", "--reflink=always", image, disk.path + "/copy"])
    }
    #expect(wasInTheMiddle)
    #expect(run.wait().status == 0)
    let copy = try MountedFileSystem(existing: disk.path + "/copy", type: "ext4")
    let after = try Snapshot(copy.path + "/capture")
    #expect(Invariants.violations(before: trial.before, after: after) == [])
    Figures.add("copies of a live disk")
  }

  // MARK: full, read-only, limited

  /// 1 KiB blocks, long names and no room left: folders cannot grow. Moves work or fail with ENOSPC.
  @Test(.requiresMounting) func aFullDisk() throws {
    let fileSystem = try MountedFileSystem("ext4", megabytes: 40, mkfsOptions: ["-b", "1024", "-N", "30000"])
    let folder = try Folder(in: fileSystem.path)
    let long = String(repeating: "x", count: 230)
    for number in 0..<1500 {
      try folder.makeFile(Bytes("segment_\(long)\(number).ts"), seconds: 1_700_000_000 + number * 60)
    }
    let before = try Snapshot(folder.path)
    Shell.run(["dd", "if=/dev/zero", "of=\(fileSystem.path)/filler", "bs=1k"])
    let run = HotColdBinary.run(["migrate", folder.path, "--execute", "--yes"])
    #expect(run.status == 74)
    #expect(run.output.contains("free"))
    #expect(Invariants.violations(before: before, after: try Snapshot(folder.path)) == [])
    try Shell.must(["rm", fileSystem.path + "/filler"])
    #expect(HotColdBinary.run(["migrate", folder.path, "--execute", "--yes"]).status == 0)
    #expect(Invariants.violations(before: before, after: try Snapshot(folder.path)) == [])
  }

  /// A full tmpfs has room for renames and folders; only the playlists find none. All is moved and proven, and said.
  @Test(.requiresMounting, arguments: Engines.all) func aFullTmpfs(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let fileSystem = try MountedFileSystem("tmpfs", megabytes: 8)
    let trial = try LargeTrial(in: fileSystem.path, files: 500)
    Shell.run(["dd", "if=/dev/zero", "of=\(fileSystem.path)/filler", "bs=4k"])
    let run = try trial.start(engine).wait()
    #expect(run.status == 74)
    let report = try JSON(parsing: run.output)
    #expect(report["captures", 0, "comparison", "lost"].int == 0)
    #expect(run.error.contains("free") && run.error.contains("more archive playlists not written"))
    try trial.expectIntact(report: report)
    #expect(try Snapshot(trial.path).paths == InterruptionTests.settled(trial.before))
    try Shell.must(["rm", fileSystem.path + "/filler"])
    try trial.expectRerunSettles()
    #expect(Invariants.playlistViolations(try Snapshot(trial.path)) == [])
  }

  /// The disk stops taking writes while the run is at work.
  @Test(.requiresMounting, arguments: ["ext4", "xfs", "btrfs"], Engines.all)
  func theFileSystemTurnsReadOnly(type: String, engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let fileSystem = try MountedFileSystem(type)
    let trial = try LargeTrial(in: fileSystem.path)
    let run = try trial.start(engine)
    let wasInTheMiddle = try trial.interfere(run) { try fileSystem.remount("ro") }
    #expect(wasInTheMiddle)
    let result = run.wait()
    #expect(result.status == 74)
    #expect(result.output.contains("read-only"))
    try trial.expectIntact("\(type), \(engine)", report: JSON(parsing: result.output))
    try fileSystem.remount("rw")
    try trial.expectRerunSettles("\(type), \(engine)")
  }

  /// A real quota: a btrfs subvolume that may grow no more. (User quotas need CONFIG_QFMT_V2 or CONFIG_XFS_QUOTA.)
  @Test(.requiresMounting, .requires("btrfs")) func theQuotaIsUsedUp() throws {
    let fileSystem = try MountedFileSystem("btrfs")
    let subvolume = fileSystem.path + "/subvolume"
    try Shell.must(["btrfs", "subvolume", "create", subvolume])
    try Shell.must(["btrfs", "quota", "enable", fileSystem.path])
    let trial = try LargeTrial(in: subvolume, files: 3000)
    try Shell.must(["sync", "-f", subvolume])
    try Shell.must(["btrfs", "qgroup", "limit", "1M", subvolume])
    let run = HotColdBinary.run(["migrate", trial.path, "--execute", "--yes"])
    #expect(run.status == 74, "\(run.output)")
    #expect(run.output.contains("quota"))
    try trial.expectIntact()
    try Shell.must(["btrfs", "quota", "disable", fileSystem.path])
    try trial.expectRerunSettles()
  }

  // MARK: layers

  @Test(.requiresMounting) func filesInTheLowerLayerOfAnOverlay() throws {
    let fileSystem = try MountedFileSystem("tmpfs")
    for name in ["upper", "work", "merged"] { try Shell.must(["mkdir", "\(fileSystem.path)/\(name)"]) }
    let lower = try Folder(in: fileSystem.path)
    try SmallCapture.make(in: lower)
    let merged = fileSystem.path + "/merged"
    try Shell.must([
      "mount", "-t", "overlay", "overlay", "-o",
      "lowerdir=\(lower.path),upperdir=\(fileSystem.path)/upper,workdir=\(fileSystem.path)/work", merged,
    ])
    defer { Shell.run(["umount", "-l", merged]) }
    let before = try Snapshot(merged)
    #expect(try HotColdBinary.migrate(merged).status == 0)
    let after = try Snapshot(merged)
    // A file that is moved is copied up and may get another inode.
    func withoutInodes(_ snapshot: Snapshot) -> [Bytes: [Int]] {
      snapshot.files.reduce(into: [:]) {
        $0[$1.key.name, default: []].append(
          Int(truncatingIfNeeded: $1.value.contentHash) ^ $1.value.modifiedSeconds)
      }
    }
    #expect(withoutInodes(after) == withoutInodes(before))
    #expect(after.paths == SmallCapture.settled())
  }
}
