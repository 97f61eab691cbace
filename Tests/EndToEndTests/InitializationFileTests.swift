import Foundation
import TestKit
import Testing

/// The init file of fragmented MP4, which cannot be moved.
@Suite struct InitializationFileTests {
  private static let layout = LayoutFile.installed("ffmpeg-fmp4")
  private static let listed = 25..<30

  /// A stream of 30 segments, flat or with its newest ones and its playlist in the hot folder.
  private static func make(in folder: Folder, hot: Bool) throws {
    let prefix = hot ? "segments/" : ""
    for number in 0..<30 {
      let bucket = hot && number < 20 ? "7/" : ""
      try folder.makeFile(
        Bytes("\(prefix)\(bucket)segment_\(number).m4s"), seconds: 1_769_929_200 + number * 60)
    }
    var text = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:60\n#EXT-X-MAP:URI=\"init.mp4\"\n"
    for number in listed { text += "#EXTINF:60,\nsegment_\(number).m4s\n" }
    try folder.makeFile(Bytes("\(prefix)output.m3u8"), contents: Array(text.utf8))
    try folder.makeFile(Bytes("\(prefix)init.mp4"))
  }

  private static func other(in folder: borrowing Folder) throws -> String {
    try LayoutFile.edited(
      [("hot: segments", "hot: video/now\n    cold: video/old"), ("buckets: hour", "buckets: date-hour")],
      of: "ffmpeg-fmp4", in: folder)
  }

  /// From flat, from the hot folder of another layout, and back to flat.
  @Test(.requiresMounting, .requires("chattr"), arguments: ["migrate", "from", "revert"])
  func anImmutableOneIsNamedAndASecondRunEnds(command: String) throws {
    stayWithinTheHour()
    let fileSystem = try MountedFileSystem("ext4", megabytes: 64)
    defer { withExtendedLifetime(fileSystem) {} }
    let folder = try Folder(in: fileSystem.path)
    let isHot = command != "migrate"
    try Self.make(in: folder, hot: isHot)
    let layouts = try Folder()
    let other = try Self.other(in: layouts)
    let arguments =
      switch command {
      case "migrate": ["migrate", folder.path, "--layout", Self.layout]
      case "from": ["migrate", folder.path, "--from", Self.layout, "--layout", other]
      default: ["revert", folder.path, "--layout", Self.layout]
      }
    let initialization = folder.path + (isHot ? "/segments/init.mp4" : "/init.mp4")
    try Shell.must(["chattr", "+i", initialization])
    defer { Shell.run(["chattr", "-i", initialization]) }
    #expect(
      Shell.run(["ln", initialization, folder.path + "/another"]).status != 0, "the file is not immutable")
    let before = try Snapshot(folder.path)

    let first = HotColdBinary.run(arguments + ["--execute", "--yes", "--format", "json"])
    #expect(first.status == 1, "\(first)")
    let report = try JSON(parsing: first.output)["captures", 0]
    let said = report.errors.filter { $0.contains(initialization) && $0.contains("Operation not permitted") }
    #expect(said.count == 1, "\(report.errors)")
    #expect(report.errors.contains { $0.contains("chattr -i") }, "\(report.errors)")
    #expect(report["livePlaylist"].string == "failed", "\(first.output)")
    #expect(try Snapshot(folder.path).contents == before.contents)
    let old: Bytes = isHot ? "segments/" : ""
    #expect(folder.exists(old + "output.m3u8"), "it stays beside it")
    // SPEC: where the live playlist stays, so do the segments that it lists.
    #expect(Self.listed.allSatisfy { folder.exists(old + Bytes("segment_\($0).m4s")) })
    let again = HotColdBinary.run(arguments + ["--execute", "--yes"])
    #expect(again.status == 1 && again.output.contains("init.mp4"), "\(again)")
    #expect(try Snapshot(folder.path).contents == before.contents)

    try Shell.must(["chattr", "-i", initialization])
    let last = HotColdBinary.run(arguments + ["--execute", "--yes"])
    #expect(last.status == 0, "\(last)")
    let after = try Snapshot(folder.path)
    #expect(after.contents == before.contents)
    let place: Bytes =
      switch command {
      case "migrate": "segments/"
      case "from": "video/now/"
      default: ""
      }
    #expect(after.paths.contains(place + "init.mp4") && after.paths.contains(place + "output.m3u8"))
    for number in Self.listed { #expect(after.paths.contains(place + Bytes("segment_\(number).m4s"))) }
    switch command {
    case "migrate": #expect(HotColdBinary.run(["verify", folder.path, "--layout", Self.layout]).status == 0)
    case "from":
      #expect(HotColdBinary.run(["verify", folder.path, "--layout", other]).status == 0)
      #expect(!folder.exists("segments"))
    default: #expect(!folder.exists("segments"))
    }
  }
}
