import Foundation
import TestKit
import Testing

/// What a list of captures may hold, on the command line and in the service.
@Suite struct CapturesFromTests {
  private let folder: Folder

  init() throws { folder = try Folder() }

  private func makeList(_ text: String) throws -> String {
    try folder.makeFile("active_captures.conf", contents: Array(text.utf8))
    return folder.path + "/active_captures.conf"
  }

  private func reported(_ result: Shell.Result) throws -> [String] {
    try JSON(parsing: result.output)["captures"].array.compactMap { $0["capture", "text"].string }
  }

  private func expectSettled(_ names: [String], sourceLocation: SourceLocation = #_sourceLocation) throws {
    for name in names {
      let paths = try Snapshot("\(folder.path)/\(name)").paths.filter { $0.name != "archive.m3u8" }
      #expect(paths.isSuperset(of: SmallCapture.settled()), "\(name)", sourceLocation: sourceLocation)
    }
  }

  @Test func theLinesOfARecorderAreRead() throws {
    for name: Bytes in ["capture1", "capture2", "odd,name*"] { try SmallCapture.make(in: folder, at: name) }
    let base = folder.path
    let list = try makeList(
      """
      # folder,PID,quality
      \(base)/capture1,12345,hd
      \(base)/capture2,12346,sd
      \(base)/capture1
      \(base)/odd,name*
      \(base)/gone,12347,hd
      \(base)/nothing*

      """)
    let result = HotColdBinary.run(
      ["migrate", "--captures-from", list, "--execute", "--yes", "--format", "json"])
    #expect(result.status == 66)
    #expect(
      try reported(result) == ["capture1", "capture2", "odd,name*", "gone"].map { "\(base)/\($0)" })
    try expectSettled(["capture1", "capture2", "odd,name*"])
    #expect(result.error.contains("ERROR \(base)/gone: no such folder"), "\(result.error)")
    #expect(result.error.contains("WARNING \(list): no folder matches \(base)/nothing*"), "\(result.error)")
  }

  @Test(arguments: ["migrate", "archive"]) func aPatternIsEveryFolderThatItMatches(command: String) throws {
    for name: Bytes in ["capture1", "capture10", "capture2"] { try SmallCapture.make(in: folder, at: name) }
    try folder.makeFile("capture-notes.txt")
    let list = try makeList("\(folder.path)/capture*\n")
    let options = command == "migrate" ? ["--execute", "--yes", "--format", "json"] : ["--once"]
    let result = HotColdBinary.run([command, "--captures-from", list] + options)
    #expect(result.status == 0, "\(result.error)")
    if command == "migrate" {
      #expect(try reported(result) == ["capture1", "capture10", "capture2"].map { "\(folder.path)/\($0)" })
    }
    try expectSettled(["capture1", "capture10", "capture2"])
  }

  /// A volume that is an ext4 of its own has that folder, where only root may look into it.
  @Test(arguments: [["migrate"], ["verify"], ["archive", "--once"]])
  func aPatternPassesOverLostAndFound(command: [String]) throws {
    try SmallCapture.make(in: folder, at: "volume/capture1")
    try folder.makeFolder("volume/lost+found", mode: 0o700)
    let volume = folder.path + "/volume"
    let list = try makeList("\(volume)/*\n")
    try #require(HotColdBinary.run(["migrate", "\(volume)/capture1", "--execute", "--yes"]).status == 0)
    let result = HotColdBinary.run(command + ["--captures-from", list])
    #expect(result.status == 0, "\(result.error)")
    #expect(!result.error.contains("lost+found"), "\(result.error)")
    // By its name it is a folder as any other.
    let named = HotColdBinary.run(command + [volume + "/lost+found"])
    #expect(named.status == 66 && named.error.contains("not a capture"), "\(named)")
  }

  @Test func theServiceReadsTheLinesOfARecorder() throws {
    try SmallCapture.make(in: folder, at: "capture1")
    let list = try makeList("\(folder.path)/capture1,12345,hd\n\(folder.path)/nothing*\n")
    let result = HotColdBinary.run(["archive", "--once", "--captures-from", list])
    #expect(result.status == 0, "\(result.error)")
    #expect(
      result.error.contains("WARNING \(list): no folder matches \(folder.path)/nothing*"), "\(result.error)")
    try expectSettled(["capture1"])
  }

  @Test func whatIsRelativeBeginsAtTheWorkingFolder() throws {
    for name: Bytes in ["capture1", "capture2", "capture3"] { try SmallCapture.make(in: folder, at: name) }
    _ = try makeList("capture1,1,hd\n./capture[2]\n")
    let result = Shell.run(
      [
        HotColdBinary.path, "migrate", "capture3", "./capture3/", "--captures-from", "active_captures.conf",
        "--format",
        "json",
      ], environment: ["TZ": "UTC"], in: folder.path)
    #expect(result.status == 0, "\(result.error)")
    #expect(try reported(result) == ["capture3", "capture1", "capture2"].map { "\(folder.path)/\($0)" })
  }

  /// An empty name is a variable that was not set, never the folder that one happens to be in.
  @Test(arguments: ["migrate", "verify", "revert", "archive"]) func anEmptyNameIsRefused(command: String)
    throws
  {
    try SmallCapture.make(in: folder)
    let before = try Snapshot(folder.path)
    let options = [
      "migrate": ["--execute", "--yes"], "revert": ["--execute", "--yes"], "archive": ["--once"],
    ]
    let result = Shell.run(
      [HotColdBinary.path, command, ""] + (options[command] ?? []), environment: ["TZ": "UTC"],
      in: folder.path)
    #expect(result.status == 64 && result.error.contains("the path is empty"), "\(result.error)")
    #expect(try Snapshot(folder.path).changeTimes == before.changeTimes)
  }
}
