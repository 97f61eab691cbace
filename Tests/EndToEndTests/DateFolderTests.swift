import Foundation
import TestKit
import Testing

/// Folders where dates are expected and something else is, and times that no date names.
@Suite struct DateFolderTests {
  /// The built-in kinds by date, with the segments' buckets in a folder that nothing else is in.
  private static func apart(in folder: borrowing Folder, buckets: String = "date-hour") throws -> String {
    let text = try String(contentsOfFile: LayoutFile.byDate, encoding: .utf8)
      .replacing("\n    hot: segments", with: "\n    hot: segments\n    cold: archive")
      .replacing("buckets: date-hour", with: "buckets: \(buckets)")
    try #require(text.contains("cold: archive") && text.contains("buckets: \(buckets)\n"))
    try folder.makeFile(Bytes("\(buckets).yaml"), contents: Array(text.utf8))
    return folder.path + "/\(buckets).yaml"
  }

  /// Segments are not looked for there, so nothing happens to them; whoever reads the report learns of the folders.
  @Test(arguments: Engines.all, ["segments", "archive"])
  func foldersThatAreAlmostDatesAreSaidAndLeftAlone(engine: String, cold: String) throws {
    try skipUnlessGranted(engine: engine)
    let layouts = try Folder()
    let layout = cold == "archive" ? try Self.apart(in: layouts) : LayoutFile.byDate
    let folder = try Folder()
    let odd = [
      "2026-02-30/13", "2026-2-3/07", "26-02-03/07", "0000-01-01/00", "10000-01-01/00", "2026-02-03/7",
      "2026-02-03/24", "2026-02-03/x",
    ]
    for (number, bucket) in odd.enumerated() {
      try folder.makeFile(Bytes("\(cold)/\(bucket)/segment_odd\(number).ts"), seconds: 1_770_103_800)
    }
    for number in 0..<20 {
      try folder.makeFile(Bytes("segment_\(number).ts"), seconds: 1_770_000_000 + number * 3600)
    }
    let before = try Snapshot(folder.path)
    let oddBefore = before.paths.filter { $0.description.contains("odd") }
    for command in [
      ["migrate"], ["migrate", "--execute", "--yes"], ["revert"], ["revert", "--execute", "--yes"],
    ] {
      let result = HotColdBinary.run(
        command + [
          folder.path, "--layout", layout, "--engine", engine, "--format", "json",
        ])
      #expect(result.status == 0, "\(command): \(result)")
      let unrecognised = try JSON(parsing: result.output)["captures", 0, "unrecognised"]
      let named = Set(unrecognised["named"].array.compactMap { $0["text"].string ?? $0.string })
      let expected = Set(
        odd.map { bucket in
          let day = String(bucket.prefix { $0 != "/" })
          return day == "2026-02-03" ? "\(cold)/\(bucket)" : "\(cold)/\(day)"
        })
      #expect(unrecognised["count"].int == odd.count && named == expected, "\(command): \(result.output)")
      let after = try Snapshot(folder.path)
      #expect(after.contents == before.contents, "\(command)")
      #expect(oddBefore.isSubset(of: after.paths), "\(command)")
      if command == ["migrate", "--execute", "--yes"] {
        #expect(after.paths.count { $0.description.hasPrefix("\(cold)/2026-02-02/") } > 0)
        let text = HotColdBinary.run(["migrate", folder.path, "--layout", layout])
        #expect(text.output.contains("\(odd.count) left in place: "), "\(text.output)")
        let round = HotColdBinary.run(["archive", "--once", folder.path, "--layout", layout])
        #expect(round.status == 0, "\(round)")
        let verified = HotColdBinary.run(["verify", folder.path, "--layout", layout, "--format", "json"])
        #expect(verified.status == 0, "\(verified)")
        let unknown = try JSON(parsing: verified.output)["captures", 0, "unrecognised"]
        #expect(unknown["count"].int == odd.count, "\(verified.output)")
        let spoken = HotColdBinary.run(["verify", folder.path, "--layout", layout])
        #expect(spoken.output.contains("\(odd.count) not checked: \(cold)/"), "\(spoken)")
        #expect(try Snapshot(folder.path).changeTimes == after.changeTimes)
      }
    }
  }

