import CFaults
import CaptureLayout
import Foundation
import SystemPackage
import TestKit
import Testing

@testable import Migration

/// The playlists of the hour folders: what a dry run says of them, and what a failing disk does to them.
@Suite struct PlaylistTests {
  /// A capture that was migrated once, and to which something has happened since.
  static func changed(_ random: inout SeededRandom, in folder: Folder) throws -> RandomCapture {
    let capture = RandomCapture(&random)
    try capture.make(in: folder)
    if Bool.random(using: &random) { _ = try migrate(folder, capture.model) }
    let snapshot = try Snapshot(folder.path)
    for hour in 0..<24 {
      let playlist = Bytes("segments/\(hour)/archive.m3u8")
      let name = Bytes("segment_9\(hour).ts")
      switch Int.random(in: 0..<9, using: &random) {
      case 0 where !folder.exists(name): try folder.makeFile(name, seconds: 1_600_000_000 + hour * 3600)
      case 1: for path in snapshot.paths where path.folder == playlist.folder { try folder.remove(path) }
      case 2 where folder.exists(playlist): try folder.remove(playlist)
      case 3 where !folder.exists(playlist): try folder.makeFile(playlist, contents: Array("another's".utf8))
      case 4 where !folder.exists(playlist): try folder.makeFile(playlist, contents: [])
      case 5: try? folder.makeFile(playlist.folder + "/.archive.m3u8.hotcold", contents: [])
      case 6: try folder.makeFolder(playlist.folder + "/.archive.m3u8.hotcold")
      default: break
      }
    }
    return capture
  }

  static func expectForeseen(_ planned: CaptureReport, _ done: CaptureReport, _ seed: UInt64) {
    let comment: Comment = "HOTCOLD_SEED=\(seed)"
    #expect(planned.manifests?.written == done.manifests?.written, comment)
    #expect(planned.manifests?.unchanged == done.manifests?.unchanged, comment)
    #expect(planned.manifests?.removed == done.manifests?.removed, comment)
    #expect(planned.manifests?.foreign == done.manifests?.foreign, comment)
    #expect(planned.manifests?.failures == done.manifests?.failures, comment)
    #expect(planned.foldersRemoved == done.foldersRemoved, comment)
    #expect(!planned.changed && planned.wouldChange == done.changed, comment)
  }

  @Test(arguments: SeededRandom.seeds(12, campaign: 40)) func aDryRunForeseesThePlaylists(seed: UInt64) throws
  {
    var random = SeededRandom(seed)
    let folder = try Folder()
    let capture = try Self.changed(&random, in: folder)
    for _ in 0..<2 {
      let before = try Snapshot(folder.path)
      let planned = try migrate(folder, capture.model, dryRun: true)
      #expect(try Snapshot(folder.path).changeTimes == before.changeTimes, "HOTCOLD_SEED=\(seed)")
      Self.expectForeseen(planned, try migrate(folder, capture.model), seed)
    }
  }

  @Test(arguments: SeededRandom.seeds(12, campaign: 40)) func aDryRunForeseesWhatAReversionRemoves(
    seed: UInt64
  ) throws {
    var random = SeededRandom(seed)
    let folder = try Folder()
    let capture = try Self.changed(&random, in: folder)
    if Bool.random(using: &random) { _ = try migrate(folder, capture.model) }
    func revert(dryRun: Bool) throws -> CaptureReport {
      try Engine.choose(.syscalls).migrate(
        FilePath(folder.path), options: revertOptions(dryRun: dryRun), observer: SilentObserver())
    }
    for _ in 0..<2 {
      let before = try Snapshot(folder.path)
      let planned = try revert(dryRun: true)
      #expect(try Snapshot(folder.path).changeTimes == before.changeTimes, "HOTCOLD_SEED=\(seed)")
      Self.expectForeseen(planned, try revert(dryRun: false), seed)
    }
  }

  /// One playlist (fsync) and many (syncfs) that cannot be made durable, in a run that need not be durable itself.
  @Test(arguments: [1, 24]) func playlistsThatCannotBeMadeDurableReplaceNothing(hours: Int) throws {
    let folder = try Folder()
    var model = LayoutModel()
    model.hotLimits["segments"] = 0
    func addSegments(_ number: Int) throws {
      for hour in 0..<hours {
        try folder.makeFile(
          Bytes("segment_\(100 * hour + number).ts"), seconds: 1_600_000_000 + hour * 3600 + number)
      }
    }
    var options = options(model)
    options.hours = HourClock { _ in 0 }
    options.syncs = false
    func migrate() throws -> CaptureReport {
      try Engine.choose(.syscalls).migrate(
        FilePath(folder.path), options: options, observer: SilentObserver())
    }
    try addSegments(1)
    #expect(try migrate().isClean)
    let before = try Snapshot(folder.path)
    try addSegments(2)
    var faults = hc_faults()
    faults.operation = Int32(HC_OP_SYNCFS.rawValue)
    faults.error = EIO
    faults.first = 1
    faults.forever = true
    let report = try withUnsafeMutablePointer(to: &faults) { faults in
      hc_faults_use(faults)
      defer { hc_faults_use(nil) }
      return try migrate()
    }
    #expect(faults.fired > 0)
    #expect(report.error != nil && report.total.moved == hours)
    #expect(report.manifests?.failures.count == hours && report.manifests?.written == 0)
    let after = try Snapshot(folder.path)
    #expect(after.manifests == before.manifests && after.leftovers.isEmpty)
    #expect(try migrate().manifests?.written == hours)
  }
}
