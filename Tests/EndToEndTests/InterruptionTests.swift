import Foundation
import TestKit
import Testing

/// Runs that end early, at any moment and in any way.
@Suite struct InterruptionTests {
  static let files = 8000

  static func sample(_ folder: Folder) throws -> String {
    let path = folder.path + "/capture"
    #expect(HotColdBinary.run(["sample", path, "--files", "\(files)", "--file-bytes", "16"]).status == 0)
    return path
  }

  /// Where the files of a flat sample are after a migration.
  static func settled(_ before: Snapshot) -> Set<Bytes> {
    let flat = before.files.filter { $0.key != "output.m3u8" }.map {
      LayoutModel.File($0.key, seconds: $0.value.modifiedSeconds, nanoseconds: $0.value.modifiedNanoseconds)
    }
    return LayoutModel().settled(flat).union(["segments/output.m3u8"])
  }

  /// The hot places that are not flat places as well never hold more than their limit.
  static func expectLimits(_ snapshot: Snapshot, _ comment: Comment) {
    #expect(snapshot.files.keys.count { $0.folder == "segments" && $0.name != "output.m3u8" } <= 10, comment)
    #expect(snapshot.count(in: "thumbnails") <= 100, comment)
    #expect(snapshot.count(in: "metadata") <= 100, comment)
  }

  /// As in a container. The pipe for its report is full, so that it lives until a signal ends it: the first of a verification,
  /// the second of a migration, which remembers the first.
  @Test(.requiresRoot, arguments: ["verify", "migrate"])
  func signalsEndTheFirstProcessOfAContainer(command: String) throws {
    let folder = try Folder()
    let path = try Self.sample(folder)
    try Shell.must(["mkfifo", folder.path + "/pipe"])
    let script = """
      sleep 60 < "$1/pipe" & reader=$!
      (head -c 65536 /dev/zero; exec unshare --pid --fork --kill-child "$0" "$2" "$3") > "$1/pipe" &
      run=$!
      for _ in $(seq 100); do
        pkill -TERM -x -P $run hotcold
        kill -0 $run 2> "$1/ended" || break
        sleep 0.1
      done
      kill $reader
      wait $run
      """
    let result = Shell.run(["bash", "-c", script, HotColdBinary.path, folder.path, command, path])
    #expect(result.status == 128 + SIGTERM, "\(result.error)")
  }

  /// SIGHUP, as of a terminal that hangs up, kills like SIGKILL.
  @Test(arguments: Engines.all, [SIGKILL, SIGTERM, SIGINT, SIGHUP])
  func anInterruptedRunThatIsStartedAgainEndsInTheTreeOfAnUninterruptedOne(engine: String, signal: Int32)
    throws
  {
    try skipUnlessGranted(engine: engine)
    let folder = try Folder()
    let path = try Self.sample(folder)
    let before = try Snapshot(path)
    let expected = Self.settled(before)
    var interruptions = 0
    // Later and later, so that every stage is met; then to the end.
    for attempt in 0..<60 where interruptions < 12 {
      let run = try HotColdBinary.start([
        "migrate", path, "--execute", "--yes", "--engine", engine, "--format", "json",
      ])
      usleep(UInt32(4000 + attempt * 1500))
      run.signal(signal)
      let result = run.wait()
      if result.status == 128 + signal { interruptions += 1 }
      if signal != SIGKILL, result.status == 128 + signal, !result.output.isEmpty {
        let report = try JSON(parsing: result.output)
        #expect(report["captures"].array.count + report["notBegun"].array.count == 1)
        guard report["notBegun"].array.isEmpty else { continue }
        let total = report["captures", 0, "total"]
        let parts = ["moved", "inPlace", "kept", "conflicts", "vanished", "failed", "pending"]
        #expect(total["found"].int == parts.reduce(0) { $0 + (total[$1].int ?? 0) })
      }
      let snapshot = try Snapshot(path)
      #expect(snapshot.contents == before.contents, "\(engine), signal \(signal), attempt \(attempt)")
      Self.expectLimits(snapshot, "\(engine), signal \(signal), attempt \(attempt)")
      if snapshot.paths == expected { break }
    }
    Figures.add("runs interrupted by a signal", interruptions)
    #expect(interruptions > 0, "no run was interrupted")
    #expect(HotColdBinary.run(["migrate", path, "--execute", "--yes", "--engine", engine]).status == 0)
    let after = try Snapshot(path)
    #expect(after.paths == expected)
    #expect(after.contents == before.contents)
    #expect(HotColdBinary.run(["verify", path]).status == 0)
  }

  /// Files that are opened later do not get the descriptors of closed streams, and what is printed with them.
  @Test(.requires("strace")) func closedStreamsAreNotReplacedByFiles() throws {
    let trial = try Trial()
    let result = Shell.run([
      "sh", "-c",
      "exec strace -qq -o \"$2\" -e trace=open,openat,openat2,dup \"$0\" archive --once --format json \"$1\" <&- >&- 2>&-",
      HotColdBinary.path, trial.folder.path, trial.folder.path + "-trace",
    ])
    defer { unlink(trial.folder.path + "-trace") }
    #expect(result.status == 74, "\(result)")
    let opened = ServiceTests.contents(trial.folder.path + "-trace").split(separator: "\n").filter {
      $0.contains(/\ = [012]$/)
    }
    // Before them, the dynamic linker's files, each closed at once.
    .drop { !$0.contains("/dev/null") }
    #expect(opened.count == 3 && opened.allSatisfy { $0.contains("\"/dev/null\"") }, "\(opened)")
    #expect(ArchiverTests.isSettled(trial))
  }

  /// A supervisor's thread may block the signals that its child must receive.
  @Test(.requires("python3"), .requires("strace"), arguments: ["verify", "next-numbers"])
  func aBlockedSignalEndsACommand(
    command: String
  )
    throws
  {
    let folder = try Folder()
    try folder.makeFile("segment_1.ts")
    try folder.makeFolder("captures")
    let script = """
      import os, signal, subprocess, sys
      signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
      child = subprocess.Popen(["strace", "-D", "-qq", "-o", "/dev/null", "-e", "inject=getdents64:delay_enter=3000000"] + sys.argv[1:])
      signal.sigtimedwait([signal.SIGUSR1], 1)
      child.send_signal(signal.SIGTERM)
      print(child.wait())
      """
    let result = Shell.run(["python3", "-c", script, HotColdBinary.path, command, folder.path])
    #expect(["-15\n", "143\n"].contains { result.output.hasSuffix($0) }, "\(result)")
  }

  @Test func aClosedStandardOutputDoesNotUndoTheRun() throws {
    let trial = try Trial()
    let result = Shell.run([
      "sh", "-c", "\"$0\" migrate \"$1\" --execute --yes >&-", HotColdBinary.path, trial.folder.path,
    ])
    #expect(result.status == 74)
    try trial.expectIntact()
    #expect(HotColdBinary.run(["migrate", trial.folder.path, "--execute", "--yes"]).status == 0)
  }
}
