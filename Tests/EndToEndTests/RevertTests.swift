import Foundation
import TestKit
import Testing

/// The way back to the flat layout.
@Suite struct RevertTests {
  static func revert(
    _ capture: String, _ options: [String] = [], execute: Bool = true
  ) throws -> (status: Int32, report: JSON) {
    let result = HotColdBinary.run(
      ["revert", capture, "--format", "json"] + (execute ? ["--execute", "--yes"] : []) + options)
    return (result.status, try JSON(parsing: result.output)["captures", 0])
  }

  @Test(arguments: Engines.all)
  func migrateAndRevertGiveBackTheVeryTree(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let trial = try Trial()
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    let migrated = try Snapshot(trial.folder.path)
    let (dryStatus, planned) = try Self.revert(trial.folder.path, execute: false)
    #expect(dryStatus == 0)
    #expect(try Snapshot(trial.folder.path).changeTimes == migrated.changeTimes, "a dry run writes nothing")
    let (status, report) = try Self.revert(trial.folder.path, ["--engine", engine])
    #expect(status == 0)
    #expect(report["total", "moved"].int == planned["total", "moved"].int)
    #expect(report["livePlaylist"].string == "moved" && report["comparison", "lost"].int == 0)
    let after = try Snapshot(trial.folder.path)
    #expect(after.entries == trial.before.entries)
    #expect(after.manifests.isEmpty)
    let again = try Self.revert(trial.folder.path)
    #expect(again.status == 0 && again.report["changed"].bool == false)
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    try trial.expectSettled()
  }

  @Test(arguments: Engines.all)
  func anInterruptedMigrationIsTakenBackToo(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let folder = try Folder()
    var partial = 0
    for attempt in 0..<30 where partial < 3 {
      let path = folder.path + "/capture\(attempt)"
      try Shell.must([HotColdBinary.path, "sample", path, "--files", "6000", "--file-bytes", "8"])
      let before = try Snapshot(path)
      let run = try HotColdBinary.start(["migrate", path, "--execute", "--yes", "--engine", engine])
      // 4,000 files, and 24 hour folders before the first of them moves.
      while run.isRunning, Snapshot.entryCount(path + "/captures") > 4000 - attempt * 100 {}
      run.signal(SIGKILL)
      _ = run.wait()
      let moved = Invariants.movedCount(before: before, after: try Snapshot(path))
      if moved > 0, moved < 6000 { partial += 1 }
      #expect(try Self.revert(path, ["--engine", engine]).status == 0)
      #expect(try Snapshot(path).entries == before.entries, "attempt \(attempt), \(moved) moved")
    }
    #expect(partial > 0, "no run was killed in the middle of its moves")
  }

  /// A recorder that begins at 0 every day: names are there twice, in different hours.
  @Test func takenNamesGetTheirTimeWhereThatIsAskedFor() throws {
    let folder = try Folder()
    for day in 0..<3 {
      for number in 0..<40 {
        let seconds = 1_700_000_000 + day * 86_400 + number * 4
        try folder.makeFile(
          Bytes("segments/\((22 + day) % 24)/segment_\(number).ts"), seconds: seconds,
          contents: Array("\(day) \(number)".utf8))
      }
    }
    let before = try Snapshot(folder.path)
    let planned = try Self.revert(folder.path, ["--on-conflict", "rename"], execute: false)
    let (status, report) = try Self.revert(folder.path, ["--on-conflict", "rename"])
    #expect(status == 0 && planned.status == 0)
    #expect(report["renamed"].int == 80 && planned.report["renamed"].int == 80)
    let after = try Snapshot(folder.path)
    #expect(after.files.count == 120 && after.paths.allSatisfy { $0.folder == "" })
    #expect(Set(after.files.values.map(\.contentHash)) == Set(before.files.values.map(\.contentHash)))
    #expect(after.paths.count { $0.description.contains(".2023111") } == 80 && folder.exists("segment_7.ts"))
  }

