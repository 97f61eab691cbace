import Foundation
import TestKit
import Testing

/// Another program puts a file in the place of one that is about to be removed, or the run is killed at that moment: nothing that
/// was not looked at is removed.
@Suite(.requires("strace")) struct RemovalTests {
  #if arch(arm64)
    private static let (unlink, rename) = (35, 276)
  #else
    private static let (unlink, rename) = (263, 316)
  #endif

  /// A run of which the first call of this number takes three seconds to begin.
  private static func slowed(_ call: Int, _ arguments: [String]) throws -> Running {
    let name = call == unlink ? "unlinkat" : "renameat2"
    return try Running(
      [
        "strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=\(name)", "-e",
        "inject=\(name):delay_enter=3000000:when=1", HotColdBinary.path,
      ] + arguments + ["--execute", "--yes", "--engine", "syscalls"], environment: ["TZ": "UTC"])
  }

  /// Runs until that call, and does something before the kernel does.
  private static func meanwhile(
    _ call: Int, _ arguments: [String], _ body: (Running) throws -> Void
  ) throws -> Shell.Result {
    let run = try slowed(call, arguments)
    var isMet = false
    while run.isRunning, !isMet {
      let calls = try? String(contentsOfFile: "/proc/\(run.processIdentifier)/syscall", encoding: .utf8)
      isMet = calls?.hasPrefix("\(call) ") ?? false
      if isMet { try body(run) } else { usleep(500) }
    }
    #expect(isMet, "never came to call \(call)")
    return run.wait()
  }

  private static func replace(_ folder: Folder, _ name: String, _ contents: [UInt8]) throws {
    try folder.makeFile("new", contents: contents)
    try Shell.must(["mv", "-f", "\(folder.path)/new", "\(folder.path)/\(name)"])
  }

  private static func holds(_ folder: Folder, _ contents: [UInt8]) throws -> Bool {
    try Snapshot(folder.path).paths.contains {
      (try? InitializationTests.bytes(folder, $0.description)) == contents
    }
  }

  // MARK: init segments

  private static let (old, new) = (InitializationTests.contents(1), InitializationTests.contents(2))

  /// In the tiers, the init segment with its other name in the flat place.
  private static func cutOver() throws -> Folder {
    let folder = try Folder()
    for number in 0..<5 {
      try folder.makeFile(Bytes("segments/segment_\(number).m4s"), seconds: InitializationTests.hour + number)
    }
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:1,\nsegment_4.m4s\n"
    try folder.makeFile("segments/output.m3u8", contents: Array(text.utf8))
    try folder.makeFile("init.mp4", seconds: InitializationTests.hour, contents: old)
    try Shell.must(["ln", folder.path + "/init.mp4", folder.path + "/segments/init.mp4"])
    return folder
  }

  private static func revert(_ folder: Folder) -> [String] {
    ["revert", folder.path, "--layout", InitializationTests.layout]
  }

  @Test func anInitSegmentThatComesBeforeTheUnlinkStays() throws {
    let folder = try Self.cutOver()
    let result = try Self.meanwhile(Self.unlink, Self.revert(folder)) { _ in
      try Self.replace(folder, "segments/init.mp4", Self.new)
    }
    #expect(result.status == 1 && result.output.contains("files that stay (init.mp4)"), "\(result)")
    #expect(try InitializationTests.bytes(folder, "segments/init.mp4") == Self.new)
    #expect(try InitializationTests.bytes(folder, "init.mp4") == Self.old)
    #expect(folder.exists("segments/output.m3u8"), "it stays beside its own")
    #expect(try Snapshot(folder.path).leftovers.isEmpty)
  }

  @Test func anInitSegmentThatComesBeforeItIsSetAsideIsPutBack() throws {
    let folder = try Self.cutOver()
    let result = try Self.meanwhile(Self.rename, Self.revert(folder)) { _ in
      try Self.replace(folder, "segments/init.mp4", Self.new)
    }
    #expect(result.status == 1 && result.output.contains("init.mp4"), "\(result)")
    #expect(try InitializationTests.bytes(folder, "segments/init.mp4") == Self.new)
    #expect(try InitializationTests.bytes(folder, "init.mp4") == Self.old)
    #expect(folder.exists("segments/output.m3u8"), "it stays beside its own")
    #expect(try Snapshot(folder.path).leftovers.isEmpty)
  }

  @Test func aKilledRunIsMadeUpFor() throws {
    let folder = try Self.cutOver()
    let killed = try Self.meanwhile(Self.unlink, Self.revert(folder)) { $0.signal(SIGKILL) }
    #expect(killed.status == 128 + SIGKILL)
    #expect(folder.exists("segments/.init.mp4.aside.hotcold") && !folder.exists("segments/init.mp4"))
    let dryRun = HotColdBinary.run(Self.revert(folder))
    #expect(dryRun.status == 0 && !dryRun.output.contains("unrecognised"), "\(dryRun)")
    let again = HotColdBinary.run(Self.revert(folder) + ["--execute", "--yes"])
    #expect(again.status == 0, "\(again)")
    #expect(try InitializationTests.bytes(folder, "init.mp4") == Self.old)
    #expect(!folder.exists("segments"))
  }

  /// Older segments may have been made with the one that was set aside.
  @Test func aKilledRunAndARecorderThatWritesAnother() throws {
    let folder = try Self.cutOver()
    _ = try Self.meanwhile(Self.unlink, Self.revert(folder)) { $0.signal(SIGKILL) }
    try folder.remove("init.mp4")
    try folder.makeFile("segments/init.mp4", contents: Self.new)
    let again = HotColdBinary.run(Self.revert(folder) + ["--execute", "--yes"])
    #expect(again.status == 0, "\(again)")
    #expect(try InitializationTests.bytes(folder, "init.mp4") == Self.new)
    #expect(try InitializationTests.bytes(folder, "init.20231114T222000Z.mp4") == Self.old)
    #expect(!folder.exists("segments"))
  }

  @Test func aFileInThePlaceOfACopyStays() throws {
    let folder = try Folder()
    try InitializationTests.record(folder, 0..<5, 1, from: InitializationTests.hour)
    #expect(InitializationTests.migrate(folder).status == 0)
    // A reversion removes copies before playlists.
    let result = try Self.meanwhile(Self.unlink, Self.revert(folder)) { _ in
      try Self.replace(folder, InitializationTests.copy, Self.new)
    }
    #expect(result.status == 0, "\(result)")
    #expect(try Self.holds(folder, Self.new) && Self.holds(folder, Self.old))
  }

  @Test func aCopyThatWasSetAsideIsPutBack() throws {
    let folder = try Folder()
    try InitializationTests.record(folder, 0..<5, 1, from: InitializationTests.hour)
    #expect(InitializationTests.migrate(folder).status == 0)
    let before = try Snapshot(folder.path)
    try Shell.must([
      "mv", "\(folder.path)/\(InitializationTests.copy)",
      "\(folder.path)/segments/.init.20231114T222000Z.mp4.aside.hotcold",
    ])
    #expect(InitializationTests.migrate(folder).status == 0)
    #expect(try Snapshot(folder.path).contents == before.contents)
  }

  /// Where a rename may replace, the second name goes by a look and an unlink.
  @Test func withoutRenamesThatRefuseToReplaceASecondNameGoes() throws {
    let folder = try Self.cutOver()
    let result = Shell.run(
      [
        "strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=renameat2", "-e",
        "inject=renameat2:error=EINVAL",
        HotColdBinary.path,
      ] + Self.revert(folder) + ["--execute", "--yes", "--engine", "syscalls", "--link-fallback"],
      environment: ["TZ": "UTC"])
    #expect(result.status == 0, "\(result)")
    #expect(try InitializationTests.bytes(folder, "init.mp4") == Self.old)
    #expect(!folder.exists("segments"))
  }

  // MARK: playlists

  /// In the first folder: of those that are empty, `unlinkat` is called as well.
  private static func archived() throws -> Folder {
    let folder = try Folder()
    try folder.makeFile("segment_1.ts", seconds: 1_699_920_000)  // 00:00 UTC
    #expect(try HotColdBinary.migrate(folder.path, ["--hot", "segments=0"]).status == 0)
    return folder
  }

  @Test(arguments: [true, false]) func aPlaylistOfAnotherProgramStays(replaced: Bool) throws {
    let folder = try Self.archived()
    let text = Array("by hand".utf8)
    let result = try Self.meanwhile(Self.unlink, ["revert", folder.path]) { run in
      try Self.replace(folder, "segments/0/archive.m3u8", text)
      if !replaced { run.signal(SIGKILL) }
    }
    #expect(result.status == (replaced ? 0 : 128 + SIGKILL), "\(result)")
    #expect(try Self.holds(folder, text))
    let again = HotColdBinary.run(["revert", folder.path, "--execute", "--yes"])
    #expect(again.status == 0, "\(again)")
    #expect(try Self.holds(folder, text) && folder.exists("segment_1.ts"))
    #expect(try Snapshot(folder.path).leftovers.isEmpty)
  }

  /// As a run leaves it that was killed after it had set aside what another program had just written.
  @Test(arguments: ["migrate", "revert"]) func aForeignPlaylistThatWasSetAsideIsPutBack(command: String)
    throws
  {
    let folder = try Self.archived()
    let text = Array("by hand".utf8)
    try folder.remove("segments/0/archive.m3u8")
    try folder.makeFile("segments/0/.archive.m3u8.aside.hotcold", contents: text)
    let first = HotColdBinary.run([command, folder.path, "--execute", "--yes"])
    #expect(first.status < 2, "\(first)")
    #expect(try Self.holds(folder, text))
    _ = HotColdBinary.run([command, folder.path, "--execute", "--yes"])
    #expect(try Self.holds(folder, text))
  }

  /// The same, and that program has written another one since: both stay, and the hour's own playlist does not come between.
  @Test(arguments: [[], ["--execute", "--yes"]]) func twoForeignPlaylistsOfOneNameStay(_ mode: [String])
    throws
  {
    let folder = try Self.archived()
    let (first, second) = (Array("by hand".utf8), Array("again".utf8))
    for (name, text) in [("archive.m3u8", second), (".archive.m3u8.aside.hotcold", first)] {
      let path = Bytes("segments/0/" + name)
      if folder.exists(path) { try folder.remove(path) }
      try folder.makeFile(path, contents: text)
    }
    let result = HotColdBinary.run(["migrate", folder.path, "--hot", "segments=0"] + mode)
    #expect(
      result.status == 1 && result.output.contains(".archive.m3u8.aside.hotcold: not written by hotcold"),
      "\(result)")
    #expect(HotColdBinary.run(["revert", folder.path] + mode).status < 2)
    #expect(try Self.holds(folder, first) && Self.holds(folder, second))
  }

  /// Of no program's but the user's, whatever the names: they stay.
  @Test func filesOfOthersUnderTemporaryNamesStay() throws {
    let folder = try Self.archived()
    let mine = Array("mine".utf8)
    try folder.makeFile("segments/0/.archive.m3u8.hotcold", contents: mine)
    let result = HotColdBinary.run(["migrate", folder.path, "--hot", "segments=0", "--execute", "--yes"])
    #expect(
      result.status == 1 && result.output.contains(".archive.m3u8.hotcold: not written by hotcold"),
      "\(result)")
    #expect(try InitializationTests.bytes(folder, "segments/0/.archive.m3u8.hotcold") == mine)
    // What a power cut may leave of one that was being written.
    for left in [[], [0, 0, 0], Array("#EXTM3U".utf8)] {
      try folder.remove("segments/0/.archive.m3u8.hotcold")
      try folder.makeFile("segments/0/.archive.m3u8.hotcold", contents: left)
      #expect(try HotColdBinary.migrate(folder.path, ["--hot", "segments=0"]).status == 0)
      #expect(!folder.exists("segments/0/.archive.m3u8.hotcold"))
      try folder.makeFile("segments/0/.archive.m3u8.hotcold", contents: [])
    }
  }
}
