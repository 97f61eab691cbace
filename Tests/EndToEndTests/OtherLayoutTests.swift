import Foundation
import TestKit
import Testing

/// A layout that is forgotten, or another than the one of the capture: files must neither be passed over nor folded together.
@Suite struct OtherLayoutTests {
  private static func run(_ arguments: String...) -> Shell.Result { HotColdBinary.run(arguments) }

  /// Every command refuses, and nothing is touched.
  private static func expectRefusal(
    _ capture: String, _ options: [String] = [], sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let before = try Snapshot(capture)
    for command in [
      ["migrate", capture], ["migrate", capture, "--execute", "--yes"], ["verify", capture],
      ["next-numbers", capture], ["archive", "--once", capture], ["revert", capture, "--execute", "--yes"],
    ] {
      let result = HotColdBinary.run(command + options)
      #expect(
        result.status == 66 && (result.output + result.error).contains("another layout was used"),
        "\(command): \(result)", sourceLocation: sourceLocation)
    }
    #expect(try Snapshot(capture).changeTimes == before.changeTimes, sourceLocation: sourceLocation)
  }

  /// An ordinary capture with as many is none of another layout, and one of another layout is not hidden by them.
  @Test func anyNumberOfOwnFoldersHidesNoBucket() throws {
    let trial = try Trial()
    let layouts = try Folder()
    let other = try LayoutFile.edited(
      [("hot: segments", "hot: segments\n    cold: zz/old/segments")], in: layouts)
    for number in 0..<1200 { try trial.folder.makeFolder(Bytes("captures-by-me/\(number)/more")) }
    #expect(Self.run("migrate", trial.folder.path).status == 0)
    #expect(Self.run("migrate", trial.folder.path, "--layout", other, "--execute", "--yes").status == 0)
    try Self.expectRefusal(trial.folder.path)
  }

  // MARK: tiers that the layout does not know

  /// `guide-ram` was forgotten: next-numbers would give numbers that hot files have.
  @Test(.enabled(if: MountedFileSystem.canMount, "no root"), arguments: [true, false])
  func hotFilesInRAMAreNotPassedOver(isMounted: Bool) throws {
    let trial = try Trial()
    let capture = trial.folder.path
    try trial.folder.makeFolder("hot")
    try Shell.must(["mount", "-t", "tmpfs", "tmpfs", capture + "/hot"])
    defer { Shell.run(["umount", capture + "/hot"]) }
    usleep(30_000)
    #expect(Self.run("migrate", capture, "--layout", "guide-ram", "--execute", "--yes").status == 0)
    if !isMounted {
      // As after a recorder that wrote below the folder while nothing was mounted on it.
      try Shell.must(["cp", "-a", capture + "/hot", capture + "/hot.kept"])
      try Shell.must(["umount", capture + "/hot"])
      try Shell.must(["rmdir", capture + "/hot"])
      try Shell.must(["mv", capture + "/hot.kept", capture + "/hot"])
    }
    try Self.expectRefusal(capture)
    let result = Self.run("next-numbers", capture)
    #expect(
      result.error.contains("\(capture)/hot/") && result.output == NextNumbersTests.failure, "\(result)")
    try Self.expectRefusal(capture, ["--layout", LayoutFile.byDate])
  }

  @Test(.enabled(if: MountedFileSystem.canMount, "no root"), arguments: ["ram", "ram/new", "segments/new"])
  func anyMountThatTheLayoutDoesNotKnowIsLookedInto(mount: String) throws {
    let trial = try Trial()
    let capture = trial.folder.path
    #expect(Self.run("migrate", capture, "--execute", "--yes").status == 0)
    try Shell.must(["mkdir", "-p", "\(capture)/\(mount)"])
    try Shell.must(["mount", "-t", "tmpfs", "tmpfs", "\(capture)/\(mount)"])
    defer { Shell.run(["umount", "\(capture)/\(mount)"]) }
    // What is none of the layout's may be there.
    try Shell.must(["mkdir", "-p", "\(capture)/\(mount)/a/b/c"])
    try Folder.writeFile("\(capture)/\(mount)/notes.txt", "mine")
    #expect(Self.run("next-numbers", capture).status == 0)
    #expect(Self.run("verify", capture).status == 0)
    try Folder.writeFile("\(capture)/\(mount)/a/b/segment_100.ts", "hot")
    try Self.expectRefusal(capture)
  }

  /// In an ordinary folder of another name they are a copy of the user's own.
  @Test func aCopyInAnOrdinaryFolderStopsNothing() throws {
    let trial = try Trial()
    let capture = trial.folder.path
    #expect(Self.run("migrate", capture, "--execute", "--yes").status == 0)
    for folder in ["kept/segments", "hot/mine", "hot"] {
      try trial.folder.makeFolder(Bytes(folder))
      try Shell.must(["cp", "-p", "\(capture)/segments/segment_59.ts", "\(capture)/\(folder)/"])
    }
    for command in [["migrate", "--execute", "--yes"], ["archive", "--once"], ["next-numbers"]] {
      let result = HotColdBinary.run(command + [capture])
      #expect(result.status == 0, "\(command): \(result)")
    }
  }

  /// Retention takes every file of a kind sooner or later, and leaves one alone that was put there by mistake.
  @Test func aStrayFileInAnEmptyBucketStopsNothing() throws {
    let trial = try Trial()
    let capture = trial.folder.path
    #expect(Self.run("migrate", capture, "--execute", "--yes").status == 0)
    for hour in 0..<24 { try Shell.must(["find", "\(capture)/captures/\(hour)", "-type", "f", "-delete"]) }
    try Shell.must([
      "cp", "-p", "\(capture)/thumbnails/22/capture_0_thumbnail.jpg",
      "\(capture)/captures/22/stray_thumbnail.jpg",
    ])
    for command in [["migrate", "--execute", "--yes"], ["archive", "--once"], ["next-numbers"]] {
      let result = HotColdBinary.run(command + [capture])
      #expect(result.status == 0, "\(command): \(result)")
    }
  }

  @Test(arguments: ["guide", "guide-by-date"])
  func kindsWhoseColdFoldersAreSwappedAreRefused(name: String) throws {
    stayWithinTheHour()
    let trial = try Trial()
    let capture = trial.folder.path
    let layouts = try Folder()
    let first = LayoutFile.installed(name)
    let swapped = try LayoutFile.edited(
      [
        ("hot: captures", "hot: captures\n    cold: thumbnails"),
        ("hot: thumbnails", "hot: thumbnails\n    cold: captures"),
      ], of: name, in: layouts)
    #expect(Self.run("migrate", capture, "--layout", first, "--execute", "--yes").status == 0)
    try Self.expectRefusal(capture, ["--layout", swapped])
    let there = Self.run("migrate", capture, "--from", first, "--layout", swapped, "--execute", "--yes")
    #expect(there.status == 0, "\(there)")
    #expect(Self.run("verify", capture, "--layout", swapped).status == 0)
    try Self.expectRefusal(capture, ["--layout", first])
    #expect(Self.run("revert", capture, "--layout", swapped, "--execute", "--yes").status == 0)
    #expect(try Snapshot(capture).entries == trial.before.entries)
  }

  /// What is named like a bucket and cannot be looked into may be full; lost+found and a private folder are none of a capture's.
  @Test(.requiresRoot) func whatIsClosedStopsARunOnlyWhereItMayBeABucket() throws {
    let trial = try Trial()
    let capture = trial.folder.path
    let tools = try Folder()
    try Shell.must(["cp", HotColdBinary.path, tools.path + "/hotcold"])
    for path in ["lost+found/x", "private/0", "notes/x", "album/2023/x"] {
      try trial.folder.makeFolder(Bytes(path))
    }
    try Shell.must([
      "sh", "-c",
      "chown -R nobody \"$1\" \"$2\"; cd \"$1\" && chown root lost+found private notes && chmod 700 lost+found private && chmod 744 notes",
      "", capture, tools.path,
    ])
    func run() -> Shell.Result {
      Shell.run(["runuser", "-u", "nobody", "--", tools.path + "/hotcold", "migrate", capture])
    }
    let open = run()
    #expect(open.status == 0, "\(open)")
    for bucket in ["old/2023-11-14", "old/2023-11-14/13", "hours/13"] {
      for hour in 0..<24 { try trial.folder.makeFolder(Bytes("hours/\(hour)")) }
      try trial.folder.makeFolder(Bytes(bucket + "/x"))
      try Shell.must(["chown", "-R", "nobody", capture + "/hours", capture + "/" + bucket])
      try Shell.must(["chmod", "755", capture + "/" + bucket])
      let empty = run()
      #expect(empty.status == 0, "\(empty)")
      try Shell.must(["sh", "-c", "chown root \"$1\" && chmod 700 \"$1\"", "", capture + "/" + bucket])
      let closed = run()
      #expect(closed.status == 77 && closed.output.contains(bucket), "\(closed)")
      try Shell.must(["sh", "-c", "rm -rf \"$1/old\" \"$1/hours\"", "", capture])
    }
  }

  /// A copy of the user's own stays one when retention has taken all cold files of the kind.
  @Test func retentionOfTheLastColdFileMakesNoOtherLayoutOfACopy() throws {
    let folder = try Folder()
    let capture = folder.path
    let now = Int(Date().timeIntervalSince1970)
    for number in 0..<20 { try folder.makeFile(Bytes("segment_1\(number).ts"), seconds: now - number) }
    for number in 0..<9 {
      try folder.makeFile(Bytes("segment_0\(number).ts"), seconds: now - 3 * 86_400 - number * 40_000)
    }
    let options = ["--layout", LayoutFile.byDate, "--hot", "segments=20"]
    #expect(HotColdBinary.run(["migrate", capture, "--execute", "--yes"] + options).status == 0)
    try Shell.must(["sh", "-c", "cd \"$1\" && mkdir backup && cp -a segments/2* backup/", "", capture])
    for _ in 0..<2 {
      let round = HotColdBinary.run(["archive", "--once", capture, "--retain", "segments=2d"] + options)
      #expect(round.status == 0, "\(round)")
    }
    let left = try Snapshot(capture)
    #expect(!left.files.keys.contains { $0.description.hasPrefix("segments/2") }, "\(left.files.keys)")
    let dates = left.entries.keys.filter { $0.description.hasPrefix("segments/2") }
    #expect(dates.count == 1, "the newest date alone: \(dates)")
    #expect(HotColdBinary.run(["verify", capture] + options).status == 0)
    #expect(HotColdBinary.run(["migrate", capture, "--execute", "--yes"] + options).status == 0)
  }

  /// The folders are those of the layout, the names are not: a recorder would begin at 0 again.
  @Test func bucketsThatHoldNoFileOfAnyKindAreSaid() throws {
    let trial = try Trial()
    let capture = trial.folder.path
    let layouts = try Folder()
    let other = try LayoutFile.edited([("segment_*.ts", "video_*.ts")], in: layouts)
    #expect(Self.run("migrate", capture, "--execute", "--yes").status == 0)
    for command in ["next-numbers", "migrate", "verify"] {
      let own = Self.run(command, capture)
      #expect(own.status == 0 && !(own.output + own.error).contains("of no kind"), "\(command): \(own)")
      let result = Self.run(command, capture, "--layout", other)
      let said = (result.output + result.error).replacing("\n", with: " ")
      #expect(said.contains("/segments/") && said.contains("of no kind"), "\(command): \(result)")
      #expect(said.contains("--layout"), "\(command): \(result)")
    }
    for command in ["migrate", "verify"] {
      let result = Self.run(command, capture, "--layout", other, "--format", "json")
      let warnings = try JSON(parsing: result.output)["captures", 0, "warnings"].array
      #expect(warnings.map { $0["code"].string } == ["other-names"], "\(result.output)")
    }
    // A file of somebody's own beside the recorder's says nothing.
    try trial.folder.makeFile("segments/23/notes.txt")
    #expect(!Self.run("migrate", capture).output.contains("of no kind"))
  }

  /// What is cold already would stay in hours of the old zone.
  @Test func anotherZoneForTheSameFoldersIsRefused() throws {
    let trial = try Trial()
    let layouts = try Folder()
    let other = try LayoutFile.edited(
      [("buckets: hour", "buckets: hour\ntime-zone: Asia/Tokyo")], in: layouts)
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
    let other = try LayoutFile.edited(edits, in: layouts)
    func expectRefusal(_ options: [String]) throws {
      let before = try Snapshot(capture)
      for command in [
        ["migrate", capture], ["migrate", capture, "--execute", "--yes"], ["verify", capture],
        ["next-numbers", capture], ["archive", "--once", capture], ["revert", capture, "--execute", "--yes"],
      ] {
        let result = HotColdBinary.run(command + options)
        #expect(result.status == 66, "\(command): \(result)")
        #expect((result.output + result.error).contains("another layout was used"), "\(result)")
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
    let other = try LayoutFile.edited(
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

  /// A number that is taken in a bucket which nobody looks at would be given twice.
  @Test func nextNumbersOfAnotherLayoutAreRefused() throws {
    let trial = try Trial()
    #expect(
      Self.run("migrate", trial.folder.path, "--layout", LayoutFile.byDate, "--execute", "--yes").status == 0)
    let result = Self.run("next-numbers", trial.folder.path)
    #expect(result.status == 66 && result.output == NextNumbersTests.failure, "\(result)")
  }

  /// Buckets of the other rule that cannot be looked into may be full.
  @Test(.requiresRoot) func bucketsOfAnotherLayoutThatAreClosedStopARun() throws {
    let trial = try Trial()
    let capture = trial.folder.path
    let tools = try Folder()
    try Shell.must(["cp", HotColdBinary.path, tools.path + "/hotcold"])
    #expect(Self.run("migrate", capture, "--layout", LayoutFile.byDate, "--execute", "--yes").status == 0)
    try Shell.must([
      "sh", "-c", "chown -R nobody \"$1\" \"$2\"; cd \"$1\" && chmod 700 */2* && chown root */2*", "sh",
      capture, tools.path,
    ])
    for arguments in [["migrate", capture, "--execute", "--yes"], ["verify", capture]] {
      let result = Shell.run(["runuser", "-u", "nobody", "--", tools.path + "/hotcold"] + arguments)
      #expect(result.status == 77 && result.output.contains("/2023-"), "\(result)")
    }
  }
}
