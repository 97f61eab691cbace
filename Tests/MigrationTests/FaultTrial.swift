import CFaults
import CaptureLayout
import Foundation
import SystemPackage
import TestKit
import Testing

@testable import Migration

/// A capture with every kind of file, a few already cold, and things that are none of it.
struct FaultTrial {
  let folder: Folder
  let before: Snapshot
  var model = LayoutModel()
  let settled: Set<Bytes>

  /// `isFlat`: as before any migration.
  init(isFlat: Bool = false) throws {
    folder = try Folder()
    model.hotLimits = ["segments": 2, "captures": 1, "thumbnails": 1, "metadata": 1]
    model.pinned = ["segment_1.ts"]
    let start = 1_700_000_000
    var files = (0..<7).map { LayoutModel.File(Bytes("segment_\($0).ts"), seconds: start + $0 * 4000) }
    for number in 0..<6 {
      for suffix in [".jpg", "_thumbnail.jpg", ".json"] {
        files.append(.init(Bytes("captures/capture_\(number)\(suffix)"), seconds: start + number * 5000))
      }
    }
    if !isFlat { files.append(.init("segments/segment_old.ts", seconds: start - 9000)) }
    for file in files { try folder.makeFile(file.path, seconds: file.seconds) }
    try folder.makePlaylist("output.m3u8", listing: ["segment_1.ts", "segment_6.ts"])
    if !isFlat { try folder.makeFile("metadata/3/capture_9.json", seconds: start) }
    try folder.makeFile("segment_5.ts.tmp")
    try folder.makeLink("captures/capture_7.jpg", to: "/etc/hostname")
    settled = model.settled(files).union([
      "segments/output.m3u8", "metadata/3/capture_9.json", "segment_5.ts.tmp",
    ])
    before = try Snapshot(folder.path)
  }

  func migrate(_ engine: EngineChoice, _ faults: inout hc_faults) throws -> CaptureReport {
    var options = options(model)
    options.renaming.allowsLinks = faults.no_noreplace
    let engine = try Engine.choose(engine)
    return Self.withFaults(&faults) { [options] in
      engine.migrate(FilePath(folder.path), options: options, observer: SilentObserver())
    }
  }

  func revert(_ engine: EngineChoice, _ faults: inout hc_faults) throws -> CaptureReport {
    let engine = try Engine.choose(engine)
    var options = revertOptions(dryRun: false)
    options.renaming.allowsLinks = faults.no_noreplace
    return Self.withFaults(&faults) { [options] in
      engine.migrate(FilePath(folder.path), options: options, observer: SilentObserver())
    }
  }

  static func withFaults<Report>(_ faults: inout hc_faults, _ body: () -> Report) -> Report {
    withUnsafeMutablePointer(to: &faults) { faults in
      hc_faults_use(faults)
      defer { hc_faults_use(nil) }
      return body()
    }
  }

  /// What the tree or the counts say is wrong right after a run.
  static func violations(
    _ report: CaptureReport, before: Snapshot, after: Snapshot, isOnPurpose: Bool = false
  ) -> [String] {
    var found = Invariants.violations(before: before, after: after, isOnPurpose: isOnPurpose)
    // The live playlist is reported apart from the files of a kind.
    let playlist = after.paths.contains("segments/output.m3u8") ? 1 : 0
    let moved = Invariants.movedCount(before: before, after: after) - playlist
    // A file that was moved, and of which the kernel then says that it is gone, is counted as vanished.
    let counted = report.total.moved...report.total.moved + report.total.vanished
    if !counted.contains(moved) {
      found.append("the report says \(report.total.moved) moved, not \(moved)")
    }
    return found + strayPaths(report).map { "an error of \($0)" }
  }

  /// Paths of errors that are not in the capture.
  static func strayPaths(_ report: CaptureReport) -> [FilePath] {
    var errors = report.manifests.map { $0.failures + $0.initializationFailures } ?? []
    switch report.error {
    case .stopped(let error, _), .permissionDenied(let error, _): errors.append(error)
    default: break
    }
    return errors.map(\.path).filter { !$0.isEmpty && !$0.starts(with: report.capture) }
  }

  /// The invariants, a rerun, and a third run.
  func check(
    _ report: CaptureReport, _ what: String, withoutNoReplace: Bool = false, mayMissFiles: Bool = false,
    mayBeWrong: Bool = false, mayLeaveBothNames: Bool = false
  ) throws {
    let after = try Snapshot(folder.path)
    if mayLeaveBothNames {
      #expect(Set(before.contents.keys).isSubset(of: after.contents.keys), "\(what)")
    } else {
      #expect(Self.violations(report, before: before, after: after) == [], "\(what)")
    }
    #expect(report.comparison?.lost ?? 0 == 0 || mayMissFiles, "\(what)")
    // A fault may do no harm, but it is not passed over in silence.
    if report.isClean, report.error == nil, !mayBeWrong {
      #expect(after.paths == settled, "\(what): said to be done")
      #expect(Invariants.playlistViolations(after) == [], "\(what): said to be done")
    }

    let hour = Self.hourNow
    let rerun = try migrateAgain(withoutNoReplace)
    #expect(rerun.isClean && rerun.error == nil, "\(what): rerun \(String(describing: rerun.error))")
    let rerunTree = try Snapshot(folder.path)
    #expect(rerunTree.paths == settled, "\(what): rerun")
    #expect(Invariants.violations(before: before, after: rerunTree) == [], "\(what): rerun")
    #expect(Invariants.playlistViolations(rerunTree) == [], "\(what): rerun")

    let third = try migrateAgain(withoutNoReplace)
    #expect(third.isClean && third.total.moved == 0, "\(what): third run")
    // With the turn of the hour, a playlist ends.
    guard Self.hourNow == hour else { return }
    #expect(!third.changed, "\(what): third run")
    #expect(try Snapshot(folder.path).changeTimes == rerunTree.changeTimes, "\(what): third run wrote")
  }

  private static var hourNow: Int { time(nil) / 3600 }

  private func migrateAgain(_ withoutNoReplace: Bool) throws -> CaptureReport {
    var faults = hc_faults()
    faults.no_noreplace = withoutNoReplace
    return try migrate(.syscalls, &faults)
  }
}
