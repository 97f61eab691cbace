import CFaults
import CaptureLayout
import Foundation
import KernelIO
import SystemPackage
import TestKit
import Testing

@testable import Migration

/// Every operation of the shim fails once at its first, second, third … call, and then for ever from that call on,
/// with each errno that it can plausibly give, until no fault happens any more: as SQLite tests its I/O.
///
/// After each run nothing is lost, doubled or changed, and the counts say what was moved; a run without faults ends in
/// the tree of an uninterrupted one; and a third moves and writes nothing.
@Suite struct CoreLoopTests {
  struct Target: CustomTestStringConvertible, Sendable {
    let name: String
    let operation: hc_operation
    let engine: EngineChoice
    var errnos: [Errno]
    var withoutNoReplace = false
    var withoutTypes = false
    var testDescription: String {
      "\(name), \(engine.rawValue)\(withoutNoReplace ? ", without NOREPLACE" : "")"
        + (withoutTypes ? ", without entry types" : "")
    }
  }

  static let targets: [Target] =
    EngineChoice.all.flatMap { engine in
      [
        Target(
          name: "renameat2", operation: HC_OP_RENAME, engine: engine,
          errnos: [
            .ioError, .noSpace, .notPermitted, .improperLink, .noSuchFileOrDirectory, .readOnlyFileSystem,
          ]),
        Target(
          name: "linkat", operation: HC_OP_LINK, engine: engine,
          errnos: [.ioError, .notPermitted, .tooManyLinks, .noSpace], withoutNoReplace: true),
        Target(
          name: "unlinkat", operation: HC_OP_UNLINK, engine: engine,
          errnos: [.ioError, .notPermitted, .readOnlyFileSystem], withoutNoReplace: true),
        Target(
          name: "mkdirat", operation: HC_OP_MKDIR, engine: engine,
          errnos: [.noSpace, .diskQuotaExceeded, .permissionDenied, .readOnlyFileSystem]),
        Target(
          name: "statx", operation: HC_OP_STATX, engine: engine,
          errnos: [.ioError, .noSuchFileOrDirectory, .permissionDenied, .noMemory]),
        Target(
          name: "statx", operation: HC_OP_STATX, engine: engine,
          errnos: [.ioError, .noSuchFileOrDirectory], withoutTypes: true),
        Target(
          name: "getdents64", operation: HC_OP_GETDENTS, engine: engine,
          errnos: [.ioError, .noSuchFileOrDirectory]),
        Target(
          name: "openat2", operation: HC_OP_OPENAT2, engine: engine,
          errnos: [
            .tooManyOpenFiles, .permissionDenied, .noSuchFileOrDirectory, .ioError,
            .tooManySymbolicLinkLevels,
          ]
        ),
        Target(
          name: "syncfs", operation: HC_OP_SYNCFS, engine: engine, errnos: [.ioError, .noSpace]),
        Target(name: "read", operation: HC_OP_READ, engine: engine, errnos: [.ioError, .noMemory]),
        Target(
          name: "create", operation: HC_OP_CREATE, engine: engine,
          errnos: [.noSpace, .permissionDenied, .tooManyOpenFiles]),
        Target(
          name: "write", operation: HC_OP_WRITE, engine: engine,
          errnos: [.noSpace, .diskQuotaExceeded, .ioError]),
        Target(
          name: "close", operation: HC_OP_CLOSE, engine: engine,
          errnos: [.noSpace, .diskQuotaExceeded, .ioError]),
        Target(
          name: "fchown or fchmod", operation: HC_OP_CHANGE, engine: engine,
          errnos: [.notPermitted, .ioError]),
      ]
    } + [
      Target(
        name: "a rename of the ring", operation: HC_OP_RING_RENAME, engine: .ioUring,
        errnos: [.canceled, .ioError, .noSpace, .notPermitted, .invalidArgument, .noSuchFileOrDirectory]),
      Target(
        name: "submit", operation: HC_OP_SUBMIT, engine: .ioUring,
        errnos: [.resourceTemporarilyUnavailable, .resourceBusy, .interrupted, .noMemory, .badFileDescriptor]),
      Target(
        name: "wait", operation: HC_OP_WAIT, engine: .ioUring,
        errnos: [.interrupted, .resourceTemporarilyUnavailable, .timeout]),
    ]

  /// All calls are tried with each errno by `make test-faults`; otherwise those after the first few in steps.
  static let triesAll = ProcessInfo.processInfo.environment["HOTCOLD_FAULTS"] == "all"

  @Test(arguments: targets)
  func nothingIsLostWhicheverCallFails(_ target: Target) async throws {
    try target.engine.skipUnlessGranted()
    try await loop(target, survives)
  }

