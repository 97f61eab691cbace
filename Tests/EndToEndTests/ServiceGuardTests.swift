import Foundation
import TestKit
import Testing

/// What a service must not be led into: by a path that another user changes, by a clock that is set, by a watchdog that
/// takes a slow disk for a dead process.
@Suite(.serialized) struct ServiceGuardTests {
  // MARK: paths

  /// A folder of another user with a link to a capture of root's, as that user could make it.
  private struct ForeignLink {
    let folder = Result { try Folder() }
    let trial = Result { try Trial() }

    /// `owner` and `mode` of the folder that the link is in.
    func make(owner: String, mode: String, linkOwner: String, targetOwner: String) throws -> String {
      let path = try folder.get().path
      let link = path + "/capture"
      Shell.run(["rm", "-f", link])
      try folder.get().makeLink("capture", to: trial.get().folder.path)
      try Shell.must(["chown", "-h", linkOwner, link])
      try Shell.must(["chown", "-R", targetOwner, trial.get().folder.path])
      try Shell.must(["chown", owner, path])
      try Shell.must(["chmod", mode, path])
      return link
    }
  }

  /// Owner and mode of the link's folder, owner of the link, owner of the capture; whether the service follows it.
  static let links: [(owner: String, mode: String, linkOwner: String, target: String, isFollowed: Bool)] = [
    ("root", "755", "root", "root", true), ("root", "755", "nobody", "www-data", true),
    ("nobody", "755", "nobody", "nobody", true), ("nobody", "755", "nobody", "root", false),
    ("nobody", "755", "root", "root", false), ("root", "777", "root", "root", false),
    ("root", "775", "root", "root", false), ("root", "1777", "root", "root", true),
    ("root", "1777", "nobody", "root", false), ("root", "1777", "nobody", "nobody", true),
    ("nobody", "1777", "nobody", "root", false),
  ]

  @Test(.requiresRoot, arguments: links.indices) func aLinkIsFollowedOnlyIfNoOtherUserCanHavePutItThere(
    number: Int
  ) throws {
    let link = Self.links[number]
    let foreign = ForeignLink()
    let path = try foreign.make(
      owner: link.owner, mode: link.mode, linkOwner: link.linkOwner, targetOwner: link.target)
    let trial = try foreign.trial.get()
    let before = try Snapshot(trial.folder.path)
    let result = ArchiverTests.once([path, "--retain", "guide", "--force-retention"])
    if link.isFollowed {
      #expect(result.status == 0, "\(link): \(result.error)")
      #expect(!trial.folder.exists("segment_1.ts"))
    } else {
      #expect(result.status == 77 && result.error.contains("link"), "\(link): \(result.error)")
      #expect(try Snapshot(trial.folder.path).changeTimes == before.changeTimes, "\(link)")
      // What a user names is that user's own word.
      #expect(HotColdBinary.run(["migrate", path, "--execute", "--yes"]).status == 0)
    }
  }

  /// A link in the middle of the path, one to another link, and one that leads to itself.
  @Test(.requiresRoot) func linksAnywhereOnTheWayAreLookedAt() throws {
    let folder = try Folder()
    let trial = try Trial()
    try folder.makeFolder("theirs")
    try folder.makeLink("theirs/to", to: trial.folder.path + "/..")
    try folder.makeLink("ours", to: "theirs/to")
    try folder.makeLink("loop", to: "loop")
    try Shell.must(["chown", "nobody", folder.path + "/theirs"])
    let name = trial.folder.path.split(separator: "/").last!
    for path in ["theirs/to/\(name)", "ours/\(name)", "./ours/../shm/\(name)"] {
      let result = ArchiverTests.once([folder.path + "/" + path])
      #expect(result.status == 77, "\(path): \(result.error)")
    }
    #expect(ArchiverTests.once([folder.path + "/loop"]).status == 74)
    try trial.expectUntouched()
    let direct = Shell.run([HotColdBinary.path, "archive", "--once", "./\(name)/"], in: "/dev/shm")
    #expect(direct.status == 0, "\(direct.error)")
    try trial.expectSettled()
  }

