import Foundation
import TestKit
import Testing

/// Several init segments in one layout, and what is said of them.
@Suite struct InitSegmentTests {
  private typealias Base = InitializationTests

  /// With the example's layout, but for the names of its init segments.
  private static func layout(_ names: String, in folder: Folder) throws -> String {
    try LayoutFile.edited([("init: init.mp4", names)], of: "ffmpeg-fmp4", in: folder)
  }

  private static func migrate(_ folder: Folder, _ layout: String) throws -> JSON {
    let result = HotColdBinary.run([
      "migrate", folder.path, "--layout", layout, "--time-zone", "UTC", "--hot", "segments=0", "--execute",
      "--yes", "--keep-live", "--format", "json",
    ])
    #expect(result.status == 0, "\(result)")
    return try JSON(parsing: result.output)["captures", 0]
  }

  private static func record(_ folder: Folder, _ name: String, _ mark: UInt8, _ number: Int) throws {
    let seconds = Base.hour + number * 10
    if folder.exists(Bytes(name)) {
      try Base.overwrite(folder.path + "/" + name, Base.contents(mark), seconds: seconds)
    } else {
      try folder.makeFile(Bytes(name), seconds: seconds, contents: Base.contents(mark))
    }
    try folder.makeFile(Bytes("segment_\(number).m4s"), seconds: seconds)
  }

  // MARK: several

  @Test func aRecorderThatChangesTheNameIsFollowed() throws {
    let (folder, layouts) = (try Folder(), try Folder())
    let layout = try Self.layout("init: [init.mp4, header.mp4]", in: layouts)
    try Self.record(folder, "init.mp4", 1, 0)
    _ = try Self.migrate(folder, layout)
    try Self.record(folder, "header.mp4", 2, 1)
    _ = try Self.migrate(folder, layout)
    let copies = ["../init.20231114T222000Z.mp4", "../header.20231114T222010Z.mp4"]
    #expect(Base.maps(try Base.playlist(folder)) == copies)
    #expect(try Base.bytes(folder, "segments/header.20231114T222010Z.mp4") == Base.contents(2))
    // Back to the first name, with what it held.
    try Self.record(folder, "init.mp4", 1, 2)
    _ = try Self.migrate(folder, layout)
    #expect(Base.maps(try Base.playlist(folder)) == copies + ["../init.20231114T222020Z.mp4"])
    let before = try Snapshot(folder.path)
    #expect(try Self.migrate(folder, layout)["changed"].bool == false)
    #expect(try Snapshot(folder.path).changeTimes == before.changeTimes)
  }

  /// Written at one moment, as for two streams: each is kept, once.
  @Test func twoOfOneMomentAreKeptOnce() throws {
    let (folder, layouts) = (try Folder(), try Folder())
    let layout = try Self.layout("init: [init.mp4, header.mp4]", in: layouts)
    try Self.record(folder, "init.mp4", 1, 0)
    try folder.makeFile("header.mp4", seconds: Base.hour, contents: Base.contents(2))
    #expect(try Self.migrate(folder, layout)["initSegments", "copiesWritten"].int == 2)
    let before = try Snapshot(folder.path)
    #expect(try Self.migrate(folder, layout)["changed"].bool == false)
    #expect(try Snapshot(folder.path).changeTimes == before.changeTimes)
    #expect(try Base.bytes(folder, "segments/header.20231114T222000Z.mp4") == Base.contents(2))
    #expect(try Base.bytes(folder, Base.copy) == Base.contents(1))
  }

  // MARK: reports

  private static let figures = ["moved", "copiesWritten", "copiesMoved", "copiesRemoved"]