  /// The kernel may go on with what is in flight when it does not let anybody wait for it any more: those requests name their
  /// folders by number.
  @Test(arguments: 1...3) func aRingThatIsLostHarmsNoOtherCapture(call: UInt32) throws {
    try EngineChoice.ioUring.skipUnlessGranted()
    let engine = try Engine.choose(.ioUring)
    let lost = try FaultTrial()
    var faults = hc_faults()
    faults.operation = Int32(HC_OP_WAIT.rawValue)
    faults.first = call
    faults.forever = true
    faults.error = EBADF
    let options = MigrationTests.options(lost.model)
    let report = FaultTrial.withFaults(&faults) {
      engine.migrate(FilePath(lost.folder.path), options: options, observer: SilentObserver())
    }
    guard faults.fired > 0 else { return #expect(report.isClean) }
    for _ in 0..<3 {
      let next = try FaultTrial()
      let report = engine.migrate(
        FilePath(next.folder.path), options: MigrationTests.options(next.model), observer: SilentObserver())
      #expect(report.isClean && report.comparison?.lost == 0, "\(String(describing: report.error))")
      #expect(try Snapshot(next.folder.path).paths == next.settled)
    }
    // By now the kernel has done what was in flight; a look at a folder in which it still renames may miss a name.
    #expect(Invariants.violations(before: lost.before, after: try Snapshot(lost.folder.path)) == [])
    #expect(engine.warning != nil)
  }

  /// It makes no folder where captures/ is there, and no file.
  @Test(
    arguments: targets.filter {
      ![HC_OP_MKDIR, HC_OP_CREATE, HC_OP_WRITE, HC_OP_CLOSE, HC_OP_CHANGE].contains($0.operation)
    })
  func nothingIsLostWhicheverCallOfAReversionFails(_ target: Target) async throws {
    try target.engine.skipUnlessGranted()
    try await loop(target, mayNeverWait: true, reversionSurvives)
  }

  /// It moves nothing.
  @Test(
    arguments: targets.filter { ![HC_OP_MKDIR, HC_OP_LINK, HC_OP_RING_RENAME].contains($0.operation) })
  func nothingThatIsKeptIsLostWhicheverCallOfRetentionFails(_ target: Target) async throws {
    try target.engine.skipUnlessGranted()
    try await loop(target, mayNeverWait: true, retentionSurvives)
  }

  /// Retention over a migrated capture of 2023 with an age that divides it. What is young, hot or pinned stays, whatever
  /// happens; a run without faults deletes the rest.
  private func retentionSurvives(_ target: Target, _ errno: Errno, _ call: Int, _ forever: Bool) throws
    -> Bool
  {
    let trial = try FaultTrial()
    // One goes and one stays in an hour of one day, so that its playlist is written again.
    try trial.folder.makeFile("segments/0/segment_early.ts", seconds: 1_700_000_000 + 7000)
    try trial.folder.makeFile("segments/0/segment_late.ts", seconds: 1_700_000_000 + 9100)
    var none = hc_faults()
    #expect(try trial.migrate(.syscalls, &none).isClean)
    let before = try Snapshot(trial.folder.path)
    let age = Int64(Date().timeIntervalSince1970) - 1_700_000_000 - 9000
    func keepUp(_ engine: EngineChoice, _ faults: inout hc_faults) throws -> MaintenanceReport {
      let engine = try Engine.choose(engine)
      var options = MaintenanceOptions(
        layout: .guide, rule: RetentionRule(ageSeconds: PerKind { _ in age }), hours: HourClock { _ in 0 })
      options.isForced = true
      return FaultTrial.withFaults(&faults) {
        engine.keepUp(
          FilePath(trial.folder.path), options: options, memory: CaptureMemory(), clock: ClockWatch())
      }
    }
    let mayGo = Set(
      before.files.filter {
        $0.key.description.split(separator: "/").count == 3
          && Int64($0.value.modifiedSeconds) < 1_700_000_000 + 9010
          && $0.key.name != "segment_1.ts"
      }.keys)
    #expect(mayGo.count > 3 && mayGo.count < before.files.count - 5)
    var faults = Self.faults(target, errno, call, forever)
    faults.no_noreplace = false
    let report = try keepUp(target.engine, &faults)
    guard faults.fired > 0 else { return false }
    let what: Comment =
      "retention, \(target.testDescription): \(errno) at call \(call)\(forever ? " and after" : "")"
    let after = try Snapshot(trial.folder.path)
    #expect(before.paths.subtracting(after.paths).isSubset(of: mayGo), what)
    #expect(after.files.allSatisfy { before.files[$0.key] == $0.value }, what)
    #expect(report.retention?.deletedTotal ?? 0 <= before.paths.subtracting(after.paths).count, what)
    let rerun = try keepUp(.syscalls, &none)
    #expect(rerun.error == nil && rerun.retention?.error == nil && rerun.manifests?.isClean ?? false, what)
    #expect(try Invariants.playlistViolations(Snapshot(trial.folder.path)) == [], "\(what): rerun")
    #expect(try Snapshot(trial.folder.path).paths == before.paths.subtracting(mayGo), "\(what): rerun")
    return true
  }

  /// Each errno, once and for ever, goes through the calls in a lane of its own.
  private func loop(
    _ target: Target, mayNeverWait: Bool = false,
    _ survives: @escaping @Sendable (Target, Errno, Int, Bool) throws -> Bool
  ) async throws {
    let injected = try await withThrowingTaskGroup(of: Int.self) { group in
      for errno in target.errnos {
        for forever in [false, true] {
          group.addTask(executorPreference: Lanes()) {
            var count = 0
            var call = 1
            while try survives(target, errno, call, forever) {
              count += 1
              call += Self.triesAll ? 1 : call
            }
            // Without folders to make, a ring may be done before anybody waits for it.
            #expect(
              call > 1 || (mayNeverWait && target.operation == HC_OP_WAIT),
              "\(target.name) was never called: the fault did not happen")
            return count
          }
        }
      }
      return try await group.reduce(0, +)
    }
    Figures.add("faults injected into calls, each fired", injected)
  }

