import CFaults
import SystemPackage
import TestKit
import Testing

@testable import Migration

/// Broken on purpose: the checks of the core loop must notice each of these movers, or they prove nothing.
@Suite struct BrokenMoverTests {
  static func violations(
    _ breaks: hc_break, engine: EngineChoice, _ prepare: (Folder, inout hc_faults) throws -> Void
  ) throws -> [String] {
    let trial = try FaultTrial()
    var faults = hc_faults()
    faults.breaks = Int32(breaks.rawValue)
    try prepare(trial.folder, &faults)
    let before = try Snapshot(trial.folder.path)
    let report = try trial.migrate(engine, &faults)
    return FaultTrial.violations(
      report, before: before, after: try Snapshot(trial.folder.path), isOnPurpose: true)
  }

  @Test(arguments: [EngineChoice.syscalls, .ioUring])
  func aMoverThatReplacesIsCaughtByTheFileThatItReplaced(engine: EngineChoice) throws {
    try engine.skipUnlessGranted()
    func takeName(_ folder: Folder, _ faults: inout hc_faults) throws {
      try folder.makeFile("segments/22/segment_0.ts", contents: Array("another".utf8))
    }
    #expect(try Self.violations(HC_BREAK_NOTHING, engine: engine, takeName) == [])
    #expect(
      try Self.violations(HC_BREAK_REPLACES, engine: engine, takeName) == [Self.lost("segment_0.ts")])
  }

  @Test func aMoverThatUnlinksFirstIsCaughtByTheFilesThatItLost() throws {
    func linksOnly(_ folder: Folder, _ faults: inout hc_faults) { faults.no_noreplace = true }
    #expect(try Self.violations(HC_BREAK_NOTHING, engine: .syscalls, linksOnly) == [])
    let trial = try FaultTrial()
    let moved = trial.before.paths.subtracting(trial.settled).map(\.name)
    #expect(moved.count > 20)
    let found = try Self.violations(HC_BREAK_UNLINKS_FIRST, engine: .syscalls, linksOnly)
    #expect(Set(found).isSuperset(of: moved.filter { $0 != "output.m3u8" }.map(Self.lost)), "\(found)")
  }

  @Test(.requiresIOUring) func aMoverThatTakesCancelledForMovedIsCaughtByItsCount() throws {
    func cancelOne(_ folder: Folder, _ faults: inout hc_faults) {
      faults.operation = Int32(HC_OP_RING_RENAME.rawValue)
      faults.error = Errno.canceled.rawValue
      faults.first = 3
    }
    #expect(try Self.violations(HC_BREAK_NOTHING, engine: .ioUring, cancelOne) == [])
    let found = try Self.violations(HC_BREAK_CANCELLED_IS_MOVED, engine: .ioUring, cancelOne)
    #expect(found.count == 1 && found[0].contains("moved, not"), "\(found)")
  }

  /// What the invariants say of a file that is there no more.
  private static func lost(_ name: Bytes) -> String { "\(name): there 1 times before, 0 times after" }
}
