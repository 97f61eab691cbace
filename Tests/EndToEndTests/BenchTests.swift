import Foundation
import TestKit
import Testing

/// `hotcold bench`: what it measures, what it compares, what it refuses, and that nothing of it stays.
@Suite struct BenchTests {
  private static let few = ["--files", "1000", "--runs", "3"]

  private static func run(_ folder: String, _ options: [String] = []) -> Shell.Result {
    HotColdBinary.run(["bench", folder] + few + options)
  }

  private static func expectEmpty(_ folder: String, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(Snapshot.entryCount(folder) == 0, sourceLocation: sourceLocation)
  }

  // MARK: measuring

  @Test func eachCommandIsMeasuredAgainstItsLoop() throws {
    let folder = try Folder()
    let result = Self.run(folder.path, ["--format", "json"])
    #expect(result.status == 0, "\(result)")
    let size = try JSON(parsing: result.output)["results", "sizes", 0]
    #expect(size["files"].int == 1000)
    for loop in 0..<2 { #expect(size["loops", loop, "seconds", 2].double ?? 0 > 0) }
    var names: [String] = []
    for command in 0..<8 {
      guard let name = size["commands", command, "name"].string else { break }
      names.append(name)
      for run in 0..<3 {
        let seconds = try #require(size["commands", command, "seconds", run].double)
        let ratio = try #require(size["commands", command, "floorRatios", run].double)
        let isOfLooks = size["commands", command, "loop"].string == "looks"
        let floor = try #require(size["loops", isOfLooks ? 0 : 1, "seconds", run].double)
        #expect(abs(ratio * floor - seconds) < seconds / 100, "\(name)")
      }
    }
    for name in ["dry run", "execute, auto", "execute, syscalls", "execute, threads", "verify", "revert"] {
      #expect(names.contains(name), "\(names)")
    }
    Self.expectEmpty(folder.path)
  }

  @Test(.campaign) func theTableHasTheGuidesEstimate() throws {
    let folder = try Folder()
    let result = HotColdBinary.run(["bench", folder.path, "--files", "100k", "--runs", "3", "--quiet"])
    #expect(result.status == 0, "\(result)")
    let row = result.output.split(separator: "\n").first { $0.hasPrefix("execute, auto") }
    #expect(row?.contains("30 s") == true && row?.contains("MiB") == true, "\(result.output)")
    #expect(result.output.contains("bare renames") && result.output.contains("x floor"))
    Self.expectEmpty(folder.path)
  }

  // MARK: comparing

  /// Figures of a file with another one changed in it, as its own program would have saved them.
  private static func compared(_ change: (inout [String: Any]) -> Void, _ options: [String] = []) throws
    -> Shell.Result
  {
    let folder = try Folder()
    let baseline = folder.path + "/baseline.json"
    let saved = run(folder.path, ["--save", baseline])
    #expect([0, 75].contains(saved.status), "\(saved)")
    var file =
      try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: baseline))) as! [String: Any]
    change(&file)
    try JSONSerialization.data(withJSONObject: file).write(to: URL(filePath: baseline))
    return run(folder.path, ["--baseline", baseline] + options)
  }

  @Test func aBaselineThatWasEditedIsRefused() throws {
    let result = try Self.compared { file in
      var results = file["results"] as! [String: Any]
      results["hotcold"] = "0.0.1"
      file["results"] = results
    }
    #expect(result.status == 64 && result.error.contains("were changed after they were saved"), "\(result)")
  }

  @Test func aBaselineOfALaterVersionIsRefused() throws {
    let result = try Self.compared { file in
      var results = file["results"] as! [String: Any]
      results["format"] = 2
      file["results"] = results
    }
    #expect(result.status == 64 && result.error.contains("from another version of hotcold"), "\(result)")
  }

  @Test(arguments: [0, 300]) func aBaselineThatIsCutOffIsRefused(bytes: Int) throws {
    let folder = try Folder()
    let baseline = folder.path + "/baseline.json"
    #expect([0, 75].contains(Self.run(folder.path, ["--save", baseline]).status))
    #expect(truncate(baseline, bytes) == 0)
    let result = Self.run(folder.path, ["--baseline", baseline])
    #expect(
      result.status == 64 && result.error.contains("truncated") && result.error.contains("--save"),
      "\(result)")
  }

  @Test func aBaselineOfOtherSizesIsRefusedBeforeAnythingIsMade() throws {
    let folder = try Folder()
    let baseline = folder.path + "/baseline.json"
    #expect([0, 75].contains(Self.run(folder.path, ["--save", baseline]).status))
    let result = HotColdBinary.run(["bench", folder.path, "--files", "3000", "--baseline", baseline])
    #expect(result.status == 64 && result.error.contains("It has them for --files 1000"), "\(result)")
    #expect(Snapshot.entryCount(folder.path) == 1)
  }

  /// Compared, and said; refused with --same-machine.
  @Test(.enabled(if: MountedFileSystem.canMount, "no root")) func aBaselineOfAnotherFileSystem() throws {
    let (folder, disk) = (try Folder(), try MountedFileSystem("ext4", megabytes: 320))
    let baseline = folder.path + "/baseline.json"
    #expect([0, 75].contains(Self.run(folder.path, ["--save", baseline]).status))
    let result = Self.run(
      disk.path, ["--baseline", baseline, "--tolerance", "900%", "--floor-tolerance", "1000%"])
    #expect(result.output.contains("file system ext4 (was "), "\(result)")
    let refused = Self.run(disk.path, ["--baseline", baseline, "--same-machine"])
    #expect(
      refused.status == 64 && refused.error.contains("from another machine: file system ext4"), "\(refused)")
  }

  // MARK: what it refuses

  @Test func aCaptureIsLeftAlone() throws {
    let trial = try Trial()
    for path in [trial.folder.path, trial.folder.path + "/captures"] {
      let result = Self.run(path)
      #expect(result.status == 64 && result.error.contains("a capture, or inside one"), "\(result)")
    }
    try trial.expectUntouched()
  }

  @Test func wrongValues() throws {
    let folder = try Folder()
    for options in [
      ["--files", "0"], ["--files", ""], ["--files", "1k,"], ["--runs", "2"], ["--tolerance", "0"],
      ["--same-machine"],
    ] {
      let result = HotColdBinary.run(["bench", folder.path] + options)
      #expect(result.status == 64, "\(options): \(result)")
    }
    #expect(HotColdBinary.run(["bench", folder.path + "/missing"]).status == 66)
    try Folder.writeFile(folder.path + "/file", "")
    #expect(HotColdBinary.run(["bench", folder.path + "/file"]).status == 66)
  }

  @Test(.enabled(if: MountedFileSystem.canMount, "no root")) func aFileSystemWithoutRoom() throws {
    let small = try MountedFileSystem("tmpfs", megabytes: 8)
    try Shell.must(["mount", "-o", "remount,nr_inodes=1800", small.path])
    let folder = try Folder()
    let baseline = folder.path + "/baseline.json"
    func run(_ folder: String, _ options: [String]) -> Shell.Result {
      HotColdBinary.run(["bench", folder, "--files", "2000", "--runs", "3"] + options)
    }
    #expect([0, 75].contains(run(folder.path, ["--save", baseline]).status))
    let smaller = run(small.path, ["--baseline", baseline])
    #expect(smaller.status == 64 && smaller.error.contains("It has them for --files 2000"), "\(smaller)")
    let bounded = run(small.path, [])
    #expect(bounded.status == 0 && bounded.error.contains("no room for 2,000 files"), "\(bounded)")
    try Shell.must(["mount", "-o", "remount,nr_inodes=500", small.path])
    let refused = Self.run(small.path)
    #expect(refused.status == 74 && refused.error.contains("There is room for"), "\(refused)")
    try Shell.must(["mount", "-o", "remount,ro", small.path])
    let readOnly = Self.run(small.path)
    #expect(readOnly.status == 74 && readOnly.error.contains("read-only"), "\(readOnly)")
    try Shell.must(["mount", "-o", "remount,rw", small.path])
    Self.expectEmpty(small.path)
  }

  /// Full while it measures: an error, and nothing stays.
  @Test(.requires("strace")) func aFileSystemThatIsFullMeanwhile() throws {
    let folder = try Folder()
    let result = EngineTests.inject("openat:error=ENOSPC:when=900+", ["bench", folder.path] + Self.few)
    #expect(result.status == 74 && result.error.contains("No space left"), "\(result)")
    Self.expectEmpty(folder.path)
  }

  @Test(.requires("bindfs"), .requiresRoot) func aFileSystemThatMayReplace() throws {
    let (real, view) = (try Folder(), try Folder())
    try Shell.must(["bindfs", real.path, view.path])
    defer { Shell.run(["umount", "-l", view.path]) }
    let result = Self.run(view.path)
    #expect(result.status == 74 && result.error.contains("RENAME_NOREPLACE"), "\(result)")
    Self.expectEmpty(real.path)
  }

  @Test(.requires("runuser"), .requiresRoot) func anOrdinaryUser() throws {
    let (folder, tools) = (try Folder(), try Folder())
    try Shell.must(["cp", HotColdBinary.path, tools.path + "/hotcold"])
    try Shell.must(["chmod", "755", tools.path])
    let command = ["runuser", "-u", "nobody", "--", tools.path + "/hotcold", "bench", folder.path] + Self.few
    try Shell.must(["chmod", "755", folder.path])
    let denied = Shell.run(command)
    #expect(denied.status == 77, "\(denied)")
    try Shell.must(["chown", "nobody", folder.path])
    let allowed = Shell.run(command)
    #expect(allowed.status == 0, "\(allowed)")
    Self.expectEmpty(folder.path)
  }

  /// Devices, links and pipes are no files of figures, and stay what they are.
  @Test(.requiresRoot) func whatIsNoFileIsNotReplaced() throws {
    let folder = try Folder()
    try Shell.must([
      "sh", "-c",
      "cd \(folder.path) && mknod null c 1 3 && mkfifo pipe && echo mine > file && ln -s file link && mkdir folder",
    ])
    for name in ["null", "pipe", "link", "folder", "missing/file"] {
      let result = Self.run(folder.path, ["--save", "\(folder.path)/\(name)"])
      #expect(
        result.status == 74 && result.output.isEmpty && result.error.contains("--save"), "\(name): \(result)")
    }
    #expect(Shell.run(["stat", "-c", "%F", "\(folder.path)/null"]).output.contains("character special"))
    #expect(try String(contentsOfFile: folder.path + "/file", encoding: .utf8) == "mine\n")
  }

  @Test func aPathThatIsNoText() throws {
    let folder = try Folder()
    let result = Shell.run([
      "bash", "-c",
      "cd \(folder.path) && mkdir $'a\\xff' && cd $'a\\xff' && exec \"$0\" bench . --files 1000 --runs 3",
      HotColdBinary.path,
    ])
    #expect(result.status == 0, "\(result)")
  }

  // MARK: interrupted and killed

  @Test(arguments: [SIGINT, SIGTERM]) func aSignalEndsItAndNothingStays(signal: Int32) throws {
    let folder = try Folder()
    let run = try HotColdBinary.start(["bench", folder.path, "--files", "50k", "--runs", "50"])
    usleep(1_500_000)
    run.signal(signal)
    let result = run.wait()
    #expect(result.status == 128 + signal, "\(result)")
    Self.expectEmpty(folder.path)
  }

  /// What it leaves goes when the next one starts; what is not its own stays, and is said.
  @Test func whatAKilledOneLeavesGoesLater() throws {
    let folder = try Folder()
    for attempt in 0..<3 {
      let run = try HotColdBinary.start(["bench", folder.path, "--files", "50k", "--runs", "50"])
      usleep(600_000 + UInt32(attempt) * 500_000)
      run.signal(SIGKILL)
      #expect(run.wait().status == 128 + SIGKILL)
      #expect(Snapshot.entryCount(folder.path) == 1)
      // Its child is told to stop, and does.
      #expect(
        ArchiverTests.waitUntil { Shell.run(["pgrep", "-f", "\(folder.path)/.hotcold-bench"]).status != 0 })
      #expect(Self.run(folder.path).status == 0)
      Self.expectEmpty(folder.path)
    }
    let foreign = folder.path + "/.hotcold-bench-0123456789abcdef/capture"
    try Shell.must(["mkdir", "-p", foreign])
    try Folder.writeFile(foreign + "/segment_1.ts", "a recording")
    try Folder.writeFile(foreign + "/segment_2.ts", "")
    let warned = Self.run(folder.path)
    #expect(
      warned.status == 0 && warned.error.contains("something in it was not created by bench"), "\(warned)")
    #expect(try String(contentsOfFile: foreign + "/segment_1.ts", encoding: .utf8) == "a recording")
  }

  /// One that runs is left alone.
  @Test func twoAtATime() throws {
    let folder = try Folder()
    let first = try HotColdBinary.start(["bench", folder.path, "--files", "10k", "--runs", "3"])
    usleep(500_000)
    #expect(Self.run(folder.path).status == 0)
    #expect(first.wait().status == 0)
    Self.expectEmpty(folder.path)
  }
}

