import CFaults
import SystemPackage
import TestKit
import Testing

@testable import Migration

/// A run that ends in the middle of its second pass knows from the first what the second did not come to: counts and
/// names agree, wherever it ends.
@Suite struct CutShortTests {
  static let operations = [HC_OP_STATX, HC_OP_GETDENTS]

  private static let runs: UInt32 = 24

  /// Runs with an I/O error from a call on, for calls from all over a run; gives each report to `check`, and says how many
  /// of them ended in a later pass.
  static func cutShort(
    at operation: hc_operation, _ run: (inout hc_faults) throws -> CaptureReport,
    _ check: (CaptureReport, _ what: Comment) -> Void
  ) throws -> Int {
    func faults(from call: UInt32) -> hc_faults {
      var faults = hc_faults()
      faults.operation = Int32(operation.rawValue)
      faults.error = Errno.ioError.rawValue
      faults.first = call
      faults.forever = true
      return faults
    }
    var none = faults(from: .max)
    check(try run(&none), "no error")
    var laterPasses = 0
    for call in stride(from: 1, through: none.calls, by: Int(max(1, none.calls / runs))) {
      var faults = faults(from: call)
      let report = try run(&faults)
      #expect(faults.fired > 0)
      if report.passes > 1 { laterPasses += 1 }
      check(report, "an I/O error from call \(call) on")
    }
    return laterPasses
  }

  @Test(arguments: operations)
  func aMigrationKeepsTheNamesOfItsFirstPass(operation: hc_operation) throws {
    let laterPasses = try Self.cutShort(at: operation) { faults in
      let trial = try FaultTrial()
      try trial.folder.makeFile("segments/22/segment_0.ts", contents: Array("another".utf8))
      return try trial.migrate(.syscalls, &faults)
    } _: { report, what in
      #expect(report.problems.count == report.total.failed, what)
      if report.passes > 1 {
        #expect(report.total.conflicts == 1, what)
        #expect(report.problems.taken.map(\.from) == [Array("segment_0.ts".utf8)], what)
        #expect(report.unrecognised.count == 2 && report.unrecognised.named.count == 2, what)
      }
    }
    #expect(laterPasses > 1)
  }

  @Test(arguments: operations)
  func aReversionKeepsTheNamesOfItsFirstPass(operation: hc_operation) throws {
    let laterPasses = try Self.cutShort(at: operation) { faults in
      let trial = try FaultTrial(isFlat: true)
      var none = hc_faults()
      #expect(try trial.migrate(.syscalls, &none).isClean)
      try trial.folder.makeFile("segment_0.ts", contents: Array("another".utf8))
      return try trial.revert(.syscalls, &faults)
    } _: { report, what in
      #expect(report.problems.count == report.total.failed, what)
      if report.passes > 1 {
        #expect(report.total.conflicts == 1, what)
        #expect(report.problems.taken.map(\.from) == [Array("segments/22/segment_0.ts".utf8)], what)
      }
    }
    #expect(laterPasses > 1)
  }
}
