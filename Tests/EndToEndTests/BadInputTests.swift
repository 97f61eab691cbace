import Foundation
import TestKit
import Testing

/// Each kind of bad input: its exit code, a message that says what to do, and nothing lost.
@Suite struct BadInputTests {
  /// One for each case.
  init() { Figures.add("kinds of bad input") }

  static func execute(_ path: String, _ options: [String] = []) -> Shell.Result {
    HotColdBinary.run(["migrate", path, "--execute", "--yes"] + options)
  }

  @Test func aMissingFolder() {
    let result = Self.execute("/dev/shm/hotcold-no-such-folder")
    #expect(result.status == 66)
    #expect(result.output.contains("ERROR: /dev/shm/hotcold-no-such-folder: no such folder"))
    #expect(result.error.contains("ERROR"))
  }

  @Test func aFileAndFoldersThatAreNoCapture() throws {
    let folder = try Folder()
    try folder.makeFile("file")
    try folder.makeFile("other/notes.txt")
    try folder.makeFolder("parent/captures")
    try folder.makeFile("parent/capture_1.jpg")
    let before = try Snapshot(folder.path)
    #expect(Self.execute(folder.path + "/file").status == 66)
    #expect(Self.execute(folder.path + "/other").status == 66)
    #expect(Self.execute(folder.path + "/parent").output.contains("not a capture"))
    #expect(try Snapshot(folder.path).changeTimes == before.changeTimes)
  }

  @Test func theRootAndAHome() {
    for path in ["/", "/../", "/root"] {
      let result = Self.execute(path)
      #expect(result.status == 66, "\(path): \(result.output)")
    }
  }

  @Test func aHotPlaceIsNotACapture() throws {
    let trial = try Trial()
    #expect(Self.execute(trial.folder.path).status == 0)
    let after = try Snapshot(trial.folder.path)
    let result = Self.execute(trial.folder.path + "/segments")
    #expect(result.status == 66)
    #expect(result.output.contains("Name the capture: \(trial.folder.path)"))
    #expect(try Snapshot(trial.folder.path).changeTimes == after.changeTimes)
  }

  @Test func linksFilesAndFIFOsWhereFoldersShouldBe() throws {
    let trial = try Trial()
    let canary = try Folder()
    try canary.makeFile("segment_1.ts")
    let canaryBefore = try Snapshot(canary.path)
    try trial.folder.makeLink("thumbnails", to: canary.path)
    try trial.folder.makeFolder("metadata")
    try trial.folder.makeFile("metadata/5")
    try trial.folder.makeFIFO("metadata/6")
    try trial.folder.makeLink("metadata/7", to: "/etc")
    let before = try Snapshot(trial.folder.path)
    let (status, report) = try HotColdBinary.migrate(trial.folder.path)
    #expect(status == 1)
    let errors = report["captures", 0].errors.joined(separator: "\n")
    for name in [
      "thumbnails: is a link", "metadata/5: is not a folder", "metadata/6: is not a folder",
      "metadata/7: is a link",
    ] {
      #expect(errors.contains(name), "\(name) not in \(errors)")
    }
    let after = try Snapshot(trial.folder.path)
    #expect(after.contents == before.contents)
    #expect(try Snapshot(canary.path).changeTimes == canaryBefore.changeTimes)
    // Everything else was moved, and what could not be moved stayed.
    #expect(report["captures", 0, "kinds", "thumbnails", "counts", "failed"].int == SmallCapture.pictures)
    let expected = SmallCapture.settled()
    #expect(after.paths.isSuperset(of: expected.filter { $0.folder.description.hasPrefix("segments") }))
    #expect(after.paths.isSuperset(of: expected.filter { $0.folder.description.hasPrefix("captures") }))
  }

