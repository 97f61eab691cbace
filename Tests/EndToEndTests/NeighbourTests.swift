import Foundation
import TestKit
import Testing

/// Others at work in the same capture while a run is: nothing of theirs or of ours is lost, and nothing outside is touched.
@Suite(.serialized) struct NeighbourTests {
  /// Whichever path leads to the capture, there is one mover.
  @Test(.requiresMounting) func aSecondRunThroughABindMount() throws {
    let folder = try Folder()
    let trial = try LargeTrial(in: folder.path)
    let mount = try Folder(in: "/tmp")
    try Shell.must(["mount", "--bind", trial.path, mount.path])
    defer { Shell.run(["umount", "-l", mount.path]) }
    let run = try trial.start("io_uring")
    let wasInTheMiddle = try trial.interfere(run) {
      let second = HotColdBinary.run(["migrate", mount.path, "--execute", "--yes"])
      #expect(second.status == 75)
    }
    #expect(wasInTheMiddle)
    let result = run.wait()
    #expect(result.status == 0)
    try trial.expectIntact(report: JSON(parsing: result.output))
    try trial.expectRerunSettles()
  }

  /// Files are taken away while the run sleeps.
  @Test(arguments: Engines.all)
  func filesThatVanishWhileTheRunIsStopped(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let folder = try Folder()
    let trial = try LargeTrial(in: folder.path)
    let run = try trial.start(engine)
    var taken: Set<Bytes> = []
    let wasInTheMiddle = try trial.interfere(run) {
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
  @Test(arguments: Engines.all)
  func aCreatorADeleterAReaderAndASecondRun(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let folder = try Folder()
    let trial = try LargeTrial(in: folder.path)
    let neighbours = try [
      // Bounded: a run that is slow must not fill the machine's inodes.
      "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); : > '\(trial.path)/segment_new_'$i.ts; done",
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
    let gone = trial.before.contents.keys.filter { !names.contains($0) }
    #expect(gone.allSatisfy { $0.description.hasSuffix("_thumbnail.jpg") }, "\(gone)")
    #expect(!gone.isEmpty, "the deleter took nothing")
    #expect(names.contains { $0.description.hasPrefix("segment_new_") }, "the creator made nothing")
    #expect(after.paths.allSatisfy { $0.folder != "" }, "files are left in the flat place")
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

  /// A cleaner deletes while a reversion lists what is there: its deletions are its own.
  @Test(.requires("strace"), arguments: ["migrate", "revert"]) func deletionsDuringTheListingAreNotLosses(
    command: String
  ) throws {
    let trial = try Trial()
    if command == "revert" { #expect(try HotColdBinary.migrate(trial.folder.path).status == 0) }
    let run = try Running(
      [
        "strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=getdents64", "-e",
        "inject=getdents64:delay_enter=20000",
        HotColdBinary.path, command, trial.folder.path, "--execute", "--yes", "--format", "json",
      ], environment: ["TZ": "UTC"])
    var deleted = 0
    for path in try Snapshot(trial.folder.path).paths.sorted(by: { $0.description > $1.description })
    where path.name.description.hasPrefix("segment_") && run.isRunning && deleted < 40 {
      if unlink(trial.folder.path(path).description) == 0 { deleted += 1 }
      usleep(30_000)
    }
    let result = run.wait()
    let comparison = try JSON(parsing: result.output)["captures", 0, "comparison"]
    #expect(deleted > 10 && comparison["lost"].int == 0 && result.status == 0, "\(deleted) \(result)")
  }

  /// `find -type d -empty -delete`, once, in the middle of the listing.
  @Test(.requires("strace"), arguments: ["migrate", "archive"]) func emptyFoldersThatAreRemovedDoNotStopARun(
    command: String
  ) throws {
    let trial = try Trial()
    #expect(try HotColdBinary.migrate(trial.folder.path, ["--keep-live"]).status == 0)
    let arguments =
      command == "migrate"
      ? [trial.folder.path, "--execute", "--yes"] : ["--once", trial.folder.path, "--min-age", "0s"]
    let run = try Running(
      [
        "strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=getdents64", "-e",
        "inject=getdents64:delay_enter=1500000:when=5", HotColdBinary.path, command,
      ] + arguments, environment: ["TZ": "UTC"])
    usleep(700_000)
    #expect(run.isRunning)
    try Shell.must(["find", trial.folder.path, "-type", "d", "-empty", "-delete"])
    let result = run.wait()
    #expect(result.status == 0, "\(result)")
    try trial.expectSettled()
  }

  @Test(.requires("strace")) func whatCouldNotBeWatchedIsSaid() throws {
    let trial = try Trial()
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    try trial.folder.makeFile("segment_900.ts", seconds: 1_700_000_000)
    let run = try Running(
      [
        "strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=inotify_init1,renameat2", "-e",
        "inject=inotify_init1:error=EMFILE", "-e", "inject=renameat2:delay_enter=1500000:when=1",
        HotColdBinary.path,
        "migrate", trial.folder.path, "--execute", "--yes", "--engine", "syscalls",
      ], environment: ["TZ": "UTC"])
    usleep(700_000)
    #expect(run.isRunning)
    let cold = try #require(try Snapshot(trial.folder.path).paths.first { $0.folder == "segments/22" })
    try trial.folder.remove(cold)
    let result = run.wait()
    #expect(result.status == 1 && result.output.contains("could not be watched"), "\(result)")
  }
}
