import Foundation
import TestKit
import Testing

/// The choice of the engine, and faults of the kernel interface.
@Suite struct EngineTests {
  /// An error that is injected must have happened, or the test shows nothing; `mayMiss` where it need not.
  static func inject(
    _ fault: String, _ arguments: [String], mayMiss: Bool = false,
    sourceLocation: SourceLocation = #_sourceLocation
  ) -> Shell.Result {
    let log = FileManager.default.temporaryDirectory.appending(path: "hotcold-strace-\(UUID())").path
    defer { unlink(log) }
    let result = Shell.run(
      ["strace", "-f", "-o", log, "-e", "inject=\(fault)", HotColdBinary.path] + arguments)
    if fault.contains(":error="), !mayMiss {
      let calls = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
      #expect(calls.contains("(INJECTED)"), "\(fault): did not happen", sourceLocation: sourceLocation)
    }
    return result
  }

  /// Enough files for `auto` to try a ring.
  private static func makeLargeCapture(in folder: Folder) throws -> String {
    let path = folder.path + "/capture"
    try Shell.must([HotColdBinary.path, "sample", path, "--files", "40000"])
    return path
  }

  @Test(
    .requires("strace"),
    arguments: [
      ("EPERM", "seccomp profile"), ("ENOSYS", "no io_uring"), ("ENOMEM", "locked memory"),
    ]) func aRefusedRingHasItsReason(errno: String, reason: String) throws
  {
    let trial = try Trial()
    let result = Self.inject(
      "io_uring_setup:error=\(errno)",
      ["migrate", trial.folder.path, "--execute", "--yes", "--engine", "io_uring"])
    #expect(result.status == 64 && result.error.contains(reason) && result.error.contains("--engine auto"))
    try trial.expectUntouched()
  }

  @Test func aLongRunTriesBothAndSaysSo() throws {
    let folder = try Folder()
    let path = folder.path + "/capture"
    try Shell.must([HotColdBinary.path, "sample", path, "--files", "70000"])
    let report = try HotColdBinary.migrate(path).report
    let wasTried = report["engineReason"].string?.contains(
      /tried: [a-z]+ [0-9]+,000, [a-z]+ [0-9]+,000(; then [a-z_]+ [0-9]+,000, [a-z_]+ [0-9]+,000)? files/)
    #expect(wasTried == true, "\(report["engineReason"])")
    let isRingNamed = report["engineReason"].string?.contains("io_uring") == true
    #expect(isRingNamed)
    #expect(HotColdBinary.run(["verify", path]).status == 0)
  }

  @Test func aShortRunHasNothingBesideItsThread() throws {
    let trial = try Trial()
    let report = try HotColdBinary.migrate(trial.folder.path).report
    #expect(report["engine"].string == "syscalls" && report["engineReason"].string == "few files")
    try trial.expectSettled()
  }

  @Test(.requires("taskset")) func oneProcessorHasNoUseForAThread() throws {
    let folder = try Folder()
    let path = folder.path + "/capture"
    try Shell.must([HotColdBinary.path, "sample", path, "--files", "3000"])
    let result = Shell.run([
      "taskset", "-c", "0", HotColdBinary.path, "migrate", path, "--execute", "--yes", "--format", "json",
    ])
    let report = try JSON(parsing: result.output)
    #expect(report["engine"].string == "syscalls" && report["engineReason"].string == "one processor")
    #expect(HotColdBinary.run(["verify", path]).status == 0)
  }

  /// Python that sets up a seccomp filter with this answer (SECCOMP_RET_…) to whoever asks for a ring, and then becomes
  /// the program that its arguments name.
  static func filter(answering answer: UInt32) -> String {
    """
    import ctypes, os, struct, sys
    libc = ctypes.CDLL(None, use_errno=True)
    # ld [nr]; jeq 425 (io_uring_setup) -> the answer, else allow
    code = struct.pack("HBBI" * 4, 0x20, 0, 0, 0, 0x15, 0, 1, 425, 0x06, 0, 0, \(answer), 0x06, 0, 0, 0x7fff0000)
    buffer = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer)))
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    assert libc.prctl(22, 2, program, 0, 0) == 0
    os.execv(sys.argv[1], sys.argv[1:])
    """
  }