  @Test func takenNamesAreConflictsAndBothStay() throws {
    let trial = try Trial()
    let taken = SmallCapture.settled().filter { $0.folder == "segments/22" }
    #expect(!taken.isEmpty)
    for path in taken { try trial.folder.makeFile(path, seconds: 1) }
    let before = try Snapshot(trial.folder.path)
    let planned = try HotColdBinary.migrate(trial.folder.path, execute: false)
    let (status, report) = try HotColdBinary.migrate(trial.folder.path)
    #expect(status == 1)
    #expect(report["captures", 0, "total", "conflicts"].int == taken.count)
    #expect(planned.report["captures", 0, "total", "conflicts"].int == taken.count)
    let after = try Snapshot(trial.folder.path)
    #expect(after.contents == before.contents)
    for path in taken { #expect(trial.folder.exists(path) && trial.folder.exists(path.name)) }
  }

  @Test func hostileNamesAreMovedByteForByteAndPrintedEscaped() throws {
    let folder = try Folder()
    func segment(_ middle: [UInt8]) -> Bytes { Bytes(Array("segment_".utf8) + middle + Array(".ts".utf8)) }
    let names = [
      segment(Array("a\nERROR forged".utf8)), segment(Array("\u{1b}[31mred".utf8)),
      segment([0xff, 0xfe, 0x80]),
      segment(Array(repeating: 0x78, count: 255 - 11)), segment(Array("\u{202e}gnp".utf8)), segment([0x5c]),
    ]
    for name in names { try folder.makeFile(name, seconds: 7200) }
    try folder.makeFile(Bytes(Array("-rf \u{1b}]0;title\u{7}\n".utf8)))
    let before = try Snapshot(folder.path)
    let result = Self.execute(folder.path, ["--hot", "segments=0", "--verbose"])
    #expect(result.status == 0)
    #expect(try Snapshot(folder.path).contents == before.contents)
    for name in names { #expect(folder.exists("segments/2/" + name)) }
    let printed = result.output + result.error
    #expect(
      !printed.unicodeScalars.contains {
        $0.value < 0x20 && $0 != "\n" || $0.value == 0x202e || $0.value == 0x7f
      })
    #expect(!printed.split(separator: "\n").contains { $0.hasPrefix("ERROR") })
    #expect(
      printed.contains("\\x1b[31mred") && printed.contains("\\xff\\xfe\\x80")
        && printed.contains("a\\nERROR forged"))
    let json = HotColdBinary.run(["migrate", folder.path, "--format", "json"])
    let other = try JSON(parsing: json.output)["captures", 0, "unrecognised", "named", 0, "base64"].string
    #expect(other == Data("-rf \u{1b}]0;title\u{7}\n".utf8).base64EncodedString())
  }

  @Test func onlyRegularFilesAreTouched() throws {
    let folder = try Folder()
    try SmallCapture.make(in: folder)
    try folder.makeFolder("segment_900.ts")
    try folder.makeLink("segment_901.ts", to: "segment_1.ts")
    try folder.makeFIFO("captures/capture_900.jpg")
    try folder.makeFile("segment_902.ts.tmp")
    let (status, report) = try HotColdBinary.migrate(folder.path)
    #expect(status == 0)
    #expect(report["captures", 0, "unrecognised", "count"].int == 4)
    for path: Bytes in ["segment_900.ts", "segment_901.ts", "captures/capture_900.jpg", "segment_902.ts.tmp"]
    {
      #expect(folder.exists(path))
    }
  }

  /// A migration by the user nobody, who may not be able to reach the folder that hotcold was built in: it runs a
  /// copy in `tools`.
  static func commandOfNobody(_ trial: Trial, _ tools: Folder) throws -> [String] {
    let binary = tools.path + "/hotcold"
    try Shell.must(["cp", HotColdBinary.path, binary])
    return ["runuser", "-u", "nobody", "--", binary, "migrate", trial.folder.path, "--execute", "--yes"]
  }

  @Test(.requiresRoot) func noPermission() throws {
    let trial = try Trial()
    let tools = try Folder()
    let command = try Self.commandOfNobody(trial, tools)
    let result = Shell.run(command)
    #expect(result.status == 77, "\(result.error)")
    #expect(result.output.contains("sudo -u root hotcold migrate"))
    try trial.expectUntouched()
    // Unreadable.
    try Shell.must(["chmod", "700", trial.folder.path])
    #expect(Shell.run(command).status == 77)
  }

