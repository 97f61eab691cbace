import Foundation
import TestKit
import Testing

/// Every command below the limits that a shell sets (`ulimit`), as an ordinary user: it does its work, or says which limit
/// it met. None is killed, and none leaves a file behind.
@Suite struct ResourceLimitTests {
  /// A capture of the user nobody, and the program where that user can run it.
  struct NobodysTrial {
    let folder: Folder
    let tools: Folder
    let metrics: String
    let before: Snapshot
    var capture: String { folder.path }

    /// With more segments in one hour than fit a playlist of a kibibyte, where asked for.
    init(hasLargeHour: Bool = false) throws {
      folder = try Folder()
      try SmallCapture.make(in: folder)
      for number in 0..<(hasLargeHour ? 200 : 0) {
        try folder.makeFile(Bytes("segment_more_\(number).ts"), seconds: 1_700_000_000 - 40_000 + number)
      }
      tools = try Folder()
      metrics = tools.path + "/hotcold.prom"
      try Shell.must(["cp", HotColdBinary.path, tools.path + "/hotcold"])
      try Shell.must(["chown", "-R", "nobody:nogroup", folder.path, tools.path])
      before = try Snapshot(folder.path)
    }

    /// In the order in which each finds something to do.
    var commands: [[String]] {
      [
        ["sample", tools.path + "/sample", "--files", "200"], ["migrate", capture],
        ["migrate", capture, "--execute", "--yes"], ["verify", capture],
        ["archive", capture, "--once", "--metrics-file", metrics], ["revert", capture, "--execute", "--yes"],
      ]
    }

    /// `limits` as options of bash's `ulimit`. A pipe carries what is printed, which the limit of file size would stop.
    func run(_ arguments: [String], _ limits: String, isPiped: Bool = true) -> Shell.Result {
      let limited = "for limit in \(limits); do ulimit -${limit%=*} ${limit#*=}; done; exec \"$0\" \"$@\""
      let script = isPiped ? "set -o pipefail; ( \(limited) ) 2>&1 | cat" : limited
      return Shell.run(
        ["runuser", "-u", "nobody", "--", "bash", "-c", script, tools.path + "/hotcold"] + arguments,
        environment: ["TZ": "UTC"])
    }

    func expectSettled(_ comment: Comment) throws {
      #expect(try Snapshot(capture).paths == SmallCapture.settled(), comment)
    }

    func expectIntactAndNothingLeft(_ comment: Comment) throws {
      let after = try Snapshot(capture)
      #expect(after.contents == before.contents && after.leftovers.isEmpty, comment)
      #expect(try Snapshot(tools.path).paths.allSatisfy { !$0.name.bytes.starts(with: [0x2e]) }, comment)
    }
  }

  /// The third: threads with such a stack could not be mapped.
  @Test(
    .requiresRoot, .requires("bash"), arguments: ["s=256", "s=unlimited", "s=1000000 v=900000", "v=300000"])
  func everyCommandWorksWithAnyStackAndLittleMemory(limits: String) throws {
    let nobody = try NobodysTrial()
    for command in nobody.commands {
      let result = nobody.run(command, limits)
      #expect(result.status == 0, "\(command): \(result.status) \(result.output)")
      if command[0] == "verify" { try nobody.expectSettled("migrated") }
    }
    #expect(try Snapshot(nobody.capture).files == nobody.before.files, "moved, and taken back")
    #expect(FileManager.default.fileExists(atPath: nobody.metrics))
    try nobody.expectIntactAndNothingLeft("\(limits)")
  }

  /// What is to be written does not fit: an error with path and remedy, and what was moved is settled all the same.
  @Test(.requiresRoot, .requires("bash"), arguments: [0, 1])
  func aFileSizeLimitIsAnErrorThatNamesIt(kibibytes: Int) throws {
    let nobody = try NobodysTrial(hasLargeHour: true)
    let playlist =
      kibibytes == 0 ? "/segments/0/.archive.m3u8.hotcold" : "/segments/11/.archive-2023-11-14.m3u8.hotcold"
    let expected: [(status: Int32, unwritten: [String])] = [
      // Its playlist holds more than its files.
      (74, [nobody.tools.path + "/sample/"]), (0, []), (1, [nobody.capture + playlist]),
      // Without playlists a criterion is not met.
      (1, []), (1, [nobody.capture + playlist, nobody.tools.path + "/.hotcold.prom.hotcold"]), (0, []),
    ]
    for (command, (status, unwritten)) in zip(nobody.commands, expected) {
      let bytes = command[0] == "sample" ? ["--file-bytes", "2000"] : []
      let result = nobody.run(command + bytes, "f=\(kibibytes)")
      #expect(result.status == status, "\(command): \(result.output)")
      for path in unwritten {
        let line = result.output.split(separator: "\n").first { $0.contains(path) && $0.contains("ERROR") }
        #expect(
          line?.contains("File too large (write)") == true && line?.contains("ulimit -f") == true,
          "\(path): \(result.output)")
      }
      if command[0] == "sample" { try Shell.must(["rm", "-r", nobody.tools.path + "/sample"]) }
      try nobody.expectIntactAndNothingLeft("\(command)")
    }
    #expect(try Snapshot(nobody.capture).files == nobody.before.files, "moved, and taken back")
    #expect(!FileManager.default.fileExists(atPath: nobody.metrics))
  }

  /// Standard output is a file that may not grow.
  @Test(.requiresRoot, .requires("bash")) func aReportThatDoesNotFitIsAnErrorAndUndoesNothing() throws {
    let nobody = try NobodysTrial()
    for command in nobody.commands where command[0] != "archive" {
      #expect(nobody.run(command, "f=0", isPiped: false).status == 74, "\(command)")
      if command[0] == "verify" { try nobody.expectSettled("migrated") }
    }
    #expect(try Snapshot(nobody.capture).files == nobody.before.files)
  }

  @Test(.requiresRoot, .requires("bash")) func tooFewDescriptorsStopEveryCommandWithTheRemedy() throws {
    let nobody = try NobodysTrial()
    func expectStopped(_ command: [String]) throws {
      let result = nobody.run(command, "n=10")
      #expect(result.status == 74, "\(command): \(result.status) \(result.output)")
      #expect(result.output.contains("ulimit -n 256"), "\(command): \(result.output)")
      try nobody.expectIntactAndNothingLeft("\(command)")
    }
    let migrate = nobody.commands[2]
    try expectStopped(migrate)
    #expect(nobody.run(migrate, "n=256").status == 0)
    try nobody.expectSettled("migrated")
    for command in nobody.commands.dropFirst() { try expectStopped(command) }
    try nobody.expectSettled("stopped")
    #expect(nobody.run(nobody.commands[0], "n=10").status == 0, "a sample opens one file after the other")
  }
}
