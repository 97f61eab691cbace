import Foundation
import TestKit
import Testing

/// Hot files in RAM, all others on a disk: the layout `guide-ram`, on a real disk with a real tmpfs in it.
@Suite(.enabled(if: MountedFileSystem.canMount, "no root")) struct TierTests {
  /// A capture on a disk, with a tmpfs on its folder `hot`.
  final class Tiers {
    let disk: MountedFileSystem
    let path: String
    private(set) var isMounted = false

    init(_ type: String, megabytes: Int = 320) throws {
      disk = try MountedFileSystem(type, megabytes: megabytes)
      path = disk.path + "/capture"
      try Shell.must(["mkdir", "-p", path + "/hot"])
    }

    deinit { Shell.run(["umount", "-l", path + "/hot"]) }

    func mount(_ options: String = "size=64m") throws {
      try Shell.must(["mount", "-t", "tmpfs", "-o", options, "tmpfs", path + "/hot"])
      isMounted = true
    }

    func unmount() throws {
      try Shell.must(["umount", path + "/hot"])
      isMounted = false
    }

    /// Copied with its times, and old enough to be copied.
    func fill(from folder: String) throws {
      try Shell.must(["cp", "-a", folder + "/.", path])
      usleep(30_000)
    }
  }

  static func run(_ command: String, _ path: String, _ options: [String] = []) -> Shell.Result {
    HotColdBinary.run([command, path, "--layout", "guide-ram"] + options)
  }

  /// By name: what every file must keep, wherever it is. A copy has an inode number of its own.
  static func contents(_ snapshot: Snapshot) -> [Bytes: Set<Snapshot.Entry>] {
    snapshot.files.reduce(into: [:]) { contents, file in
      var entry = file.value
      entry.inode = 0
      contents[ownName(of: file.key.name), default: []].insert(entry)
    }
  }

  /// Of a source that a killed run had taken aside, after its copy was durable.
  private static func ownName(of name: Bytes) -> Bytes {
    let text = String(decoding: name.bytes, as: UTF8.self)
    guard text.hasPrefix("."), text.hasSuffix(".aside.hotcold") else { return name }
    return Bytes(String(text.dropFirst().dropLast(".aside.hotcold".count)))
  }

  static func inRAM(_ path: Bytes) -> Bytes {
    let parts = String(decoding: path.bytes, as: UTF8.self).split(separator: "/")
    // Of the guide's layout a file in a hot place has no bucket above it.
    return parts.count == 2 ? "hot/" + path : path
  }

  @Test(arguments: ["ext4", "xfs", "btrfs"]) func aCaptureGoesToRAMAndDiskAndBack(type: String) throws {
    let flat = try Trial()
    let tiers = try Tiers(type)
    try tiers.mount()
    try tiers.fill(from: flat.folder.path)
    let before = try Snapshot(tiers.path)

    let planned = Self.run("migrate", tiers.path, ["--format", "json"])
    #expect(planned.status == 0)
    #expect(try Snapshot(tiers.path).changeTimes == before.changeTimes)

    let done = try JSON(
      parsing: Self.run("migrate", tiers.path, ["--execute", "--yes", "--format", "json"]).output)
    let after = try Snapshot(tiers.path)
    #expect(Self.contents(after) == Self.contents(before))
    #expect(after.paths == Set(SmallCapture.settled().map(Self.inRAM)))
    let hot = after.paths.count { $0.bytes.starts(with: "hot/".utf8) }
    #expect(done["captures", 0, "copied", "files"].int == hot - 1)
    #expect(done["captures", 0, "comparison", "lost"].int == 0)

    #expect(Self.run("verify", tiers.path).status == 0)
    stayWithinTheHour()
    let again = try JSON(
      parsing: Self.run("migrate", tiers.path, ["--execute", "--yes", "--format", "json"]).output)
    #expect(again["captures", 0, "changed"].bool == false)

    let back = Self.run("revert", tiers.path, ["--execute", "--yes"])
    #expect(back.status == 0, "\(back.error)")
    let flatAgain = try Snapshot(tiers.path)
    #expect(Self.contents(flatAgain) == Self.contents(before))
    #expect(flatAgain.paths == before.paths)
  }

  /// What cools in RAM goes to the disk.
  @Test func whatTheRecorderWritesToRAMEndsOnTheDisk() throws {
    let tiers = try Tiers("ext4")
    try tiers.mount()
    let flat = try Trial()
    // As a recorder does that writes to the new paths.
    try Shell.must(
      ["mkdir", "-p"] + ["segments", "captures", "thumbnails", "metadata"].map { "\(tiers.path)/hot/\($0)" })
    let move = """
      cd \(flat.folder.path); cp -a segment_* output.m3u8 \(tiers.path)/hot/segments/
      cp -a captures/*.json \(tiers.path)/hot/metadata/; cp -a captures/*_thumbnail.jpg \(tiers.path)/hot/thumbnails/
      rm captures/*.json captures/*_thumbnail.jpg; cp -a captures/* \(tiers.path)/hot/captures/
      """
    try Shell.must(["sh", "-c", move])
    usleep(30_000)
    let before = try Snapshot(tiers.path)
    let folder = try Folder()
    let metrics = folder.path + "/hotcold.prom"
    let result = Self.run("archive", tiers.path, ["--once", "--metrics-file", metrics])
    #expect(result.status == 0, "\(result.error)")
    let after = try Snapshot(tiers.path)
    let cold = after.paths.count { !$0.bytes.starts(with: "hot/".utf8) && $0.folder != "" }
    let figures = ServiceTests.contents(metrics)
    let name = "{capture=\"\(tiers.path)\""
    #expect(figures.contains("hotcold_files_copied_total\(name)} \(cold)\n"), "\(figures)")
    #expect(figures.contains("hotcold_files_failed\(name),kind=\"segments\"} 0\n"))
    #expect(figures.contains("hotcold_mount_free_bytes\(name),mount=\"\(tiers.path)/hot\"} "))
    #expect(figures.contains("hotcold_mount_free_inodes\(name),mount=\"\(tiers.path)/hot\"} "))
    #expect(Self.contents(after) == Self.contents(before))
    #expect(after.paths == Set(SmallCapture.settled().map(Self.inRAM)))
    #expect(Self.run("verify", tiers.path).status == 0)
  }

  @Test func whatIsNotMountedIsAnErrorAndNothingIsWritten() throws {
    let flat = try Trial()
    let tiers = try Tiers("ext4")
    try tiers.fill(from: flat.folder.path)
    let before = try Snapshot(tiers.path)
    for command in [
      ["migrate", "--execute", "--yes"], ["migrate"], ["verify"], ["archive", "--once"],
      ["revert", "--execute", "--yes"],
    ] {
      let result = Self.run(command[0], tiers.path, Array(command.dropFirst()))
      #expect(result.status == 74, "\(command): \(result.output) \(result.error)")
      #expect(result.error.contains("\(tiers.path)/hot"))
      #expect(result.error.contains("no tmpfs is mounted here"))
      #expect(try Snapshot(tiers.path).changeTimes == before.changeTimes)
    }
    // Another disk is none either.
    let other = try MountedFileSystem("ext4", megabytes: 32)
    try Shell.must(["mount", "--bind", other.path, tiers.path + "/hot"])
    let result = Self.run("migrate", tiers.path, ["--execute", "--yes"])
    #expect(result.status == 74 && result.error.contains("no tmpfs is mounted here"))
    #expect(try Snapshot(other.path).paths.isEmpty)
  }

  @Test func aMountThatTheLayoutDoesNotDeclareIsRefused() throws {
    let flat = try Trial()
    let tiers = try Tiers("ext4")
    try tiers.fill(from: flat.folder.path)
    try Shell.must(["mkdir", tiers.path + "/segments"])
    try Shell.must(["mount", "-t", "tmpfs", "tmpfs", tiers.path + "/segments"])
    defer { Shell.run(["umount", tiers.path + "/segments"]) }
    let result = HotColdBinary.run(["migrate", tiers.path, "--execute", "--yes"])
    #expect(result.status == 1)
    #expect(try Snapshot(tiers.path + "/segments").paths.isEmpty)
  }

  @Test(arguments: [[], ["--verify-copies"]]) func aTakenNameIsAConflictOrGetsItsTime(options: [String])
    throws
  {
    let tiers = try Tiers("ext4")
    try tiers.mount()
    try Shell.must([
      "mkdir", "-p", tiers.path + "/hot/segments", tiers.path + "/segments/13", tiers.path + "/segments/0",
    ])
    for file in 0..<12 {
      let path = "\(tiers.path)/hot/segments/segment_\(file).ts"
      try Folder.writeFile(path, String(repeating: "\(file)", count: 5000))
      try Shell.must(["touch", "-d", "2026-11-24 13:05:\(10 + file)Z", path])
    }
    try Folder.writeFile(tiers.path + "/segments/13/segment_0.ts", "another recording")
    try Shell.must(["touch", "-d", "2026-11-23 13:05:01Z", tiers.path + "/segments/13/segment_0.ts"])
    usleep(30_000)
    let before = try Snapshot(tiers.path)
    let run = ["--execute", "--yes", "--no-manifests"] + options
    let kept = Self.run("migrate", tiers.path, run)
    #expect(kept.status == 1 && kept.output.contains("segment_0.ts"))
    #expect(Self.contents(try Snapshot(tiers.path)) == Self.contents(before))
    #expect(try Snapshot(tiers.path).count(in: "segments/13") == 2)
    let renamed = Self.run("migrate", tiers.path, run + ["--on-conflict", "rename"])
    #expect(renamed.status == 0, "\(renamed.output) \(renamed.error)")
    let after = try Snapshot(tiers.path)
    #expect(after.files[Bytes("segments/13/segment_0.20261124T130510Z.ts")] != nil)
    #expect(after.count(in: "segments/13") == 3 && after.count(in: "hot/segments") == 10)
  }

  /// RAM is full: what has no room stays where it is, and the next run goes on.
  @Test func aFullTierLosesNothing() throws {
    let flat = try Trial()
    let tiers = try Tiers("ext4")
    try tiers.mount("size=4k,nr_inodes=40")
    try tiers.fill(from: flat.folder.path)
    let before = try Snapshot(tiers.path)
    let result = Self.run("migrate", tiers.path, ["--execute", "--yes"])
    #expect(result.status == 74, "\(result.output)")
    #expect(Self.contents(try Snapshot(tiers.path)) == Self.contents(before))
    try Shell.must(["mount", "-o", "remount,size=64m,nr_inodes=0", tiers.path + "/hot"])
    #expect(Self.run("migrate", tiers.path, ["--execute", "--yes"]).status == 0)
    let after = try Snapshot(tiers.path)
    #expect(Self.contents(after) == Self.contents(before))
    #expect(after.paths == Set(SmallCapture.settled().map(Self.inRAM)))
  }

  /// `kill -9` at random moments of copies to the disk: each file is whole in one tier, or in both; a rerun ends as if nothing had been.
  @Test(.requires("prlimit")) func aKilledRunLosesNothing() throws {
    var random = SeededRandom(SeededRandom.seeds(1)[0])
    let wanted = KillTests.isCampaign ? 120 : 10
    var kills = 0
    var partial = 0
    var longest: UInt32 = 250_000
    let tiers = try Tiers("ext4")
    try tiers.mount("size=256m")
    for attempt in 0..<20 * wanted where kills < wanted {
      try Shell.must([
        "sh", "-c",
        "rm -rf \(tiers.path)/hot/* && find \(tiers.path) -mindepth 1 -maxdepth 1 ! -name hot -exec rm -rf {} +",
      ])
      try Shell.must(["mkdir", "-p", tiers.path + "/hot/segments", tiers.path + "/segments/0"])
      let sample = tiers.path + "/hot/sample"
      try Shell.must([HotColdBinary.path, "sample", sample, "--files", "1500", "--file-bytes", "3000"])
      try Shell.must([
        "sh", "-c", "mv \(sample)/segment_*.ts \(tiers.path)/hot/segments/ && rm -rf \(sample)",
      ])
      usleep(30_000)
      let before = try Snapshot(tiers.path)
      // One batch for all files, or many of 35, of which two are on their way at a time.
      let limit = attempt % 2 == 0 ? 20_000 : 500
      let run = try Running([
        "prlimit", "--nofile=\(limit)", HotColdBinary.path, "migrate", tiers.path, "--layout", "guide-ram",
        "--execute", "--yes",
      ])
      usleep(UInt32.random(in: longest / 3...longest, using: &random))
      run.signal(SIGKILL)
      guard run.wait().status == 128 + SIGKILL else {
        longest = max(10_000, longest * 9 / 10)
        continue
      }
      kills += 1
      let killed = try Snapshot(tiers.path)
      // Whole in both tiers counts once.
      #expect(Self.contents(killed) == Self.contents(before), "attempt \(attempt)")
      let moved = killed.paths.count { !$0.bytes.starts(with: "hot/".utf8) }
      if moved > 0, moved < before.paths.count - 10 { partial += 1 }
      let rerun = Self.run("migrate", tiers.path, ["--execute", "--yes"])
      #expect(rerun.status == 0, "attempt \(attempt): \(rerun.error)")
      let after = try Snapshot(tiers.path)
      #expect(Self.contents(after) == Self.contents(before) && after.paths.count == before.paths.count)
      #expect(after.paths.count { $0.bytes.starts(with: "hot/".utf8) } == 10)
    }
    #expect(kills == wanted, "only \(kills) runs were killed, \(partial) of them in the middle")
    Figures.add("runs killed while they copied between tiers", kills)
  }

  /// Every call of a batch is the last one once, and every so many of them in an ordinary run of the tests.
  @Test(
    .requires("strace"),
    arguments: ["openat", "openat2", "pwrite64", "fchmod", "utimensat", "syncfs", "linkat", "unlinkat"])
  func aKillAtAnyCallLosesNothing(call: String) throws {
    let tiers = try Tiers("ext4")
    try tiers.mount()
    var kills = 0
    var number = 1
    while true {
      try Shell.must([
        "sh", "-c",
        "rm -rf \(tiers.path)/hot/* \(tiers.path)/segments && mkdir -p \(tiers.path)/hot/segments \(tiers.path)/segments/0",
      ])
      for file in 0..<14 {
        try Folder.writeFile(
          "\(tiers.path)/hot/segments/segment_\(file).ts", String(repeating: "\(file)", count: 5000))
      }
      usleep(30_000)
      let before = try Snapshot(tiers.path)
      let result = EngineTests.inject(
        "\(call):signal=SIGKILL:when=\(number)",
        [
          "migrate", tiers.path, "--layout", "guide-ram", "--execute", "--yes", "--engine", "syscalls",
          "--no-manifests",
        ])
      guard result.status == 128 + SIGKILL else {
        #expect(result.status == 0)
        break
      }
      kills += 1
      let killed = try Snapshot(tiers.path)
      #expect(Self.contents(killed) == Self.contents(before), "\(call) \(number)")
      let rerun = Self.run("migrate", tiers.path, ["--execute", "--yes", "--no-manifests"])
      #expect(rerun.status == 0, "\(call) \(number): \(rerun.error)")
      let after = try Snapshot(tiers.path)
      #expect(Self.contents(after) == Self.contents(before) && after.paths.count == 14, "\(call) \(number)")
      #expect(after.paths.count { !$0.bytes.starts(with: "hot/".utf8) } == 4)
      #expect(!rerun.output.contains("deleted by another"), "\(rerun.output)")
      number += KillTests.isCampaign ? 1 : max(1, number / 2)
    }
    #expect(kills > 0)
    Figures.add("runs killed at a call of a copy", kills)
  }

  /// The same where names are taken and files get others: what is in both tiers then is one file.
  @Test(.requires("strace"), arguments: ["linkat", "renameat2", "unlinkat"])
  func aKilledRunThatGivesOtherNames(call: String) throws {
    let tiers = try Tiers("ext4")
    try tiers.mount()
    let options = ["--execute", "--yes", "--no-manifests", "--engine", "syscalls", "--on-conflict", "rename"]
    var kills = 0
    var doubles = 0
    for number in 1... {
      try Shell.must([
        "sh", "-c",
        "cd \(tiers.path) && rm -rf hot/* segments && mkdir -p hot/segments segments/0 segments/13",
      ])
      for file in 0..<14 {
        for (path, content) in [("hot/segments", "new"), ("segments/13", "old")]
        where path != "segments/13" || file < 3 {
          let number = file
          let file = "\(tiers.path)/\(path)/segment_\(file).ts"
          try Folder.writeFile(file, String(repeating: content, count: 2000))
          try Shell.must(["touch", "-d", "2026-11-\(content == "new" ? 24 : 23) 13:05:\(10 + number)Z", file])
        }
      }
      usleep(30_000)
      let before = try Snapshot(tiers.path)
      let result = EngineTests.inject(
        "\(call):signal=SIGKILL:when=\(number)", ["migrate", tiers.path, "--layout", "guide-ram"] + options)
      guard result.status == 128 + SIGKILL else {
        #expect(result.status == 0, "\(result)")
        break
      }
      kills += 1
      let killed = try Snapshot(tiers.path)
      doubles += killed.paths.count - before.paths.count
      let rerun = Self.run("migrate", tiers.path, options)
      #expect(rerun.status == 0, "\(call) \(number): \(rerun)")
      #expect(!rerun.output.contains("deleted by another"), "\(call) \(number): \(rerun.output)")
      let after = try Snapshot(tiers.path)
      #expect(after.paths.count == before.paths.count, "\(call) \(number): \(after.paths)")
      for file in 0..<3 {
        #expect(after.files[Bytes("segments/13/segment_\(file).20261124T1305\(10 + file)Z.ts")] != nil)
      }
    }
    #expect(kills > 0 && (doubles > 0 || call == "linkat"), "\(kills) kills, \(doubles) doubles")
  }

  /// Copies of a flat capture to RAM, killed between the names and the originals' going: the rerun ends as if nothing had been, and
  /// counts each file once.
  @Test(.requires("strace"), arguments: [3, 20, 200, 300, 311]) func doublesOfAKilledRunAreOneFile(
    number: Int
  ) throws {
    let flat = try Trial()
    let tiers = try Tiers("ext4")
    try tiers.mount()
    try tiers.fill(from: flat.folder.path)
    let before = try Snapshot(tiers.path)
    let killed = EngineTests.inject(
      "unlinkat:signal=SIGKILL:when=\(number)",
      [
        "migrate", tiers.path, "--layout", "guide-ram", "--execute", "--yes", "--engine", "syscalls",
        "--no-manifests",
      ])
    let isOver = killed.status == 0
    #expect(isOver || killed.status == 128 + SIGKILL)
    #expect(number > 20 || !isOver)
    // A recorder that goes on.
    for file in 200..<212 {
      try Shell.must(["sh", "-c", "printf x\(file) > \(tiers.path)/hot/captures/capture_\(file).jpg"])
    }
    usleep(30_000)
    let planned = Self.run("migrate", tiers.path, ["--format", "json"])
    let rerun = try JSON(
      parsing: Self.run("migrate", tiers.path, ["--execute", "--yes", "--format", "json"]).output)
    let report = rerun["captures", 0]
    #expect(report["exitCode"].int == 0, "\(report.errors)")
    #expect(report["total", "found"].int == before.paths.count - 1 + 12)
    #expect(report["comparison", "deletedByOthers"].int == 0 && report["comparison", "lost"].int == 0)
    #expect(
      try JSON(parsing: planned.output)["captures", 0, "total", "found"].int == report["total", "found"].int)
    let after = try Snapshot(tiers.path)
    var contents = Self.contents(after)
    for file in 200..<212 { contents[Bytes("capture_\(file).jpg")] = nil }
    #expect(contents == Self.contents(before) && after.paths.count == before.paths.count + 12)
    #expect(after.count(in: "hot/captures") == 100 && after.count(in: "hot/segments") == 11)
  }

  /// The power goes when the first original has gone, and after exit 0: what was moved is on the disk, what was not is in RAM.
  @Test(.requires("strace"), arguments: ["ext4", "xfs"], [false, true])
  func aPowerCutLosesNothing(type: String, isInTheMiddle: Bool) throws {
    let flat = try Trial()
    let tiers = try Tiers(type)
    // What is in it is looked at afterwards, as if the power had not gone there.
    let hot = try MountedFileSystem("tmpfs")
    try Shell.must([
      "sh", "-c", "cp -a \(flat.folder.path)/. \(hot.path)/ && mkdir -p \(tiers.path)/segments/0",
    ])
    try Shell.must(["mount", "--bind", hot.path, tiers.path + "/hot"])
    let move = """
      cd \(hot.path); mkdir segments thumbnails metadata; mv segment_* output.m3u8 segments/
      mv captures/*.json metadata/; mv captures/*_thumbnail.jpg thumbnails/
      """
    try Shell.must(["sh", "-c", move])
    // The folders are there already: only the copies are to be made durable by this run.
    #expect(Self.run("migrate", tiers.path).status == 0)
    try Shell.must(["sync", "-f", tiers.path])
    usleep(30_000)
    let before = try Snapshot(tiers.path)
    let command = [
      HotColdBinary.path, "migrate", tiers.path, "--layout", "guide-ram", "--execute", "--yes",
      "--no-manifests",
      "--engine", "syscalls",
    ]
    if isInTheMiddle {
      let run = try Running(
        ["strace", "-f", "-o", "/dev/null", "-e", "inject=unlinkat:signal=SIGSTOP:when=1"] + command)
      var left = before.paths.count
      for _ in 0..<400 where left == before.paths.count {
        usleep(50_000)
        left = try Snapshot(hot.path).paths.count
      }
      #expect(left == before.paths.count - 1)
      try tiers.disk.cutOff()
      Shell.run(["pkill", "-KILL", "-f", "migrate \(tiers.path)"])
      _ = run.wait()
      for _ in 0..<100 where Shell.run(["pgrep", "-f", "migrate \(tiers.path)"]).status == 0 {
        usleep(100_000)
      }
    } else {
      #expect(Shell.run(command, environment: ["TZ": "UTC"]).status == 0)
      try tiers.disk.cutOff()
    }
    let hotAfter = try Snapshot(hot.path)
    Shell.run(["umount", tiers.path + "/hot"])
    try tiers.disk.mountAgain()
    var found = Self.contents(try Snapshot(tiers.path))
    for (name, entries) in Self.contents(hotAfter) { found[name, default: []].formUnion(entries) }
    #expect(found == Self.contents(before))
  }

  /// The tier is taken away between the names and the last look: what was in it stays in it.
  @Test(.requires("strace"), arguments: [false, true]) func aTierThatIsUnmountedMeanwhileKeepsItsFiles(
    another: Bool
  ) throws {
    let tiers = try Tiers("ext4")
    try tiers.mount()
    try Shell.must(["mkdir", "-p", tiers.path + "/hot/segments", tiers.path + "/segments/0"])
    for file in 0..<14 {
      try Folder.writeFile(
        "\(tiers.path)/hot/segments/segment_\(file).ts", String(repeating: "\(file)", count: 5000))
    }
    usleep(30_000)
    // So that it can be looked at afterwards.
    let twin = try Shell.must(["mktemp", "-d", "/tmp/hotcold-twin-XXXXXX"]).trimmed
    try Shell.must(["mount", "--bind", tiers.path + "/hot", twin])
    defer { Shell.run(["sh", "-c", "umount -l \(twin); rmdir \(twin)"]) }
    let run = try Running([
      "strace", "-f", "-o", "/dev/null", "-e", "inject=linkat:signal=SIGSTOP:when=4", HotColdBinary.path,
      "migrate",
      tiers.path, "--layout", "guide-ram", "--execute", "--yes", "--no-manifests", "--engine", "syscalls",
    ])
    var copied = 0
    for _ in 0..<400 where copied < 4 {
      usleep(50_000)
      copied = try Snapshot(tiers.path + "/segments").paths.count
    }
    try Shell.must(["umount", "-l", tiers.path + "/hot"])
    if another { try tiers.mount() }
    Shell.run(["pkill", "-CONT", "-f", "hotcold migrate \(tiers.path)"])
    let result = run.wait()
    #expect(result.status == 74, "\(result.output) \(result.error)")
    // The tier is what is wrong, not the files.
    let message = another ? "not the folder that was here when the run began" : "no tmpfs is mounted here"
    #expect(result.error.contains(message) && !result.error.contains("cannot be moved"), "\(result)")
    #expect(try Snapshot(twin).paths.count == 14)
    #expect(try Snapshot(tiers.path + "/segments").paths.isEmpty)
  }
}
