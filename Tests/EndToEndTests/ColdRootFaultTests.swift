import Foundation
import TestKit
import Testing

/// Runs between two disks that do not come to their end.
@Suite(.enabled(if: MountedFileSystem.canMount, "no root")) struct ColdRootFaultTests {
  /// Each file is whole on one disk, or on both; a rerun ends as if nothing had been. There and back.
  @Test func aKilledRunLosesNothing() throws {
    var random = SeededRandom(SeededRandom.seeds(1)[0])
    let disks = try ColdDisks()
    let layout = try disks.declared()
    try Shell.must([HotColdBinary.path, "sample", disks.capture, "--files", "1500", "--file-bytes", "3000"])
    usleep(30_000)
    let contents = try disks.contents()
    var kills = 0
    for attempt in 0..<60 where kills < (KillTests.isCampaign ? 60 : 12) {
      let command = attempt % 2 == 0 ? "migrate" : "revert"
      let run = try HotColdBinary.start([
        command, disks.capture, "--layout", layout, "--execute", "--yes", "--no-sync",
      ])
      usleep(UInt32.random(in: 5_000...180_000, using: &random))
      run.signal(SIGKILL)
      if run.wait().status == 128 + SIGKILL { kills += 1 }
      #expect(try disks.contents() == contents, "attempt \(attempt), \(command)")
      usleep(30_000)
      let rerun = ColdRoot.run(command, [disks.capture], layout, ["--execute", "--yes", "--format", "json"])
      #expect(rerun.status == 0, "attempt \(attempt), \(command): \(rerun.error)")
      let report = try JSON(parsing: rerun.output)["captures", 0]
      #expect(report["comparison", "lost"].int == 0, "attempt \(attempt), \(command)")
      #expect(report["comparison", "deletedByOthers"].int == 0, "attempt \(attempt), \(command)")
      #expect(try disks.contents() == contents, "attempt \(attempt), \(command)")
      // Each is on one disk alone.
      #expect(
        try Snapshot(disks.hot.path).files.count + Snapshot(disks.cold.path).files.count
          == contents.values.reduce(0) { $0 + $1.count }, "attempt \(attempt), \(command)")
      usleep(30_000)
    }
    #expect(kills > 0)
    Figures.add("runs killed while they copied to a cold root, or from one", kills)
  }

  /// The disk is taken away between the names and the last look: no original goes.
  @Test(.requires("strace")) func aDiskThatIsUnmountedMeanwhile() throws {
    let disks = try ColdDisks()
    let layout = try disks.declared()
    try Shell.must(["mkdir", "-p", disks.capture + "/segments"])
    for file in 0..<14 {
      try Folder.writeFile(
        "\(disks.capture)/segments/segment_\(file).ts", String(repeating: "\(file)", count: 5000))
    }
    usleep(30_000)
    let run = try Running([
      "strace", "-f", "-o", "/dev/null", "-e", "inject=linkat:signal=SIGSTOP:when=4", HotColdBinary.path,
      "migrate", disks.capture, "--layout", layout, "--execute", "--yes", "--no-manifests", "--engine",
      "syscalls",
    ])
    var copied = 0
    for _ in 0..<400 where copied < 4 {
      usleep(50_000)
      copied = try Snapshot(disks.cold.path).paths.count
    }
    #expect(copied == 4)
    try Shell.must(["umount", "-l", disks.cold.path])
    for process in Shell.run(["pgrep", "-f", "^[^ ]*hotcold migrate \(disks.capture)"]).output.split(
      separator: "\n")
    {
      Shell.run(["kill", "-CONT", String(process)])
    }
    let result = run.wait()
    #expect(result.status == 74, "\(result.output) \(result.error)")
    #expect(try Snapshot(disks.capture).paths.count == 14)
    #expect(Snapshot.entryCount(disks.cold.path) == 0)
  }

  /// The room that is said is that of the disk that is full.
  @Test(.requires("strace")) func aColdDiskThatIsFull() throws {
    let flat = try Trial()
    let disks = try ColdDisks("xfs", "ext4")
    try disks.fill(from: flat.folder.path)
    let before = try disks.contents()
    let layout = try disks.declared()
    let result = EngineTests.inject(
      "linkat:error=ENOSPC", ["migrate", disks.capture, "--layout", layout, "--execute", "--yes"])
    #expect(result.status == 74 && result.error.contains("ext4 has"), "\(result)")
    #expect(result.error.contains(disks.cold.path) && !result.error.contains("xfs has"), "\(result)")
    #expect(try disks.contents() == before)
    #expect(ColdRoot.execute("migrate", [disks.capture], layout).status == 0)
    #expect(try disks.contents() == before)
  }

  /// A process that may open no more files says nothing of what is mounted.
  @Test(.requires("prlimit")) func fewDescriptors() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    try disks.fill(from: flat.folder.path)
    let before = try disks.contents()
    let layout = try disks.declared()
    var refused = 0
    for limit in 4...24 {
      let result = Shell.run([
        "prlimit", "--nofile=\(limit):\(limit)", HotColdBinary.path, "migrate", disks.capture, "--layout",
        layout,
        "--execute", "--yes",
      ])
      #expect(
        !result.error.contains("mounted here") && !result.error.contains("no such folder"),
        "\(limit): \(result)")
      if result.status != 0 { refused += 1 }
      #expect(try disks.contents() == before, "\(limit)")
    }
    #expect(refused > 2, "\(refused)")
  }

  /// Another process has put a link in the place of a bucket: its files stay, all others go.
  @Test func aBucketThatIsALink() throws {
    let flat = try Trial()
    let disks = try ColdDisks()
    try disks.fill(from: flat.folder.path)
    let layout = try disks.declared()
    let elsewhere = try Folder()
    let bucket = try #require(
      SmallCapture.settled().first { ColdRoot.isCold($0) }.map { String(decoding: $0.bytes, as: UTF8.self) })
    let folder = bucket.split(separator: "/").dropLast()
    try Shell.must(["mkdir", "-p", "\(disks.root)/\(folder.dropLast().joined(separator: "/"))"])
    try Shell.must(["ln", "-s", elsewhere.path, "\(disks.root)/\(folder.joined(separator: "/"))"])
    let before = try disks.contents()
    let result = ColdRoot.execute("migrate", [disks.capture], layout)
    #expect(result.status == 1 && result.error.contains(folder.joined(separator: "/")), "\(result)")
    #expect(try disks.contents() == before && Snapshot.entryCount(elsewhere.path) == 0)
    #expect(try Snapshot(disks.root).paths.count { ColdRoot.isCold($0) } > 0)
  }

  /// Killed on the way to the cold disk, and then taken back: each file is there once, and counted once, also by the dry run.
  @Test(
    .requires("strace"),
    arguments: ["renameat2", "unlinkat", "syncfs"].flatMap { call in [1, 2].map { (call, $0) } },
    ["segments", ""])
  func aKilledRunThatIsTakenBack(kill: (call: String, number: Int), place: String) throws {
    let disks = try ColdDisks("ext4", "xfs")
    let layout = try disks.declared()
    let folder = place.isEmpty ? disks.capture : disks.capture + "/" + place
    try Shell.must(["mkdir", "-p", folder, disks.capture + "/segments"])
    for file in 0..<3 {
      try Folder.writeFile("\(folder)/segment_\(file).ts", String(repeating: "\(file)", count: 5000))
      try Shell.must(["touch", "-d", "2026-11-14 13:05:1\(file)Z", "\(folder)/segment_\(file).ts"])
    }
    usleep(30_000)
    let killed = EngineTests.inject(
      "\(kill.call):signal=SIGKILL:when=\(kill.number)",
      [
        "migrate", disks.capture, "--layout", layout, "--hot", "segments=0", "--execute", "--yes", "--engine",
        "syscalls",
        "--no-manifests",
      ])
    #expect(killed.status == 128 + SIGKILL, "\(killed)")
    let planned = ColdRoot.run("revert", [disks.capture], layout, ["--format", "json"])
    let reverted = ColdRoot.run(
      "revert", [disks.capture], layout, ["--execute", "--yes", "--format", "json"])
    #expect(planned.status == 0 && reverted.status == 0, "\(planned) \(reverted)")
    let report = try JSON(parsing: reverted.output)["captures", 0]
    #expect(
      report["comparison", "arrived"].int == 0 && report["total", "conflicts"].int == 0, "\(reverted.output)")
    let plan = try JSON(parsing: planned.output)["captures", 0]
    #expect(plan["total", "conflicts"].int == 0, "\(planned.output)")
    // One that is aside is not counted by a dry run.
    let found = plan["total", "found"].int ?? 0
    #expect(found == 3 || (kill.call == "unlinkat" && found == 2), "\(planned.output)")
    #expect(try Snapshot(disks.capture).paths == Set((0..<3).map { Bytes("segment_\($0).ts") }))
    #expect(try Snapshot(disks.cold.path).paths.isEmpty)
  }

  /// Killed on the way back from the cold disk, and then taken there again, once with other files between; or killed on the way
  /// there, and then taken to a layout without it. Each file is there once, and none keeps the name that it was given aside.
  @Test(
    .requires("strace"),
    arguments: ["renameat2", "unlinkat"], [("revert", false), ("revert", true), ("migrate", false)])
  func aKilledRunThatIsFollowedByOneElsewhere(call: String, _ killed: (command: String, isBothWays: Bool))
    throws
  {
    let disks = try ColdDisks("ext4", "xfs")
    let layout = try disks.declared()
    try Shell.must(["mkdir", "-p", disks.capture])
    for file in 0..<5 {
      let path = "\(disks.capture)/segment_\(file).ts"
      try Folder.writeFile(path, String(repeating: "\(file)", count: 5000))
      try Shell.must(["touch", "-d", "2026-11-14 13:05:1\(file)Z", path])
    }
    usleep(30_000)
    let contents = try disks.contents()
    let options = ["--execute", "--yes", "--no-manifests", "--engine", "syscalls"]
    let cold = ["--hot", "segments=0"]
    if killed.command == "revert" {
      #expect(ColdRoot.run("migrate", [disks.capture], layout, cold + options).status == 0)
      usleep(30_000)
    }
    let run = EngineTests.inject(
      "\(call):signal=SIGKILL:when=2",
      [killed.command, disks.capture, "--layout", layout]
        + options.filter {
          killed.command == "migrate" || $0 != "--no-manifests"
        } + (killed.command == "migrate" ? cold : []))
    #expect(run.status == 128 + SIGKILL, "\(run)")
    func asides() throws -> Int {
      try Snapshot(disks.hot.path).paths.union(Snapshot(disks.cold.path).paths).count {
        $0.name.description.hasSuffix(".aside.hotcold")
      }
    }
    #expect(try (asides() > 0) == (call == "unlinkat"))
    if try asides() > 0 {
      let verify = ColdRoot.run("verify", [disks.capture], layout, cold)
      #expect(verify.status == 1 && verify.output.contains(".aside.hotcold"), "\(verify)")
    }
    if killed.isBothWays {
      // By a version that leaves what lies in buckets: the file is there twice.
      for name in try Snapshot(disks.hot.path).paths.map(\.description) where name.hasSuffix(".ts") {
        let file = name.split(separator: "/").last ?? ""
        let bucket = disks.root + "/segments/13/"
        if !disks.exists(bucket + file) {
          try Shell.must(["cp", "-p", "\(disks.hot.path)/\(name)", bucket + file])
        }
      }
    }
    let next =
      killed.command == "revert"
      ? ColdRoot.run("migrate", [disks.capture], layout, cold + options)
      : HotColdBinary.run(["migrate", disks.capture, "--from", layout] + cold + options)
    #expect(next.status == 0, "\(next)")
    #expect(try asides() == 0)
    let files = try Snapshot(disks.hot.path).paths.union(Snapshot(disks.cold.path).paths)
    #expect(files.count == 5 && files.allSatisfy { $0.description.contains("segments/13/") }, "\(files)")
    let after = try disks.contents()
    #expect(after == contents)
    let target = killed.command == "revert" ? layout : "guide"
    #expect(ColdRoot.run("verify", [disks.capture], target, cold + ["--no-manifests"]).status == 0)
  }

  /// The layouts that come after know nothing of the disk that the killed run copied to.
  @Test(.requires("strace"), arguments: ["revert", "migrate"]) func aKilledRunThatIsFollowedByOthersOfOneDisk(
    next: String
  ) throws {
    let disks = try ColdDisks("ext4", "xfs")
    let layout = try disks.declared()
    try Shell.must(["mkdir", "-p", disks.capture])
    for file in 0..<5 {
      let path = "\(disks.capture)/segment_\(file).ts"
      try Folder.writeFile(path, String(repeating: "\(file)", count: 5000))
      try Shell.must(["touch", "-d", "2026-11-14 13:05:1\(file)Z", path])
    }
    let contents = try disks.contents()
    let options = ["--execute", "--yes", "--engine", "syscalls"]
    let cold = ["--hot", "segments=0", "--no-manifests"]
    try #require(ColdRoot.run("migrate", [disks.capture], "guide", cold + options).status == 0)
    usleep(30_000)
    let killed = EngineTests.inject(
      "unlinkat:signal=SIGKILL:when=1",
      ["migrate", disks.capture, "--layout", layout, "--from", "guide"] + cold + options)
    #expect(killed.status == 128 + SIGKILL, "\(killed)")
    func asides() throws -> Int {
      try Snapshot(disks.hot.path).paths.count { $0.name.description.hasSuffix(".aside.hotcold") }
    }
    #expect(try asides() == 1)
    let more = next == "migrate" ? cold : []
    #expect(ColdRoot.run(next, [disks.capture], "guide", options + more).status == 0)
    #expect(try asides() == 0)
    // And to the cold disk, or back from it.
    let last =
      next == "migrate"
      ? ColdRoot.run("migrate", [disks.capture], layout, ["--from", "guide"] + cold + options)
      : ColdRoot.run("revert", [disks.capture], layout, options)
    #expect(last.status == 0, "\(last)")
    #expect(try disks.contents() == contents)
    #expect(try Snapshot(disks.hot.path).paths.count + Snapshot(disks.cold.path).paths.count == 5)
  }

  /// The file whose name was taken has gone since, as by retention: what is in both tiers under two names is one file all the same.
  @Test(
    .requires("strace"),
    arguments: [("renameat2", "migrate"), ("renameat2", "revert"), ("unlinkat", "revert")])
  func aKilledRunThatGaveOtherNames(call: String, next: String) throws {
    let disks = try ColdDisks("ext4", "xfs")
    let layout = try disks.declared()
    try Shell.must(["mkdir", "-p", disks.capture + "/segments", disks.root + "/segments/13"])
    let (file, old) = (disks.capture + "/segments/segment_0.ts", disks.root + "/segments/13/segment_0.ts")
    try Folder.writeFile(file, String(repeating: "new", count: 5000))
    try Folder.writeFile(old, "old")
    try Shell.must(["touch", "-d", "2026-11-14 13:05:10Z", file])
    try Shell.must(["touch", "-d", "2026-11-13 13:05:10Z", old])
    usleep(30_000)
    let options = ["--execute", "--yes", "--no-manifests", "--engine", "syscalls"]
    let killed = EngineTests.inject(
      "\(call):signal=SIGKILL:when=1",
      ["migrate", disks.capture, "--layout", layout, "--hot", "segments=0", "--on-conflict", "rename"]
        + options)
    #expect(killed.status == 128 + SIGKILL, "\(killed)")
    try FileManager.default.removeItem(atPath: old)
    let more = next == "migrate" ? ["--hot", "segments=0", "--on-conflict", "rename", "--no-manifests"] : []
    let result = ColdRoot.run(next, [disks.capture], layout, ["--execute", "--yes"] + more)
    #expect(result.status == 0, "\(result)")
    let all = try Snapshot(disks.hot.path).paths.union(Snapshot(disks.cold.path).paths)
    #expect(all.count == 1, "\(all)")
  }
}