  private static func expect(
    _ arguments: [String], _ expected: [Int], text: String?, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let dryRun = HotColdBinary.run(arguments)
    let planned = try JSON(parsing: HotColdBinary.run(arguments + ["--format", "json"]).output)["captures", 0]
    let done = try JSON(
      parsing: HotColdBinary.run(arguments + ["--format", "json", "--execute", "--yes"]).output)[
        "captures", 0]
    for report in [planned, done] {
      #expect(
        figures.map { report["initSegments", $0].int } == expected, "\(dryRun.output)",
        sourceLocation: sourceLocation)
    }
    #expect(
      planned["wouldChange"].bool == true && done["changed"].bool == true, sourceLocation: sourceLocation)
    let line = dryRun.output.split(separator: "\n").first { $0.hasPrefix("init segments") }
    #expect(line.map(String.init) == text.map { "init segments  \($0)" }, sourceLocation: sourceLocation)
  }

  @Test func whatBecomesOfThemIsSaid() throws {
    let folder = try Folder()
    try Base.record(folder, 0..<5, 1, from: Base.hour)
    try folder.makePlaylist(listing: [Bytes("segment_4.m4s")])
    let migrate = [
      "migrate", folder.path, "--layout", Base.layout, "--time-zone", "UTC", "--hot", "segments=0",
    ]
    let revert = ["revert", folder.path, "--layout", Base.layout]
    try Self.expect(migrate, [1, 1, 0, 0], text: "1 to move; copies: 1 to be written")
    try Base.overwrite(folder.path + "/segments/init.mp4", Base.contents(2), seconds: Base.hour + 100)
    // The other name of the same file goes.
    try Self.expect(revert, [1, 0, 1, 0], text: "1 to move; copies: 1 to be moved")
    // Back with the copy, and that of what the recorder wrote since.
    try Self.expect(migrate, [1, 1, 1, 0], text: "1 to move; copies: 1 to be written, 1 to be moved")
    try Self.expect(
      revert, [1, 0, 1, 1], text: "1 to move; copies: 1 to be moved, 1 to be removed")
  }

  /// A copy alone, and nothing else.
  @Test func aRunThatOnlyKeepsACopyHasChangedSomething() throws {
    let folder = try Folder()
    try Base.record(folder, 0..<5, 1, from: Base.hour)
    #expect(Base.migrate(folder).status == 0)
    try folder.remove(Bytes(Base.copy))
    let again = try JSON(parsing: Base.migrate(folder, "--format", "json").output)["captures", 0]
    #expect(again["changed"].bool == true && again["initSegments", "copiesWritten"].int == 1)
    #expect(again["manifests", "written"].int == 0 && again["synced"].bool == true)
  }

  // MARK: files of others

  /// A video of its own, by chance of such a name.
  /// A recorder that replaces the file by a rename leaves the older one under its other name. Until somebody has decided
  /// between them, no copy goes: each may be the only one of what its segments were made with.
  @Test func copiesStayWhereTwoDifferInTheirPlaces() throws {
    let folder = try Folder()
    try Self.record(folder, "init.mp4", 1, 1)
    try folder.makePlaylist("output.m3u8", listing: ["segment_1.m4s"])
    let cutOver = [
      "migrate", folder.path, "--layout", Base.layout, "--time-zone", "UTC", "--execute", "--yes",
    ]
    #expect(HotColdBinary.run(cutOver).status == 0)
    try Shell.must(["rm", folder.path + "/segments/init.mp4"])
    try folder.makeFile("segments/init.mp4", seconds: 1_700_000_900, contents: Base.contents(2))
    try folder.makeFile("segments/segment_000000900.m4s", seconds: 1_700_001_000)
    _ = try Self.migrate(folder, Base.layout)
    let copies = try Snapshot(folder.path).paths.filter { $0.name.description.hasPrefix("init.2") }
    #expect(copies.count == 2, "\(copies)")
    let revert = ["revert", folder.path, "--layout", Base.layout, "--execute", "--yes"]
    _ = HotColdBinary.run(revert)
    try folder.remove("init.mp4")
    let again = HotColdBinary.run(revert)
    #expect(again.status == 0, "\(again)")
    let held = try Snapshot(folder.path).paths.compactMap { try? Base.bytes(folder, $0.description) }
    #expect(held.contains(Base.contents(1)) && held.contains(Base.contents(2)))
  }

  /// hotcold's own files are not those that nobody knows.
  @Test func copiesInAColdFolderOfItsOwnAreRecognised() throws {
    let (folder, layouts) = (try Folder(), try Folder())
    let layout = try LayoutFile.edited(
      [("hot: segments", "hot: segments\n    cold: archive/seg")], of: "ffmpeg-fmp4", in: layouts)
    try Self.record(folder, "init.mp4", 1, 1)
    _ = try Self.migrate(folder, layout)
    #expect(folder.exists("archive/seg"))
    let report = try Self.migrate(folder, layout)
    #expect(report["unrecognised", "count"].int == 0, "\(report)")
    let verify = HotColdBinary.run([
      "verify", folder.path, "--layout", layout, "--time-zone", "UTC", "--hot", "segments=0",
    ])
    #expect(!verify.output.contains("unrecognised"), "\(verify)")
  }

  @Test func aUsersFileStays() throws {
    let folder = try Folder()
    let video = Base.contents(9) + Base.box("mdat", [1, 2, 3])
    try folder.makeFile("segments/init.20231114T221000Z.mp4", seconds: Base.hour - 600, contents: video)
    try folder.makeFile("init.20231114T221500Z.mp4", contents: video)
    try folder.makeFile(".init.20231114T221500Z.mp4.hotcold", contents: video)
    try Base.record(folder, 0..<5, 1, from: Base.hour)
    #expect(Base.migrate(folder).status == 0)
    #expect(Base.maps(try Base.playlist(folder)) == ["../init.20231114T222000Z.mp4"])
    #expect(Base.run("revert", folder, "--execute", "--yes").status == 0)
    for path in [
      "segments/init.20231114T221000Z.mp4", "init.20231114T221500Z.mp4", ".init.20231114T221500Z.mp4.hotcold",
    ] {
      #expect(try Base.bytes(folder, path) == video, "\(path)")
    }
  }
}
