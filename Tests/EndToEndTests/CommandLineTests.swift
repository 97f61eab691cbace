import Foundation
import TestKit
import Testing

import enum Reporting.Version

@Suite struct CommandLineTests {
  @Test func helpAndVersion() {
    #expect(HotColdBinary.run(["--version"]).output == Version.number + "\n")
    let help = HotColdBinary.run(["migrate", "--help"]).output
    for option in [
      "--execute", "--yes", "--keep-live", "--no-sync", "--engine", "--time-zone", "--hot", "--captures-from",
      "--format", "--quiet", "--verbose",
    ] { #expect(help.contains(option)) }
  }

  @Test func theJSONReportHasItsDocumentedKeys() throws {
    let trial = try Trial()
    let (status, report) = try HotColdBinary.migrate(trial.folder.path)
    #expect(status == 0)
    #expect(
      report.keys == [
        "type", "command", "version", "changed", "wouldChange", "exitCode", "engine", "engineReason",
        "timeZone", "ringRequests", "ringSubmissions", "peakResidentBytes", "captures", "notBegun", "summary",
      ])
    #expect(
      report["summary"].keys == [
        "captures", "total", "errors", "elapsedSeconds", "filesPerSecond", "exitCode",
      ])
    #expect(
      report["captures", 0].keys == [
        "type", "capture", "dryRun", "changed", "wouldChange", "exitCode", "kinds", "total", "livePlaylist",
        "initSegments", "warnings", "foldersMade", "renamed", "copied", "passes",
        "foldersRemoved", "manifests", "nextNumbers", "cutShort",
        "settled", "writerActive", "otherRunActive", "mayReplace", "synced", "elapsedSeconds",
        "filesPerSecond",
        "unrecognised", "comparison", "errors",
      ])
    #expect(report["captures", 0, "total", "found"].int == SmallCapture.files.count)
    #expect(report["captures", 0, "kinds", "segments", "hot"].int == 10)
    #expect(report["captures", 0, "livePlaylist"].string == "moved")
    #expect(report["captures", 0, "comparison", "lost"].int == 0)
    #expect(report["captures", 0, "foldersMade"].int == 99)
  }

  @Test func severalCapturesFromAFileAndOneOfThemFails() throws {
    let folder = try Folder()
    try SmallCapture.make(in: folder, at: "one")
    try SmallCapture.make(in: folder, at: "two")
    let list = "# active captures\n\(folder.path)/missing\n\(folder.path)/one\r\n\n\(folder.path)/two\n"
    try folder.makeFile("active_captures.conf", contents: Array(list.utf8))
    let result = HotColdBinary.run([
      "migrate", "--captures-from", folder.path + "/active_captures.conf", "--execute", "--yes", "--format",
      "json",
    ])
    #expect(result.status == 66)
    let report = try JSON(parsing: result.output)
    #expect(report["captures"].array.compactMap { $0["exitCode"].int } == [66, 0, 0])
    for name in ["one", "two"] {
      #expect(try Snapshot(folder.path + "/" + name).paths == SmallCapture.settled())
    }
  }

  @Test func theHourFoldersFollowTheTimeZone() throws {
    // One moment in January and one in July: half past midnight UTC.
    let folder = try Folder()
    try folder.makeFile("segment_winter.ts", seconds: 1_705_278_600)
    try folder.makeFile("segment_summer.ts", seconds: 1_721_003_400)
    let result = HotColdBinary.run([
      "migrate", folder.path, "--execute", "--yes", "--hot", "segments=0", "--time-zone", "Europe/Zurich",
    ])
    #expect(result.status == 0)
    #expect(folder.exists("segments/1/segment_winter.ts") && folder.exists("segments/2/segment_summer.ts"))
    #expect(HotColdBinary.run(["verify", folder.path, "--time-zone", "Europe/Zurich"]).status == 0)
    #expect(HotColdBinary.run(["verify", folder.path, "--time-zone", "UTC"]).status == 1)
  }

  @Test(.requires("script"), arguments: [("yes", 0), ("no", 1), ("", 1)])
  func theQuestionIsAskedOnATerminal(answer: String, status: Int32) throws {
    let trial = try Trial()
    let result = Shell.run([
      "sh", "-c", "printf '\(answer)\\n' | script -qec \"'$0' migrate '$1' --execute\" /dev/null",
      HotColdBinary.path,
      trial.folder.path,
    ])
    #expect(result.status == status, "\(result.output)")
    #expect(result.output.contains("Are you sure you want to proceed? (yes/no):"))
    if status == 0 { try trial.expectSettled() } else { try trial.expectUntouched() }
  }

  @Test func theLogCanBeSearchedForErrors() throws {
    let trial = try Trial()
    try trial.folder.makeLink("thumbnails", to: "/tmp")
    let log = trial.folder.path + "-log"
    defer { Shell.run(["rm", "-f", log]) }
    Shell.run([
      "sh", "-c", "\"$0\" migrate \"$1\" --execute --yes | tee \"$2\"", HotColdBinary.path, trial.folder.path,
      log,
    ])
    #expect(Shell.run(["grep", "ERROR", log]).output.contains("thumbnails: is a link"))
  }

  @Test func messagesHaveATimeStampAwayFromATerminal() throws {
    let trial = try Trial()
    let result = HotColdBinary.run(["migrate", trial.folder.path])
    #expect(result.error.firstMatch(of: #/^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00 INFO /#) != nil)
    #expect(HotColdBinary.run(["migrate", trial.folder.path, "--quiet"]).error.isEmpty)
  }

  @Test func quietPrintsErrorsOnlyAndVerboseEveryMove() throws {
    let trial = try Trial()
    let dry = HotColdBinary.run(["migrate", trial.folder.path, "--verbose"])
    let moves = dry.error.split(separator: "\n").filter { $0.contains(" -> ") }
    let quiet = HotColdBinary.run(["migrate", trial.folder.path, "--execute", "--yes", "--quiet"])
    #expect(quiet.status == 0 && quiet.output.isEmpty && quiet.error.isEmpty)
    // A line for each file that is not where it was before, the playlist's among them.
    let stayed = try Snapshot(trial.folder.path).paths.intersection(trial.before.paths)
    #expect(moves.count == trial.before.paths.count - stayed.count)
  }

  @Test func keepLiveLeavesTheOldURLPlaying() throws {
    let trial = try Trial()
    let (status, report) = try HotColdBinary.migrate(trial.folder.path, ["--keep-live"])
    #expect(status == 0)
    #expect(report["captures", 0, "livePlaylist"].string == "kept")
    #expect(report["captures", 0, "total", "kept"].int == 10 + 100 + 100)
    #expect(try Snapshot(trial.folder.path).paths == SmallCapture.settled(keepLive: true))
  }

  @Test func aWriterIsNoticed() throws {
    let trial = try Trial()
    #expect(!HotColdBinary.run(["migrate", trial.folder.path]).output.contains("a writer was active"))
    try trial.folder.makeFile("segment_900.ts", seconds: Int(Date().timeIntervalSince1970))
    #expect(HotColdBinary.run(["migrate", trial.folder.path]).output.contains("a writer was active"))
  }
}

