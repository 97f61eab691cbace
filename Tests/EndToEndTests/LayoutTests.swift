import Foundation
import TestKit
import Testing

/// Layouts on the command line, in the environment and in lists of captures.
@Suite struct LayoutTests {
  private static func run(_ arguments: String...) -> Shell.Result { HotColdBinary.run(arguments) }

  /// Everything is where the guide has it, but with dates.
  private static func byDate(_ paths: Set<Bytes>, _ files: [LayoutModel.File]) -> Set<Bytes> {
    let seconds = Dictionary(uniqueKeysWithValues: files.map { ($0.path.name, $0.seconds) })
    let dates = PlainLayout(kinds: [], hasDates: true)
    return Set(
      paths.map { path in
        let parts = path.description.split(separator: "/")
        guard parts.count == 3, let time = seconds[path.name] else { return path }
        return Bytes("\(parts[0])/\(dates.bucket(time))") + path.name
      })
  }

  @Test func aCaptureGoesToDatesAndBackAndToTheFlatLayout() throws {
    stayWithinTheHour()
    let trial = try Trial()
    let capture = trial.folder.path
    let settled = SmallCapture.settled()
    #expect(Self.run("migrate", capture, "--layout", LayoutFile.byDate, "--execute", "--yes").status == 0)
    let dated = try Snapshot(capture)
    #expect(dated.paths == Self.byDate(settled, SmallCapture.files))
    #expect(!dated.manifests.isEmpty)
    try trial.expectIntact()
    #expect(Self.run("verify", capture, "--layout", LayoutFile.byDate).status == 0)

    // The layout is forgotten: nothing happens.
    for arguments in [
      ["migrate", capture, "--execute", "--yes"], ["verify", capture],
      ["revert", capture, "--execute", "--yes"],
    ] {
      let result = HotColdBinary.run(arguments)
      #expect(result.status == 66 && result.error.contains("--layout"), "\(result)")
    }
    #expect(try Snapshot(capture).changeTimes == dated.changeTimes)

    #expect(Self.run("migrate", capture, "--from", LayoutFile.byDate, "--execute", "--yes").status == 0)
    let hours = try Snapshot(capture)
    #expect(hours.paths == settled)
    #expect(!hours.entries.keys.contains { $0.description.contains("2023-") }, "folders of dates are left")
    #expect(Self.run("verify", capture).status == 0)
    #expect(
      Self.run("migrate", capture, "--from", "guide", "--layout", LayoutFile.byDate, "--execute", "--yes")
        .status
        == 0)
    #expect(try Snapshot(capture).paths == dated.paths)
    #expect(Self.run("revert", capture, "--layout", LayoutFile.byDate, "--execute", "--yes").status == 0)
    #expect(try Snapshot(capture).entries == trial.before.entries)
  }

  @Test func theEnvironmentNamesALayoutForEveryCommand() throws {
    let trial = try Trial()
    let environment = ["HOTCOLD_LAYOUT": LayoutFile.byDate]
    let migrate = HotColdBinary.run(
      ["migrate", trial.folder.path, "--execute", "--yes"], environment: environment)
    #expect(migrate.status == 0, "\(migrate)")
    #expect(HotColdBinary.run(["verify", trial.folder.path], environment: environment).status == 0)
    #expect(
      HotColdBinary.run(["next-numbers", trial.folder.path], environment: environment).output.contains("60"))
    #expect(
      HotColdBinary.run(["archive", "--once", trial.folder.path], environment: environment).status == 0)
    #expect(
      HotColdBinary.run(["revert", trial.folder.path, "--execute", "--yes"], environment: environment).status
        == 0)
    #expect(try Snapshot(trial.folder.path).entries == trial.before.entries)
  }

  @Test func datesAreInUTCUnlessAZoneIsNamed() throws {
    for (zone, expected) in [([], "2023-11-14/22"), (["--time-zone", "Asia/Tokyo"], "2023-11-15/07")] {
      let folder = try Folder()
      try folder.makeFile("segment_1.ts", seconds: 1_700_000_000)
      let result = HotColdBinary.run(
        ["migrate", folder.path, "--layout", LayoutFile.byDate, "--hot", "segments=0", "--execute", "--yes"]
          + zone,
        environment: ["TZ": "America/New_York"])
      #expect(result.status == 0, "\(result)")
      #expect(folder.exists(Bytes("segments/\(expected)/segment_1.ts")))
    }
  }

  /// FAULTS: years 1970, 2038, 9999; before year 1 and after 9999 there is no date.
  @Test func timesWithoutADateStayAndAreReported() throws {
    let folder = try Folder()
    let years = [0: "1970-01-01/00", 2_147_483_648: "2038-01-19/03", 253_402_300_799: "9999-12-31/23"]
    for seconds in years.keys { try folder.makeFile(Bytes("segment_\(seconds).ts"), seconds: seconds) }
    for (number, seconds) in [-62_135_596_801, 253_402_300_800].enumerated() {
      try folder.makeFile(Bytes("segment_stray\(number).ts"), seconds: seconds)
    }
    let result = Self.run(
      "migrate", folder.path, "--layout", LayoutFile.byDate, "--hot", "segments=0", "--execute", "--yes",
      "--format", "json")
    #expect(result.status == 1)
    let errors = try JSON(parsing: result.output)["captures", 0]["errors"].array
    #expect(errors.count { $0["code"].string == "undated" } == 2, "\(result.output)")
    for (seconds, bucket) in years {
      #expect(folder.exists(Bytes("segments/\(bucket)/segment_\(seconds).ts")))
    }
    #expect(folder.exists("segment_stray0.ts") && folder.exists("segment_stray1.ts"))
  }

  /// FAULTS: date folders that are files, links, mounts.
  @Test(.requiresRoot) func whatHasTheNameOfADateAndIsNoFolderIsRefused() throws {
    let folder = try Folder()
    let elsewhere = try Folder()
    let times = (file: 1_700_000_000, link: 1_700_100_000, mount: 1_700_200_000, good: 1_700_300_000)
    for seconds in [times.file, times.link, times.mount, times.good] {
      try folder.makeFile(Bytes("segment_\(seconds).ts"), seconds: seconds)
    }
    try folder.makeFile("segments/2023-11-14")
    try folder.makeLink("segments/2023-11-16", to: elsewhere.path)
    try folder.makeFolder("segments/2023-11-17")
    try Shell.must(["mount", "-t", "tmpfs", "none", folder.path + "/segments/2023-11-17"])
    defer { _ = Shell.run(["umount", folder.path + "/segments/2023-11-17"]) }
    let result = Self.run(
      "migrate", folder.path, "--layout", LayoutFile.byDate, "--hot", "segments=0", "--execute", "--yes",
      "--format", "json")
    #expect(result.status == 1)
    let errors = try JSON(parsing: result.output)["captures", 0]["errors"].array
    #expect(errors.count { $0["code"].string == "folder-refused" } >= 3, "\(result.output)")
    #expect(folder.exists("segments/2023-11-18/09/segment_1700300000.ts"))
    for seconds in [times.file, times.link, times.mount] {
      #expect(folder.exists(Bytes("segment_\(seconds).ts")), "it stays where it is")
    }
    #expect(try Snapshot(elsewhere.path).files.isEmpty)
  }

  @Test func retentionRemovesTheFoldersOfDatesThatItEmpties() throws {
    let folder = try Folder()
    let now = Int(Date().timeIntervalSince1970)
    for day in 1...4 {
      for number in 0..<30 {
        try folder.makeFile(Bytes("segment_\(day)_\(number).ts"), seconds: now - day * 86_400 - number * 600)
      }
    }
    let age = ["--retain", "segments=2d", "--layout", LayoutFile.byDate, "--hot", "segments=5"]
    let round = HotColdBinary.run(["archive", "--once", folder.path] + age)
    #expect(round.status == 0, "\(round)")
    let left = try Snapshot(folder.path)
    #expect(left.files.values.allSatisfy { $0.modifiedSeconds > now - 3 * 86_400 })
    for (path, entry) in left.entries where entry.isFolder && path.description.contains("-") {
      let holds =
        left.entries.keys.contains { $0.description.hasPrefix(path.description + "/") }
        || left.manifests.keys.contains { $0.description.hasPrefix(path.description + "/") }
      #expect(holds, "\(path) is empty")
    }
    #expect(Self.run("verify", folder.path, "--layout", LayoutFile.byDate, "--hot", "segments=5").status == 0)
  }

  @Test func aListNamesALayoutForEachCapture() throws {
    let folder = try Folder()
    try SmallCapture.make(in: folder, at: "hours")
    try SmallCapture.make(in: folder, at: "dates")
    try folder.makeFile(
      "list",
      contents: Array("\(folder.path)/hours\n\(folder.path)/dates  layout=\(LayoutFile.byDate)\n".utf8))
    let list = folder.path + "/list"
    let environment = ["TZ": "Asia/Tokyo"]
    let migrate = HotColdBinary.run(
      ["migrate", "--captures-from", list, "--execute", "--yes"], environment: environment)
    #expect(migrate.status == 0, "\(migrate)")
    #expect(folder.exists("hours/segments/7/segment_0.ts"), "22:13 in UTC")
    #expect(folder.exists("dates/segments/2023-11-14/22/segment_0.ts"), "dates are in UTC")
    for command in [["verify"], ["archive", "--once"], ["revert", "--execute", "--yes"]] {
      let result = HotColdBinary.run(
        command + ["--captures-from", list, "--format", "json"], environment: environment)
      #expect(result.status == 0, "\(result)")
      let report = try JSON(parsing: result.output)
      #expect(report["timeZone", "name"].string == "Asia/Tokyo")
      #expect(!report["captures", 0].keys.contains("timeZone"), "that of the run")
      #expect(report["captures", 1, "timeZone", "name"].string == "UTC")
    }
    #expect(folder.exists("dates/segment_0.ts") && folder.exists("hours/segment_0.ts"))
    // The other way round the machine's zone is not that of the process, unless the machine has UTC.
    try folder.makeFile("mixed", contents: Array("\(folder.path)/hours layout=guide\n".utf8))
    for (zone, status) in [("Asia/Tokyo", 64), ("Etc/UTC", 0)] as [(String, Int32)] {
      let mixed = HotColdBinary.run(
        ["migrate", "--captures-from", folder.path + "/mixed", "--layout", LayoutFile.byDate],
        environment: ["TZ": zone])
      #expect(mixed.status == status, "\(mixed)")
      #expect(
        mixed.error.contains("it has the time zone \(zone), but another one is in use") == (status != 0))
    }
    // Both layouts name the same zone.
    let zone = "time-zone: Asia/Tokyo"
    let (hours, dates) = (try Folder(), try Folder())
    let inUse = try LayoutFile.edited([("buckets: hour", "buckets: hour\n\(zone)")], in: hours)
    let listed = try LayoutFile.edited([("buckets: hour", "buckets: date-hour\n\(zone)")], in: dates)
    try folder.makeFile("zoned", contents: Array("\(folder.path)/dates layout=\(listed)\n".utf8))
    let zoned = HotColdBinary.run(
      ["migrate", "--captures-from", folder.path + "/zoned", "--layout", inUse, "--execute", "--yes"])
    #expect(zoned.status == 0, "\(zoned)")
    #expect(folder.exists("dates/segments/2023-11-15/07/segment_0.ts"))
    // Dates are in UTC if nobody names a zone, whatever zone another layout names.
    try folder.makeFile("utc", contents: Array("\(folder.path)/dates layout=\(LayoutFile.byDate)\n".utf8))
    let utc = HotColdBinary.run(
      ["verify", "--captures-from", folder.path + "/utc", "--layout", inUse, "--format", "json"])
    #expect(try JSON(parsing: utc.output)["captures", 0, "timeZone", "name"].string == "UTC")
    try folder.makeFile("wrong", contents: Array("\(folder.path)/hours layout=nowhere.yaml\n".utf8))
    let wrong = HotColdBinary.run(["migrate", "--captures-from", folder.path + "/wrong"])
    #expect(wrong.status == 64 && wrong.error.contains("nowhere.yaml"), "\(wrong)")
    // The first line with a mistake is named, and its layout, whatever else is wrong with others.
    let other = try LayoutFile.edited(
      [("buckets: hour", "buckets: hour\ntime-zone: Europe/Zurich")], in: hours)
    let lines =
      "\n# captures\n"
      + (0..<6).map { "\(folder.path)/c\($0) layout=\($0 < 2 ? LayoutFile.byDate : other)\n" }.joined()
    try folder.makeFile("zones", contents: Array(lines.utf8))
    for command in [["migrate"], ["verify"], ["archive", "--once"]] {
      let zones = HotColdBinary.run(command + ["--captures-from", folder.path + "/zones"])
      let expected = "\(folder.path)/zones, line 5, layout '\(other)': it has the time zone Europe/Zurich"
      #expect(zones.status != 0 && zones.error.contains(expected), "\(command): \(zones)")
    }
  }

  /// A pattern says nothing of a layout, so the line that does counts, wherever it stands.
  @Test(arguments: ["DIR/*\nDIR/a layout=DATE", "DIR/a layout=DATE\nDIR/*", "DIR/a\nDIR/a layout=DATE"])
  func theLineThatNamesALayoutCounts(list: String) throws {
    let folder = try Folder()
    try SmallCapture.make(in: folder, at: "a")
    let files = try Folder()
    func captures(_ text: String) throws -> String {
      let text = text.replacing("DIR", with: folder.path).replacing("DATE", with: LayoutFile.byDate)
      try text.write(toFile: files.path + "/list", atomically: true, encoding: .utf8)
      return files.path + "/list"
    }
    let result = Self.run("migrate", "--captures-from", try captures(list), "--execute", "--yes")
    #expect(result.status == 0, "\(result)")
    #expect(folder.exists("a/segments/2023-11-14/22/segment_0.ts"))
    let before = try Snapshot(folder.path)
    let two = Self.run(
      "archive", "--once", "--captures-from", try captures(list + "\nDIR/a layout=guide"))
    #expect(two.status == 64 && two.error.contains("two layouts"), "\(two)")
    #expect(try Snapshot(folder.path).entries == before.entries)
  }

  /// Planned, made and there: with the folders that only lead to others, forth and back.
  @Test func foldersThatLeadToOthersAreCounted() throws {
    let folder = try Folder()
    let text = """
      buckets: hour
      kinds:
        segments:
          match: "segment_*.ts"
          flat: in/a
          hot: video/live/now
          cold: archive/a/b
          limit: 1
        stills:
          match: "still_*.jpg"
          flat: in/b
          hot: video/stills
          limit: 0
      """
    try folder.makeFile("layout.yaml", contents: Array(text.utf8))
    for number in 0..<3 {
      try folder.makeFile(Bytes("capture/in/a/segment_\(number).ts"), seconds: 1000 * number)
    }
    try folder.makeFile("capture/in/b/still_1.jpg", seconds: 5)
    let capture = folder.path + "/capture"
    func folders() throws -> Int {
      try Shell.must(["find", capture, "-type", "d"]).split(separator: "\n").count
    }
    func run(_ command: String, _ options: String...) throws -> (made: Int, removed: Int) {
      let result = HotColdBinary.run(
        [command, capture, "--layout", "\(folder.path)/layout.yaml", "--format", "json"] + options)
      #expect(result.status == 0, "\(result)")
      let report = try JSON(parsing: result.output)["captures", 0]
      return try (#require(report["foldersMade"].int), #require(report["foldersRemoved"].int))
    }
    for command in ["migrate", "revert"] {
      let before = try folders()
      let planned = try run(command)
      let done = try run(command, "--execute", "--yes")
      #expect(done == planned, "\(command)")
      #expect(try folders() == before + done.made - done.removed, "\(command): \(done)")
      // The flat folders are made again.
      try Shell.must(["rm", "-r", capture + "/in"])
    }
  }

  /// An error names the option that was given, and no command offers what it refuses.
  @Test func theOptionThatIsWrongIsNamed() throws {
    let wrong = Self.run("layout", "--check", "nowhere")
    #expect(wrong.status == 64 && wrong.error.contains("for --check."), "\(wrong)")
    #expect(!wrong.error.contains("--layout"))
    for command in ["verify", "archive", "layout", "revert", "next-numbers"] {
      let help = Self.run(command, "--help").output
      let option = try #require(help.components(separatedBy: "\n  --layout <layout>").dropFirst().first)
      #expect(!option.components(separatedBy: "\n  -").prefix(1).joined().contains("flat"), "\(command)")
    }
  }

  @Test(.requires("ffmpeg")) func fMP4SegmentsArePlayedFromTheirArchiveAndFromTheLivePlaylist() throws {
    let folder = try Folder()
    try Shell.must(
      [
        "sh", "-c",
        """
        cd "$1" && ffmpeg -v error -f lavfi -i testsrc=size=64x48:rate=10:duration=30 -c:v libx264 -g 10 -f hls -hls_time 1 \
        -hls_segment_type fmp4 -hls_segment_filename segment_%09d.m4s -hls_list_size 5 output.m3u8
        """, "sh", folder.path,
      ])
    try Folder.age(folder.path, by: 7200)
    let layout = LayoutFile.installed("ffmpeg-fmp4")
    let migrate = Self.run(
      "migrate", folder.path, "--layout", layout, "--hot", "segments=5", "--execute", "--yes")
    #expect(migrate.status == 0, "\(migrate)")
    #expect(folder.exists("segments/init.mp4") && folder.exists("segments/output.m3u8"))
    let archives = try Snapshot(folder.path).manifests
    var frames = 0
    for (path, text) in archives.map({ ($0.key.description, $0.value) }) + [("segments/output.m3u8", [])] {
      if !text.isEmpty {
        #expect(String(decoding: text, as: UTF8.self).contains("#EXT-X-MAP:URI=\"../init.20"))
      }
      let probe = Shell.run([
        "ffprobe", "-v", "error", "-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0",
        folder.path + "/" + path,
      ])
      frames += probe.output.split(separator: "\n").first.flatMap { Int($0) } ?? 0
    }
    #expect(frames == 300)
    #expect(Self.run("verify", folder.path, "--layout", layout, "--hot", "segments=5").status == 0)
    #expect(Self.run("revert", folder.path, "--layout", layout, "--execute", "--yes").status == 0)
    #expect(folder.exists("init.mp4") && !folder.exists("segments"))
  }
}
