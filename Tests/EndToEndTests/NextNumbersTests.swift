import Foundation
import TestKit
import Testing

/// Where a new encoder has to go on.
@Suite struct NextNumbersTests {
  /// For `eval`, which would otherwise succeed.
  static let failure = "unset next_segment next_capture; false\n"

  private func numbers(_ arguments: [String]) -> Shell.Result {
    HotColdBinary.run(["next-numbers"] + arguments)
  }

  @Test func theLargestOfEveryPlaceCounts() throws {
    let folder = try Folder()
    try folder.makeFile("segment_000000007.ts")
    #expect(numbers([folder.path]).output == "next_segment=8\nnext_capture=0\n")
    try folder.makeFile("segments/3/segment_000000041.ts")
    try folder.makeFile("segments/3/segment_000000002.20991231T235959Z.ts")
    try folder.makeFile("thumbnails/capture_000000200_thumbnail.jpg")
    let before = try Snapshot(folder.path)
    #expect(numbers([folder.path]).output == "next_segment=42\nnext_capture=201\n")
    #expect(try Snapshot(folder.path).changeTimes == before.changeTimes)
    let shell = Shell.run([
      "sh", "-c",
      "eval \"$('\(HotColdBinary.path)' next-numbers '\(folder.path)')\"; echo $next_segment $next_capture",
    ])
    #expect(shell.output == "42 201\n")
  }

  /// Nanoseconds since 1970, and many leading zeros. No encoder counts beyond 64 bits: a hash is no number.
  @Test func longNumbersCount() throws {
    let folder = try Folder()
    try folder.makeFile("segments/3/segment_1732700000123456789.ts")
    try folder.makeFile("captures/capture_00000000000000000000000041.jpg")
    #expect(numbers([folder.path]).output == "next_segment=1732700000123456790\nnext_capture=42\n")
    for number in [Int.max - 1, .max] { try folder.makeFile(Bytes("segments/3/segment_\(number).ts")) }
    try folder.makeFile("captures/capture_99999999999999999999.jpg")
    #expect(numbers([folder.path]).output == "next_segment=\(Int.max)\nnext_capture=42\n")
    let aligned = numbers([folder.path, "--captures-per-segment", "5"])
    #expect(aligned.output == Self.failure && aligned.error.contains("too large"), "\(aligned)")
  }

  /// The numbers of one capture must not be used for the next.
  @Test(arguments: ["/no/such/capture", "--no-such-option"])
  func aShellNoticesAFailureAndForgetsOlderNumbers(argument: String) {
    let shell = Shell.run([
      "sh", "-c",
      "next_segment=7; next_capture=8; eval \"$('\(HotColdBinary.path)' next-numbers \(argument))\"; "
        + "echo $? \"$next_segment$next_capture\"",
    ])
    #expect(shell.output == "1 \n", "\(shell)")
  }

  /// Neither number is taken, and one is the other's multiple.
  @Test(arguments: [(1, "next_segment=201\nnext_capture=201\n"), (5, "next_segment=42\nnext_capture=210\n")])
  func numbersThatAFrontEndComputes(_ capturesPerSegment: Int, _ expected: String) throws {
    let folder = try Folder()
    try folder.makeFile("segment_41.ts")
    try folder.makeFile("captures/capture_200.jpg")
    #expect(numbers([folder.path, "--captures-per-segment", "\(capturesPerSegment)"]).output == expected)
  }

  @Test func aPlaylistThatIsBeingWrittenIsSaid() throws {
    let folder = try Folder()
    try folder.makeFile("segment_41.ts")
    try folder.makePlaylist(listing: ["segment_41.ts"])
    #expect(!numbers([folder.path]).error.contains("moment ago"))
    try Shell.must(["touch", folder.path + "/output.m3u8"])
    #expect(numbers([folder.path]).error.contains("moment ago"))
  }

  /// What cannot be read may hold the largest number.
  @Test func aFolderThatCannotBeReadIsAnError() throws {
    let folder = try Folder()
    try folder.makeFile("segment_1.ts")
    try folder.makeFolder("elsewhere")
    try folder.makeLink("segments", to: "elsewhere")
    let result = numbers([folder.path])
    #expect(result.status == 74 && result.output == Self.failure)
    #expect(result.error.contains("\(folder.path)/segments: "), "\(result.error)")
  }