@Suite struct SampleAndVerifyTests {
  @Test func aSampleHasTheGuidesProportions() throws {
    let folder = try Folder()
    let path = folder.path + "/capture"
    #expect(HotColdBinary.run(["sample", path, "--files", "3k", "--span", "2d"]).status == 0)
    let files = try Snapshot(path).files
    #expect(files.count == 3001)
    #expect(files.keys.count { $0.folder == "captures" } == 2000)
    #expect(files.keys.count { $0.name.description.hasSuffix("_thumbnail.jpg") } == 667)
    let times = files.filter { $0.key != "output.m3u8" }.map(\.value.modifiedSeconds)
    let span = try #require(times.max()) - times.min()!
    #expect((172_000...172_800).contains(span))
    #expect(Set(times).count > 900)
  }

  @Test func aSampleRefusesAFolderThatIsNotEmpty() throws {
    let trial = try Trial()
    let result = HotColdBinary.run(["sample", trial.folder.path, "--files", "10"])
    #expect(result.status == 64)
    #expect(result.error.contains("not empty"))
    try trial.expectUntouched()
  }

  @Test func verifyJudgesEachCriterion() throws {
    let trial = try Trial()
    func unmet() throws -> Set<String> {
      let result = HotColdBinary.run(["verify", trial.folder.path, "--format", "json"])
      let report = try JSON(parsing: result.output)
      let unmet = Set(
        report["captures", 0, "criteria"].array.filter { $0["met"].bool == false }.compactMap {
          $0["id"].string
        })
      #expect(result.status == (unmet.isEmpty ? 0 : 1))
      return unmet
    }
    #expect(try unmet() == ["folders", "flatPlaces", "hotLimits"])
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    #expect(try unmet() == [])

    let path = trial.folder.path
    try Shell.must(["rmdir", path + "/metadata/9"])
    #expect(try unmet() == ["folders"])
    try trial.folder.makeFolder("metadata/9")
    try trial.folder.makeFile("metadata/9/capture_x.json", seconds: 8 * 3600)
    #expect(try unmet() == ["hours"])
    try Shell.must(["mv", path + "/metadata/9/capture_x.json", path + "/metadata/8/"])
    try trial.folder.makeFile("metadata/9/capture_x.json", seconds: 9 * 3600)
    #expect(try unmet() == ["names"])
    try trial.folder.remove("metadata/9/capture_x.json")
    try trial.folder.remove("segments/segment_57.ts")
    #expect(try unmet() == ["livePlaylist"])
    try trial.folder.makeFile("segment_57.ts", seconds: 1_700_000_000 + 57 * 1200)
    #expect(try unmet().isSuperset(of: ["flatPlaces", "livePlaylist"]))
    try Shell.must(["mv", path + "/segment_57.ts", path + "/segments/"])
    try trial.folder.makeFile("segments/segment_extra.ts")
    #expect(try unmet() == ["hotLimits"])
  }

  @Test func verifyLeavesEverythingAsItWas() throws {
    let trial = try Trial()
    _ = HotColdBinary.run(["verify", trial.folder.path])
    try trial.expectUntouched()
  }
}
