import Foundation
import TestKit
import Testing

/// Layouts on the command line: printed, checked, used, changed.
@Suite struct LayoutTests {
  static let repository = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent()
    .deletingLastPathComponent().path
  static let byDate = repository + "/Packaging/layouts/guide-by-date.yaml"

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
    #expect(Self.run("migrate", capture, "--layout", Self.byDate, "--execute", "--yes").status == 0)
    let dated = try Snapshot(capture)
    #expect(dated.paths == Self.byDate(settled, SmallCapture.files))
    #expect(!dated.manifests.isEmpty)
    try trial.expectIntact()
    #expect(Self.run("verify", capture, "--layout", Self.byDate).status == 0)

    // The layout is forgotten: nothing happens.
    for arguments in [
      ["migrate", capture, "--execute", "--yes"], ["verify", capture],
      ["revert", capture, "--execute", "--yes"],
    ] {
      let result = HotColdBinary.run(arguments)
      #expect(result.status == 66 && result.error.contains("--layout"), "\(result)")
    }
    #expect(try Snapshot(capture).changeTimes == dated.changeTimes)

    #expect(Self.run("migrate", capture, "--from", Self.byDate, "--execute", "--yes").status == 0)
    let hours = try Snapshot(capture)
    #expect(hours.paths == settled)
    #expect(!hours.entries.keys.contains { $0.description.contains("2023-") }, "folders of dates are left")
    #expect(Self.run("verify", capture).status == 0)
    #expect(
      Self.run("migrate", capture, "--from", "guide", "--layout", Self.byDate, "--execute", "--yes").status
        == 0)
    #expect(try Snapshot(capture).paths == dated.paths)
    #expect(Self.run("revert", capture, "--layout", Self.byDate, "--execute", "--yes").status == 0)
    #expect(try Snapshot(capture).entries == trial.before.entries)
  }

  @Test func theEnvironmentNamesALayoutForEveryCommand() throws {
    let trial = try Trial()
    let environment = ["HOTCOLD_LAYOUT": Self.byDate]
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
        ["migrate", folder.path, "--layout", Self.byDate, "--hot", "segments=0", "--execute", "--yes"] + zone,
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
      "migrate", folder.path, "--layout", Self.byDate, "--hot", "segments=0", "--execute", "--yes",
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
      "migrate", folder.path, "--layout", Self.byDate, "--hot", "segments=0", "--execute", "--yes",
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
    let age = ["--retain", "segments=2d", "--layout", Self.byDate, "--hot", "segments=5"]
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
    #expect(Self.run("verify", folder.path, "--layout", Self.byDate, "--hot", "segments=5").status == 0)
  }

  @Test func aListNamesALayoutForEachCapture() throws {
    let folder = try Folder()
    try SmallCapture.make(in: folder, at: "hours")
    try SmallCapture.make(in: folder, at: "dates")
    try folder.makeFile(
      "list", contents: Array("\(folder.path)/hours\n\(folder.path)/dates  layout=\(Self.byDate)\n".utf8))
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
    // Both layouts name the same zone.
    let zone = "time-zone: Asia/Tokyo"
    let (hours, dates) = (try Folder(), try Folder())
    let inUse = try Self.guide([("buckets: hour", "buckets: hour\n\(zone)")], in: hours)
    let listed = try Self.guide([("buckets: hour", "buckets: date-hour\n\(zone)")], in: dates)
    try folder.makeFile("zoned", contents: Array("\(folder.path)/dates layout=\(listed)\n".utf8))
    let zoned = HotColdBinary.run(
      ["migrate", "--captures-from", folder.path + "/zoned", "--layout", inUse, "--execute", "--yes"])
    #expect(zoned.status == 0, "\(zoned)")
    #expect(folder.exists("dates/segments/2023-11-15/07/segment_0.ts"))
    try folder.makeFile("wrong", contents: Array("\(folder.path)/hours layout=nowhere.yaml\n".utf8))
    let wrong = HotColdBinary.run(["migrate", "--captures-from", folder.path + "/wrong"])
    #expect(wrong.status == 64 && wrong.error.contains("nowhere.yaml"), "\(wrong)")
    // The first line with a mistake is named, and its layout, whatever else is wrong with others.
    let other = try Self.guide([("buckets: hour", "buckets: hour\ntime-zone: Europe/Zurich")], in: hours)
    let lines =
      "\n# captures\n"
      + (0..<6).map { "\(folder.path)/c\($0) layout=\($0 < 2 ? Self.byDate : other)\n" }.joined()
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
      let text = text.replacing("DIR", with: folder.path).replacing("DATE", with: Self.byDate)
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

  // MARK: hotcold layout

  @Test func theLayoutThatIsPrintedIsTheOneThatIsBuiltIn() throws {
    let folder = try Folder()
    let printed = Self.run("layout")
    #expect(printed.status == 0)
    try folder.makeFile("own.yaml", contents: Array(printed.output.utf8))
    let trial = try Trial()
    let result = Self.run(
      "migrate", trial.folder.path, "--layout", folder.path + "/own.yaml", "--execute", "--yes")
    #expect(result.status == 0)
    try trial.expectSettled()
    #expect(Self.run("verify", trial.folder.path).status == 0)
  }

  @Test func aCheckCountsWhatEachKindWouldGetAndNamesTheRest() throws {
    let trial = try Trial()
    try trial.folder.makeFile("clip_1.mp4")
    try trial.folder.makeFile("captures/notes.txt")
    let before = try Snapshot(trial.folder.path)
    let result = Self.run("layout", "--check", "guide", trial.folder.path)
    #expect(result.status == 0)
    for line in ["segments      60    0     0", "captures       0  150     0", "of no kind 2: "] {
      #expect(result.output.contains(line), "\(result.output)")
    }
    #expect(result.output.contains("clip_1.mp4") && result.output.contains("captures/notes.txt"))
    #expect(try Snapshot(trial.folder.path).changeTimes == before.changeTimes)
    #expect(Self.run("layout", "--check", "guide", "/no/such/folder").status == 66)
  }

  /// Each of these once ended in a trap.
  @Test(arguments: [
    ("retain: 24h", "retain: -106751991167301d", "retain"),
    ("  metadata:", "  misplaced:", "misplaced"),
    ("  metadata:", "  conflicts:", "conflicts"),
  ])
  func whatNoReportCouldSayIsAMistake(old: String, new: String, key: String) throws {
    let folder = try Folder()
    let file = try Self.guide([(old, new)], in: folder)
    let result = Self.run("layout", "--check", file)
    #expect(result.status == 64 && result.error.contains(key), "\(result)")
  }

  @Test func aMistakeInALayoutFileIsNamedWithItsPlaceBeforeAnythingIsTouched() throws {
    let trial = try Trial()
    let text = try String(contentsOfFile: Self.byDate, encoding: .utf8)
    let broken = [
      ("hot: segments", "hott: segments", "unknown key"),
      ("flat: captures", "flat: ../captures", "not a folder below"),
      ("except: \"*_thumbnail*\"", "except: \"*_x*\"", "matches names that"),
      ("hot: thumbnails", "hot: segments/7", "bucket"),
      ("buckets: date-hour", "buckets: minute", "date-hour"),
    ]
    for (old, new, reason) in broken {
      try #require(text.contains(old))
      let folder = try Folder()
      let file = text.replacingOccurrences(of: old, with: new)
      try folder.makeFile("own.yaml", contents: Array(file.utf8))
      let result = Self.run(
        "migrate", trial.folder.path, "--layout", folder.path + "/own.yaml", "--execute", "--yes")
      #expect(result.status == 64, "\(new): \(result)")
      #expect(result.error.contains(", line ") && result.error.contains(", column "), "\(new): \(result)")
      #expect(result.error.contains(reason), "\(new): \(result)")
    }
    try trial.expectUntouched()
  }

  /// Each layout that is installed takes the files of its recorder, forth and back.
  @Test(arguments: [
    (
      "guide",
      [
        "segment_1.ts", "captures/capture_1.jpg", "captures/capture_1_thumbnail.jpg",
        "captures/capture_1.json",
      ]
    ),
    ("guide-by-date", ["segment_1.ts", "captures/capture_1.jpg"]),
    ("ffmpeg-default", ["live0.ts", "live17.ts"]),
    ("ffmpeg-fmp4", ["segment_000000001.m4s"]), ("recorder", ["segment_1.ts", "captures/capture_1.jpg"]),
    ("mediamtx", ["2026-11-24_13-05-01-123456.mp4"]), ("frigate", []),
  ])
  func theLayoutsOfOtherRecordersTakeTheirFiles(name: String, files: [String]) throws {
    let folder = try Folder()
    let layout = Self.repository + "/Packaging/layouts/\(name).yaml"
    for (number, file) in files.enumerated() {
      try folder.makeFile(Bytes(file), seconds: 1_700_000_000 + number)
      // One more that is older, so that there is something to move whatever the limit is.
    }
    let check = Self.run("layout", "--check", layout, folder.path)
    #expect(check.status == 0 && !check.output.contains("of no kind"), "\(check)")
    guard !files.isEmpty else { return }
    let before = try Snapshot(folder.path)
    let migrate = Self.run("migrate", folder.path, "--layout", layout, "--execute", "--yes")
    #expect(migrate.status == 0, "\(migrate)")
    #expect(Self.run("verify", folder.path, "--layout", layout).status == 0)
    #expect(Self.run("revert", folder.path, "--layout", layout, "--execute", "--yes").status == 0)
    #expect(try Snapshot(folder.path).files == before.files)
  }

  /// A layout file like the built-in one, with other texts.
  private static func guide(_ edits: [(String, String)], in folder: borrowing Folder) throws -> String {
    var text = run("layout").output
    for (old, new) in edits {
      let edited = text.replacing(old, with: new)
      #expect(edited != text, "\(old) is not in the layout")
      text = edited
    }
    let path = folder.path + "/other.yaml"
    try text.write(toFile: path, atomically: true, encoding: .utf8)
    return path
  }

  /// The folders of all other kinds are those of both layouts: nothing in them may be touched.
  @Test(arguments: [[], ["--on-conflict", "rename"], ["--link-fallback"]])
  func aChangeOfOneKindsFoldersLeavesTheOthersAlone(options: [String]) throws {
    stayWithinTheHour()
    let trial = try Trial()
    let capture = trial.folder.path
    let layouts = try Folder()
    let other = try Self.guide([("hot: segments", "hot: video/seg")], in: layouts)
    #expect(Self.run("migrate", capture, "--execute", "--yes").status == 0)
    // Names that have a second one elsewhere: that a file has two links proves nothing about these folders.
    let backup = try Folder()
    try Shell.must(["cp", "-al", capture, backup.path + "/backup"])
    let before = try Snapshot(capture)
    let there = HotColdBinary.run(
      ["migrate", capture, "--from", "guide", "--layout", other, "--execute", "--yes"] + options)
    #expect(there.status == 0, "\(there)")
    let after = try Snapshot(capture)
    #expect(
      after.paths
        == Set(
          before.paths.map {
            $0.description.hasPrefix("segments/") ? Bytes("video/seg" + $0.description.dropFirst(8)) : $0
          }))
    for (path, time) in before.changeTimes {
      guard ["captures/", "thumbnails/", "metadata/"].contains(where: path.description.hasPrefix) else {
        continue
      }
      #expect(after.changeTimes[path] == time, "\(path)")
    }
    #expect(!after.entries.keys.contains("segments"), "nothing needs it any more")
    #expect(!after.manifests.isEmpty)
    #expect(Self.run("verify", capture, "--layout", other).status == 0)
    let again = HotColdBinary.run(
      ["migrate", capture, "--from", "guide", "--layout", other, "--execute", "--yes"] + options)
    #expect(again.status == 0, "\(again)")
    #expect(try Snapshot(capture).changeTimes == after.changeTimes)
    #expect(Self.run("revert", capture, "--layout", other, "--execute", "--yes").status == 0)
    #expect(try Snapshot(capture).entries == trial.before.entries)
  }

  /// The live playlist goes with the segments that it lists, from one hot folder to another.
  @Test func theLivePlaylistComesAlongFromAnotherLayout() throws {
    stayWithinTheHour()
    let trial = try Trial()
    let capture = trial.folder.path
    let layouts = try Folder()
    let other = try Self.guide(
      [
        ("hot: segments", "hot: video"),
        ("playlist: output.m3u8", "playlist: output.m3u8\n    init: init.mp4"),
      ],
      in: layouts)
    try trial.folder.makeFile("init.mp4", seconds: 1_700_000_000)
    #expect(Self.run("migrate", capture, "--execute", "--yes").status == 0)
    try Shell.must(["mv", capture + "/init.mp4", capture + "/segments/init.mp4"])
    let there = Self.run("migrate", capture, "--from", "guide", "--layout", other, "--execute", "--yes")
    #expect(there.status == 0, "\(there)")
    #expect(trial.folder.exists("video/output.m3u8") && trial.folder.exists("video/init.mp4"))
    #expect(!trial.folder.exists("segments"))
    #expect(Self.run("verify", capture, "--layout", other).status == 0)
  }

  /// What is cold already would stay in hours of the old zone.
  @Test func anotherZoneForTheSameFoldersIsRefused() throws {
    let trial = try Trial()
    let layouts = try Folder()
    let other = try Self.guide([("buckets: hour", "buckets: hour\ntime-zone: Asia/Tokyo")], in: layouts)
    let arguments = [
      "migrate", trial.folder.path, "--from", "guide", "--layout", other, "--execute", "--yes",
    ]
    let refused = HotColdBinary.run(arguments)
    #expect(refused.status == 64 && refused.error.contains("zone"), "\(refused)")
    #expect(HotColdBinary.run(arguments + ["--time-zone", "UTC"]).status == 0)
    try trial.expectSettled()
    // The old layout says in which zone its files are.
    let back = [
      "migrate", trial.folder.path, "--from", other, "--layout", "guide", "--execute", "--yes", "--time-zone",
    ]
    let named = HotColdBinary.run(back + ["UTC"])
    #expect(named.status == 64 && named.error.contains("--time-zone Asia/Tokyo"), "\(named)")
  }

  /// Which of several files of one name gets it depends on no timing: every engine leaves the same tree.
  @Test(.requiresIOUring, arguments: [[], ["--on-conflict", "rename"]])
  func namesTakenTwiceEndAlikeOnEveryEngine(options: [String]) throws {
    func settled(_ engine: String) throws -> [Bytes: UInt64] {
      let folder = try Folder()
      for day in 0..<40 {
        let seconds = 1_700_000_000 + day * 86_400
        let date = Shell.run(["date", "-u", "-d", "@\(seconds)", "+%F/%H"]).output.dropLast()
        for number in 0..<3 {
          try folder.makeFile(
            Bytes("segments/\(date)/segment_\(number).ts"), seconds: seconds, contents: Array("\(day)".utf8))
        }
      }
      let result = HotColdBinary.run(
        ["migrate", folder.path, "--from", Self.byDate, "--time-zone", "UTC", "--execute", "--yes"]
          + ["--engine", engine] + options)
      #expect(result.status == (options.isEmpty ? 1 : 0), "\(result)")
      return try Snapshot(folder.path).files.mapValues(\.contentHash)
    }
    let expected = try settled("syscalls")
    for _ in 0..<5 { #expect(try settled("io_uring") == expected) }
  }

  /// The same rule, but other folders: without a word of it the capture would be split between two layouts.
  @Test(arguments: [
    [("hot: segments", "hot: segments\n    cold: archive/segments")],
    [("hot: segments", "hot: video/seg"), ("hot: metadata", "hot: video/meta")],
    [("hot: thumbnails", "hot: thumbnails\n    cold: old/of/all/thumbs")],
  ])
  func aForgottenLayoutWithOtherFoldersIsRefused(edits: [(String, String)]) throws {
    stayWithinTheHour()
    let trial = try Trial()
    let capture = trial.folder.path
    let layouts = try Folder()
    let other = try Self.guide(edits, in: layouts)
    func expectRefusal(_ options: [String]) throws {
      let before = try Snapshot(capture)
      for command in [
        ["migrate", capture], ["migrate", capture, "--execute", "--yes"], ["verify", capture],
        ["next-numbers", capture], ["archive", "--once", capture], ["revert", capture, "--execute", "--yes"],
      ] {
        let result = HotColdBinary.run(command + options)
        #expect(result.status == 66, "\(command): \(result)")
        #expect((result.output + result.error).contains("another layout was used here"), "\(result)")
      }
      #expect(try Snapshot(capture).entries == before.entries)
    }
    #expect(Self.run("migrate", capture, "--execute", "--yes").status == 0)
    try expectRefusal(["--layout", other])
    let there = Self.run("migrate", capture, "--from", "guide", "--layout", other, "--execute", "--yes")
    #expect(there.status == 0, "\(there)")
    #expect(Self.run("verify", capture, "--layout", other).status == 0)
    try expectRefusal([])
    #expect(Self.run("revert", capture, "--layout", other, "--execute", "--yes").status == 0)
    #expect(try Snapshot(capture).entries == trial.before.entries)
  }

  /// A run that was killed has given the new layout buckets of its own; the others must not be forgotten for that.
  @Test func anInterruptedChangeOfLayoutIsNotTakenForADoneOne() throws {
    stayWithinTheHour()
    let trial = try Trial()
    let capture = trial.folder.path
    let layouts = try Folder()
    let other = try Self.guide(
      [("hot: segments", "hot: segments\n    cold: archive/segments")], in: layouts)
    #expect(Self.run("migrate", capture, "--execute", "--yes").status == 0)
    for hour in 0..<24 { try trial.folder.makeFolder(Bytes("archive/segments/\(hour)")) }
    for command in [["migrate", capture, "--execute", "--yes"], ["verify", capture]] {
      let result = HotColdBinary.run(command + ["--layout", other])
      #expect(result.status == 66, "\(result)")
    }
    let there = Self.run("migrate", capture, "--from", "guide", "--layout", other, "--execute", "--yes")
    #expect(there.status == 0, "\(there)")
    #expect(Self.run("verify", capture, "--layout", other).status == 0)
  }

  /// `ffmpeg -f hls -var_stream_map … %v/segment_%d.ts` numbers its folders.
  @Test func theVariantsOfAStreamAreNoBuckets() throws {
    let trial = try Trial()
    for variant in 0..<4 { try trial.folder.makeFile(Bytes("\(variant)/segment_0.ts")) }
    let result = Self.run("migrate", trial.folder.path, "--execute", "--yes")
    #expect(result.status == 0, "\(result)")
    #expect(trial.folder.exists("3/segment_0.ts"))
  }

  /// Once a kind has buckets, what lies in a folder of somebody's own is no reason to stop a service.
  @Test func aCopyOfABucketStopsNoCaptureThatIsSettled() throws {
    stayWithinTheHour()
    let trial = try Trial()
    let capture = trial.folder.path
    #expect(Self.run("migrate", capture, "--execute", "--yes").status == 0)
    try Shell.must([
      "sh", "-c", "mkdir \"$1/copy\" && cp -a \"$1\"/segments/[0-9]* \"$1/copy/\"", "sh", capture,
    ])
    #expect(Self.run("archive", "--once", capture).status == 0)
    #expect(Self.run("verify", capture).status == 0)
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

  /// A number that is taken in a bucket which nobody looks at would be given twice.
  @Test func nextNumbersOfAnotherLayoutAreRefused() throws {
    let trial = try Trial()
    #expect(
      Self.run("migrate", trial.folder.path, "--layout", Self.byDate, "--execute", "--yes").status == 0)
    let result = Self.run("next-numbers", trial.folder.path)
    #expect(result.status == 66 && result.output.isEmpty, "\(result)")
  }

  /// Buckets of the other rule that cannot be looked into may be full.
  @Test(.requiresRoot) func bucketsOfAnotherLayoutThatAreClosedStopARun() throws {
    let trial = try Trial()
    let capture = trial.folder.path
    let tools = try Folder()
    try Shell.must(["cp", HotColdBinary.path, tools.path + "/hotcold"])
    #expect(Self.run("migrate", capture, "--layout", Self.byDate, "--execute", "--yes").status == 0)
    try Shell.must([
      "sh", "-c", "chown -R nobody \"$1\" \"$2\"; cd \"$1\" && chmod 700 */2* && chown root */2*", "sh",
      capture, tools.path,
    ])
    for arguments in [["migrate", capture, "--execute", "--yes"], ["verify", capture]] {
      let result = Shell.run(["runuser", "-u", "nobody", "--", tools.path + "/hotcold"] + arguments)
      #expect(result.status == 77 && result.output.contains("/2023-"), "\(result)")
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
    let layout = Self.repository + "/Packaging/layouts/ffmpeg-fmp4.yaml"
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