  /// Another user replaces a capture that the service keeps in order by a link to root's files.
  @Test(.requiresRoot) func aCaptureThatTurnsIntoALinkBetweenTwoRounds() throws {
    let home = try Folder()
    let theirs = home.path + "/capture"
    try home.makeFolder("capture")
    try SmallCapture.make(in: home, at: "capture")
    try Shell.must(["chown", "-R", "nobody", home.path])
    let secret = try Trial()
    let log = secret.folder.path + ".log"
    defer { unlink(log) }
    let service = try ServiceTests.start([theirs, "--interval", "1s", "--retain", "guide"], log: log)
    #expect(ArchiverTests.waitUntil { home.exists("capture/segments/output.m3u8") })
    try Shell.must(["mv", theirs, theirs + ".old"])
    try home.makeLink("capture", to: secret.folder.path)
    #expect(ServiceTests.waitFor("a link on the way", in: log))
    // And by a folder of their own: that is kept in order, and said.
    try Shell.must(["rm", theirs])
    try home.makeFolder("capture")
    try SmallCapture.make(in: home, at: "capture")
    #expect(ArchiverTests.waitUntil { home.exists("capture/segments/output.m3u8") })
    #expect(ServiceTests.waitFor("a different folder than in the last round", in: log))
    service.signal(SIGTERM)
    _ = service.wait()
    try secret.expectUntouched()
  }

  // MARK: the clock

  /// Hot files that are young, and cold ones of 23 hours.
  private func makeDayOldCapture(_ folder: Folder, expired: Int = 0) throws -> [Bytes] {
    for number in 0..<5 {
      try folder.makeFile(
        Bytes("thumbnails/capture_\(number)_thumbnail.jpg"), seconds: ArchiverTests.now - 100 + number)
    }
    _ = try ArchiverTests.cold(folder, "thumbnails", ages: (0..<expired).map { 90_000 + $0 })
    return try ArchiverTests.cold(folder, "thumbnails", ages: (0..<100).map { 82_000 + $0 })
  }

  /// libfaketime reads the offset from a file at every call.
  private struct FakeClock {
    let file: String
    private let library: String

    init(in folder: Folder) throws {
      file = folder.path + "/clock"
      library = try Shell.must(["sh", "-c", "dpkg -L libfaketime | grep 'libfaketime.so.1$'"]).trimmed
      try set("+0")
    }

    func set(_ offset: String) throws { try offset.write(toFile: file, atomically: true, encoding: .utf8) }

    var environment: [String: String] {
      [
        "TZ": "UTC", "LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
      ]
    }
  }

  /// The clock is set while another capture of the same round is being settled.
  @Test(.requires("faketime")) func aClockThatIsSetDuringARoundDeletesNothing() throws {
    let list = try Folder()
    let large = list.path + "/large"
    try Shell.must([HotColdBinary.path, "sample", large, "--files", "30k"])
    let folder = try Folder()
    let files = try makeDayOldCapture(folder)
    let clock = try FakeClock(in: list)
    let run = try Running(
      [
        HotColdBinary.path, "archive", "--once", large, folder.path, "--retain", "thumbnails=24h", "--engine",
        "syscalls",
      ], environment: clock.environment)
    while run.isRunning, Snapshot.entryCount(large + "/captures") > 19_900 {}
    run.signal(SIGSTOP)
    #expect(Snapshot.entryCount(large + "/captures") > 5_000, "the capture before is settled already")
    try clock.set("+12h")
    run.signal(SIGCONT)
    let result = run.wait()
    #expect(files.allSatisfy { folder.exists($0) })
    #expect(result.status == 1 && result.error.contains("the clock was changed by 43"), "\(result.error)")
  }

