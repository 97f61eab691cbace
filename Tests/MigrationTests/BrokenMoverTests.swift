import CLiburing
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

  @Test(.requiresIOUring, arguments: [EngineChoice.syscalls, .ioUring])
  func aMoverThatReplacesIsCaught(engine: EngineChoice) throws {
    func takeName(_ folder: Folder, _ faults: inout hc_faults) throws {
      try folder.makeFile("segments/22/segment_0.ts", contents: Array("another".utf8))
    }
    #expect(try Self.violations(HC_BREAK_NOTHING, engine: engine, takeName).isEmpty)
    #expect(try !Self.violations(HC_BREAK_REPLACES, engine: engine, takeName).isEmpty)
  }

  @Test func aMoverThatUnlinksFirstIsCaught() throws {
    func linksOnly(_ folder: Folder, _ faults: inout hc_faults) { faults.no_noreplace = true }
    #expect(try Self.violations(HC_BREAK_NOTHING, engine: .syscalls, linksOnly).isEmpty)
    #expect(try !Self.violations(HC_BREAK_UNLINKS_FIRST, engine: .syscalls, linksOnly).isEmpty)
  }

  @Test(.requiresIOUring) func aMoverThatTakesCancelledForMovedIsCaught() throws {
    func cancelOne(_ folder: Folder, _ faults: inout hc_faults) {
      faults.operation = Int32(HC_OP_RING_RENAME.rawValue)
      faults.error = Errno.canceled.rawValue
      faults.first = 3
    }
    #expect(try Self.violations(HC_BREAK_NOTHING, engine: .ioUring, cancelOne).isEmpty)
    #expect(try !Self.violations(HC_BREAK_CANCELLED_IS_MOVED, engine: .ioUring, cancelOne).isEmpty)
  }
}