  /// There are recordings in it: no reason to remove it. What is behind a folder that is refused was not counted.
  @Test(.requiresRoot) func aFolderThatMayNotBeReadIsNoReasonToRemoveIt() throws {
    let trial = try Trial()
    try #require(try HotColdBinary.migrate(trial.folder.path).status == 0)
    let tools = try Folder()
    let command = try Self.commandOfNobody(trial, tools).prefix(5)
    try Shell.must(["chmod", "700", trial.folder.path + "/segments/22"])
    for arguments in ["migrate", "revert", "layout", "archive --once --dry-run"] {
      let words = arguments.split(separator: " ").map(String.init)
      let result = Shell.run(command + words + [trial.folder.path])
      #expect(result.status == 1, "\(result)")
      let line = try #require(result.error.split(separator: "\n").first { $0.contains(" ERROR ") })
      #expect(line.contains("/segments/22: cannot be used (Permission denied)"), "\(line)")
      #expect(line.contains("sudo -u root hotcold \(words[0])") && !line.contains("remove"), "\(line)")
    }
    try Shell.must([
      "sh", "-c", "mv \"$1/segments/22\" \"$1-22\"; ln -s \"$1-22\" \"$1/segments/22\"", "",
      trial.folder.path,
    ])
    defer { Shell.run(["rm", "-r", trial.folder.path + "-22"]) }
    let result = HotColdBinary.run(["layout", trial.folder.path, "--format", "json"])
    let report = try JSON(parsing: result.output)
    #expect(result.status == 1 && report["captures", 0, "exitCode"].int == 1)
    #expect(report["captures", 0].errors.contains { $0.contains("There may be recordings behind it") })
  }

  /// Its new folders would be closed to the group of the capture.
  @Test(.requiresRoot, arguments: ["750", "770"]) func aGroupThatWouldBeLockedOut(_ mode: String) throws {
    let trial = try Trial()
    try Shell.must(["chown", "-R", "nobody:root", trial.folder.path])
    try Shell.must(["chmod", mode, trial.folder.path, trial.folder.path + "/captures"])
    let before = try Snapshot(trial.folder.path)
    let tools = try Folder()
    let command = try Self.commandOfNobody(trial, tools)
    let result = Shell.run(command)
    #expect(result.status == 77, "\(result.output)")
    #expect(result.output.contains("sudo -u root hotcold migrate"))
    #expect(!trial.folder.exists("segments"), "refused before anything was made")
    #expect(try Snapshot(trial.folder.path).changeTimes == before.changeTimes)
  }

  /// By whoever may write but is not the owner: new folders and playlists are that user's, which is said once.
  @Test(
    .requiresRoot,
    arguments: [
      ("root:root", "777"), ("root:nogroup", "2775"), ("root:nogroup", "770"), ("nobody:root", "755"),
    ])
  func aCaptureThatCannotBeGivenToItsOwner(_ owner: String, _ mode: String) throws {
    let trial = try Trial()
    let folders = [trial.folder.path, trial.folder.path + "/captures"]
    try Shell.must(["chown", "-R", owner, trial.folder.path])
    try Shell.must(["chmod", mode] + folders)
    let tools = try Folder()
    let command = try Self.commandOfNobody(trial, tools)
    let result = Shell.run(command)
    #expect(result.status == 0, "\(result.output)\(result.error)")
    let notes = result.output.split(separator: "\n").filter { $0.contains("belong to nobody") }
    #expect(notes.count == 1, "\(result.output)")
    try trial.expectSettled()
    let after = try Snapshot(trial.folder.path)
    let capture = try #require(after.entries[""])
    let folder = try #require(after.entries["segments/3"])
    #expect(folder.owner == 65534)
    if owner == "root:nogroup" { #expect(folder.group == capture.group) }
    #expect(folder.mode & 0o777 == capture.mode & 0o777)
    let again = Shell.run(command)
    #expect(again.status == 0 && !again.output.contains("belong to nobody"), "said when something is made")
  }

  @Test(.requiresRoot) func newFoldersTakeOwnerGroupAndModeOfTheCapture() throws {
    let trial = try Trial()
    try Shell.must(["chown", "-R", "nobody:daemon", trial.folder.path])
    try Shell.must(["chmod", "2775", trial.folder.path])
    let before = try Snapshot(trial.folder.path)
    let result = Shell.run([
      "sh", "-c", "umask 077; exec \"$0\" \"$@\"", HotColdBinary.path, "migrate", trial.folder.path,
      "--execute", "--yes",
    ])
    #expect(result.status == 0)
    let after = try Snapshot(trial.folder.path)
    #expect(after.contents == before.contents)
    let capture = try #require(after.entries[""])
    for (path, entry) in after.entries where entry.isFolder && path != "captures" {
      #expect(
        entry.owner == capture.owner && entry.group == capture.group && entry.mode == capture.mode, "\(path)")
    }
  }

