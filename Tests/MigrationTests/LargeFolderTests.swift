import CFaults
import CaptureLayout
import KernelIO
import SystemPackage
import TestKit
import Testing

@testable import Migration

/// Folders of several windows, which a dry run looks at by two threads: whatever is seen or fails on either of them is counted
/// as if one had looked.
@Suite(.enabled(if: CurrentProcess.processorCount > 1, "one processor")) struct LargeFolderTests {
  private static let fileCount = 1500

  /// Long names: some 230 fill a window.
  private struct Trial {
    let folder: Folder
    let model = LayoutModel()

    init() throws {
      folder = try Folder()
      let filler = String(repeating: "x", count: 210)
      for number in 0..<LargeFolderTests.fileCount {
        let name =
          switch number % 5 {
          case 0, 1: "segment_\(number)_\(filler).ts"
          case 2: "captures/capture_\(number)_\(filler).jpg"
          case 3: "captures/capture_\(number)_\(filler).json"
          default: "notes_\(number)_\(filler).txt"
          }
        try folder.makeFile(Bytes(name), seconds: 1_700_000_000 + number * 97)
      }
    }

    func migrate(
      _ operation: hc_operation? = nil, first: UInt32 = 0, _ errno: Errno = .ioError,
      withoutTypes: Bool = false, forever: Bool = false,
      dryRun: Bool = true
    ) throws -> (report: CaptureReport, fired: UInt32, calls: UInt32) {
      var faults = hc_faults()
      faults.operation = operation.map { Int32($0.rawValue) } ?? -1
      faults.first = first
      faults.forever = forever
      faults.error = errno.rawValue
      faults.no_types = withoutTypes
      let engine = try Engine.choose(.syscalls)
      let options = options(model, dryRun: dryRun)
      let report = FaultTrial.withFaults(&faults) {
        engine.migrate(FilePath(folder.path), options: options, observer: SilentObserver())
      }
      return (report, faults.fired, faults.calls)
    }
  }

  /// What is planned by two threads is done by one.
  @Test(arguments: [false, true]) func aDryRunSaysWhatARunDoes(withoutTypes: Bool) throws {
    let trial = try Trial()
    let planned = try trial.migrate(withoutTypes: withoutTypes).report
    let done = try trial.migrate(dryRun: false).report
    #expect(done.isClean && done.total.moved > 800)
    for kind in Layout.guide.kinds {
      #expect(planned.kinds[kind].tally == done.kinds[kind].tally)
      #expect(planned.kinds[kind].byBucket.all.map(\.value) == done.kinds[kind].byBucket.all.map(\.value))
    }
    #expect(planned.unrecognised.count == 300 && planned.unrecognised.named == done.unrecognised.named)
  }

  /// A file that has gone is one that vanished, one that cannot be looked at is an error, whoever looks.
  @Test(arguments: [Errno.ioError, .noSuchFileOrDirectory]) func whatCannotBeLookedAtIsCounted(_ errno: Errno)
    throws
  {
    let trial = try Trial()
    let before = try Snapshot(trial.folder.path)
    let calls = Int(try trial.migrate(HC_OP_STATX, first: .max).calls)
    #expect(calls > 1200)
    var vanished = 0
    var errors = 0
    for call in stride(from: 20, to: calls - 20, by: 53) {
      let (report, fired, _) = try trial.migrate(HC_OP_STATX, first: UInt32(call), errno)
      #expect(fired == 1)
      vanished += report.total.vanished
      errors += report.total.failed
      #expect(report.total.found == 1200 || report.error != nil, "call \(call): \(report.issuesOfTest)")
      #expect(report.total.vanished + report.total.failed <= 1)
    }
    let tries = stride(from: 20, to: calls - 20, by: 53).underestimatedCount
    #expect(errno == .ioError ? (vanished == 0 && errors > tries / 2) : (errors == 0 && vanished > tries / 2))
    #expect(try Snapshot(trial.folder.path).changeTimes == before.changeTimes)
  }

  /// Wherever a folder cannot be read any more, the run says so.
  @Test func aFolderThatCannotBeReadToItsEndStopsARun() throws {
    let trial = try Trial()
    let calls = Int(try trial.migrate(HC_OP_GETDENTS, first: .max).calls)
    var stopped = 0
    for call in 1...calls {
      let (report, fired, _) = try trial.migrate(HC_OP_GETDENTS, first: UInt32(call))
      #expect(fired == 1)
      #expect(report.error != nil || !report.isClean, "call \(call)")
      if report.error != nil { stopped += 1 }
    }
    #expect(stopped > 5)
  }

  /// No thread is granted: one looks at all of it.
  @Test func oneThreadComesToTheSame() throws {
    let trial = try Trial()
    let planned = try trial.migrate().report
    let (alone, fired, _) = try trial.migrate(HC_OP_THREAD, first: 1, forever: true)
    #expect(fired > 0)
    for kind in Layout.guide.kinds { #expect(alone.kinds[kind].tally == planned.kinds[kind].tally) }
  }

  /// Hours of so many segments are held one at a time; each gets all of its playlist.
  @Test func hoursOfMoreSegmentsThanAreHeldAtOnceAreListedWhole() throws {
    let folder = try Folder()
    let midnight = 1_700_006_400
    let perHour = 4100
    for hour in 0...2 {
      try Shell.must(["mkdir", "-p", "\(folder.path)/segments/\(hour)"])
      for number in 0..<perHour {
        let name = "segments/\(hour)/segment_\(hour * perHour + number).ts"
        try folder.makeFile(Bytes(name), seconds: midnight + hour * 3600 + number / 2)
      }
    }
    #expect(try migrate(folder).isClean)
    for hour in 0...2 {
      let listed = try Shell.must(["cat", "\(folder.path)/segments/\(hour)/archive.m3u8"])
        .split(separator: "\n").filter { !$0.hasPrefix("#") }
      #expect(Set(listed).count == perHour && listed.count == perHour)
    }
  }
}
