import Foundation
import TestKit
import Testing

/// `hotcold archive --flush-on-stop`: what is in RAM goes to the disk when the service is stopped.
@Suite(.enabled(if: MountedFileSystem.canMount, "no root")) struct FlushTests {
  private typealias Tiers = TierTests.Tiers

  /// A service that has had its first round, in which everything hot came to RAM.
  private static func settled(_ tiers: Tiers) throws {
    try tiers.mount()
    let flat = try Trial()
    try tiers.fill(from: flat.folder.path)
    let result = TierTests.run("migrate", tiers.path, ["--execute", "--yes"])
    guard result.status == 0 else { throw PreparationError("migrate: \(result.error)") }
    usleep(30_000)
  }

  private static func service(
    _ paths: [String], _ options: [String], log: String, under tracer: [String] = []
  ) throws -> Running {
    let command = tracer + [HotColdBinary.path, "archive"] + paths + ["--layout", "guide-ram"]
    let running = try Running(
      ["sh", "-c", "exec \"$@\" 2> '\(log)'", "sh"] + command + [
        "--interval", "1h", "--metrics-file", log + ".prom",
      ] + options,
      environment: ["TZ": "UTC"])
    // The first round is over when its metrics are there.
    #expect(ArchiverTests.waitUntil { FileManager.default.fileExists(atPath: log + ".prom") })
    return running
  }

  private static func hotFiles(_ path: String) throws -> [Bytes: Snapshot.Entry] {
    try Snapshot(path + "/hot").files.filter { !$0.key.description.hasSuffix(".m3u8") }
  }

  @Test func whatIsInRAMGoesToTheDisk() throws {
    let tiers = try Tiers("ext4")
    try Self.settled(tiers)
    let before = try Snapshot(tiers.path)
    let hot = try Self.hotFiles(tiers.path).count
    #expect(hot > 300)
    let folder = try Folder()
    let service = try Self.service([tiers.path], ["--flush-on-stop"], log: folder.path + "/log")
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    let log = ServiceTests.contents(folder.path + "/log")
    #expect(log.contains("flushed \(hot) files"), "\(log)")
    #expect(!log.contains("left in memory"))
    #expect(try Self.hotFiles(tiers.path).isEmpty)
    let after = try Snapshot(tiers.path)
    #expect(TierTests.contents(after) == TierTests.contents(before))
    // Each segment is in a playlist of its hour, the hot ones too, which no live playlist will list again.
    let listed = Shell.run(["sh", "-c", "cat \(tiers.path)/segments/*/archive*.m3u8 | grep -c '^segment_'"])
    #expect(listed.output == "\(SmallCapture.segments)\n")
    // And with the power gone, nothing is.
    try tiers.unmount()
    try tiers.mount()
    #expect(TierTests.run("migrate", tiers.path, ["--execute", "--yes"]).status == 0)
    #expect(TierTests.run("verify", tiers.path).status == 0)
    let numbers = TierTests.run("next-numbers", tiers.path)
    #expect(numbers.output.contains("\(SmallCapture.segments)"), "\(numbers.output)")
  }

  /// What was written a moment before: a copy waits until a later write would show.
  @Test func whatWasWrittenAMomentAgoGoesToo() throws {
    let tiers = try Tiers("ext4")
    try Self.settled(tiers)
    let folder = try Folder()
    let service = try Self.service([tiers.path], ["--flush-on-stop"], log: folder.path + "/log")
    for number in 0..<20 {
      try Folder.writeFile("\(tiers.path)/hot/captures/capture_\(9000 + number).jpg", "\(number)")
    }
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    #expect(try Self.hotFiles(tiers.path).isEmpty, "\(ServiceTests.contents(folder.path + "/log"))")
  }

  /// It does not know yet which captures there are.
  @Test(.requires("strace")) func aServiceThatIsStoppedAtOnceFlushesAllTheSame() throws {
    let tiers = try Tiers("ext4")
    try Self.settled(tiers)
    let folder = try Folder()
    let log = folder.path + "/log"
    // It waits where it has said that it begins.
    let service = try Running(
      [
        "strace", "-f", "-o", "/dev/null", "-e", "trace=write", "-e",
        "inject=write:delay_exit=1500000:when=1", "sh", "-c", "exec \"$@\" 2> '\(log)'", "sh",
        HotColdBinary.path, "archive", tiers.path, "--layout", "guide-ram", "--interval", "1h",
        "--flush-on-stop",
      ], environment: ["TZ": "UTC"])
    #expect(ServiceTests.waitFor("a round every", in: log))
    let program = Shell.run(["pgrep", "-P", "\(service.processIdentifier)"]).output
    kill(pid_t(program.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0, SIGTERM)
    #expect(service.wait().status == 0)
    #expect(!ServiceTests.contents(log).contains("moved "))
    #expect(try Self.hotFiles(tiers.path).isEmpty, "\(ServiceTests.contents(log))")
  }

  @Test func unlessItIsAskedForItStays() throws {
    let tiers = try Tiers("ext4")
    try Self.settled(tiers)
    let hot = try Self.hotFiles(tiers.path)
    let folder = try Folder()
    let service = try Self.service([tiers.path], [], log: folder.path + "/log")
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    #expect(try Self.hotFiles(tiers.path).keys == hot.keys)
  }

  /// Only what a power cut takes: an SSD keeps its files.
  @Test func whatIsOnADiskStays() throws {
    let tiers = try Tiers("ext4")
    let other = try MountedFileSystem("ext4", megabytes: 32)
    try Shell.must(["mount", "--bind", other.path, tiers.path + "/hot"])
    let folder = try Folder()
    let layout = folder.path + "/layout.yaml"
    try Shell.must([
      "sh", "-c",
      "'\(HotColdBinary.path)' layout --layout guide-ram | sed 's/hot: tmpfs/hot: any/' > \(layout)",
    ])
    let flat = try Trial()
    try tiers.fill(from: flat.folder.path)
    #expect(
      HotColdBinary.run(["migrate", tiers.path, "--layout", layout, "--execute", "--yes"]).status == 0)
    let hot = try Self.hotFiles(tiers.path)
    #expect(hot.count > 300)
    let service = try ServiceTests.start(
      [
        tiers.path, "--layout", layout, "--flush-on-stop", "--interval", "1h", "--metrics-file",
        folder.path + "/hotcold.prom",
      ], log: folder.path + "/log")
    #expect(ArchiverTests.waitUntil { FileManager.default.fileExists(atPath: folder.path + "/hotcold.prom") })
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    #expect(try Self.hotFiles(tiers.path).keys == hot.keys)
  }

  /// What was moved is durable, the oldest first; the rest is where it was, and named.
  @Test(.requires("strace"), .requires("prlimit")) func withTooLittleTimeTheOldestAreSafe() throws {
    let tiers = try Tiers("ext4")
    try tiers.mount()
    let captures = tiers.path + "/hot/captures"
    try Shell.must(["mkdir", "-p", captures])
    for number in 0..<60 {
      // Not in the order of their names.
      let path = "\(captures)/capture_\(number * 7 % 60).jpg"
      try Folder.writeFile(path, "\(number)")
      try Shell.must(["touch", "-d", "@\(1_700_000_000 + number)", path])
    }
    usleep(30_000)
    let before = try Snapshot(tiers.path)
    let folder = try Folder()
    // Ten files a batch, and two seconds for each.
    let tracer = [
      "prlimit", "--nofile=140:140", "strace", "-f", "-o", "/dev/null", "-e", "trace=syncfs", "-e",
      "inject=syncfs:delay_enter=1000000",
    ]
    let service = try Self.service(
      [tiers.path], ["--flush-on-stop", "--flush-timeout", "1s"], log: folder.path + "/log", under: tracer)
    let program = Shell.run(["pgrep", "-P", "\(service.processIdentifier)"]).output
      .trimmingCharacters(in: .whitespacesAndNewlines)
    kill(pid_t(program) ?? 0, SIGTERM)
    #expect(service.wait().status == 0)
    let left = try Self.hotFiles(tiers.path)
    let after = try Snapshot(tiers.path)
    #expect(TierTests.contents(after) == TierTests.contents(before))
    #expect(!left.isEmpty && left.count < 60, "\(left.count)")
    let oldestLeft = left.values.map(\.modifiedSeconds).min() ?? 0
    let flushed = after.files.filter { $0.key.bytes.starts(with: "captures/".utf8) }
    #expect(flushed.values.allSatisfy { $0.modifiedSeconds < oldestLeft })
    let log = ServiceTests.contents(folder.path + "/log")
    #expect(
      log.contains("\(left.count) files left in memory that a power cut would lose: hot/captures/capture_"))
  }

  /// The recorder should have been stopped first. What it has open stays, and is named.
  @Test func whatIsOpenForWritingStays() throws {
    let tiers = try Tiers("ext4")
    try Self.settled(tiers)
    let open = "hot/segments/segment_59.ts"
    let descriptor = Glibc.open(tiers.path + "/" + open, O_WRONLY)
    #expect(descriptor >= 0)
    defer { close(descriptor) }
    let folder = try Folder()
    let service = try Self.service([tiers.path], ["--flush-on-stop"], log: folder.path + "/log")
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    #expect(try Self.hotFiles(tiers.path).keys.map { "hot/\($0)" } == [open])
    let log = ServiceTests.contents(folder.path + "/log")
    #expect(log.contains("1 file left in memory that a power cut would lose: \(open)"), "\(log)")
  }

  /// A tier that is not mounted, or a disk that is full, is an error of its capture alone.
  @Test func whatGoesWrongWithOneCaptureKeepsNoOtherBack() throws {
    let (gone, full, well) = (try Tiers("ext4"), try Tiers("ext4", megabytes: 32), try Tiers("ext4"))
    for tiers in [gone, full, well] { try Self.settled(tiers) }
    let folder = try Folder()
    let service = try Self.service(
      [gone.path, full.path, well.path], ["--flush-on-stop"], log: folder.path + "/log")
    try gone.unmount()
    Shell.run(["sh", "-c", "cat /dev/zero > \(full.disk.path)/ballast"])
    let before = try Snapshot(full.path)
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    let log = ServiceTests.contents(folder.path + "/log")
    #expect(log.contains("\(gone.path)/hot"), "\(log)")
    let left = try Self.hotFiles(full.path).count
    #expect(left > 0 && log.contains("\(full.path): \(left) files left in memory"), "\(log)")
    #expect(log.contains("No space left on device"))
    #expect(TierTests.contents(try Snapshot(full.path)) == TierTests.contents(before))
    #expect(try Self.hotFiles(well.path).isEmpty)
  }

  @Test func itIsRefusedWhereNothingIsStopped() throws {
    let trial = try Trial()
    for option in ["--once", "--dry-run"] {
      let result = HotColdBinary.run(["archive", trial.folder.path, option, "--flush-on-stop"])
      #expect(result.status == 64)
      #expect(result.error.contains("--flush-on-stop is for the service"))
    }
    try trial.expectUntouched()
  }
}
