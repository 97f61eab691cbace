import Foundation
import TestKit
import Testing

/// Commands that do as the service does: its settings, its list, and the layouts that the list names.
@Suite struct AsServiceTests {
  private let folder: Folder
  private let asService: [String]
  private var dated: String { folder.path + "/dated" }
  private var plain: String { folder.path + "/plain" }

  init() throws {
    folder = try Folder()
    for name: Bytes in ["dated", "plain", "other"] { try SmallCapture.make(in: folder, at: name) }
    try folder.makeLink("link", to: folder.path + "/dated")
    asService = ["--as-service", "--config", folder.path + "/archive.conf"]
    try set("HOTCOLD_HOT=captures=7")
    try list("\(folder.path)/dated layout=\(LayoutFile.byDate)", "\(folder.path)/plain,77,hd")
  }

  private func set(_ lines: String...) throws {
    let text = (["HOTCOLD_CAPTURES_FROM=\(folder.path)/list"] + lines).map { $0 + "\n" }.joined()
    try text.write(toFile: folder.path + "/archive.conf", atomically: true, encoding: .utf8)
  }

  private func list(_ lines: String...) throws { try list(contentsOf: lines) }

  private func list(contentsOf lines: [String]) throws {
    try lines.map { $0 + "\n" }.joined().write(
      toFile: folder.path + "/list", atomically: true, encoding: .utf8)
  }

  private func run(_ arguments: String...) -> Shell.Result { HotColdBinary.run(arguments + asService) }

  private func names(_ capture: String) throws -> Set<String> {
    Set(try Snapshot("\(folder.path)/\(capture)").paths.map(\.description))
  }

  private func hasDates(_ capture: String) throws -> Bool {
    try names(capture).contains { $0.contains(/^segments\/\d{4}-\d\d-\d\d\/\d\d\/segment_/) }
  }

  private func hasHours(_ capture: String) throws -> Bool {
    try names(capture).contains { $0.contains(/^segments\/\d{1,2}\/segment_/) }
  }

  private func hotCaptures(_ capture: String) throws -> Int {
    try names(capture).count { $0.contains(/^captures\/capture_\d+\.jpg$/) }
  }

  @Test func withoutANamedCaptureItIsThoseOfTheList() throws {
    let before = try Snapshot(folder.path + "/other")
    let migrate = run("migrate", "--execute", "--yes")
    #expect(migrate.status == 0, "\(migrate)")
    #expect(try hasDates("dated") && hasHours("plain"))
    #expect(try hotCaptures("plain") == 7 && hotCaptures("dated") == 7)
    let verify = run("verify")
    #expect(verify.status == 0, "\(verify)")
    #expect(HotColdBinary.run(["verify", plain, dated]).status != 0)
    #expect(run("revert", "--execute", "--yes").status == 0)
    #expect(try !hasDates("dated") && !hasHours("plain"))
    #expect(try Snapshot(folder.path + "/other").changeTimes == before.changeTimes)
  }