  @Test func takenNamesAndForeignFilesStay() throws {
    let trial = try Trial()
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    let cold = try #require(try Snapshot(trial.folder.path).paths.first { $0.folder == "segments/22" })
    try trial.folder.makeFile(cold.name, contents: Array("another".utf8))
    try trial.folder.makeFile("thumbnails/5/notes.txt")
    let hot = try #require(try Snapshot(trial.folder.path).paths.first { $0.folder == "metadata" })
    try trial.folder.makeFile("metadata/7/" + hot.name, contents: Array("twice".utf8))
    let before = try Snapshot(trial.folder.path)
    let planned = try Self.revert(trial.folder.path, execute: false)
    let (status, report) = try Self.revert(trial.folder.path)
    #expect(status == 1 && planned.status == 1)
    #expect(report["total", "conflicts"].int == 2 && planned.report["total", "conflicts"].int == 2)
    #expect(try Snapshot(trial.folder.path).contents == before.contents)
    #expect(trial.folder.exists(cold) && trial.folder.exists("thumbnails/5/notes.txt"))
    #expect(!trial.folder.exists("thumbnails/6"))
  }

  /// What is not a file, at the name of what a killed run may leave, is somebody's.
  @Test(arguments: ["folder", "link"]) func aForeignEntryAtTheTemporaryNameStays(_ what: String) throws {
    let trial = try Trial()
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    let name: Bytes = "segments/22/.archive.m3u8.hotcold"
    if what == "folder" {
      try trial.folder.makeFolder(name)
    } else {
      try trial.folder.makeLink(name, to: "/etc/hostname")
    }
    let migrated = try HotColdBinary.migrate(trial.folder.path)
    #expect(migrated.report["captures", 0, "unrecognised", "named", 0, "text"].string == name.description)
    #expect(migrated.status == 0, "no playlist has to be written")
    let planned = try Self.revert(trial.folder.path, execute: false)
    let (status, report) = try Self.revert(trial.folder.path)
    #expect(status == 0 && report["synced"].bool == true && report["comparison", "lost"].int == 0)
    #expect(report["unrecognised", "count"].int == 1)
    #expect(report["unrecognised", "named", 0, "text"].string == name.description)
    #expect(report["manifests", "removed"].int == planned.report["manifests", "removed"].int)
    #expect(report["foldersRemoved"].int == planned.report["foldersRemoved"].int)
    #expect(trial.folder.exists(name))
    #expect(try Snapshot(trial.folder.path).paths == trial.before.paths)

    // It blocks the playlist of its hour, and nothing else.
    for execute in [false, true] {
      let blocked = try HotColdBinary.migrate(trial.folder.path, execute: execute)
      let errors = blocked.report["captures", 0].errors
      #expect(blocked.status == 1 && errors.count == 1, "\(errors)")
      #expect(errors.first?.contains("\(trial.folder.path)/\(name): File exists") == true, "\(errors)")
    }
    #expect(try Snapshot(trial.folder.path).manifests.count > 10)
    try trial.expectSettled()
    let round = HotColdBinary.run(["archive", trial.folder.path, "--once"])
    #expect(
      round.status == 1 && round.error.contains("\(trial.folder.path)/\(name): File exists"), "\(round)")
  }

  @Test(.requiresRoot) func aPlaylistThatCannotBeRemovedKeepsNothingElseFromBeingDone() throws {
    let fileSystem = try MountedFileSystem("ext4")
    let trial = try Trial(in: fileSystem.path)
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    let path = trial.folder.path + "/segments/22/archive.m3u8"
    try Shell.must(["chattr", "+i", path])
    defer { Shell.run(["chattr", "-i", path]) }
    let (status, report) = try Self.revert(trial.folder.path)
    #expect(status == 1 && report["synced"].bool == true && report["comparison", "lost"].int == 0)
    let errors = report.errors
    #expect(errors.contains { $0.contains("\(path): Operation not permitted") }, "\(errors)")
    #expect(!trial.folder.exists("segments/21") && !trial.folder.exists("metadata"))
    #expect(try Snapshot(trial.folder.path).paths == trial.before.paths)
  }

  @Test func onlyOnePlaylistCanBeTheLiveOne() throws {
    let trial = try Trial()
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    try trial.folder.makePlaylist(listing: [])
    let (status, report) = try Self.revert(trial.folder.path)
    #expect(status == 1 && report["livePlaylist"].string == "conflict")
    #expect(trial.folder.exists("segments/output.m3u8"))
  }

  /// Its folder would be gone under an encoder that was not switched back: ffmpeg ends there, and the recording with it.
  @Test(arguments: [false, true]) func theFolderOfAnEncoderStays(hasEnded: Bool) throws {
    let trial = try Trial()
    try #require(try HotColdBinary.migrate(trial.folder.path).status == 0)
    let playlist = trial.folder.path + "/segments/output.m3u8"
    if hasEnded { try Shell.must(["sh", "-c", "echo '#EXT-X-ENDLIST' >> \(playlist)"]) }
    try Shell.must(["touch", playlist])
    let plan = HotColdBinary.run(["revert", trial.folder.path])
    try Shell.must(["touch", playlist])
    let result = HotColdBinary.run(["revert", trial.folder.path, "--execute", "--yes"])
    #expect(result.status == 0)
    for text in [plan.output, result.output] {
      #expect(text.contains("NOTE: an encoder wrote to the hot places a moment ago") == !hasEnded, "\(text)")
    }
    #expect(trial.folder.exists("segments") == !hasEnded)
    #expect(!trial.folder.exists("segments/22") && !trial.folder.exists("segments/output.m3u8"))
    // What it has written since.
    if !hasEnded { try trial.folder.makeFile("segments/segment_61.ts") }
    try Shell.must(["touch", "-d", "1 minute ago", trial.folder.path + "/output.m3u8"])
    #expect(HotColdBinary.run(["revert", trial.folder.path, "--execute", "--yes"]).status == 0)
    #expect(!trial.folder.exists("segments") && (hasEnded || trial.folder.exists("segment_61.ts")))
  }

  @Test func whatKeepLiveLeftIsTakenBack() throws {
    let trial = try Trial()
    #expect(try HotColdBinary.migrate(trial.folder.path, ["--keep-live"]).status == 0)
    #expect(try Self.revert(trial.folder.path).status == 0)
    #expect(try Snapshot(trial.folder.path).entries == trial.before.entries)
  }

  /// Names that are taken in the flat place: what would stay is where it is.
  @Test func aDryRunCountsWhatWouldStayAsTheExecutionDoes() throws {
    let trial = try Trial()
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    let cold = try Snapshot(trial.folder.path).paths.filter {
      $0.folder == "segments/22" && $0.name != "archive.m3u8"
    }
    for path in cold.prefix(20) { try trial.folder.makeFile(path.name) }
    func figures(_ options: [String]) throws -> [String] {
      let result = HotColdBinary.run(["revert", trial.folder.path, "--format", "json"] + options)
      let capture = try JSON(parsing: result.output)["captures", 0]
      return ["segments", "captures", "thumbnails", "metadata"].map { kind in
        let figures = capture["kinds", kind]
        return "\(kind): hot \(figures["hot"].int ?? -1), cold \(figures["cold"].int ?? -1), "
          + "conflicts \(figures["counts", "conflicts"].int ?? -1), \(figures["byHour"].array.compactMap(\.int))"
      }
    }
    let dryRun = try figures([])
    #expect(dryRun[0].contains("hot 0") && !dryRun[0].contains("cold 0"), "\(dryRun)")
    #expect(try figures(["--execute", "--yes"]) == dryRun)
  }
}