  /// False when the fault did not happen: there is no such call any more.
  private func survives(_ target: Target, _ errno: Errno, _ call: Int, _ forever: Bool) throws -> Bool {
    let trial = try FaultTrial()
    var faults = Self.faults(target, errno, call, forever)
    let report = try trial.migrate(target.engine, &faults)
    guard faults.fired > 0 else { return false }
    // Where nothing can be unlinked any more, a file that was linked already has both names until the next run.
    try trial.check(
      report, "\(target.testDescription): \(errno) at call \(call)\(forever ? " and after" : "")",
      withoutNoReplace: target.withoutNoReplace, mayMissFiles: Self.hidesFiles(target, errno),
      mayBeWrong: Self.hidesEntries(target, errno),
      mayLeaveBothNames: forever && target.operation == HC_OP_UNLINK)
    return true
  }

  /// A kernel that says of a folder that it is not there, or a link, says so of its files.
  private static func hidesFolders(_ target: Target, _ errno: Errno) -> Bool {
    target.operation == HC_OP_OPENAT2 && [.noSuchFileOrDirectory, .tooManySymbolicLinkLevels].contains(errno)
  }

  /// Where folders store no types, it is asked about every file that a listing names.
  private static func hidesFiles(_ target: Target, _ errno: Errno) -> Bool {
    hidesFolders(target, errno) || (target.withoutTypes && hidesEntries(target, errno))
  }

  /// A kernel that denies that something is there cannot be told from one that is right.
  private static func hidesEntries(_ target: Target, _ errno: Errno) -> Bool {
    hidesFolders(target, errno)
      || ([HC_OP_STATX, HC_OP_GETDENTS].contains(target.operation) && errno == .noSuchFileOrDirectory)
  }

  private static func faults(_ target: Target, _ errno: Errno, _ call: Int, _ forever: Bool) -> hc_faults {
    var faults = hc_faults()
    faults.operation = Int32(target.operation.rawValue)
    faults.error = errno.rawValue
    faults.first = UInt32(call)
    faults.forever = forever
    faults.no_noreplace = target.withoutNoReplace
    faults.no_types = target.withoutTypes
    return faults
  }