  /// The clock is set while expired files are being deleted: it goes no further.
  @Test(.requires("faketime"), .requires("strace"), arguments: [false, true])
  func aClockThatIsSetDuringDeletionsEndsThem(isForced: Bool) throws {
    let list = try Folder()
    let folder = try Folder()
    let files = try makeDayOldCapture(folder, expired: 400)
    let clock = try FakeClock(in: list)
    func left() -> Int {
      (0..<24).reduce(0) { $0 + Snapshot.entryCount("\(folder.path)/thumbnails/\($1)") }
    }
    let before = left()
    let variables = clock.environment.flatMap { ["-E", "\($0.key)=\($0.value)"] }
    let run = try Running(
      [
        "strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=unlinkat", "-e",
        "inject=unlinkat:delay_enter=5000",
      ]
        + variables
        + [
          HotColdBinary.path, "archive", "--once", folder.path, "--retain", "thumbnails=24h", "--engine",
          "syscalls",
        ] + (isForced ? ["--force-retention"] : []))
    #expect(ArchiverTests.waitUntil { left() < before - 70 })
    try clock.set("+12h")
    let result = run.wait()
    #expect(result.error.contains("the clock was changed by 43"), "\(result.error)")
    #expect(files.allSatisfy { folder.exists($0) })
    #expect(left() > before - 400, "all were deleted before the clock was set")
  }

  // MARK: the watchdog

  /// Longest time between two signs of life that the supervisor hears, in seconds.
  private func longestSilence(_ arguments: [String], watchdogSeconds: Int) throws -> (Double, Shell.Result) {
    let folder = try Folder()
    let path = folder.path + "/notify"
    let script = """
      import socket, sys, time
      s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(sys.argv[1])
      last, longest = None, 0
      while True:
          text = s.recv(4096).decode()
          now = time.monotonic()
          if "READY=1" in text or "WATCHDOG=1" in text:
              if last: longest = max(longest, now - last)
              last = now
          if "STOPPING=1" in text or "last round" in text:
              print(max(longest, now - last), flush=True)
              break
      """
    let reader = try Running(["python3", "-c", script, path])
    #expect(ArchiverTests.waitUntil { folder.exists("notify") })
    let service = try Running(
      arguments,
      environment: ["TZ": "UTC", "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "\(watchdogSeconds * 1_000_000)"])
    let silence = reader.wait().output.trimmed
    service.signal(SIGTERM)
    let result = service.wait()
    return (try #require(Double(silence)), result)
  }

  /// Ten seconds in one call, and ten seconds in many: the inventory and the playlists of one hour folder.
  @Test(
    .requires("python3"), .requires("strace"),
    arguments: ["syncfs:delay_enter=9000000", "fsync:delay_enter=9000000", "statx:delay_enter=5000"])
  func aSlowDiskIsNotTakenForADeadService(fault: String) throws {
    let folder = try Folder()
    for number in 0..<1200 {
      try folder.makeFile(Bytes("segments/22/segment_\(number).ts"), seconds: 1_700_000_000 + number)
    }
    try folder.makeFile("segment_1.ts", seconds: 1_700_000_000)
    try folder.makeFile("segment_2.ts", seconds: 1_700_000_000)
    let seconds = 3
    let trace = folder.path + "-trace"
    defer { unlink(trace) }
    let (silence, result) = try longestSilence(
      [
        "strace", "-D", "-f", "-o", trace, "-e", "trace=\(fault.prefix { $0 != ":" })", "-e",
        "inject=\(fault)",
        HotColdBinary.path, "archive", folder.path, "--interval", "60s", "--hot", "segments=0",
      ], watchdogSeconds: seconds)
    #expect(silence < Double(seconds) && result.status == 0, "\(result.error)")
    #expect(ServiceTests.contents(trace).contains("(DELAYED)"), "the fault did not happen")
  }
}
