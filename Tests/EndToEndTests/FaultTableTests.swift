import Foundation
import TestKit
import Testing

/// Faults of real file systems, limits and neighbours, met by the real program. What each run must leave: nothing lost,
/// doubled or changed, counts that are true, the documented exit code, and a rerun that ends in the settled tree.
@Suite(.serialized, .enabled(if: KillTests.isCampaign, "runs with make test-faults only"))
struct FaultTableTests {
  static let files = 8000

  struct LargeTrial {
    let capture: WatchedCapture
    var path: String { capture.path }
    var before: Snapshot { capture.before }

    init(in base: String, files: Int = FaultTableTests.files) throws {
      let path = base + "/capture"
      try Shell.must([HotColdBinary.path, "sample", path, "--files", "\(files)", "--file-bytes", "8"])
      capture = try WatchedCapture(path)
    }

    func start(_ engine: String) throws -> Running {
      try HotColdBinary.start([
        "migrate", path, "--execute", "--yes", "--engine", engine, "--format", "json",
      ])
    }

    func expectIntact(_ comment: Comment? = nil) throws {
      #expect(try capture.violations() == [], comment)
    }

    /// A run without faults ends in the tree of an uninterrupted one, and another has nothing to do.
    func expectRerunSettles(_ comment: Comment? = nil) throws {
      #expect(try HotColdBinary.migrate(path).status == 0, comment)
      #expect(try Snapshot(path).paths == InterruptionTests.settled(before), comment)
      try expectIntact(comment)
      #expect(try HotColdBinary.migrate(path).report["changed"].bool == false, comment)
    }
  }

  /// Files below an hour folder: what has been moved so far.
  static func movedCount(_ path: String) -> Int {
    ["segments", "captures", "thumbnails", "metadata"].reduce(0) { count, kind in
      (0..<24).reduce(count) { $0 + Snapshot.entryCount("\(path)/\(kind)/\($1)") }
    }
  }

  /// Runs `action` while a run is stopped in the middle of its moves. False if it was over before.
  static func interfere(_ run: Running, _ path: String, _ action: () throws -> Void) throws -> Bool {
    while run.isRunning {
      let moved = movedCount(path)
      guard moved > 50 else { continue }
      run.signal(SIGSTOP)
      // Stopped before it was done?
      let isInTheMiddle = movedCount(path) < files - 500
      try action()
      run.signal(SIGCONT)
      return isInTheMiddle
    }
    return false
  }

  // MARK: kills

  /// Every rename of a whole run is the last one once.
  @Test(.requires("strace")) func aKillAtEveryRename() throws {
    let trial = try Trial()
    let all = try HotColdBinary.migrate(trial.folder.path).report["captures", 0, "total", "moved"].int!
    // The live playlist is moved too.
    for rename in 1...(all + 1) {
      let trial = try Trial()
      let result = EngineTests.inject(
        "renameat2:signal=SIGKILL:when=\(rename)",
        ["migrate", trial.folder.path, "--execute", "--yes", "--engine", "syscalls"])
      #expect(result.status == 128 + SIGKILL, "rename \(rename)")
      try trial.expectIntact("killed at rename \(rename)")
      #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
      try trial.expectSettled("killed at rename \(rename)")
    }
    Figures.add("runs killed at a rename, every one of a run", all + 1)
  }

  // MARK: power cuts

