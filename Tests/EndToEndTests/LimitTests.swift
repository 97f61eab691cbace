import Foundation
import TestKit
import Testing

/// What the kernel or its administrator grants no more of: processes, threads, entries into the ring, room for the log.
@Suite(.serialized) struct LimitTests {
  /// Neither a worker of the ring nor a thread can be had: within ten seconds plain calls go on.
  @Test(.requiresRoot, arguments: ["prlimit", "pids.max"], ["auto", "io_uring"])
  func noMoreProcesses(limit: String, engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let folder = try Folder()
    let trial = try LargeTrial(in: folder.path)
    try Shell.must(["chown", "-R", "nobody:nogroup", trial.path])
    let before = try Snapshot(trial.path)
    let result = try Self.asNobody(
      ["migrate", trial.path, "--execute", "--yes", "--engine", engine], in: folder, limit)
    #expect(result.status == 0, "\(result.output) \(result.error)")
    #expect(result.output.contains(engine == "auto" ? "the kernel grants no thread" : "io_uring"))
    #expect(Invariants.violations(before: before, after: try Snapshot(trial.path)) == [])
    #expect(HotColdBinary.run(["verify", trial.path]).status == 0)
  }

  @Test(.requiresRoot) func threadsThatAreDemandedAndRefused() throws {
    let folder = try Folder()
    let trial = try LargeTrial(in: folder.path)
    try Shell.must(["chown", "-R", "nobody:nogroup", trial.path])
    let before = try Snapshot(trial.path)
    let result = try Self.asNobody(
      ["migrate", trial.path, "--execute", "--yes", "--engine", "threads"], in: folder, "prlimit")
    #expect(result.status == 64 && result.error.contains("the kernel grants no thread"), "\(result)")
    #expect(try Snapshot(trial.path).changeTimes == before.changeTimes)
  }

  /// A seccomp profile that refuses clone(2) and clone3(2).
  @Test(.requires("python3")) func aFilterAgainstThreads() throws {
    let folder = try Folder()
    let trial = try LargeTrial(in: folder.path)
    let filter = """
      import ctypes, errno, os, struct, sys
      libc = ctypes.CDLL(None, use_errno=True)
      # ld [nr]; jeq 56 (clone) -> errno; jeq 435 (clone3) -> errno; allow
      code = struct.pack("HBBI" * 5, 0x20, 0, 0, 0, 0x15, 1, 0, 56, 0x15, 0, 1, 435,
                         0x06, 0, 0, 0x50000 | errno.EPERM, 0x06, 0, 0, 0x7fff0000)
      buffer = ctypes.create_string_buffer(code)
      program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 5, ctypes.addressof(buffer)))
      assert libc.prctl(38, 1, 0, 0, 0) == 0
      assert libc.prctl(22, 2, program, 0, 0) == 0
      os.execv(sys.argv[1], sys.argv[1:])
      """
    let result = Shell.run([
      "python3", "-c", filter, HotColdBinary.path, "migrate", trial.path, "--execute", "--yes",
    ])
    #expect(result.status == 0 && result.output.contains("the kernel grants no thread"), "\(result)")
    try trial.expectIntact()
    #expect(HotColdBinary.run(["verify", trial.path]).status == 0)
  }

  private static func asNobody(_ arguments: [String], in folder: Folder, _ limit: String) throws
    -> Shell.Result
  {
    let binary = folder.path + "/hotcold"
    try Shell.must(["cp", HotColdBinary.path, binary])
    try Shell.must(["chmod", "755", folder.path])
    let user = ["runuser", "-u", "nobody", "--"]
    guard limit == "pids.max" else { return Shell.run(withOneProcess(user + [binary] + arguments)) }
    let group = "/sys/fs/cgroup/pids/hotcold-test"
    try Shell.must(["mkdir", "-p", group])
    defer { Shell.run(["rmdir", group]) }
    return Shell.run(
      ["sh", "-c", "echo $$ > \(group)/cgroup.procs; echo 2 > \(group)/pids.max; exec \"$0\" \"$@\""]
        + user + [binary] + arguments)
  }

  /// The limit counts for the user that the command changes to.
  private static func withOneProcess(_ command: [String]) -> [String] {
    let user = command.prefix { $0 != "--" } + ["--"]
    return user + ["prlimit", "--nproc=1"] + command.dropFirst(user.count)
  }

  /// The service cannot do without threads, and says so.
  @Test(.requiresRoot) func noThreadForTheService() throws {
    let trial = try Trial()
    let tools = try Folder()
    try Shell.must(["chown", "-R", "nobody:nogroup", trial.folder.path])
    let command = try BadInputTests.commandOfNobody(trial, tools).map { $0 == "migrate" ? "archive" : $0 }
    let service = command.filter { !["--execute", "--yes"].contains($0) }
    let result = Shell.run(Self.withOneProcess(service))
    #expect(result.status == 74)
    #expect(result.error.contains("ulimit -u"), "\(result.error)")
  }

  @Test(
    .requires("strace"), .requiresIOUring, arguments: ["EAGAIN", "EBUSY", "EINTR"], ["1..3", "5+7", "4+"])
  func theKernelRefusesToEnterTheRing(errno: String, when: String) throws {
    let trial = try Trial()
    let result = EngineTests.inject(
      "io_uring_enter:error=\(errno):when=\(when)",
      ["migrate", trial.folder.path, "--execute", "--yes", "--engine", "io_uring"])
    // For ever, it cannot be known what has become of the requests in flight.
    #expect(result.status == 0 || (when == "4+" && result.status == 74), "\(result.output)")
    try trial.expectIntact()
    #expect(HotColdBinary.run(["migrate", trial.folder.path, "--execute", "--yes"]).status == 0)
    try trial.expectSettled()
  }

  @Test func theLogDiskIsFull() throws {
    let trial = try Trial()
    let result = Shell.run([
      "sh", "-c", "\"$0\" migrate \"$1\" --execute --yes --verbose >/dev/full 2>/dev/full",
      HotColdBinary.path,
      trial.folder.path,
    ])
    #expect(result.status == 74)
    try trial.expectIntact()
    try trial.expectSettled()
  }
}