  /// By its own path or by a link to it, in every command that has layouts.
  @Test(arguments: ["dated", "link"]) func aNamedCaptureHasTheLayoutOfItsLine(name: String) throws {
    let capture = "\(folder.path)/\(name)"
    let migrate = run("migrate", capture, "--execute", "--yes")
    #expect(try migrate.status == 0 && hasDates("dated"), "\(migrate)")
    #expect(run("verify", capture).status == 0)
    #expect(run("next-numbers", capture).output == "next_segment=60\nnext_capture=150\n")
    #expect(run("layout", capture).output.contains("the layout 'guide-by-date'"))
    let round = HotColdBinary.run(
      ["archive", "--once", capture, "--config", folder.path + "/archive.conf"])
    #expect(round.status == 0 && !round.error.contains("ERROR"), "\(round)")
    for command in ["migrate", "verify", "next-numbers", "archive --once"] {
      let result = HotColdBinary.run(command.split(separator: " ").map(String.init) + [capture])
      #expect(
        result.status == 66 && result.error.contains("another layout was used"), "\(command): \(result)")
      #expect(result.error.contains("--as-service") == (command != "archive --once"), "\(result)")
    }
    #expect(run("revert", capture, "--execute", "--yes").status == 0)
    #expect(try !hasDates("dated"))
  }

  /// The line with a layout counts for the line without.
  @Test func aFolderHasOneLayoutByEachOfItsPaths() throws {
    try list("\(folder.path)/link layout=\(LayoutFile.byDate)", dated)
    #expect(run("migrate", "--execute", "--yes").status == 0)
    #expect(try hasDates("dated") && !hasHours("dated"))
    let round = HotColdBinary.run(["archive", "--once", "--config", folder.path + "/archive.conf"])
    #expect(round.status == 0 && !round.error.contains("ERROR"), "\(round)")
  }

  /// A service for captures of its own follows the list's layouts round by round.
  @Test func theServiceReadsTheLayoutsOfItsNamedCaptures() throws {
    let log = folder.path + "/log"
    let service = try ServiceTests.start(
      [dated, "--config", folder.path + "/archive.conf", "--interval", "1s"], log: log)
    #expect(try ArchiverTests.waitUntil { try hasDates("dated") })
    // Without its list it goes on with the layout that it knows.
    unlink(folder.path + "/list")
    #expect(ServiceTests.waitFor("/list: No such file", in: log), "\(ServiceTests.contents(log))")
    let before = try names("dated")
    usleep(2_500_000)
    #expect(try names("dated") == before && !hasHours("dated"))
    try list("\(dated) layout=/none.yaml")
    #expect(ServiceTests.waitFor("line 1, layout '/none.yaml'", in: log), "\(ServiceTests.contents(log))")
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    #expect(try names("plain").contains("segment_0.ts"), "captures of the list are the other service's")
  }

  @Test func aFlagPrecedesSettingsAndList() throws {
    #expect(
      run("migrate", dated, "--layout", "guide", "--hot", "captures=9", "--execute", "--yes").status == 0)
    #expect(try hasHours("dated") && !hasDates("dated"))
    #expect(try hotCaptures("dated") == 9)
    // From there to where the service wants it: the layout of the line is the target.
    let to = run("migrate", dated, "--from", "guide", "--execute", "--yes")
    #expect(try to.status == 0 && hasDates("dated") && !hasHours("dated"), "\(to)")
    let both = run("migrate", dated, plain, "--from", "guide")
    #expect(both.status == 64 && both.error.contains("--from requires captures of one layout"), "\(both)")
  }

  @Test func theAgeOfVerifyIsThatOfTheService() throws {
    try #require(run("migrate", plain, "--execute", "--yes").status == 0)
    try folder.makeFile("plain/segment_61.ts", seconds: Int(time(nil)) - 200)
    let flat = "segments 1, captures 0, thumbnails 0, metadata 0, live playlists 0, not yet settled"
    #expect(run("verify", plain).output.contains("\(flat) 0"))
    try set("HOTCOLD_HOT=captures=7", "HOTCOLD_MIN_AGE=100s", "HOTCOLD_INTERVAL=300s")
    #expect(run("verify", plain).output.contains("segments 0") && run("verify", plain).status == 0)
    #expect(run("verify", plain, "--min-age", "10s").status == 1)
  }

  @Test func whatTheServiceWritesIsWhatIsWrittenAndChecked() throws {
    try set("HOTCOLD_MANIFESTS=no", "HOTCOLD_KEEP_LIVE=yes")
    try #require(run("migrate", plain, "--execute", "--yes").status == 0)
    #expect(try names("plain").contains("output.m3u8"), "keep-live")
    #expect(try !names("plain").contains { $0.hasSuffix("archive.m3u8") })
    #expect(!run("verify", plain).output.contains("archive.m3u8"))
    #expect(
      HotColdBinary.run(
        ["verify", plain] + asService, environment: ["HOTCOLD_MANIFESTS": "yes", "TZ": "UTC"]
      ).output.contains("archive.m3u8"))
  }

  @Test func whatIsWrongIsSaidAndNothingIsMoved() throws {
    let before = try Snapshot(dated)
    func expect(_ result: Shell.Result, _ status: Int32, _ message: String) throws {
      #expect(result.status == status && result.error.contains(message), "\(result)")
      #expect(try Snapshot(dated).changeTimes == before.changeTimes)
    }
    // Two lines that mean one folder.
    try list("\(dated) layout=\(LayoutFile.byDate)", "\(folder.path)/link layout=guide")
    let both = "has two layouts, '\(LayoutFile.byDate)' on line 1 and 'guide' on line 2"
    try expect(run("migrate", dated, "--execute", "--yes"), 64, both)
    try expect(run("migrate", "--execute", "--yes"), 64, both)
    let once = ["archive", "--once", "--config", folder.path + "/archive.conf"]
    try expect(HotColdBinary.run(once), 64, both)
    try expect(HotColdBinary.run(once + [dated]), 64, both)
    try list("\(dated) layout=/none.yaml")
    try expect(run("migrate", dated, "--execute", "--yes"), 64, "line 1, layout '/none.yaml'")
    try set("HOTCOLD_NONE=1")
    try expect(run("migrate", dated, "--execute", "--yes"), 64, "unknown setting 'HOTCOLD_NONE'")
    try expect(
      HotColdBinary.run(["migrate", dated, "--config", folder.path + "/archive.conf", "--execute", "--yes"]),
      64,
      "--config requires --as-service")
    // Without the list a capture would have another layout, and other ages.
    try set()
    unlink(folder.path + "/list")
    try expect(run("migrate", dated, "--execute", "--yes"), 66, "/list: No such file")
    try expect(run("migrate", "--execute", "--yes"), 66, "/list: No such file")
    try expect(HotColdBinary.run(once + [dated]), 66, "/list: No such file")
  }

  /// Where the layout says how long files are kept, the ages of a capture that the service's list does not name are not known: those
  /// of the default layout would delete.
  @Test(.requiresRoot) func withoutItsLineACaptureIsNotTakenForOneOfTheDefaultLayout() throws {
    let text = try String(contentsOfFile: LayoutFile.byDate, encoding: .utf8)
    let keeps = "\(folder.path)/keeps.yaml"
    try text.replacing(/retain: .*/, with: "retain: 3650d").write(
      toFile: keeps, atomically: true, encoding: .utf8)
    try set("HOTCOLD_RETAIN=layout")
    try list("\(dated) layout=\(keeps)")
    func setMine(_ line: String) throws {
      try (line + "\n").write(toFile: folder.path + "/my", atomically: true, encoding: .utf8)
    }
    try setMine(dated)
    let before = try names("dated").count
    let conf = ["--config", "\(folder.path)/archive.conf"]
    let named = [conf + [dated], conf + ["--captures-from", "\(folder.path)/my"]]
    for arguments in named {
      let round = HotColdBinary.run(["archive", "--once"] + arguments)
      #expect(try round.status == 0 && hasDates("dated"), "\(round)")
      #expect(try names("dated").count { !$0.hasSuffix(".m3u8") } >= before - 1, "nothing is deleted")
    }
    // Emptied for a moment; and by a path that no line has.
    let other = "\(folder.path)/mount"
    try folder.makeFolder("mount")
    try Shell.must(["mount", "--bind", dated, other])
    defer { Shell.run(["umount", other]) }
    let settled = try names("dated")
    for (lines, arguments) in [
      ([], named[0]), ([], named[1]), (["\(dated) layout=\(keeps)"], conf + [other]),
    ] {
      try list(contentsOf: lines)
      let round = HotColdBinary.run(["archive", "--once", "--force-retention"] + arguments)
      #expect(round.status == 64, "\(round)")
      #expect(
        round.error.contains("/list does not name \(arguments[2])") || arguments[2] == "--captures-from",
        "\(round)")
      #expect(round.error.contains("or name its layout: --layout"), "\(round)")
      #expect(try names("dated") == settled)
    }
    try list("\(dated) layout=/none.yaml")
    let wrong = HotColdBinary.run(["archive", "--once"] + named[1])
    #expect(wrong.status == 64 && wrong.error.contains("/list, line 1, layout '/none.yaml'"), "\(wrong)")
    // Nor is it one in the list of the service itself.
    try list("\(dated) layout=\(keeps)", other)
    let both = HotColdBinary.run(["archive", "--once", "--force-retention"] + conf)
    #expect(
      both.status == 64 && both.error.contains("\(other): this is the same folder as \(dated)"), "\(both)")
    #expect(try names("dated") == settled)
    // A layout that is said, on the line or as a flag, is enough.
    try setMine("\(dated) layout=\(keeps)")
    for arguments in [named[1], conf + [dated, "--layout", keeps]] {
      let round = HotColdBinary.run(["archive", "--once"] + arguments)
      #expect(round.status == 0, "\(round)")
      #expect(try names("dated") == settled)
    }
  }

  /// A capture with files that the guide's ages would delete, and a layout whose ages would not.
  private func expired() throws -> (capture: String, keeps: String, files: [Bytes]) {
    let text = try String(contentsOfFile: LayoutFile.installed("guide"), encoding: .utf8)
    let keeps = "\(folder.path)/keeps.yaml"
    try text.replacing(/retain: .*/, with: "retain: 3650d").write(
      toFile: keeps, atomically: true, encoding: .utf8)
    var files: [Bytes] = []
    for number in 0..<60 {
      let seconds = ArchiverTests.now - (number < 40 ? 40 * 86_400 + number : 60 + number)
      let bucket = number < 40 ? "\(seconds / 3600 % 24)/" : ""
      files.append(Bytes("cam/segments/\(bucket)segment_\(number).ts"))
      try folder.makeFile(files[number], seconds: seconds)
    }
    return ("\(folder.path)/cam", keeps, files)
  }

  /// New settings do not go with the captures and layouts of a list that was read before.
  @Test(arguments: ["missing", "contradictory"]) func aReloadWithoutAListThatCanBeReadChangesNothing(
    list what: String
  ) throws {
    let (capture, keeps, files) = try expired()
    try list(capture)
    try set("HOTCOLD_RETAIN=layout", "HOTCOLD_LAYOUT=\(keeps)")
    let log = folder.path + "/log"
    let service = try ServiceTests.start(
      ["--config", folder.path + "/archive.conf", "--interval", "1s", "--min-age", "1s"], log: log)
    #expect(ServiceTests.waitFor("moved", in: log), "\(ServiceTests.contents(log))")
    unlink(folder.path + "/list")
    if what == "contradictory" {
      try list("\(capture) layout=\(keeps)", "\(capture) layout=\(LayoutFile.byDate)")
    }
    try set("HOTCOLD_RETAIN=layout")
    service.signal(SIGHUP)
    #expect(
      ServiceTests.waitFor("The previous settings stay in effect", in: log), "\(ServiceTests.contents(log))")
    usleep(2_500_000)
    #expect(files.prefix(40).allSatisfy { folder.exists($0) })
    try list("\(capture) layout=\(keeps)")
    service.signal(SIGHUP)
    #expect(ServiceTests.waitFor("settings reloaded", in: log), "\(ServiceTests.contents(log))")
    usleep(1_500_000)
    #expect(files.prefix(40).allSatisfy { folder.exists($0) })
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    // Those ages would have deleted them.
    let guide = ArchiverTests.once([capture, "--retain", "layout", "--min-age", "1s"])
    #expect(guide.status == 0 && !files.prefix(40).contains { folder.exists($0) }, "\(guide)")
  }

  /// A layout that was mistyped, or not written to its end, is none that may be overlooked.
  @Test func aLineWhoseLayoutIsNotReadableIsRefused() throws {
    let (capture, keeps, files) = try expired()
    try set("HOTCOLD_RETAIN=layout")
    let once = [
      "archive", "--once", "--force-retention", "--min-age", "1s", "--config", folder.path + "/archive.conf",
    ]
    let tails = [
      ",layout=\(keeps)", ",1,hd,layout=\(keeps)", ",1,hd;layout=\(keeps)", ",1,hd LAYOUT=\(keeps)",
      ",1,hd layout:\(keeps)", ",1,hd layout = \(keeps)", ",1,hdlayout=\(keeps)",
      ",1,hd\u{a0}layout=\(keeps)", ",1,hd layou", " LAYOUT=\(keeps)", " layou",
    ]
    for tail in tails {
      for line in [capture + tail, "\(folder.path)/ca*\(tail)"] {
        try list(line)
        let round = HotColdBinary.run(once)
        #expect(files.allSatisfy { folder.exists($0) }, "\(line): \(round)")
        #expect(round.error.contains(" ERROR ") || round.error.contains(" WARNING "), "\(line): \(round)")
      }
    }
    // Cut off where only the writer knows that more follows.
    for line in [capture, capture + ",12", "\(capture) layout=guide"] {
      try line.write(toFile: folder.path + "/list", atomically: true, encoding: .utf8)
      for arguments in [once, once + [capture]] {
        let round = HotColdBinary.run(arguments)
        #expect(
          round.status == 64 && round.error.contains("/list: the last line does not end"), "\(line): \(round)"
        )
        #expect(files.allSatisfy { folder.exists($0) }, "\(line)")
      }
    }
    for line in ["\(capture) , 1, hd layout=\(keeps)", "\(capture), 123, hd layout=\(keeps)"] {
      try list(line)
      let round = HotColdBinary.run(once)
      #expect(round.status == 0 && !round.error.contains(" ERROR "), "\(line): \(round)")
      #expect(files.prefix(40).allSatisfy { folder.exists($0) })
    }
    try list("\(capture),12,hd_1080p")
    #expect(HotColdBinary.run(once).status == 0)
    #expect(!files.prefix(40).contains { folder.exists($0) }, "the guide's ages")
  }

  /// The layout of a capture's own line counts, whatever path the service's list has for it.
  @Test func aLineOfOnesOwnPrecedesTheServices() throws {
    try list("\(dated) layout=/none.yaml")
    try "\(folder.path)/link layout=\(LayoutFile.byDate)\n".write(
      toFile: folder.path + "/my", atomically: true, encoding: .utf8)
    let migrate = run("migrate", "--captures-from", "\(folder.path)/my", "--execute", "--yes")
    #expect(try migrate.status == 0 && hasDates("dated"), "\(migrate)")
  }
}