  /// SECCOMP_RET_KILL_PROCESS, and SECCOMP_RET_ERRNO with ENOSYS, as the profiles of containers answer.
  @Test(.requires("python3"), arguments: [0x8000_0000, 0x0005_0000 | UInt32(ENOSYS)])
  func aFilterAgainstRings(answer: UInt32) throws {
    let folder = try Folder()
    let path = try Self.makeLargeCapture(in: folder)
    let before = try Snapshot(path)
    func filtered(_ arguments: [String]) -> Shell.Result {
      Shell.run(
        ["python3", "-c", Self.filter(answering: answer), HotColdBinary.path, "migrate", path] + arguments)
    }
    let demanded = filtered(["--execute", "--yes", "--engine", "io_uring"])
    #expect(demanded.status == 64 && demanded.error.contains("--engine auto"))
    #expect(try Snapshot(path).changeTimes == before.changeTimes)
    let result = filtered(["--execute", "--yes", "--format", "json"])
    #expect(result.status == 0)
    let report = try JSON(parsing: result.output)
    #expect(report["engine"].string != "io_uring")
    #expect(report["engineReason"].string?.contains("seccomp") == true)
    #expect(HotColdBinary.run(["verify", path]).status == 0)
    #expect(Invariants.violations(before: before, after: try Snapshot(path)) == [])
  }

  @Test(.requires("strace")) func theSyscallsEngineNeverAsksForARing() throws {
    let trial = try Trial()
    let log = trial.folder.path + "-strace"
    defer { Shell.run(["rm", "-f", log]) }
    let result = Shell.run([
      "strace", "-f", "-o", log, "-e", "trace=io_uring_setup,io_uring_enter,renameat2", HotColdBinary.path,
      "migrate", trial.folder.path, "--execute", "--yes", "--engine", "syscalls",
    ])
    #expect(result.status == 0)
    let trace = try String(contentsOfFile: log, encoding: .utf8)
    #expect(!trace.contains("io_uring") && trace.contains("RENAME_NOREPLACE"))
  }

  @Test(.requires("strace")) func anOldKernelWithoutOpenat2() throws {
    let trial = try Trial()
    try trial.folder.makeLink("metadata", to: "/etc")
    let result = Self.inject(
      "openat2:error=ENOSYS", ["migrate", trial.folder.path, "--execute", "--yes"])
    #expect(result.status == 1)
    #expect(result.output.contains("metadata: is "))
    try trial.expectIntact()
    try trial.folder.remove("metadata")
    let again = Self.inject("openat2:error=ENOSYS", ["migrate", trial.folder.path, "--execute", "--yes"])
    #expect(again.status == 0)
    try trial.expectSettled()
  }

  /// A link, or another mount of the same file system, in the middle of a path: what is behind it is another's.
  @Test(.requires("strace"), .requiresRoot, arguments: ["ENOSYS", "EPERM"], ["link", "mount"])
  func nothingInTheMiddleOfAPathIsFollowedWithoutOpenat2(errno: String, what: String) throws {
    for isThere in [true, false] {
      let trial = try Trial()
      let capture = trial.folder.path
      let elsewhere = try Folder()
      let layouts = try Folder()
      let layout = try LayoutFile.edited([("hot: segments", "hot: video/seg")], in: layouts)
      try elsewhere.makeFile("canary")
      if isThere { try elsewhere.makeFile("seg/7/segment_canary.ts") }
      if what == "link" {
        try trial.folder.makeLink("video", to: elsewhere.path)
      } else {
        try trial.folder.makeFolder("video")
        try Shell.must(["mount", "--bind", elsewhere.path, capture + "/video"])
      }
      defer { if what == "mount" { Shell.run(["umount", capture + "/video"]) } }
      let canary = try Snapshot(elsewhere.path)
      let arguments = ["migrate", capture, "--layout", layout, "--execute", "--yes"]
      let expected = HotColdBinary.run(arguments)
      let result = Self.inject("openat2:error=\(errno)", arguments)
      #expect(result.status == 1 && expected.status == 1, "\(result)")
      #expect(result.output.contains("/video: is "), "\(result)")
      #expect(try Snapshot(elsewhere.path).changeTimes == canary.changeTimes)
      if what == "link" { try trial.expectIntact() }
    }
  }

  @Test(
    .requires("strace"),
    arguments: [("EIO", 74), ("ENOSPC", 74), ("EDQUOT", 74), ("EROFS", 74)])
  func anErrorThatEveryMoveWouldMeetStopsTheRun(errno: String, status: Int32) throws {
    let trial = try Trial()
    let result = Self.inject(
      "renameat2:error=\(errno):when=50",
      ["migrate", trial.folder.path, "--execute", "--yes", "--engine", "syscalls", "--format", "json"])
    #expect(result.status == status)
    let total = try JSON(parsing: result.output)["captures", 0, "total"]
    #expect(total["failed"].int == 1 && total["pending"].int ?? 0 > 0)
    try trial.expectIntact()
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    try trial.expectSettled()
  }