  /// A reversion of a migrated capture, as above: flat again after a rerun.
  private func reversionSurvives(_ target: Target, _ errno: Errno, _ call: Int, _ forever: Bool) throws
    -> Bool
  {
    let trial = try FaultTrial(isFlat: true)
    var none = hc_faults()
    none.no_noreplace = target.withoutNoReplace
    #expect(try trial.migrate(.syscalls, &none).isClean)
    let migrated = try Snapshot(trial.folder.path)
    var faults = Self.faults(target, errno, call, forever)
    let report = try trial.revert(target.engine, &faults)
    guard faults.fired > 0 else { return false }
    let what: Comment =
      "revert, \(target.testDescription): \(errno) at call \(call)\(forever ? " and after" : "")"

    let after = try Snapshot(trial.folder.path)
    #expect(FaultTrial.strayPaths(report) == [], what)
    if forever && target.operation == HC_OP_UNLINK {
      #expect(Set(trial.before.contents.keys).isSubset(of: after.contents.keys), what)
    } else {
      #expect(Invariants.violations(before: trial.before, after: after) == [], what)
      let playlist = after.paths.contains("output.m3u8") ? 1 : 0
      let counted = report.total.moved...report.total.moved + report.total.vanished
      #expect(counted.contains(Invariants.movedCount(before: migrated, after: after) - playlist), what)
    }
    #expect(report.comparison?.lost ?? 0 == 0 || Self.hidesFiles(target, errno), what)
    if report.isClean, report.error == nil, !Self.hidesEntries(target, errno) {
      // An empty folder that cannot be removed may stay.
      #expect(after.files == trial.before.files, "\(what): said to be done")
    }

    let rerun = try trial.revert(.syscalls, &none)
    #expect(rerun.isClean && rerun.error == nil, "\(what): rerun \(String(describing: rerun.error))")
    let rerunTree = try Snapshot(trial.folder.path)
    #expect(rerunTree.entries == trial.before.entries && rerunTree.manifests.isEmpty, what)
    let third = try trial.revert(.syscalls, &none)
    #expect(third.isClean && !third.changed, what)
    #expect(try Snapshot(trial.folder.path).changeTimes == rerunTree.changeTimes, what)
    return true
  }

  /// One flaw each, in a capture that is settled otherwise.
  static let flaws: [(criterion: Criterion.Identifier, make: @Sendable (Folder) throws -> Void)] = [
    (.flatPlaces, { try $0.makeFile("segment_99.ts") }),
    (.hotLimits, { try $0.makeFile("captures/capture_99.jpg") }),
    (.hours, { try $0.makeFile("thumbnails/9/capture_99_thumbnail.jpg") }),
    (.names, { try $0.makeFile("metadata/22/capture_5.json") }),
    (.livePlaylist, { try $0.remove("segments/segment_1.ts") }),
    (.archives, { try $0.makeFile("segments/22/segment_99.ts") }),
  ]

  /// Whatever cannot be looked at, a flaw is not passed over.
  @Test(arguments: flaws.indices) func noFlawIsMissedWhicheverCallOfAVerificationFails(flaw: Int) async throws
  {
    let trial = try FaultTrial()
    var none = hc_faults()
    #expect(try trial.migrate(.syscalls, &none).isClean)
    let options = options(trial.model)
    @Sendable func verify(_ faults: inout hc_faults) -> VerificationReport {
      FaultTrial.withFaults(&faults) {
        Verification.run(FilePath(trial.folder.path), rule: options.rule, hours: options.hours)
      }
    }
    // In another hour than its own.
    try trial.folder.remove("metadata/3/capture_9.json")
    #expect(verify(&none).isMet)
    try Self.flaws[flaw].make(trial.folder)
    #expect(verify(&none).criteria.filter { !$0.isMet }.map(\.identifier) == [Self.flaws[flaw].criterion])
    let reading = [HC_OP_STATX, HC_OP_GETDENTS, HC_OP_OPENAT2, HC_OP_READ]
    for var target in Self.targets where target.engine == .syscalls && reading.contains(target.operation) {
      target.errnos = target.errnos.filter { !Self.hidesEntries(target, $0) }
      try await loop(target) { target, errno, call, forever in
        var faults = Self.faults(target, errno, call, forever)
        let report = verify(&faults)
        guard faults.fired > 0 else { return false }
        #expect(!report.isMet, "\(target.name): \(errno) at call \(call)\(forever ? " and after" : "")")
        return true
      }
    }
  }

  @Test(.requiresIOUring, arguments: [true, false])
  func lateAndReorderedCompletionsAndShortSubmissions(late: Bool) throws {
    for _ in 0..<10 {
      let trial = try FaultTrial()
      var faults = hc_faults()
      faults.late = late
      faults.small = !late
      let report = try trial.migrate(.ioUring, &faults)
      #expect(faults.fired > 0)
      #expect(report.isClean)
      try trial.check(report, late ? "late completions" : "short submissions")
    }
  }

  @Test(arguments: EngineChoice.all)
  func linksDoWhereRenamesCannotRefuseToReplace(engine: EngineChoice) throws {
    try engine.skipUnlessGranted()
    let trial = try FaultTrial()
    var faults = hc_faults()
    faults.no_noreplace = true
    let report = try trial.migrate(engine, &faults)
    #expect(report.isClean && report.total.moved > 20)
    #expect(try Snapshot(trial.folder.path).paths == trial.settled)
    try trial.check(report, "links", withoutNoReplace: true)
  }
}
