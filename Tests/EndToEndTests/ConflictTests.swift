import Foundation
import TestKit
import Testing

/// A recorder that began its numbers again within an hour: two files of one name for one folder.
@Suite struct ConflictTests {
  /// The first recording is in its hour, the second one in the hot places.
  private func restarted() throws -> Folder {
    let folder = try Folder()
    for number in 0..<30 {
      try folder.makeFile(Bytes("segments/22/segment_00\(number).ts"), seconds: 1_700_000_000 + number)
      try folder.makeFile(Bytes("segments/segment_00\(number).ts"), seconds: 1_700_000_100 + number)
    }
    try folder.makeFile("thumbnails/22/capture_1_thumbnail.jpg", seconds: 1_700_000_000)
    try folder.makeFile("captures/capture_1_thumbnail.jpg", seconds: 1_700_000_200)
    return folder
  }

  /// Inodes of files other than playlists, by path.
  private static func files(_ snapshot: Snapshot) -> [Bytes: UInt64] {
    snapshot.entries.filter { !$0.value.isFolder && !$0.key.name.description.hasSuffix("m3u8") }
      .mapValues { UInt64($0.inode) }
  }

  private static let options = ["--hot", "thumbnails=0"]

  @Test func withoutTheOptionTheyStayAndOneLineSaysWhy() throws {
    let folder = try restarted()
    let before = try Snapshot(folder.path)
    let (status, report) = try HotColdBinary.migrate(folder.path, Self.options)
    #expect(status == 1)
    #expect(report["captures", 0, "total", "conflicts"].int == 21)
    let errors = report["captures", 0].errors
    #expect(errors.count == 1, "\(errors)")
    #expect(errors.first?.contains("21 names are taken") == true)
    #expect(errors.first?.contains("--on-conflict rename") == true)
    let after = try Snapshot(folder.path)
    for (path, inode) in Self.files(before) where path.name.description.hasSuffix(".ts") {
      #expect(Self.files(after)[path] == inode)
    }
  }

  @Test(arguments: ["migrate", "archive"], Engines.all)
  func withItTheLaterOneGetsItsTime(_ command: String, _ engine: String) throws {
    let folder = try restarted()
    let before = try Snapshot(folder.path)
    if command == "migrate" {
      let options = Self.options + ["--on-conflict", "rename", "--engine", engine]
      let dry = try HotColdBinary.migrate(folder.path, options, execute: false)
      #expect(dry.status == 0 && dry.report["captures", 0, "renamed"].int == 21)
      #expect(try Snapshot(folder.path).paths == before.paths)
      let (status, report) = try HotColdBinary.migrate(folder.path, options)
      #expect(status == 0, "\(report["captures", 0].errors)")
      #expect(report["captures", 0, "renamed"].int == 21)
      #expect(report["captures", 0, "comparison", "lost"].int == 0)
      #expect(report["captures", 0, "comparison", "arrived"].int == 0)
      #expect(report["captures", 0, "nextNumbers", "segments"].int == 30)
    } else {
      let round = HotColdBinary.run(
        ["archive", folder.path, "--once", "--on-conflict", "rename", "--engine", engine] + Self.options)
      #expect(round.status == 0, "\(round.error)")
    }
    let after = try Snapshot(folder.path)
    // Every file is there, and the first recording untouched.
    #expect(Self.files(after).values.sorted() == Self.files(before).values.sorted())
    for (path, inode) in Self.files(before) where path.folder == "segments/22" {
      #expect(Self.files(after)[path] == inode)
    }
    let second = after.paths.filter { $0.folder == "segments/22" && $0.name.description.contains("Z.ts") }
    #expect(second.count == 20)
    #expect(second.contains("segments/22/segment_000.20231114T221500Z.ts"))
    #expect(after.paths.contains("thumbnails/22/capture_1.20231114T221640Z_thumbnail.jpg"))
    #expect(after.paths.count { $0.folder == "segments" } == 10, "the hot limit holds")
    let archive = try String(contentsOfFile: folder.path + "/segments/22/archive.m3u8", encoding: .utf8)
    #expect(archive.contains("segment_000.20231114T221500Z.ts") && archive.contains("#EXT-X-DISCONTINUITY\n"))

    let again = try HotColdBinary.migrate(folder.path, Self.options + ["--on-conflict", "rename"])
    #expect(again.status == 0 && again.report["captures", 0, "total", "moved"].int == 0)
    let revert = HotColdBinary.run(["revert", folder.path, "--execute", "--yes"])
    #expect(revert.status == 1 || folder.exists("segment_000.20231114T221500Z.ts"))
  }

  @Test func aLineOfVerboseNamesBothNames() throws {
    let folder = try restarted()
    let result = HotColdBinary.run([
      "migrate", folder.path, "--execute", "--yes", "--verbose", "--on-conflict", "rename",
    ])
    let line = "segments/segment_000.ts -> segments/22/segment_000.20231114T221500Z.ts\n"
    #expect(result.error.contains(line), "\(result.error)")
  }

  @Test func aTimedNameThatIsTakenIsAConflict() throws {
    let folder = try restarted()
    try folder.makeFile("segments/22/segment_000.20231114T221500Z.ts", seconds: 1_700_000_050)
    let (status, report) = try HotColdBinary.migrate(folder.path, ["--on-conflict", "rename"])
    #expect(status == 1 && report["captures", 0, "total", "conflicts"].int == 1)
    #expect(folder.exists("segments/segment_000.ts"))
  }

  /// Conflicts are no fault of the hot limit.
  @Test func verificationCountsThemApart() throws {
    let folder = try restarted()
    _ = try HotColdBinary.migrate(folder.path, Self.options)
    let (_, criterion) = try LivePlaylistTests.criterion("hotLimits", folder.path)
    #expect(criterion["met"].bool == true)
    #expect(criterion["figures", "conflicts"].int == 20)
  }
}