  /// As on NFS, 9p and some FUSE servers: no RENAME_NOREPLACE, and with the second fault no links either.
  @Test(.requires("strace")) func aFileSystemThatCannotRefuseToReplace() throws {
    let trial = try Trial()
    let base = ["strace", "-f", "-o", "/dev/null", "-e", "inject=renameat2:error=EINVAL"]
    let migrate = [
      HotColdBinary.path, "migrate", trial.folder.path, "--execute", "--yes", "--engine", "syscalls",
    ]
    let refused = Shell.run(base + ["-e", "inject=linkat:error=EPERM"] + migrate + ["--link-fallback"])
    #expect(refused.status == 1)
    #expect(refused.output.contains("nor link files"))
    try trial.expectIntact()
    let unasked = Shell.run(base + migrate)
    #expect(unasked.status == 1 && unasked.output.contains("--link-fallback"))
    try trial.expectIntact()
    #expect(Shell.run(base + migrate + ["--link-fallback"]).status == 0)
    try trial.expectIntact()
    try trial.expectSettled()
  }

  /// How often a run makes each system call.
  static func callCounts(files: Int, engine: String) throws -> [String: Int] {
    let folder = try Folder()
    let path = folder.path + "/capture"
    #expect(HotColdBinary.run(["sample", path, "--files", "\(files)"]).status == 0)
    let log = folder.path + "/strace"
    let result = Shell.run([
      "strace", "-f", "-o", log, HotColdBinary.path, "migrate", path, "--execute", "--yes",
      "--no-manifests", "--engine", engine,
    ])
    #expect(result.status == 0)
    let lines = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
    let names = lines.compactMap { $0.firstMatch(of: #/^\d+ +([a-z0-9_]+)\(/#).map { String($0.output.1) } }
    return Dictionary(grouping: names) { $0 }.mapValues(\.count)
  }

  @Test(.requires("strace"), arguments: Engines.all)
  func aFileCostsOneStatxAndOneRename(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let few = try Self.callCounts(files: 1000, engine: engine)
    let many = try Self.callCounts(files: 3000, engine: engine)
    func more(_ call: String) -> Int { many[call, default: 0] - few[call, default: 0] }
    #expect(more("statx") == 2000)
    let others = Set(many.keys).subtracting(["statx", "renameat2", "io_uring_enter", "futex"])
    #expect(others.reduce(0) { $0 + more($1) } < 40, "getdents64 by windows, and nothing else")
    if engine != "io_uring" {
      #expect(more("renameat2") == 2000)
      #expect(many["io_uring_enter"] == nil)
    } else {
      #expect(more("renameat2") < 2000, "the ring carries a part")
      #expect(more("io_uring_enter") < 500, "in batches")
    }
  }

  @Test func tooFewDescriptorsAreSaidSo() throws {
    let trial = try Trial()
    let result = Shell.run([
      "sh", "-c", "ulimit -n 10; exec \"$0\" migrate \"$1\" --execute --yes", HotColdBinary.path,
      trial.folder.path,
    ])
    #expect(result.status == 74)
    #expect(result.output.contains("ulimit -n 256"))
    try trial.expectIntact()
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    try trial.expectSettled()
  }

  @Test(.requires("strace")) func aFailedSyncIsNotASuccess() throws {
    let trial = try Trial()
    let arguments = ["migrate", trial.folder.path, "--execute", "--yes"]
    #expect(Self.inject("syncfs:error=EIO", arguments).status == 74)
    try trial.expectSettled()
    #expect(Self.inject("syncfs:error=EIO", arguments + ["--no-sync"], mayMiss: true).status == 0)
  }

  @Test(.requires("strace"), arguments: SeededRandom.seeds(8))
  func aKillAtARenameLeavesEveryFileUnderOneName(seed: UInt64) throws {
    var random = SeededRandom(seed)
    let trial = try Trial()
    let rename = Int.random(in: 1...400, using: &random)
    let result = Self.inject(
      "renameat2:signal=SIGKILL:when=\(rename)",
      ["migrate", trial.folder.path, "--execute", "--yes", "--engine", "syscalls"])
    #expect(result.status == 128 + SIGKILL)
    try trial.expectIntact("killed at rename \(rename), HOTCOLD_SEED=\(seed)")
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    try trial.expectSettled("killed at rename \(rename), HOTCOLD_SEED=\(seed)")
  }
}
