import Foundation
import TestKit
import Testing

import enum Reporting.Version

/// `hotcold archive` as a service: what it is started with, reads again, and says.
@Suite struct ServiceTests {
  static func count(_ text: String, in output: String) -> Int {
    output.components(separatedBy: text).count - 1
  }

  /// What a running service has written so far, to a file that `sh` made.
  static func start(
    _ arguments: [String], log: String, environment: [String: String] = [:]
  ) throws -> Running {
    try Running(
      ["sh", "-c", "exec \"$@\" 2> '\(log)'", "sh", HotColdBinary.path, "archive"] + arguments,
      environment: environment.merging(["TZ": "UTC"]) { $1 })
  }

  static func contents(_ file: String) -> String {
    (try? String(contentsOfFile: file, encoding: .utf8)) ?? ""
  }

  static func waitFor(_ text: String, times: Int = 1, in file: String) -> Bool {
    ArchiverTests.waitUntil { count(text, in: contents(file)) >= times }
  }

  // MARK: settings

  @Test func aSettingsFileAndAListWithCRLFAreRead() throws {
    let trial = try Trial()
    let folder = try Folder()
    try folder.makeFile("list", contents: Array("# captures\r\n\(trial.folder.path)\r\n".utf8))
    try folder.makeFile(
      "conf",
      contents: Array(
        "# settings\r\nHOTCOLD_INTERVAL=30s\r\n\r\nHOTCOLD_CAPTURES_FROM=\(folder.path)/list\r\n".utf8))
    let printed = HotColdBinary.run(["archive", "--print-config", "--config", folder.path + "/conf"])
    #expect(printed.output.contains("# file\nHOTCOLD_INTERVAL=30s\n"), "\(printed)")
    #expect(ArchiverTests.once(["--config", folder.path + "/conf"]).status == 0)
    try trial.expectSettled()
  }

  @Test(arguments: ["--config", "--captures-from"])
  func aControlCharacterIsRefusedWithFileAndLine(option: String) throws {
    let folder = try Folder()
    try folder.makeFile("file", contents: Array("# a comment\r\n\0\n".utf8))
    let result = ArchiverTests.once([option, folder.path + "/file"])
    #expect(result.status == 64)
    #expect(result.error.contains("\(folder.path)/file, line 2: a control character"), "\(result.error)")
  }

  @Test(.requires("timeout"), arguments: [("--config", 64), ("--captures-from", 66)])
  func whatIsNotARegularFileIsRefusedAtOnce(option: String, status: Int32) throws {
    let folder = try Folder()
    try folder.makeFIFO("pipe")
    for path in [folder.path + "/pipe", folder.path, "/dev/zero"] {
      let result = Shell.run(
        ["timeout", "20", HotColdBinary.path, "archive", option, path, "--interval", "1s"])
      #expect(result.status == status && result.error.contains(" not a "), "\(path): \(result)")
    }
  }

  @Test func aListThatIsMissingAtTheStartIsRefusedAndSoIsNoListAndNoCapture() throws {
    let missing = HotColdBinary.run(["archive", "--captures-from", "/no/such/list"])
    #expect(missing.status == 66 && missing.error.contains("/no/such/list: No such file"))
    #expect(HotColdBinary.run(["archive", "--config", "/dev/null"]).status == 64)
    let folder = try Folder()
    try folder.makeFile("conf", contents: [])
    let none = HotColdBinary.run(["archive", "--config", folder.path + "/conf"])
    #expect(none.status == 64 && none.error.contains("HOTCOLD_CAPTURES_FROM"))
  }

  @Test(arguments: ["migrate", "archive --once"]) func aListMayBeAPipeOnTheCommandLine(command: String) throws
  {
    let trial = try Trial()
    let script = "(sleep 0.3; echo '\(trial.folder.path)') | \"$0\" \(command) --captures-from /dev/stdin"
    let result = Shell.run(["sh", "-c", script, HotColdBinary.path], environment: ["TZ": "UTC"])
    #expect(result.status == 0, "\(result)")
    #expect((result.output + result.error).contains(trial.folder.path))
  }