  /// The same for hours of day, and for files that lie beside the buckets.
  @Test func whatIsBesideBucketsOfTheirOwnFolderIsSaid() throws {
    let layouts = try Folder()
    for (buckets, odd) in [
      ("hour", ["24", "07", "misc", "2026-02-30"]), ("date-hour", ["24", "07", "misc", "2026-02-30"]),
    ] {
      let layout = try Self.apart(in: layouts, buckets: buckets)
      let folder = try Folder()
      for name in odd {
        try folder.makeFile(Bytes("archive/\(name)/segment_\(name).ts"), seconds: 1_770_103_800)
      }
      try folder.makeFile("archive/segment_stray.ts", seconds: 1_770_103_800)
      try folder.makeFile("segment_1.ts", seconds: 1_770_000_000)
      let before = try Snapshot(folder.path)
      for options in [[], ["--execute", "--yes"]] {
        let result = HotColdBinary.run(
          ["migrate", folder.path, "--layout", layout, "--hot", "segments=0", "--format", "json"] + options)
        #expect(result.status == 0, "\(result)")
        let unrecognised = try JSON(parsing: result.output)["captures", 0, "unrecognised"]
        #expect(unrecognised["count"].int == odd.count + 1, "\(buckets): \(result.output)")
      }
      #expect(try Snapshot(folder.path).contents == before.contents)
      let check = HotColdBinary.run(["layout", "--check", layout, folder.path])
      #expect(check.output.contains("of no kind \(odd.count + 1): "), "\(check.output)")
      let kept = before.paths.filter { $0.description.hasPrefix("archive/") }
      #expect(kept.isSubset(of: try Snapshot(folder.path).paths))
    }
  }

