import Foundation
import TestKit
import Testing

/// What the service never deletes or replaces, whatever it is told.
@Suite struct RetentionGuardTests {
  /// A machine that came up ten years ahead, and a recorder that has gone on there: by that clock the whole archive has
  /// expired, but for what was recorded since.
  @Test(arguments: ["segments", "thumbnails", "metadata"]) func yearsBetweenTheExpiredAndTheKeptStopIt(
    kind: String
  ) throws {
    let folder = try Folder()
    let year = 366 * 86_400
    _ = try ArchiverTests.cold(folder, kind, ages: (0..<40).map { 4000 + $0 })
    let old = try ArchiverTests.cold(folder, kind, ages: (0..<300).map { 10 * year + 60 * $0 })
    let retain = [folder.path, "--retain", "\(kind)=24h"]
    let result = ArchiverTests.once(retain)
    #expect(result.status == 1 && result.error.contains("more than a year lies between"), "\(result.error)")
    #expect(old.allSatisfy { folder.exists($0) })
    #expect(ArchiverTests.once(retain + ["--force-retention"]).status == 0)
    #expect(!old.contains { folder.exists($0) })
    // A pause of weeks is no such thing.
    let weeks = try ArchiverTests.cold(folder, kind, ages: (0..<300).map { 40 * 86_400 + $0 })
    #expect(ArchiverTests.once(retain).status == 0)
    #expect(!weeks.contains { folder.exists($0) })
  }

  /// The command that is printed needs nothing but to be run: with the layout and the ages of the round that declined.
  @Test(arguments: [false, true]) func theAdviceDeletesWhatWasDeclined(isInList: Bool) throws {
    let folder = try Folder()
    let layout = "\(folder.path)/a garden's.yaml"
    let text = """
      buckets: hour
      kinds:
        stills:
          match: "still_*.jpg"
          flat: stills
          hot: hot
          limit: 1
          retain: 1h

      """
    try folder.makeFile("a garden's.yaml", contents: Array(text.utf8))
    let capture = "\(folder.path)/it's\\a"
    try folder.makeFile("it's\\a/stills/still_new.jpg", seconds: ArchiverTests.now)
    for number in 0..<4 {
      let seconds = ArchiverTests.now - 5000 - number
      try folder.makeFile(Bytes("it's\\a/hot/\(seconds / 3600 % 24)/still_\(number).jpg"), seconds: seconds)
    }
    try folder.makeFile("list", contents: Array("\(capture) layout=\(layout)\n".utf8))
    let named =
      isInList ? ["--captures-from", "\(folder.path)/list"] : ["--layout", layout, capture]
    let retain = isInList ? ["--retain", "layout"] : ["--retain", "stills=1h"]
    let planned = ArchiverTests.once(named + retain + ["--dry-run", "--format", "json"])
    #expect(try JSON(parsing: planned.output)["summary", "errors"].int == 0 && planned.status == 0)
    let declined = ArchiverTests.once(named + retain + ["--format", "json"])
    #expect(declined.status == 1)
    let report = try JSON(parsing: declined.output)
    #expect(report["summary", "errors"].int == 1, "what declines is counted: the status is 1")
    let advice = try #require(report["captures", 0, "retention", "refusals", 0, "remedy"].string)
    let command = try #require(
      advice.split(separator: "If that is right, run (first with --dry-run): hotcold ").first)
    let forced = Shell.run(
      ["sh", "-c", "exec \"$0\" \(command)", HotColdBinary.path], environment: ["TZ": "UTC"])
    #expect(forced.status == 0, "\(command): \(forced.error)")
    let left = try Snapshot(capture).paths.filter { $0.name.description.hasPrefix("still_") }
    #expect(left == ["hot/still_new.jpg"], "\(command): \(left)")
  }

  /// In a dry run the counts are of what would be deleted, in all and by kind.
  @Test func aDryRunCountsWhatWouldBeDeleted() throws {
    let folder = try Folder()
    _ = try ArchiverTests.cold(folder, "segments", ages: [90_000, 95_000, 100])
    _ = try ArchiverTests.cold(folder, "captures", ages: [4000, 5000])
    for number in 0..<3 {
      try folder.makeFile(Bytes("segments/segment_h\(number).ts"), seconds: ArchiverTests.now)
    }
    let result = ArchiverTests.once([
      folder.path, "--retain", "segments=24h,captures=1h", "--dry-run", "--format", "json",
    ])
    let round = try JSON(parsing: result.output)
    #expect(round["summary", "deleted"].int == 2)
    #expect(round["captures", 0, "retention", "deleted", "segments"].int == 2, "\(result.output)")
    #expect(round["captures", 0, "retention", "deleted", "captures"].int == 0, "declined: all would go")
    #expect(round["captures", 0, "retention", "expired", "captures"].int == 2)
  }

  /// With the segments that retention would delete the playlists of their days go, or lose their heads.
  @Test func aDryRunForeseesThePlaylistsAfterADeletion() throws {
    stayWithinTheHour()
    let folder = try Folder()
    let day = 86_400
    // Of one hour: a day that goes as a whole, one that loses its first half, and one that stays.
    let start = ArchiverTests.now / 3600 * 3600 - 3 * 3600
    for (number, seconds) in [
      start - 3 * day, start - 3 * day + 1, start - day + 10, start - day + 1200, start - day + 3000,
      start + 10,
    ].enumerated() {
      try folder.makeFile(
        Bytes("segments/\(start / 3600 % 24)/segment_\(number).ts"), seconds: seconds)
    }
    for number in 10..<16 {
      try folder.makeFile(Bytes("segments/segment_\(number).ts"), seconds: ArchiverTests.now - 16 + number)
    }
    #expect(ArchiverTests.once([folder.path]).status == 0)
    let before = try Snapshot(folder.path)
    #expect(before.manifests.count == 3)
    let age = ArchiverTests.now - (start - day + 600)
    func playlists(_ options: String...) throws -> JSON {
      let result = ArchiverTests.once(
        [folder.path, "--retain", "segments=\(age)s", "--format", "json"] + options)
      #expect(result.status == 0, "\(result)")
      return try JSON(parsing: result.output)["captures", 0, "playlists"]
    }
    let planned = try playlists("--dry-run")
    #expect(try Snapshot(folder.path).changeTimes == before.changeTimes)
    let done = try playlists()
    for key in ["written", "removed", "unchanged"] { #expect(planned[key].int == done[key].int, "\(key)") }
    #expect(done["removed"].int == 1 && done["written"].int == 1)
  }

  @Test func aRecordingIsNotReplacedByMetrics() throws {
    let trial = try Trial()
    let picture = trial.folder.path + "/segment_3.ts"
    let contents = try Data(contentsOf: URL(fileURLWithPath: picture))
    let result = ArchiverTests.once([
      trial.folder.path, "--metrics-file", picture, "--keep-live", "--hot", "segments=100",
    ])
    #expect(result.status == 1 && result.error.contains("name another file"), "\(result.error)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: picture)) == contents)
    let folder = try Folder()
    let metrics = ["--metrics-file", folder.path + "/x.prom"]
    try folder.makeFile("x.prom", contents: [])
    for _ in 0..<2 { #expect(ArchiverTests.once([trial.folder.path] + metrics).status == 0) }
  }
}
