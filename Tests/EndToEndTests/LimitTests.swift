import Foundation
import TestKit
import Testing

/// What the kernel or its administrator grants no more of: processes, threads, entries into the ring, room for the log.
@Suite(.serialized) struct LimitTests {
  /// Neither a worker of the ring nor a thread can be had: within ten seconds plain calls go on.
  @Test(.requiresRoot, arguments: ["prlimit", "pids.max"])
  func noMoreProcesses(limit: String) throws {
    let trial = try Trial()
    let tools = try Folder()
    try Shell.must(["chown", "-R", "nobody:nogroup", trial.folder.path])
    let before = try Snapshot(trial.folder.path)
    let command = try BadInputTests.commandOfNobody(trial, tools)
    let result: Shell.Result
    if limit == "prlimit" {
      result = Shell.run(Self.withOneProcess(command))
    } else {
      let group = "/sys/fs/cgroup/pids/hotcold-test"
      try Shell.must(["mkdir", "-p", group])
      defer { Shell.run(["rmdir", group]) }
      result = Shell.run(
        ["sh", "-c", "echo $$ > \(group)/cgroup.procs; echo 2 > \(group)/pids.max; exec \"$0\" \"$@\""]
          + command)
    }
    #expect(result.status == 0, "\(result.output) \(result.error)")
    let after = try Snapshot(trial.folder.path)
    #expect(Invariants.violations(before: before, after: after) == [])
    #expect(after.paths == SmallCapture.settled())
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
      "io_uring_enter:error=\(errno):when=\(when)", ["migrate", trial.folder.path, "--execute", "--yes"])
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