  /// FAULTS: date folders and hours that are files, links, mounts and closed, in every command.
  @Test(.requiresRoot, arguments: Engines.all)
  func datesAndHoursThatCannotBeUsedAreNamedAndNothingIsLost(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let folder = try Folder()
    let elsewhere = try Folder()
    try elsewhere.makeFile("canary.ts")
    try elsewhere.makeFile("07/segment_canary.ts")
    let canary = try Snapshot(elsewhere.path)
    let capture = folder.path
    // One segment for each day from 2026-02-01 on at 07:00, and for the second half another at 08:00.
    let start = 1_769_929_200
    for day in 0..<8 {
      for hour in 0..<2 {
        try folder.makeFile(
          Bytes("segment_\(day)_\(hour).ts"), seconds: start + day * 86_400 + hour * 3600)
      }
    }
    try folder.makeFile("segments/2026-02-01")
    try folder.makeLink("segments/2026-02-02", to: elsewhere.path)
    try folder.makeFolder("segments/2026-02-03")
    try Shell.must(["mount", "-t", "tmpfs", "none", capture + "/segments/2026-02-03"])
    defer { Shell.run(["umount", capture + "/segments/2026-02-03"]) }
    try folder.makeFile("segments/2026-02-04/07")
    try folder.makeFolder("segments/2026-02-05")
    try folder.makeLink("segments/2026-02-05/07", to: elsewhere.path)
    try folder.makeFolder("segments/2026-02-06/07")
    try Shell.must(["mount", "-t", "tmpfs", "none", capture + "/segments/2026-02-06/07"])
    defer { Shell.run(["umount", capture + "/segments/2026-02-06/07"]) }
    try folder.makeFIFO("segments/2026-02-07")
    let before = try Snapshot(capture)
    let refused = [
      "segments/2026-02-01", "segments/2026-02-02", "segments/2026-02-03", "segments/2026-02-04/07",
      "segments/2026-02-05/07", "segments/2026-02-06/07", "segments/2026-02-07",
    ]
    for options in [[], ["--execute", "--yes"], ["--execute", "--yes"]] {
      let result = HotColdBinary.run(
        [
          "migrate", capture, "--layout", LayoutFile.byDate, "--hot", "segments=0", "--engine", engine,
          "--format", "json",
        ] + options)
      #expect(result.status == 1, "\(result.error)")
      let report = try JSON(parsing: result.output)["captures", 0]
      for path in refused {
        #expect(report.errors.contains { $0.contains("\(path):") }, "\(path): \(report.errors)")
      }
      // Two for each of four days, one for each of three hours.
      #expect(report["total", "failed"].int == 11, "\(result.output)")
      #expect(try Snapshot(capture).contents == before.contents)
    }
    let after = try Snapshot(capture)
    for (day, hour, bucket) in [
      (7, 0, "2026-02-08/07"), (7, 1, "2026-02-08/08"), (3, 1, "2026-02-04/08"), (4, 1, "2026-02-05/08"),
      (5, 1, "2026-02-06/08"),
    ] {
      #expect(after.paths.contains(Bytes("segments/\(bucket)/segment_\(day)_\(hour).ts")), "\(bucket)")
    }
    let verified = HotColdBinary.run(["verify", capture, "--layout", LayoutFile.byDate])
    #expect(verified.status == 1)
    for path in refused { #expect(verified.output.contains(path), "\(path): \(verified.output)") }
    let round = HotColdBinary.run(["archive", "--once", capture, "--layout", LayoutFile.byDate])
    #expect(round.status == 1)
    for path in refused { #expect(round.error.contains(path), "\(path): \(round.error)") }
    #expect(try Snapshot(elsewhere.path).changeTimes == canary.changeTimes)
    #expect(try Snapshot(capture).contents == before.contents)
  }

  /// Of a user who may not look into a day or an hour: named; all others are moved.
  @Test(.requiresRoot) func daysAndHoursThatAreClosedAreNamedAndNothingIsLost() throws {
    let folder = try Folder()
    let tools = try Folder()
    try Shell.must(["cp", HotColdBinary.path, tools.path + "/hotcold"])
    try Shell.must(["cp", LayoutFile.byDate, tools.path + "/by-date.yaml"])
    for day in 0..<3 {
      try folder.makeFile(Bytes("segment_\(day).ts"), seconds: 1_769_929_200 + day * 86_400)
    }
    try folder.makeFile("segments/2026-02-01/07/segment_old.ts", seconds: 1_769_929_200)
    try folder.makeFile("segments/2026-02-02/07/segment_older.ts", seconds: 1_769_929_200 + 86_400)
    try Shell.must([
      "sh", "-c",
      "chown -R nobody \"$1\" \"$2\"; chmod 0 \"$1/segments/2026-02-01\" \"$1/segments/2026-02-02/07\"", "",
      folder.path, tools.path,
    ])
    // As root: what is closed to the other user is compared as well.
    let before = try Snapshot(folder.path)
    func run(_ command: [String]) -> Shell.Result {
      Shell.run(
        ["runuser", "-u", "nobody", "--", tools.path + "/hotcold"] + command
          + [folder.path, "--layout", tools.path + "/by-date.yaml", "--hot", "segments=0"],
        environment: ["TZ": "UTC"])
    }
    for command in [["migrate", "--execute", "--yes"], ["verify"], ["archive", "--once"]] {
      let result = run(command)
      #expect(result.status == 1, "\(command): \(result)")
      for path in ["segments/2026-02-01", "segments/2026-02-02/07"] {
        #expect((result.output + result.error).contains(path), "\(command): \(result)")
      }
      let after = try Snapshot(folder.path)
      #expect(after.contents == before.contents, "\(command)")
      #expect(after.paths.contains("segments/2026-02-03/07/segment_2.ts"))
      #expect(after.paths.contains("segment_0.ts") && after.paths.contains("segment_1.ts"))
    }
    try Shell.must([
      "chmod", "755", folder.path + "/segments/2026-02-01", folder.path + "/segments/2026-02-02/07",
    ])
    #expect(run(["migrate", "--execute", "--yes"]).status == 0)
    #expect(run(["verify"]).status == 0)
    #expect(try Snapshot(folder.path).contents == before.contents)
  }

  // MARK: times

  /// Years 1 and 9999 have dates, what is beyond has none: in whichever folder such a file is, it stays and is named.
  @Test(arguments: Engines.all) func timesWithoutADateStayWhereverTheyAre(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let folder = try Folder()
    let capture = folder.path
    let dated = [
      (-62_135_596_800, "0001-01-01/00"), (-1, "1969-12-31/23"), (0, "1970-01-01/00"),
      (2_147_483_647, "2038-01-19/03"), (2_147_483_648, "2038-01-19/03"), (253_402_300_799, "9999-12-31/23"),
    ]
    for (seconds, _) in dated { try folder.makeFile(Bytes("segment_\(seconds).ts"), seconds: seconds) }
    let strays: [(Bytes, Int)] = [
      ("segment_before.ts", -62_135_596_801), ("segment_after.ts", 253_402_300_800),
      ("segments/segment_hot.ts", -62_135_596_801), ("segments/0/segment_cold.ts", 253_402_300_800),
      ("captures/capture_1.jpg", 253_402_300_800),
    ]
    for (path, seconds) in strays { try folder.makeFile(path, seconds: seconds) }
    let before = try Snapshot(capture)
    let settings = ["--layout", LayoutFile.byDate, "--hot", "segments=0", "--hot", "captures=0"]
    for options in [[], ["--execute", "--yes"], ["--execute", "--yes"]] {
      let result = HotColdBinary.run(
        ["migrate", capture, "--from", "guide", "--engine", engine, "--format", "json"] + settings + options)
      #expect(result.status == 1, "\(result)")
      let report = try JSON(parsing: result.output)["captures", 0]
      #expect(report["errors"].array.count { $0["code"].string == "undated" } == strays.count)
      for (path, _) in strays {
        #expect(report.errors.contains { $0.contains("/\(path): ") }, "\(path): \(report.errors)")
      }
      #expect(report["total", "failed"].int == strays.count)
    }
    let after = try Snapshot(capture)
    #expect(
      after.paths
        == Set(strays.map(\.0) + dated.map { Bytes("segments/\($0.1)/segment_\($0.0).ts") }))
    #expect(after.contents == before.contents)
    // A bucket of the old layout that holds one still is not forgotten.
    let forgotten = HotColdBinary.run(["verify", capture] + settings)
    #expect(forgotten.status == 66 && forgotten.error.contains("segments/0"), "\(forgotten)")
    let back = HotColdBinary.run(["migrate", capture, "--from", LayoutFile.byDate, "--execute", "--yes"])
    #expect(back.status == 0, "\(back)")
    #expect(HotColdBinary.run(["revert", capture, "--execute", "--yes"]).status == 0)
    #expect(try Snapshot(capture).contents == before.contents)
  }
}
