import Foundation
import TestKit
import Testing

/// `kill -9` at random moments, each followed by a check, an immediate rerun and a check. A few in every run of the
/// tests, hundreds by `make test-faults`.
@Suite struct KillTests {
  static let isCampaign = ProcessInfo.processInfo.environment["HOTCOLD_FAULTS"] == "all"
  static let killsWanted = isCampaign ? 220 : 8
  static let files = 3000

  @Test(arguments: Engines.all)
  func aKilledRunLosesNothing(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let seed = SeededRandom.seeds(1)[0]
    var random = SeededRandom(seed)
    let folder = try Folder()
    let path = folder.path + "/capture"
    var kills = 0
    // The span in which kills fall follows the speed of the machine.
    var longest: UInt32 = 60_000
    for attempt in 0..<(20 * Self.killsWanted) where kills < Self.killsWanted {
      try Shell.must(["rm", "-rf", path])
      #expect(
        HotColdBinary.run(["sample", path, "--files", "\(Self.files)", "--file-bytes", "8"]).status == 0)
      let before = try Snapshot(path)
      let run = try HotColdBinary.start(["migrate", path, "--execute", "--yes", "--engine", engine])
      usleep(UInt32.random(in: 1000...longest, using: &random))
      run.signal(SIGKILL)
      guard run.wait().status == 128 + SIGKILL else {
        longest = max(10_000, longest * 9 / 10)
        continue
      }
      kills += 1
      let what: Comment = "\(engine), seed \(seed), attempt \(attempt)"
      // The rerun begins at once; it waits for the lock as long as requests of the killed run are about.
      let rerun = HotColdBinary.run(["migrate", path, "--execute", "--yes", "--engine", engine])
      #expect(rerun.status == 0, what)
      let after = try Snapshot(path)
      #expect(Invariants.violations(before: before, after: after) == [], what)
      #expect(after.paths == InterruptionTests.settled(before) && after.leftovers.isEmpty, what)
    }
    #expect(kills == Self.killsWanted, "only \(kills) runs were killed")
    Figures.add("runs killed at random moments, \(engine)", kills)
  }

  /// The tree right after a kill, before anybody else has touched it.
  @Test(arguments: Engines.all)
  func aKilledRunLeavesEachFileUnderOneName(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    var random = SeededRandom(SeededRandom.seeds(1)[0] + 1)
    let folder = try Folder()
    let path = folder.path + "/capture"
    var partial = 0
    for _ in 0..<(20 * Self.killsWanted) where partial < Self.killsWanted / 4 {
      try Shell.must(["rm", "-rf", path])
      #expect(
        HotColdBinary.run(["sample", path, "--files", "\(Self.files)", "--file-bytes", "8"]).status == 0)
      let before = try Snapshot(path)
      let run = try HotColdBinary.start(["migrate", path, "--execute", "--yes", "--engine", engine])
      usleep(UInt32.random(in: 1000...60_000, using: &random))
      run.signal(SIGKILL)
      guard run.wait().status == 128 + SIGKILL else { continue }
      let after = try Snapshot(path)
      #expect(Invariants.violations(before: before, after: after) == [])
      let moved = Invariants.movedCount(before: before, after: after)
      if moved > 0, moved < Self.files { partial += 1 }
    }
    #expect(partial >= Self.killsWanted / 4, "no run was killed in the middle of its moves")
    Figures.add("runs killed in the middle of their moves, \(engine)", partial)
  }

  /// Every rename of a whole run is the last one once.
  @Test(.requires("strace"), .campaign) func aKillAtEveryRename() throws {
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
}
