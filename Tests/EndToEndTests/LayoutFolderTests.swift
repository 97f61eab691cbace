import Foundation
import TestKit
import Testing

/// From the folders of one layout to those of another, kind by kind.
@Suite struct LayoutFolderTests {
  private static func run(_ arguments: String...) -> Shell.Result { HotColdBinary.run(arguments) }

  /// The folders of all other kinds are those of both layouts: nothing in them may be touched.
  @Test(arguments: [[], ["--on-conflict", "rename"], ["--link-fallback"]])
  func aChangeOfOneKindsFoldersLeavesTheOthersAlone(options: [String]) throws {
    stayWithinTheHour()
    let trial = try Trial()
    let capture = trial.folder.path
    let layouts = try Folder()
    let other = try LayoutFile.edited([("hot: segments", "hot: video/seg")], in: layouts)
    #expect(Self.run("migrate", capture, "--execute", "--yes").status == 0)
    // Names that have a second one elsewhere: that a file has two links proves nothing about these folders.
    let backup = try Folder()
    try Shell.must(["cp", "-al", capture, backup.path + "/backup"])
    let before = try Snapshot(capture)
    let there = HotColdBinary.run(
      ["migrate", capture, "--from", "guide", "--layout", other, "--execute", "--yes"] + options)
    #expect(there.status == 0, "\(there)")
    let after = try Snapshot(capture)
    #expect(
      after.paths
        == Set(
          before.paths.map {
            $0.description.hasPrefix("segments/") ? Bytes("video/seg" + $0.description.dropFirst(8)) : $0
          }))
    for (path, time) in before.changeTimes {
      guard ["captures/", "thumbnails/", "metadata/"].contains(where: path.description.hasPrefix) else {
        continue
      }
      #expect(after.changeTimes[path] == time, "\(path)")
    }
    #expect(!after.entries.keys.contains("segments"), "nothing needs it any more")
    #expect(!after.manifests.isEmpty)
    #expect(Self.run("verify", capture, "--layout", other).status == 0)
    let again = HotColdBinary.run(
      ["migrate", capture, "--from", "guide", "--layout", other, "--execute", "--yes"] + options)
    #expect(again.status == 0, "\(again)")
    #expect(try Snapshot(capture).changeTimes == after.changeTimes)
    #expect(Self.run("revert", capture, "--layout", other, "--execute", "--yes").status == 0)
    #expect(try Snapshot(capture).entries == trial.before.entries)
  }

  /// The live playlist goes with the segments that it lists, from one hot folder to another.
  @Test func theLivePlaylistComesAlongFromAnotherLayout() throws {
    stayWithinTheHour()
    let trial = try Trial()
    let capture = trial.folder.path
    let layouts = try Folder()
    let other = try LayoutFile.edited(
      [
        ("hot: segments", "hot: video"),
        ("playlist: output.m3u8", "playlist: output.m3u8\n    init: init.mp4"),
      ],
      in: layouts)
    try trial.folder.makeFile("init.mp4", seconds: 1_700_000_000)
    #expect(Self.run("migrate", capture, "--execute", "--yes").status == 0)
    try Shell.must(["mv", capture + "/init.mp4", capture + "/segments/init.mp4"])
    let there = Self.run("migrate", capture, "--from", "guide", "--layout", other, "--execute", "--yes")
    #expect(there.status == 0, "\(there)")
    #expect(trial.folder.exists("video/output.m3u8") && trial.folder.exists("video/init.mp4"))
    #expect(!trial.folder.exists("segments"))
    #expect(Self.run("verify", capture, "--layout", other).status == 0)
  }

  /// Which of several files of one name gets it depends on no timing: every engine leaves the same tree.
  @Test(.requiresIOUring, arguments: [[], ["--on-conflict", "rename"]])
  func namesTakenTwiceEndAlikeOnEveryEngine(options: [String]) throws {
    func settled(_ engine: String) throws -> [Bytes: UInt64] {
      let folder = try Folder()
      for day in 0..<40 {
        let seconds = 1_700_000_000 + day * 86_400
        let date = Shell.run(["date", "-u", "-d", "@\(seconds)", "+%F/%H"]).output.dropLast()
        for number in 0..<3 {
          try folder.makeFile(
            Bytes("segments/\(date)/segment_\(number).ts"), seconds: seconds, contents: Array("\(day)".utf8))
        }
      }
      let result = HotColdBinary.run(
        ["migrate", folder.path, "--from", LayoutFile.byDate, "--time-zone", "UTC", "--execute", "--yes"]
          + ["--engine", engine] + options)
      #expect(result.status == (options.isEmpty ? 1 : 0), "\(result)")
      return try Snapshot(folder.path).files.mapValues(\.contentHash)
    }
    let expected = try settled("syscalls")
    for _ in 0..<5 { #expect(try settled("io_uring") == expected) }
  }
}
