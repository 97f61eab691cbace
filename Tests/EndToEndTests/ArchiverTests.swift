import Foundation
import TestKit
import Testing

/// `hotcold archive`: rounds, retention, metrics, settings, and the service around them.
@Suite struct ArchiverTests {
  static var now: Int { Int(Date().timeIntervalSince1970) }

  static func once(_ arguments: [String], environment: [String: String] = [:]) -> Shell.Result {
    HotColdBinary.run(
      ["archive", "--once"] + arguments, environment: environment.merging(["TZ": "UTC"]) { $1 })
  }

  /// Cold files of one kind in the hour folder of their time, one for each age in seconds.
  static func cold(_ folder: Folder, _ kind: String, ages: [Int]) throws -> [Bytes] {
    let suffix = [
      "segments": ".ts", "captures": ".jpg", "thumbnails": "_thumbnail.jpg", "metadata": ".json",
    ][kind]!
    let prefix = kind == "segments" ? "segment_" : "capture_"
    try folder.makeFolder(Bytes("\(kind)/0"))
    return try ages.enumerated().map { number, age in
      let seconds = now - age
      let path = Bytes("\(kind)/\(seconds / 3600 % 24)/\(prefix)\(number)_\(age)\(suffix)")
      try folder.makeFile(path, seconds: seconds)
      return path
    }
  }

  // MARK: settling