  /// Files of the guide's hot places, which are no places of `guide-ram`: an encoder that goes on below them makes names that are
  /// taken as soon as they come along.
  @Test(.requiresRoot) func namesBesideTheBucketsAreTaken() throws {
    let folder = try Folder()
    try folder.makeFile("segments/3/segment_41.ts")
    try folder.makeFile("segments/segment_57.ts")
    try folder.makeFile("metadata/capture_300.json")
    try folder.makeFolder("hot")
    try Shell.must(["mount", "-t", "tmpfs", "tmpfs", folder.path + "/hot"])
    defer { Shell.run(["umount", folder.path + "/hot"]) }
    let ofRAM = ["--layout", "guide-ram"]
    #expect(numbers([folder.path] + ofRAM).output == "next_segment=58\nnext_capture=301\n")
    let report = try HotColdBinary.migrate(folder.path, ofRAM, execute: false).report
    #expect(report["captures", 0, "nextNumbers", "segments"].int == 58)
  }

  /// What the service moves in the middle of the look is met where it was or where it goes, at whatever call it moves.
  @Test(.requires("strace")) func aFileThatIsMovedMeanwhileCounts() throws {
    let folder = try Folder()
    try folder.makeFile("segments/segment_41.ts")
    try folder.makeFile("segment_0.ts")
    try folder.makeFile("segments/3/segment_1.ts")
    var stops = 0
    for call in 1...100 {
      try Shell.must([
        "sh", "-c", "cd \(folder.path)/segments; mv -f 3/segment_41.ts . 2>&-; test -e segment_41.ts",
      ])
      let run = try Running([
        "strace", "-f", "-o", "/dev/null", "-e", "inject=getdents64:signal=SIGSTOP:when=\(call)",
        HotColdBinary.path, "next-numbers", folder.path,
      ])
      guard Self.waitForStop(of: run) else {
        #expect(run.wait().output == "next_segment=42\nnext_capture=0\n")
        break
      }
      stops += 1
      try Shell.must(["mv", folder.path + "/segments/segment_41.ts", folder.path + "/segments/3/"])
      // Each of its threads is stopped once.
      while run.isRunning {
        Shell.run(["pkill", "-CONT", "-f", "^\(HotColdBinary.path) next-numbers \(folder.path)$"])
        usleep(20_000)
      }
      #expect(run.wait().output == "next_segment=42\nnext_capture=0\n", "call \(call)")
    }
    #expect(stops > 3)
  }

  /// False where it ends without being stopped.
  private static func waitForStop(of strace: Running) -> Bool {
    var stopped = 0
    while strace.isRunning {
      let states = Shell.run(["ps", "-o", "stat=", "--ppid", "\(strace.processIdentifier)"]).output
      // A call that is traced takes far less than three looks.
      stopped = states.contains("t") || states.contains("T") ? stopped + 1 : 0
      if stopped == 5 { return true }
      usleep(20_000)
    }
    return false
  }

  /// By the names of the layout's kinds: those of one folder go on alike, segments by themselves.
  @Test func theReportHasThemByKind() throws {
    let folder = try Folder()
    let kinds = [
      ("video", "video_*.ts", "."), ("stills", "still_*.png", "shots"), ("small", "small_*.png", "shots"),
      ("sound", "sound_*.aac", "."),
    ]
    let text = kinds.map { name, match, flat in
      "  \(name): {match: \"\(match)\", flat: \(flat), hot: \(name), limit: 1\(name == "video" ? ", playlist: live.m3u8" : "")}\n"
    }
    try folder.makeFile("layout.yaml", contents: Array("buckets: hour\nkinds:\n\(text.joined())".utf8))
    for name: Bytes in ["video_7.ts", "sound_40.aac", "shots/still_5.png", "small/3/small_11.png"] {
      try folder.makeFile("capture/" + name, seconds: 3 * 3600)
    }
    let arguments = ["migrate", folder.path + "/capture", "--layout", folder.path + "/layout.yaml"]
    let report = try JSON(parsing: HotColdBinary.run(arguments + ["--format", "json"]).output)
    let next = report["captures", 0, "nextNumbers"]
    #expect(next["video"].int == 8 && next["sound"].int == 41)
    #expect(next["stills"].int == 12 && next["small"].int == 12)
    let printed = HotColdBinary.run(arguments).output
    #expect(printed.contains("next numbers   video 8, stills 12, sound 41 (ffmpeg"), "\(printed)")
  }

  @Test func badInput() throws {
    let folder = try Folder()
    #expect(numbers([folder.path]).status == 66)
    #expect(numbers([folder.path, "--captures-per-segment", "-1"]).status == 64)
    try folder.makeFile("segment_999999999999999999.ts")
    #expect(numbers([folder.path]).output.hasPrefix("next_segment=1000000000000000000\n"))
    #expect(numbers([folder.path, "--captures-per-segment", "1000"]).status == 1)
  }
}