  @Test func noTerminalAndNoYes() throws {
    let trial = try Trial()
    let result = HotColdBinary.run(["migrate", trial.folder.path, "--execute"])
    #expect(result.status == 64)
    #expect(result.error.contains("--yes"))
    try trial.expectUntouched()
  }

  @Test(arguments: [
    ["migrate"], ["migrate", "x", "--hot", "segments=-1"], ["migrate", "x", "--hot", "pictures=3"],
    ["migrate", "x", "--time-zone", "Mars/Olympus"], ["migrate", "x", "--time-zone", "../../etc/passwd"],
    ["migrate", "x", "--engine", "magic"], ["migrate", "x", "--format", "xml"],
    ["migrate", "x", "--quiet", "--verbose"], ["sample", "x", "--files", "many"],
    ["sample", "x", "--files", "10", "--span", "1y"], ["frobnicate"],
  ]) func usage(arguments: [String]) {
    let result = HotColdBinary.run(arguments)
    #expect(result.status == 64)
    #expect(!result.error.isEmpty)
  }

  @Test(.requires("flock")) func aSecondRunIsRefusedWhileTheFirstHoldsTheCapture() throws {
    let trial = try Trial()
    let holder = try Running(["flock", trial.folder.path, "sleep", "30"])
    defer { holder.signal(SIGKILL) }
    while Shell.run(["flock", "-n", trial.folder.path, "true"]).status == 0 { usleep(10_000) }
    #expect(Self.execute(trial.folder.path).status == 75)
    try trial.expectUntouched()
    let planned = try HotColdBinary.migrate(trial.folder.path, execute: false)
    #expect(planned.report["captures", 0, "otherRunActive"].bool == true)
  }

  /// `captures/` of root in a capture of somebody else: said by the dry run, and refused before anything is made.
  @Test(.requiresRoot) func aHotPlaceThatMayNotBeWrittenIsRefusedAtTheStart() throws {
    let trial = try Trial()
    let tools = try Folder()
    let command = try Self.commandOfNobody(trial, tools)
    try Shell.must(["chown", "-R", "nobody", trial.folder.path])
    try Shell.must(["chown", "root", trial.folder.path + "/captures"])
    let dryRun = Shell.run(command.filter { !["--execute", "--yes"].contains($0) })
    #expect(
      dryRun.status == 0 && dryRun.output.contains("--execute would be refused"), "\(dryRun)")
    let result = Shell.run(command)
    #expect(result.status == 77 && result.output.contains("sudo -u root"), "\(result)")
    #expect(!trial.folder.exists("segments"))
  }

  @Test func aHotPlaceWithoutHoursIsPartOfItsCapture() throws {
    let trial = try Trial()
    try trial.folder.makeFolder("segments")
    for number in 0..<40 { try trial.folder.makeFile(Bytes("segments/segment_9\(number).ts")) }
    try trial.folder.makePlaylist("segments/output.m3u8", listing: [])
    for place in ["segments", "captures"] {
      let result = HotColdBinary.run(["migrate", trial.folder.path + "/" + place, "--execute", "--yes"])
      #expect(
        result.status == 66 && result.output.contains("Name the capture: \(trial.folder.path)"), "\(result)")
    }
    #expect(try HotColdBinary.migrate(trial.folder.path, ["--keep-live"]).status == 0)
    // A capture that is named like a hot place is one.
    let lone = try Folder()
    try lone.makeFolder("captures")
    try SmallCapture.make(in: lone, at: "captures")
    #expect(try HotColdBinary.migrate(lone.path + "/captures").status == 0)
  }
}