/// The jobs of docs/BENCH.md, as far as a shell goes: what is between the steps is the CI system's.
@Suite struct BenchGuideTests {
  private static let text: String = {
    let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/BENCH.md")
    return try! String(contentsOf: path, encoding: .utf8)
  }()

  /// The scripts below keys of this name in the job of a system, in their order, without their indentation.
  private static func scripts(of system: String, after key: String) throws -> [String] {
    let job = try #require(
      text.components(separatedBy: "\(system):\n\n```yaml\n").last?.components(separatedBy: "```").first)
    var scripts: [[Substring]] = []
    var indent: Int?
    for line in job.split(separator: "\n", omittingEmptySubsequences: false) {
      let depth = line.prefix { $0 == " " }.count
      if let least = indent, depth >= least || line.isEmpty {
        scripts[scripts.count - 1].append(line.dropFirst(least))
        continue
      }
      indent = nil
      if line.hasSuffix(key) {
        scripts.append([])
        indent = depth + 2
      }
    }
    return scripts.map { $0.joined(separator: "\n") }
  }

  /// The first run saves, the second compares.
  @Test(arguments: [("GitHub Actions", "run: |"), ("GitLab CI", "- |")]) func theJobsRun(
    system: String, key: String
  ) throws {
    let (place, work, tools) = (try Folder(), try Folder(), try Folder())
    try Shell.must(["ln", "-s", HotColdBinary.path, tools.path + "/hotcold"])
    let script = try #require(try Self.scripts(of: system, after: key).last)
    #expect(script.contains("hotcold bench"))
    func run() -> Shell.Result {
      Shell.run([
        "env", "-C", work.path, "PATH=\(tools.path):/usr/bin:/bin", "FOLDER=\(place.path)", "FILES=1000",
        "bash", "-e", "-c",
        "mkdir -p bench\n" + script,
      ])
    }
    let first = run()
    // Beside other tests the first one may be noise, which is not kept.
    let baseline = work.path + "/bench/baseline.json"
    let isKept = FileManager.default.fileExists(atPath: baseline)
    #expect([0, 75].contains(first.status) && (isKept || first.error.contains("are noise")), "\(first)")
    if !isKept {
      _ = HotColdBinary.run(["bench", place.path, "--files", "1000", "--runs", "3", "--save", baseline])
    }
    let second = run()
    #expect(second.output.contains("against "), "\(second)")
    // So few files are noise; that is no failure of the job.
    #expect([0, 1, system == "GitLab CI" ? 75 : 0].contains(second.status), "\(second)")
    #expect(Snapshot.entryCount(place.path) == 0)
  }
}