  /// `xfs_io -c shutdown` cuts a file system off as a power cut does: what is not in its log is gone.
  @Test(
    .requiresMounting, .requires("xfs_io"), arguments: ["ext4", "xfs"], ["syscalls", "io_uring"])
  func aPowerCutInTheMiddle(type: String, engine: String) throws {
    let fileSystem = try MountedFileSystem(type)
    let trial = try LargeTrial(in: fileSystem.path)
    try Shell.must(["sync", "-f", trial.path])
    let run = try trial.start(engine)
    let wasInTheMiddle = try Self.interfere(run, trial.path) { try fileSystem.cutOff() }
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
  @Test(.requiresMounting, arguments: ["syscalls", "io_uring"])
  func aCopyOfALiveDisk(engine: String) throws {
    let disk = try MountedFileSystem("xfs", megabytes: 2000)
    let image = disk.path + "/image"
    let inner = try MountedFileSystem("ext4", megabytes: 300, image: image)
    let trial = try LargeTrial(in: inner.path)
    try Shell.must(["sync", "-f", trial.path])
    let run = try trial.start(engine)
    let wasInTheMiddle = try Self.interfere(run, trial.path) {
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

  /// The disk stops taking writes while the run is at work.
  @Test(.requiresMounting, arguments: ["ext4", "xfs", "btrfs"], ["syscalls", "io_uring"])
  func theFileSystemTurnsReadOnly(type: String, engine: String) throws {
    let fileSystem = try MountedFileSystem(type)
    let trial = try LargeTrial(in: fileSystem.path)
    let run = try trial.start(engine)
    let wasInTheMiddle = try Self.interfere(run, trial.path) { try fileSystem.remount("ro") }
    #expect(wasInTheMiddle)
    let result = run.wait()
    #expect(result.status == 74)
    #expect(result.output.contains("read-only"))
    try trial.expectIntact("\(type), \(engine)")
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

  /// Neither a worker of the ring nor a thread can be had: within ten seconds plain calls go on.
  @Test(.requiresRoot, arguments: ["prlimit", "pids.max"])
  func noMoreProcesses(limit: String) throws {
    let trial = try Trial()
    let tools = try Folder()
    try Shell.must(["chown", "-R", "nobody:nogroup", trial.folder.path])
    let before = try Snapshot(trial.folder.path)
    let command = try BadInputTests.commandOfNobody(trial, tools)
    let result: Shell.Result
    if limit == "prlimit" {
      let user = Array(command.prefix { $0 != "--" }) + ["--"]
      result = Shell.run(user + ["prlimit", "--nproc=1"] + command.dropFirst(user.count))
    } else {
      let group = "/sys/fs/cgroup/pids/hotcold-test"
      try Shell.must(["mkdir", "-p", group])
      defer { Shell.run(["rmdir", group]) }
      result = Shell.run(
        ["sh", "-c", "echo $$ > \(group)/cgroup.procs; echo 2 > \(group)/pids.max; exec \"$0\" \"$@\""]
          + command)
    }
    #expect(result.status == 0, "\(result.output) \(result.error)")
    let after = try Snapshot(trial.folder.path)
    #expect(Invariants.violations(before: before, after: after) == [])
    #expect(after.paths == SmallCapture.settled())
  }

  /// The service cannot do without threads, and says so.
  @Test(.requiresRoot) func noThreadForTheService() throws {
    let trial = try Trial()
    let tools = try Folder()
    try Shell.must(["chown", "-R", "nobody:nogroup", trial.folder.path])
    let command = try BadInputTests.commandOfNobody(trial, tools).map { $0 == "migrate" ? "archive" : $0 }
    let user = Array(command.prefix { $0 != "--" }) + ["--"]
    let service = command.dropFirst(user.count).prefix { !$0.hasPrefix("--") }
    let result = Shell.run(user + ["prlimit", "--nproc=1"] + service)
    #expect(result.status == 74)
    #expect(result.error.contains("ulimit -u"), "\(result.error)")
  }

  @Test(arguments: ["EAGAIN", "EBUSY", "EINTR"], ["1..3", "5+7", "4+"])
  func theKernelRefusesToEnterTheRing(errno: String, when: String) throws {
    let trial = try Trial()
    let result = EngineTests.inject(
      "io_uring_enter:error=\(errno):when=\(when)", ["migrate", trial.folder.path, "--execute", "--yes"])
    // For ever, it cannot be known what has become of the requests in flight.
    #expect(result.status == 0 || (when == "4+" && result.status == 74), "\(result.output)")
    try trial.expectIntact()
    #expect(HotColdBinary.run(["migrate", trial.folder.path, "--execute", "--yes"]).status == 0)
    try trial.expectSettled()
  }

  /// Files of others in a sticky folder may not be moved: they fail one by one, with the way out.
  @Test(.requiresRoot) func filesOfOthersInAStickyFolder() throws {
    let trial = try Trial()
    let tools = try Folder()
    try Shell.must(["chown", "-R", "nobody:nogroup", trial.folder.path])
    let command = try BadInputTests.commandOfNobody(trial, tools)
    #expect(Shell.run(command + ["--hot", "segments=60", "--keep-live"]).status == 0)
    let others = "segment_1.ts"
    try Shell.must(["chown", "root:root", trial.folder.path, trial.folder.path + "/" + others])
    try Shell.must(["chmod", "1777", trial.folder.path])
    let before = try Snapshot(trial.folder.path)
    let result = Shell.run(command)
    #expect(result.status == 1)
    #expect(result.output.contains(others) && result.output.contains("sudo -u root"), "\(result.output)")
    #expect(trial.folder.exists(Bytes(others)) && !trial.folder.exists("segment_2.ts"))
    #expect(Invariants.violations(before: before, after: try Snapshot(trial.folder.path)) == [])
  }

  // MARK: neighbours

  /// Whichever path leads to the capture, there is one mover.
  @Test(.requiresMounting) func aSecondRunThroughABindMount() throws {
    let folder = try Folder()
    let trial = try LargeTrial(in: folder.path)
    let mount = try Folder(in: "/tmp")
    try Shell.must(["mount", "--bind", trial.path, mount.path])
    defer { Shell.run(["umount", "-l", mount.path]) }
    let run = try trial.start("io_uring")
    let wasInTheMiddle = try Self.interfere(run, trial.path) {
      let second = HotColdBinary.run(["migrate", mount.path, "--execute", "--yes"])
      #expect(second.status == 75)
    }
    #expect(wasInTheMiddle)
    #expect(run.wait().status == 0)
    try trial.expectRerunSettles()
  }

  /// Files are taken away while the run sleeps.
  @Test(arguments: ["syscalls", "io_uring"])
  func filesThatVanishWhileTheRunIsStopped(engine: String) throws {
    let folder = try Folder()
    let trial = try LargeTrial(in: folder.path)
    let run = try trial.start(engine)
    var taken: Set<Bytes> = []
    let wasInTheMiddle = try Self.interfere(run, trial.path) {
      for path in try Snapshot(trial.path).paths where path.folder == "" && path != "output.m3u8" {
        guard taken.count < 300 else { break }
        unlink(trial.path + "/\(path)")
        taken.insert(path.name)
      }
    }
    #expect(wasInTheMiddle && taken.count == 300)
    let result = run.wait()
    #expect(result.status == 0)
    let report = try JSON(parsing: result.output)["captures", 0]
    #expect(report["comparison", "lost"].int == 0)
    let after = try Snapshot(trial.path)
    #expect(Set(trial.before.files.keys.map(\.name)).subtracting(after.files.keys.map(\.name)) == taken)
  }

  /// Another user flips an hour folder to a link and back while root migrates: nothing outside is touched.
  @Test(.requiresRoot) func aFolderThatFlipsToALinkAndBack() throws {
    let folder = try Folder()
    let trial = try LargeTrial(in: folder.path)
    #expect(HotColdBinary.run(["migrate", trial.path, "--execute", "--yes", "--no-sync"]).status == 0)
    let canary = folder.path + "/canary"
    try Shell.must(["mkdir", canary])
    for number in 0..<50 { try folder.makeFile(Bytes("canary/segment_\(number).ts")) }
    let canaryBefore = try Snapshot(canary)
    let flipping = try Running([
      "sh", "-c",
      """
      cd '\(trial.path)/metadata'
      while :; do
        mv 7 7.real && ln -s '\(canary)' 7; rm -f 7; mv 7.real 7; echo
      done
      """,
    ])
    for round in 0..<15 {
      // Back to flat, then again.
      try Shell.must([
        "sh", "-c",
        "cd '\(trial.path)' && find metadata -mindepth 2 -name '*.json' -exec mv -t captures {} + ; true",
      ])
      let result = HotColdBinary.run(["migrate", trial.path, "--execute", "--yes", "--no-sync"])
      #expect([0, 1].contains(result.status), "round \(round): \(result.status) \(result.output)")
      #expect(try Snapshot(canary).changeTimes == canaryBefore.changeTimes, "round \(round)")
    }
    flipping.signal(SIGKILL)
    let flips = flipping.wait().output.utf8.count
    #expect(flips > 100, "only \(flips) flips")
    Figures.add("flips of a folder to a link and back", flips)
  }

  /// A creator, a deleter and a reader at work, and a second run that must wait its turn.
  @Test(arguments: ["syscalls", "io_uring"])
  func aCreatorADeleterAReaderAndASecondRun(engine: String) throws {
    let folder = try Folder()
    let trial = try LargeTrial(in: folder.path)
    let neighbours = try [
      "i=0; while :; do i=$((i+1)); : > '\(trial.path)/segment_new_'$i.ts; done",
      "while :; do find '\(trial.path)/captures' -name '*_thumbnail.jpg' | head -n 20 | xargs -r rm -f; done",
      "while :; do ls -lR '\(trial.path)' >/dev/null 2>&1; done",
    ].map { try Running(["sh", "-c", $0]) }
    let run = try trial.start(engine)
    let second = HotColdBinary.run(["migrate", trial.path, "--execute", "--yes"])
    #expect([0, 75].contains(second.status))
    let result = run.wait()
    for neighbour in neighbours {
      neighbour.signal(SIGKILL)
      _ = neighbour.wait()
    }
    #expect([0, 75].contains(result.status), "\(result.output)")
    #expect(result.status == 0 || second.status == 0)
    #expect(try HotColdBinary.migrate(trial.path).status == 0)
    let after = try Snapshot(trial.path)
    // Whatever is gone is a thumbnail, which the deleter took.
    let names = Set(after.files.keys.map(\.name))
    for (name, entries) in trial.before.contents where !names.contains(name) {
      #expect(name.description.hasSuffix("_thumbnail.jpg"), "\(name): \(entries)")
    }
    #expect(after.paths.allSatisfy { $0.folder != "" }, "files are left in the flat place")
  }

  @Test func theLogDiskIsFull() throws {
    let trial = try Trial()
    let result = Shell.run([
      "sh", "-c", "\"$0\" migrate \"$1\" --execute --yes --verbose >/dev/full 2>/dev/full",
      HotColdBinary.path,
      trial.folder.path,
    ])
    #expect(result.status == 74)
    try trial.expectIntact()
    try trial.expectSettled()
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

  /// bindfs is FUSE: `rename2` with flags is refused there, and links work or, if so mounted, do not.
  @Test(.requiresMounting, .requires("bindfs")) func aFUSEFileSystem() throws {
    let trial = try Trial()
    let mount = try Folder(in: "/tmp")
    try Shell.must(["bindfs", trial.folder.path, mount.path])
    defer { Shell.run(["umount", "-l", mount.path]) }
    let result = HotColdBinary.run(["migrate", mount.path, "--execute", "--yes"])
    #expect(result.status == 0, "\(result.output)")
    Shell.run(["umount", mount.path])
    try trial.expectIntact()
    try trial.expectSettled()
  }
}