  @Test func aRoundSettlesAndLeavesYoungFilesAlone() throws {
    let trial = try Trial()
    for number in 0..<20 {
      try trial.folder.makeFile(Bytes("segments/segment_9\(number).ts"), seconds: Self.now - 5)
      try trial.folder.makeFile(Bytes("segments/segment_8\(number).ts"), seconds: Self.now - 600)
    }
    stayWithinTheHour()
    let result = Self.once([trial.folder.path])
    #expect(result.status == 0, "\(result.error)")
    let after = try Snapshot(trial.folder.path)
    let hot = after.paths.filter { $0.folder == "segments" && $0.name != "output.m3u8" }
    let young = Set((0..<20).map { Bytes("segments/segment_9\($0).ts") })
    #expect(hot == young.union(SmallCapture.listed.map { "segments/" + $0 }))
    #expect(!after.manifests.isEmpty)
    let before = after.changeTimes
    #expect(Self.once([trial.folder.path]).status == 0)
    #expect(
      try Snapshot(trial.folder.path).changeTimes == before, "a round with nothing to do writes nothing")
  }

  @Test func oneCaptureThatFailsDoesNotStopTheOthers() throws {
    let trials = try [Trial(), Trial()]
    let missing = trials[0].folder.path + "-missing"
    let list = try Folder()
    try list.makeFile("captures.conf", contents: Array("\(missing)\n\(trials[1].folder.path)\n".utf8))
    let result = Self.once([trials[0].folder.path, "--captures-from", list.path + "/captures.conf"])
    #expect(result.status == 66)
    #expect(result.error.contains("ERROR") && result.error.contains(missing))
    for trial in trials { try trial.expectSettled() }
  }

  @Test func badPlaylistsAndForeignOnesAreSaidAndTheRestGoesOn() throws {
    let trial = try Trial()
    try trial.folder.makeFile("segments/22/archive.m3u8", contents: Array("#EXTM3U\n#EXT-X-VERSION:7\n".utf8))
    try trial.folder.makeFile("thumbnails/4/notes.txt")
    let result = Self.once([trial.folder.path])
    #expect(result.status == 1 && result.error.contains("segments/22/archive.m3u8"))
    #expect(try Snapshot(trial.folder.path).manifests["segments/23/archive.m3u8"] != nil)
    #expect(trial.folder.exists("thumbnails/4/notes.txt"))
  }

  // MARK: retention

  @Test func coldFilesGoByTheirOwnTime() throws {
    let trial = try Trial()
    #expect(Self.once([trial.folder.path]).status == 0)
    let old = try Self.cold(trial.folder, "segments", ages: [90_000, 100_000, 86_400 * 3 + 100])
    let kept = try Self.cold(trial.folder, "segments", ages: [3_700, 86_000])
    let pictures = try Self.cold(trial.folder, "captures", ages: [3_700])
    let before = try Snapshot(trial.folder.path)
    // SmallCapture is of 2023: all of it has expired, but for what is hot.
    let planned = Self.once([trial.folder.path, "--retain", "segments=24h", "--dry-run"])
    #expect(planned.error.contains("would be deleted"))
    #expect(try Snapshot(trial.folder.path).changeTimes == before.changeTimes)
    let result = Self.once([trial.folder.path, "--retain", "segments=24h"])
    #expect(result.status == 0, "\(result.error)")
    for path in old { #expect(!trial.folder.exists(path)) }
    for path in kept + pictures { #expect(trial.folder.exists(path)) }
    let after = try Snapshot(trial.folder.path)
    let hot = before.paths.filter { $0.folder == "segments" }
    #expect(after.paths.isSuperset(of: hot), "hot files and what the live playlist lists stay")
    #expect(before.paths.filter { !$0.description.hasPrefix("segments/") }.isSubset(of: after.paths))
    #expect(HotColdBinary.run(["verify", trial.folder.path]).status == 0, "the playlists follow")
  }

  /// A name that the live playlist lists is spared wherever it is.
  @Test func whatTheLivePlaylistListsIsNeverDeleted() throws {
    let folder = try Folder()
    let paths = try Self.cold(folder, "segments", ages: [90_000, 95_000, 100])
    try folder.makePlaylist("segments/output.m3u8", listing: [paths[1].name])
    #expect(Self.once([folder.path, "--retain", "segments=24h"]).status == 0)
    #expect(paths.map { folder.exists($0) } == [false, true, true])
  }

  @Test func whatLooksLikeAMistakeIsDeclinedAndNeedsAWord() throws {
    let folder = try Folder()
    let all = try Self.cold(folder, "captures", ages: [4000, 5000, 6000])
    let declined = Self.once([folder.path, "--retain", "captures=1h"])
    #expect(declined.status == 1 && declined.error.contains("--force-retention"))
    #expect(all.allSatisfy { folder.exists($0) })
    let young = try Self.cold(folder, "captures", ages: [100])
    let tooMany = Self.once([folder.path, "--retain", "captures=1h", "--max-delete", "2"])
    #expect(tooMany.status == 1 && tooMany.error.contains("--max-delete"))
    #expect(all.allSatisfy { folder.exists($0) })
    #expect(
      Self.once([folder.path, "--retain", "captures=1h", "--max-delete", "2", "--force-retention"]).status
        == 0)
    #expect(!all.contains { folder.exists($0) } && folder.exists(young[0]))
  }

  /// Where little is recorded, a file has expired when it goes cold.
  @Test func aSlowRecordingIsNoMistake() throws {
    let folder = try Folder()
    let old = try Self.cold(folder, "metadata", ages: [90_000, 91_000])
    for number in 0..<5 {
      try folder.makeFile(Bytes("metadata/capture_\(number).json"), seconds: Self.now - 80_000 + number)
    }
    #expect(Self.once([folder.path, "--retain", "metadata=24h"]).status == 0)
    #expect(!old.contains { folder.exists($0) })
  }

  /// The clock is wrong by ten years, either way.
  @Test(.requires("faketime"), arguments: ["+10y", "-10y"]) func aWrongClockDeletesNothing(shift: String)
    throws
  {
    let folder = try Folder()
    let all = try Self.cold(folder, "segments", ages: [100, 4000, 90_000])
    let before = try Snapshot(folder.path)
    let result = Shell.run(
      ["faketime", "-f", shift, HotColdBinary.path, "archive", "--once", folder.path, "--retain", "guide"],
      environment: ["TZ": "UTC"])
    #expect(
      result.error.contains(
        shift == "+10y" ? "no segments deleted: all cold ones have expired" : "from the future"),
      "\(result.error)")
    #expect(result.status == (shift == "+10y" ? 1 : 0))
    #expect(all.allSatisfy { folder.exists($0) })
    #expect(try Snapshot(folder.path).contents == before.contents)
  }

  /// The clock is set while the service runs: from then on nothing is deleted, until somebody has looked.
  @Test(.requires("faketime")) func aClockThatWasSetStopsRetentionUntilARestart() throws {
    let folder = try Folder()
    let old = try Self.cold(folder, "thumbnails", ages: [50, 60, 70, 5000])
    for number in 0..<5 {
      try folder.makeFile(Bytes("thumbnails/capture_\(number)_thumbnail.jpg"), seconds: Self.now + number)
    }
    let clock = folder.path + "/clock"
    try "+0".write(toFile: clock, atomically: true, encoding: .utf8)
    let library = try Shell.must(["sh", "-c", "dpkg -L libfaketime | grep 'libfaketime.so.1$'"]).trimmed
    let service = try Running(
      [HotColdBinary.path, "archive", folder.path, "--interval", "1s", "--retain", "thumbnails=1h"],
      environment: [
        "TZ": "UTC", "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": clock, "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
      ])
    #expect(Self.waitUntil { !folder.exists(old[3]) }, "what had expired before is deleted")
    // Half a day on: the others would have expired as well.
    try "+12h".write(toFile: clock, atomically: true, encoding: .utf8)
    sleep(4)
    service.signal(SIGTERM)
    let result = service.wait()
    #expect(result.error.contains("nothing deleted: the clock was changed by 43"), "\(result)")
    #expect(old[..<3].allSatisfy { folder.exists($0) })
  }

  /// Unlinks go through the ring where there is one.
  @Test(.requires("strace"), arguments: Engines.all) func unlinksComeInBatches(engine: String)
    throws
  {
    try skipUnlessGranted(engine: engine)
    let folder = try Folder()
    let old = try Self.cold(folder, "metadata", ages: Array(90_000..<90_200))
    _ = try Self.cold(folder, "metadata", ages: [50])
    let log = folder.path + "/strace"
    let result = Shell.run(
      [
        "strace", "-f", "-o", log, "-e", "trace=unlinkat,io_uring_enter", HotColdBinary.path, "archive",
        "--once",
        folder.path, "--retain", "metadata=24h", "--engine", engine, "--warn-free", "100%",
      ], environment: ["TZ": "UTC"])
    #expect(result.status == 0 && !old.contains { folder.exists($0) }, "\(result.error)")
    #expect(result.error.contains("is free"), "little room is said")
    let calls = try String(contentsOfFile: log, encoding: .utf8)
    let unlinks = calls.components(separatedBy: "unlinkat(").count - 1
    #expect(engine != "io_uring" ? unlinks >= 200 : unlinks < 20 && calls.contains("io_uring_enter"))
  }

  /// Files are replaced between the look and the deletion. What hotcold looks at after that must be spared; how long a look takes
  /// depends on who else has the processors.
  @Test(.requires("strace")) func aFileThatIsReplacedMeanwhileIsSpared() throws {
    for attempt in 0..<8 {
      let folder = try Folder()
      let old = try Self.cold(folder, "metadata", ages: Array(90_000..<90_060))
      _ = try Self.cold(folder, "metadata", ages: [50])
      let log = folder.path + "/strace"
      let run = try Running(
        [
          "strace", "-f", "-ttt", "-o", log, "-e", "trace=statx", "-e", "inject=statx:delay_enter=4000",
          HotColdBinary.path,
          "archive", "--once", folder.path, "--retain", "metadata=24h", "--engine", "syscalls",
        ], environment: ["TZ": "UTC"])
      // Each is looked at for the inventory and for the count, twice as the disk seems slow; then before the deletion, once
      // and once more.
      let looks = old.count * 4 + attempt * 10
      _ = Self.waitUntil {
        !run.isRunning
          || ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").components(separatedBy: "\"capture_")
            .count > looks
      }
      var replaced: [(path: Bytes, at: Double)] = []
      for path in old where folder.exists(path) {
        let name = folder.path(path).description
        try Data("new".utf8).write(to: URL(fileURLWithPath: name + ".new"))
        rename(name + ".new", name)
        replaced.append((path, Date().timeIntervalSince1970))
      }
      let result = run.wait()
      let calls = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
      var spared = 0
      for (path, moment) in replaced {
        // A line begins with thread and time of the call.
        let looks = calls.filter { $0.contains("\"\(path.name)\"") }.compactMap {
          Double($0.split(separator: " ")[1])
        }
        guard looks.contains(where: { $0 > moment }) else { continue }
        #expect(folder.exists(path), "\(path) was new")
        spared += 1
      }
      if spared > 0, result.error.contains("changed meanwhile") { return }
    }
    Issue.record("no file was replaced in between")
  }

  // MARK: metrics and settings

  @Test(.requires("promtool")) func theMetricsAreWhatPrometheusReads() throws {
    let trial = try Trial()
    let file = trial.folder.path + "-metrics.prom"
    defer { unlink(file) }
    #expect(Self.once([trial.folder.path, "--metrics-file", file]).status == 0)
    let text = try String(contentsOfFile: file, encoding: .utf8)
    let check = Shell.run(["sh", "-c", "promtool check metrics < '\(file)'"])
    #expect(check.status == 0 && check.output.isEmpty && check.error.isEmpty, "\(check.output)\(check.error)")
    #expect(
      text.contains(#"hotcold_files{capture="\#(trial.folder.path)",kind="segments",tier="hot"} 10"#)
        && text.contains(#"kind="segments",tier="cold"} 50"#))
    #expect(
      text.contains(
        #"hotcold_files_moved_total{capture="\#(trial.folder.path)",kind="thumbnails"} 150"#))
    #expect(!text.contains("hotcold_capture_errors_total{"))

    // What is wrong is counted by capture and reason.
    let taken = try #require(
      try Snapshot(trial.folder.path).paths.first {
        $0.folder == "segments/22" && $0.name.description.hasSuffix(".ts")
      })
    try trial.folder.makeFile("segments/" + taken.name, seconds: 1_700_000_000)
    _ = Self.once([trial.folder.path, "--metrics-file", file])
    #expect(
      try String(contentsOfFile: file, encoding: .utf8).contains(
        #"hotcold_capture_errors_total{capture="\#(trial.folder.path)",reason="names that are taken"} 1"#))
    let bad = Self.once([trial.folder.path, "--metrics-file", "/no/such/folder/x.prom"])
    #expect(bad.status == 1 && bad.error.contains("metrics could not be written"))
  }

  @Test func settingsComeFromFlagEnvironmentFileAndDefaultInThatOrder() throws {
    let folder = try Folder()
    let file = folder.path + "/archive.conf"
    try folder.makeFile(
      "archive.conf",
      contents: Array(
        "# a comment\nHOTCOLD_INTERVAL=30s\n HOTCOLD_MIN_AGE = \"2m\"\nHOTCOLD_RETAIN=guide\n".utf8))
    let result = HotColdBinary.run(
      ["archive", "--print-config", "--config", file, "--interval", "10s"],
      environment: ["HOTCOLD_INTERVAL": "20s", "HOTCOLD_RETAIN": "captures=2h"])
    #expect(result.status == 0)
    for line in [
      "# flag\nHOTCOLD_INTERVAL=10s\n", "# environment\nHOTCOLD_RETAIN=captures=2h\n",
      "# file\nHOTCOLD_MIN_AGE=2m\n", "# default\nHOTCOLD_WARN_FREE=10%\n",
    ] { #expect(result.output.contains(line), "\(result.output)") }
    // What is printed is a settings file.
    try result.output.write(toFile: file, atomically: true, encoding: .utf8)
    let again = HotColdBinary.run(["archive", "--print-config", "--config", file])
    #expect(again.status == 0)
    #expect(
      again.output.split(separator: "\n").filter { $0.first != "#" }
        == result.output.split(separator: "\n").filter { $0.first != "#" })
  }

  /// One round by hand beside a service: captures that are not named are left alone.
  @Test func capturesThatAreNamedAreAllThatIsDealtWith() throws {
    let (named, listed) = (try Trial(), try Trial())
    let folder = try Folder()
    try folder.makeFile("list", contents: Array((listed.folder.path + "\n").utf8))
    try folder.makeFile("archive.conf", contents: Array("HOTCOLD_CAPTURES_FROM=\(folder.path)/list\n".utf8))
    let config = ["--config", folder.path + "/archive.conf"]
    #expect(Self.once(config + [named.folder.path]).status == 0)
    try named.expectSettled()
    try listed.expectUntouched()
    #expect(Self.once(config + ["--captures-from", folder.path + "/list", named.folder.path]).status == 0)
    try listed.expectSettled()
  }

  @Test(arguments: [
    ("HOTCOLD_INTERVALL=5s", "unknown setting"), ("HOTCOLD_INTERVAL=0s", "from 1s"),
    ("HOTCOLD_INTERVAL", "form"),
    ("HOTCOLD_RETAIN=segments=-1h", "age"), ("HOTCOLD_RETAIN=segments=5s", "age"),
    ("HOTCOLD_RETAIN=video=1h", "segments, captures, thumbnails, metadata"),
    ("HOTCOLD_RETAIN=segments=99999d", "age"), ("HOTCOLD_WARN_FREE=150%", "percentage"),
    ("HOTCOLD_TIME_ZONE=Nowhere/Land", "zoneinfo"), ("HOTCOLD_ENGINE=steam", "io_uring"),
    ("HOTCOLD_HOT=segments", "segments, captures, thumbnails, metadata"),
    ("HOTCOLD_KEEP_LIVE=perhaps", "yes or no"), ("HOTCOLD_MAX_DELETE=0", "above 0"),
  ])
  func badSettingsAreRefusedWithAReason(line: String, reason: String) throws {
    let trial = try Trial()
    try trial.folder.makeFile("archive.conf", contents: Array((line + "\n").utf8))
    let before = try Snapshot(trial.folder.path)
    let result = Self.once([trial.folder.path, "--config", trial.folder.path + "/archive.conf"])
    #expect(result.status == 64 && result.error.contains(reason), "\(result.error)")
    #expect(try Snapshot(trial.folder.path).changeTimes == before.changeTimes)
  }

  // MARK: the service

  /// What the service tells its supervisor, read from a socket as systemd does.
  final class NotifySocket: Sendable {
    let path: String
    private let folder: Folder
    private let reader: Running

    init() throws {
      folder = try Folder()
      path = folder.path + "/notify"
      let script = """
        import select, signal, socket, sys
        is_last = False
        def end(*_):
            global is_last
            is_last = True
        signal.signal(signal.SIGTERM, end)
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
        while True:
            was_last = is_last
            if select.select([s], [], [], 0.05)[0]: print(s.recv(4096).decode(), flush=True)
            elif was_last: break
        """
      reader = try Running(["python3", "-c", script, path])
      for _ in 0..<200 where !folder.exists("notify") { usleep(20_000) }
    }

    /// All that was sent until now: on a busy machine some of it may still be queued.
    func lines() -> [String] {
      reader.signal(SIGTERM)
      return reader.wait().output.split(separator: "\n").map(String.init)
    }
  }

  /// Files may move while they are looked at.
  static func isSettled(_ trial: Trial) -> Bool {
    (try? Snapshot(trial.folder.path).paths) == SmallCapture.settled()
  }

  static func waitUntil(seconds: Int = 30, _ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0..<(seconds * 20) {
      if try condition() { return true }
      usleep(50_000)
    }
    return false
  }

  @Test(.requires("python3"), arguments: [SIGTERM, SIGINT])
  func theServicePicksUpCapturesTellsItsSupervisorAndStopsCleanly(signal: Int32) throws {
    let trials = try [Trial(), Trial()]
    let list = try Folder()
    let file = list.path + "/captures.conf"
    try list.makeFile("captures.conf", contents: Array("\(trials[0].folder.path)\n/no/such/capture\n".utf8))
    let socket = try NotifySocket()
    let service = try Running(
      [HotColdBinary.path, "archive", "--captures-from", file, "--interval", "1s"],
      environment: ["TZ": "UTC", "NOTIFY_SOCKET": socket.path, "WATCHDOG_USEC": "1000000"])
    #expect(Self.waitUntil { Self.isSettled(trials[0]) })
    try "\(trials[0].folder.path)\n\(trials[1].folder.path)\n".write(
      toFile: file, atomically: true, encoding: .utf8)
    #expect(Self.waitUntil { Self.isSettled(trials[1]) })
    sleep(2)
    service.signal(signal)
    #expect(Self.waitUntil(seconds: 10) { !service.isRunning })
    let result = service.wait()
    #expect(result.status == 0, "\(result.error)")
    #expect(result.error.contains("ERROR /no/such/capture") && result.error.contains("INFO stopped"))
    let lines = socket.lines()
    #expect(lines.contains("READY=1") && lines.last == "STOPPING=1", "\(lines)")
    #expect(lines.contains { $0.hasPrefix("STATUS=last round: ") })
    #expect(lines.count { $0 == "WATCHDOG=1" } >= 3)
  }

  /// A capture with much to settle gets a slice of each round, and the others do not wait for it.
  @Test func aLargeCaptureIsWorkedOffInSlices() throws {
    let folder = try Folder()
    let large = folder.path + "/large"
    try Shell.must([HotColdBinary.path, "sample", large, "--files", "300k"])
    let small = try Trial()
    let service = try Running(
      [HotColdBinary.path, "archive", large, small.folder.path, "--interval", "1s", "--engine", "syscalls"],
      environment: ["TZ": "UTC"])
    #expect(Self.waitUntil { Self.isSettled(small) })
    let isLargeSettled = Snapshot.entryCount(large) < 20
    #expect(
      Self.waitUntil(seconds: 240) {
        Snapshot.entryCount(large) < 20 && Snapshot.entryCount(large + "/captures") < 200
      })
    sleep(2)
    service.signal(SIGTERM)
    let result = service.wait()
    #expect(result.status == 0 && !isLargeSettled)
    #expect(result.error.contains("there is more to do"))
    #expect(HotColdBinary.run(["verify", large], environment: ["TZ": "UTC"]).status == 0)
  }
}