  @Test func anUnknownVariableOfTheEnvironmentIsAWarningThatNamesTheNearestOne() throws {
    let trial = try Trial()
    let result = ArchiverTests.once([trial.folder.path], environment: ["HOTCOLD_INTERVALL": "5s"])
    #expect(result.status == 0)
    #expect(
      result.error.contains(
        "WARNING unknown setting 'HOTCOLD_INTERVALL' in the environment, ignored. Did you mean HOTCOLD_INTERVAL?"
      ))
    let unlike = ArchiverTests.once([trial.folder.path], environment: ["HOTCOLD_SOMETHING": "5s"])
    #expect(unlike.error.contains("'HOTCOLD_SOMETHING' in the environment, ignored.\n"), "\(unlike.error)")
  }

  @Test(arguments: [
    ["migrate", "C"], ["verify", "C"], ["revert", "C"], ["archive", "--once", "C"],
    ["sample", "C/new", "--files", "3"],
  ])
  func anUnknownZoneInTheEnvironmentIsRefused(command: [String]) throws {
    let trial = try Trial()
    let command = command.map { $0.replacing("C", with: trial.folder.path) }
    for zone in ["Europe/Zurick", ":Europe/Zurick", "CET-1CEST,", "/etc/passwd"] {
      let result = HotColdBinary.run(command, environment: ["TZ": zone])
      #expect(result.status == 64 && result.error.contains("TZ='\(zone)'"), "\(result)")
    }
    try trial.expectUntouched()
    for zone in ["", ":", "Europe/Zurich", ":Europe/Zurich", "CET-1CEST,M3.5.0,M10.5.0/3", "UTC0", "<+03>-3"]
    {
      let result = HotColdBinary.run(command, environment: ["TZ": zone])
      #expect(result.status != 64 || command[0] == "sample", "\(zone): \(result)")
    }
  }

  // MARK: the list of captures while the service runs

  @Test(.requires("python3")) func anEmptyListRunsAndIsSaid() throws {
    let folder = try Folder()
    try folder.makeFile("list", contents: Array("# none yet\n".utf8))
    let socket = try ArchiverTests.NotifySocket()
    let log = folder.path + "/log"
    let service = try Self.start(
      [
        "--captures-from", folder.path + "/list", "--interval", "1s", "--metrics-file",
        folder.path + "/x.prom",
      ],
      log: log, environment: ["NOTIFY_SOCKET": socket.path])
    #expect(
      ArchiverTests.waitUntil { Self.contents(folder.path + "/x.prom").contains("hotcold_rounds_total 3") })
    let trial = try Trial()
    try "\(trial.folder.path)\n".write(toFile: folder.path + "/list", atomically: true, encoding: .utf8)
    #expect(Self.waitFor("resolved: no captures", in: log))
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    let text = Self.contents(log)
    #expect(Self.count("no captures to archive: \(folder.path)/list names none", in: text) == 1, "\(text)")
    #expect(socket.lines().contains("STATUS=last round: no captures"))
  }

  @Test func aListThatVanishesKeepsTheCapturesOfTheLastRound() throws {
    let trial = try Trial()
    let folder = try Folder()
    let list = folder.path + "/list"
    let log = folder.path + "/log"
    let metrics = folder.path + "/x.prom"
    try folder.makeFile("list", contents: Array("\(trial.folder.path)\n".utf8))
    let service = try Self.start(
      ["--captures-from", list, "--interval", "1s", "--metrics-file", metrics], log: log)
    #expect(ArchiverTests.waitUntil { ArchiverTests.isSettled(trial) })
    rename(list, list + ".away")
    #expect(
      ArchiverTests.waitUntil { Self.contents(metrics).contains("hotcold_captures_list_errors_total 3") })
    #expect(Self.contents(metrics).contains("hotcold_captures 1\n"))
    rename(list + ".away", list)
    #expect(Self.waitFor("resolved: the list of captures cannot be read", in: log))
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    #expect(Self.count("Continuing with the captures of the last round", in: Self.contents(log)) == 1)
  }

  // MARK: settings that are read again

  @Test(.requires("python3")) func aHangUpMakesItReadItsSettingsAgain() throws {
    let trials = try [Trial(), Trial()]
    let folder = try Folder()
    let conf = folder.path + "/conf"
    let log = folder.path + "/log"
    func write(_ interval: String, _ trial: Trial, metrics: String) throws {
      try "\(trial.folder.path)\n".write(
        toFile: folder.path + "/list-\(metrics)", atomically: true, encoding: .utf8)
      try """
      HOTCOLD_INTERVAL=\(interval)\nHOTCOLD_CAPTURES_FROM=\(folder.path)/list-\(metrics)
      HOTCOLD_METRICS_FILE=\(folder.path)/\(metrics).prom\nHOTCOLD_WARN_FREE=7%\n
      """.write(toFile: conf, atomically: true, encoding: .utf8)
    }
    try write("1h", trials[0], metrics: "one")
    let socket = try ArchiverTests.NotifySocket()
    let service = try Self.start(
      ["--config", conf, "--warn-free", "0%"], log: log, environment: ["NOTIFY_SOCKET": socket.path])
    #expect(ArchiverTests.waitUntil { folder.exists("one.prom") })
    #expect(ArchiverTests.isSettled(trials[0]))

    try write("1s", trials[1], metrics: "two")
    service.signal(SIGHUP)
    #expect(
      ArchiverTests.waitUntil { ArchiverTests.isSettled(trials[1]) },
      "at once, though the interval was an hour")
    #expect(
      ArchiverTests.waitUntil { Self.contents(folder.path + "/two.prom").contains("hotcold_rounds_total 4") },
      "the new interval counts")
    #expect(!folder.exists("one.prom"), "the collector would find each sample twice")
    #expect(!Self.contents(folder.path + "/two.prom").contains(trials[0].folder.path))

    // Metrics that nobody writes any more would say that the service does not run.
    let without = Self.contents(conf).replacing("HOTCOLD_METRICS_FILE", with: "#")
    try without.write(toFile: conf, atomically: true, encoding: .utf8)
    service.signal(SIGHUP)
    #expect(ArchiverTests.waitUntil { !folder.exists("two.prom") })
    try write("1s", trials[1], metrics: "two")
    service.signal(SIGHUP)
    #expect(ArchiverTests.waitUntil { folder.exists("two.prom") })

    // A mistake: all stays as it was.
    try write("0s", trials[1], metrics: "two")
    service.signal(SIGHUP)
    #expect(Self.waitFor("ERROR invalid value '0s' for HOTCOLD_INTERVAL (file). Use ", in: log))
    let rounds = Self.contents(folder.path + "/two.prom")
    #expect(ArchiverTests.waitUntil { Self.contents(folder.path + "/two.prom") != rounds })

    try write("1s", trials[1], metrics: "two")
    let text = Self.contents(conf) + "HOTCOLD_TIME_ZONE=Europe/Zurich\n"
    try text.write(toFile: conf, atomically: true, encoding: .utf8)
    service.signal(SIGHUP)
    #expect(Self.waitFor("time zone of the buckets has changed", in: log))
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    #expect(Self.contents(log).contains("The previous settings stay in effect."))
    #expect(Self.count("settings reloaded: a round every 1 s", in: Self.contents(log)) == 3)
    let lines = socket.lines().filter { !$0.hasPrefix("STATUS") }
    let words = lines.map { $0.split(separator: "=")[0] }
    let reloading: [Substring] = ["RELOADING", "MONOTONIC_USEC", "READY"]
    let expected: [Substring] = ["READY"] + (0..<5).flatMap { _ in reloading } + ["STOPPING"]
    #expect(words == expected, "\(lines)")
    let times = lines.compactMap { $0.hasPrefix("MONOTONIC_USEC=") ? Int($0.dropFirst(15)) : nil }
    #expect(times.count == 5 && times == times.sorted() && times[0] > 0)
  }

  @Test func aHangUpDuringARoundDoesNotInterruptIt() throws {
    let folder = try Folder()
    let capture = folder.path + "/capture"
    try Shell.must([HotColdBinary.path, "sample", capture, "--files", "60k"])
    let log = folder.path + "/log"
    let service = try Self.start([capture, "--interval", "1h", "--engine", "syscalls"], log: log)
    let isMoving = {
      ["segments", "captures"].contains { kind in
        (0..<24).contains { Snapshot.entryCount("\(capture)/\(kind)/\($0)") > 0 }
      }
    }
    #expect(ArchiverTests.waitUntil(isMoving))
    service.signal(SIGSTOP)
    #expect(!Self.contents(log).contains("moved"), "the round is over")
    for _ in 0..<5 {
      service.signal(SIGHUP)
      usleep(20_000)
    }
    service.signal(SIGCONT)
    #expect(Self.waitFor("moved", in: log))
    #expect(Self.waitFor("settings reloaded", in: log))
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    #expect(!Self.contents(log).contains("ERROR"), "\(Self.contents(log))")
    #expect(HotColdBinary.run(["verify", capture], environment: ["TZ": "UTC"]).status == 0)
  }

  @Test(.requires("python3")) func asNohupWantsItAHangUpThatIsIgnoredStaysIgnored() throws {
    let folder = try Folder()
    let script =
      "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    let trial = try Trial()
    let service = try Running(
      [
        "python3", "-c", script, HotColdBinary.path, "archive", trial.folder.path, "--metrics-file",
        folder.path + "/x.prom", "--interval", "1s",
      ],
      environment: ["TZ": "UTC"])
    let hasEnded = { (round: Int) in
      ArchiverTests.waitUntil {
        Self.contents(folder.path + "/x.prom").contains("hotcold_rounds_total \(round)\n")
      }
    }
    #expect(hasEnded(1))
    service.signal(SIGHUP)
    #expect(hasEnded(3))
    service.signal(SIGTERM)
    let result = service.wait()
    #expect(result.status == 0 && !result.error.contains("settings reloaded"))
  }

  // MARK: the log

  @Test(.requires("python3")) func inTheJournalALineHasAPriorityAndNoTime() throws {
    let trial = try Trial()
    let script = """
      import os, sys
      s = os.fstat(2)
      os.environ["JOURNAL_STREAM"] = f"{s.st_dev}:{s.st_ino}"
      os.execv(sys.argv[1], sys.argv[1:])
      """
    let command = [HotColdBinary.path, "archive", "--once", trial.folder.path, "/no/such/capture"]
    let result = Shell.run(
      ["python3", "-c", script] + command, environment: ["TZ": "UTC", "HOTCOLD_INTERVALL": "1s"])
    let lines = result.error.split(separator: "\n").filter { !$0.contains("HOTCOLD_BINARY") }
    #expect(lines.contains { $0.hasPrefix("<3>/no/such/capture: no such folder") }, "\(lines)")
    #expect(lines.contains { $0.hasPrefix("<4>unknown setting") })
    #expect(
      lines.contains("<6>2 captures, 110 moved, 0 deleted, 1 with errors")
        || lines.last?.hasPrefix("<6>2 captures") == true)
    #expect(lines.allSatisfy { $0.hasPrefix("<") })
    // The variable of a service that this process is a child of.
    let elsewhere = Shell.run(command, environment: ["TZ": "UTC", "JOURNAL_STREAM": "8:12345"])
    #expect(elsewhere.error.contains("+00:00 ERROR /no/such/capture"))
  }

  @Test func whatIsSoInEveryRoundIsSaidWhenItBeginsAndWhenItIsOver() throws {
    let trial = try Trial()
    let folder = try Folder()
    let log = folder.path + "/log"
    let metrics = folder.path + "/x.prom"
    for hour in ["22", "23"] {
      try trial.folder.makeFile(Bytes("segments/\(hour)/archive.m3u8"), contents: [0x78])
    }
    try trial.folder.makeLink("thumbnails", to: "/tmp")
    let service = try Self.start(
      [trial.folder.path, folder.path + "/later", "--interval", "1s", "--metrics-file", metrics], log: log)
    #expect(ArchiverTests.waitUntil { Self.contents(metrics).contains("hotcold_rounds_total 4") })
    let text = Self.contents(log)
    for message in [
      "/later: no such folder", "thumbnails: is a link", "segments/22/archive.m3u8",
      "segments/23/archive.m3u8",
    ] {
      #expect(Self.count(message, in: text) == 1, "\(message): \(text)")
    }
    #expect(!text.contains("resolved:"))
    try SmallCapture.make(in: folder, at: "later")
    try trial.folder.remove("thumbnails")
    try trial.folder.remove("segments/22/archive.m3u8")
    try trial.folder.remove("segments/23/archive.m3u8")
    for over in [
      "\(folder.path)/later: resolved: no such folder",
      "\(trial.folder.path): resolved: thumbnails is refused",
      "\(trial.folder.path): resolved: foreign playlists",
    ] { #expect(Self.waitFor(over, in: log), "\(over)") }
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
  }

  @Test(.requiresRoot) func adviceOfTheServiceNamesTheService() throws {
    let trial = try Trial()
    let tools = try Folder()
    let command = try BadInputTests.commandOfNobody(trial, tools).filter {
      !["--execute", "--yes"].contains($0)
    }
    let result = Shell.run(command.map { $0 == "migrate" ? "archive" : $0 } + ["--once"])
    #expect(result.status == 77)
    #expect(
      result.error.contains("hotcold archive") && !result.error.contains("hotcold migrate"), "\(result.error)"
    )
  }

  /// libdispatch would give its threads other priorities, and write to the system log where it may not.
  @Test(.requires("strace"), .requires("nice")) func noThreadAsksForAnotherPriority() throws {
    let trial = try Trial()
    let folder = try Folder()
    let log = folder.path + "/strace"
    let service = try Running(
      [
        "nice", "-n", "5", "strace", "-f", "-o", log, "-e",
        "trace=setpriority,sched_setattr,sched_setscheduler",
        HotColdBinary.path, "archive", trial.folder.path, "--interval", "1s",
      ], environment: ["TZ": "UTC"])
    #expect(ArchiverTests.waitUntil { ArchiverTests.isSettled(trial) })
    sleep(2)
    Shell.run(["pkill", "-TERM", "-P", "\(service.processIdentifier)"])
    let result = service.wait()
    #expect(result.error.contains("INFO stopped"), "\(result)")
    #expect(!Self.contents(log).contains("sched_") && !Self.contents(log).contains("setpriority"))
  }

  // MARK: what a sandbox forbids

  /// As `ProtectSystem=strict` shows a folder that `ReadWritePaths=` does not name.
  @Test(.requiresMounting) func aMountThatIsReadOnlyIsToldFromAFileSystemThatIs() throws {
    let disk = try MountedFileSystem("ext4", megabytes: 32)
    let folder = try Folder(in: disk.path)
    try SmallCapture.make(in: folder)
    try Shell.must(["mount", "--bind", folder.path, folder.path])
    defer { Shell.run(["umount", folder.path]) }
    try Shell.must(["mount", "-o", "remount,ro,bind", folder.path])
    let bound = ArchiverTests.once([folder.path])
    #expect(bound.status == 74 && bound.error.contains("ReadWritePaths="), "\(bound.error)")
    try Shell.must(["umount", folder.path])
    try Shell.must(["mount", "-o", "remount,ro", disk.path])
    let whole = ArchiverTests.once([folder.path])
    #expect(whole.status == 74 && whole.error.contains("mounted read-only. Check dmesg"), "\(whole.error)")
    try Shell.must(["mount", "-o", "remount,rw", disk.path])
  }

  @Test(.requires("python3")) func aRingThatAProfileHidesIsNotCalledMissing() throws {
    let trial = try Trial()
    let result = Shell.run(
      ["python3", "-c", EngineTests.filter(answering: 0x0005_0000 | UInt32(ENOSYS)), HotColdBinary.path]
        + ["migrate", trial.folder.path, "--engine", "io_uring"])
    #expect(result.error.contains("io_uring refused: hidden by a seccomp profile"), "\(result)")
  }

  // MARK: metrics

  @Test(.requires("promtool")) func namesOfAnyBytesMakeSamplesThatAreUniqueAndOneLineEach() throws {
    let folder = try Folder()
    let names: [Bytes] = [
      Bytes([0x61, 0xff]), Bytes([0x61, 0xfe]), "a\\xff", "line\nfeed", "carriage\rreturn", "both\r\n",
      "quote\"", "\u{e9}",
      "e\u{301}", "esc\u{1b}[31m",
    ]
    for name in names { try SmallCapture.make(in: folder, at: name) }
    let list = names.filter { !$0.bytes.contains { $0 < 0x20 } }
    try folder.makeFile("list", contents: list.flatMap { folder.path($0).bytes + [0x0a] })
    let file = folder.path + "/x.prom"
    let arguments = ["line\nfeed", "carriage\rreturn", "both\r\n", "esc\u{1b}[31m"].map {
      folder.path + "/" + $0
    }
    let result = ArchiverTests.once(
      arguments + ["--captures-from", folder.path + "/list", "--metrics-file", file])
    #expect(result.status == 0, "\(result.error)")
    let check = Shell.run(["sh", "-c", "promtool check metrics < '\(file)'"])
    #expect(check.status == 0 && check.output.isEmpty && check.error.isEmpty, "\(check.output)\(check.error)")
    let lines = Self.contents(file).split(separator: "\n", omittingEmptySubsequences: false)
    let samples = lines.filter { $0.hasPrefix("hotcold_errors_total{") }
    #expect(Set(samples.map { Array($0.utf8) }).count == names.count, "\(samples)")
    let labelled = lines.filter { !$0.hasPrefix("#") && !$0.isEmpty }.map { String($0.prefix { $0 != "}" }) }
    #expect(Set(labelled.map { Array($0.utf8) }).count == labelled.count, "each sample once")
    #expect(Self.contents(file).contains(#"hotcold_build_info{version="\#(Version.number)"} 1"#))
  }

  @Test(.requires("stat"), arguments: [("022", "644"), ("077", "600"), ("000", "644")])
  func theMetricsFileIsNoWiderThanTheUmaskInAnyFolder(umask: String, mode: String) throws {
    let trial = try Trial()
    let folder = try Folder()
    try Shell.must(["chmod", "1777", folder.path])
    let file = folder.path + "/x.prom"
    try Shell.must([
      "sh", "-c", "umask \(umask); exec \"$0\" archive --once \"$1\" --metrics-file \"$2\"",
      HotColdBinary.path,
      trial.folder.path, file,
    ])
    #expect(try Shell.must(["stat", "-c", "%a", file]).trimmed == mode)
  }

  @Test func errorsAreCountedByCaptureAndGoWithIt() throws {
    let trial = try Trial()
    let folder = try Folder()
    let list = folder.path + "/list"
    let metrics = folder.path + "/there/x.prom"
    try folder.makeFile("list", contents: Array("\(trial.folder.path)\n/no/such/capture\n".utf8))
    let service = try Self.start(
      ["--captures-from", list, "--interval", "1s", "--metrics-file", metrics], log: folder.path + "/log")
    #expect(Self.waitFor("metrics could not be written", in: folder.path + "/log"))
    try folder.makeFolder("there")
    #expect(
      ArchiverTests.waitUntil {
        Self.contents(metrics).contains(#"hotcold_errors_total{capture="/no/such/capture"} "#)
      })
    let text = Self.contents(metrics)
    #expect(text.contains("hotcold_errors_total{capture=\"\(trial.folder.path)\"} 0\n"), "\(text)")
    #expect(!text.contains("hotcold_metrics_write_errors_total 0\n"))
    #expect(!text.contains(#"hotcold_files{capture="/no/such/capture""#), "nothing is known of it")
    try "\(trial.folder.path)\n".write(toFile: list, atomically: true, encoding: .utf8)
    #expect(ArchiverTests.waitUntil { !Self.contents(metrics).contains("/no/such/capture") })
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
  }
}
