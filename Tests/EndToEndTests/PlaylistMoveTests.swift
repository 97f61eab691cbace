import Foundation
import TestKit
import Testing

/// Whether the live playlist moves: only together with what it lists, and an old one not at all.
@Suite struct PlaylistMoveTests {
  private static let quiet = 1_700_100_000

  private static func outcome(_ report: JSON) -> String? { report["captures", 0, "livePlaylist"].string }
  private static func errors(_ report: JSON) -> [String] {
    report["captures", 0].errors
  }

  @Test(arguments: [
    (["segment_000000001.m4s", "segment_000000002.m4s"], "#EXT-X-MAP:URI=\"init.mp4\"", ["init.mp4"]),
    (["output0.ts", "output1.ts"], "", []),
    (["variant.m3u8"], "", []),
    (["segment_1.ts", "audio_1.aac"], "", []),
    (["segment_1.ts"], "#EXT-X-KEY:METHOD=AES-128,URI=\"key.bin\"", ["key.bin"]),
  ])
  func aPlaylistStaysWithFilesThatStay(_ listed: [String], _ tag: String, _ others: [String]) throws {
    let folder = try Folder()
    for number in 0..<30 {
      try folder.makeFile(Bytes("segment_\(number + 100).ts"), seconds: 1_700_000_000 + number)
    }
    for name in listed + others { try folder.makeFile(Bytes(name), seconds: Self.quiet) }
    let text = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n\(tag)\n" + listed.map { "#EXTINF:1.0,\n\($0)\n" }.joined()
    try folder.makeFile("output.m3u8", seconds: Self.quiet, contents: Array(text.utf8))
    for execute in [false, true, true] {
      let (status, report) = try HotColdBinary.migrate(folder.path, execute: execute)
      #expect(status == 1)
      #expect(Self.outcome(report) == "held")
      let message = "\(folder.path)/output.m3u8: stays where it is, because it lists files that stay"
      #expect(Self.errors(report).count { $0.contains(message) } == 1, "\(Self.errors(report))")
    }
    for name in listed + others + ["output.m3u8"] { #expect(folder.exists(Bytes(name)), "\(name)") }
    #expect(folder.exists("segments/segment_129.ts") && folder.exists("segments/22/segment_100.ts"))
  }

  /// fMP4, and the names that ffmpeg gives unless told otherwise.
  @Test(
    .requires("ffmpeg"),
    arguments: [["-hls_segment_type", "fmp4", "-hls_segment_filename", "segment_%09d.m4s"], []])
  func aRealRecordingOfOtherNamesPlaysAsBefore(_ options: [String]) throws {
    let folder = try Folder()
    try Shell.must(
      [
        "ffmpeg", "-v", "error", "-f", "lavfi", "-t", "12", "-i", "testsrc=size=160x90:rate=10", "-c:v",
        "libx264",
        "-preset", "ultrafast", "-g", "10", "-f", "hls", "-hls_time", "1", "-hls_list_size", "0",
      ] + options + ["output.m3u8"], in: folder.path)
    #expect(ManifestTests.frames(folder.path + "/output.m3u8") == 120)
    let before = try Snapshot(folder.path).files
    #expect(try HotColdBinary.migrate(folder.path).status == 1)
    #expect(ManifestTests.frames(folder.path + "/output.m3u8") == 120)
    #expect(try Snapshot(folder.path).files == before)
  }

  /// A link is no segment that moves.
  @Test func aPlaylistStaysWithALink() throws {
    let folder = try Folder()
    for number in 0..<3 { try folder.makeFile(Bytes("segment_\(number).ts"), seconds: Self.quiet) }
    try folder.makeLink("segment_3.ts", to: "segment_2.ts")
    try folder.makePlaylist(listing: (0..<4).map { Bytes("segment_\($0).ts") })
    for execute in [false, true] {
      let (status, report) = try HotColdBinary.migrate(folder.path, execute: execute)
      #expect(status == 1 && Self.outcome(report) == "held" && report["captures", 0, "passes"].int! <= 2)
    }
    for number in 0..<4 { #expect(folder.exists(Bytes("segment_\(number).ts"))) }
  }

  /// The way back holds it, too.
  @Test func aRevertedPlaylistStaysWithFilesThatStay() throws {
    let folder = try Folder()
    for number in 0..<4 { try folder.makeFile(Bytes("segments/segment_\(number).ts"), seconds: Self.quiet) }
    try folder.makeFile("segments/audio_1.aac")
    try folder.makePlaylist("segments/output.m3u8", listing: ["segment_2.ts", "segment_3.ts", "audio_1.aac"])
    for options in [[], ["--execute", "--yes"]] {
      let result = HotColdBinary.run(["revert", folder.path, "--format", "json"] + options)
      let report = try JSON(parsing: result.output)
      #expect(result.status == 1 && Self.outcome(report) == "held", "\(result.output)")
      #expect(report["captures", 0, "total", "failed"].int == 2)
    }
    let paths = try Snapshot(folder.path).paths
    #expect(
      paths == [
        "segment_0.ts", "segment_1.ts", "segments/segment_2.ts", "segments/segment_3.ts",
        "segments/audio_1.aac",
        "segments/output.m3u8",
      ])
  }

  @Test func aPlaylistStaysWithASegmentWhoseNameIsTaken() throws {
    let trial = try Trial()
    let listed = try #require(SmallCapture.listed.first)
    try trial.folder.makeFile(Bytes("segments/\(listed)"), seconds: Self.quiet)
    let (status, report) = try HotColdBinary.migrate(trial.folder.path)
    #expect(status == 1 && Self.outcome(report) == "held")
    #expect(trial.folder.exists("output.m3u8") && trial.folder.exists(listed))
  }

  @Test func aPlaylistOfOtherFoldersStays() throws {
    let trial = try Trial()
    try trial.folder.remove("output.m3u8")
    try trial.folder.makePlaylist(listing: ["segments/segment_1.ts"])
    let (status, report) = try HotColdBinary.migrate(trial.folder.path)
    #expect(status == 1 && Self.outcome(report) == "held")
    #expect(Self.errors(report).contains { $0.contains("They are in other folders") })
  }

  /// Absolute URIs lead to the same place wherever the playlist is.
  @Test func aPlaylistOfAbsoluteURIsMoves() throws {
    let trial = try Trial()
    try trial.folder.remove("output.m3u8")
    try trial.folder.makePlaylist(listing: ["http://host/capture1/segment_1.ts", "/capture1/segment_2.ts"])
    let (status, report) = try HotColdBinary.migrate(trial.folder.path)
    #expect(status == 0 && Self.outcome(report) == "moved")
  }

  // MARK: superseded

  /// A capture after the cut-over of the recorder: it writes to segments/ now, and the old playlist is left.
  private func cutOver(oldEnds: Bool, secondsAgo: Int, targetSeconds: Int = 1) throws -> Folder {
    let folder = try Folder()
    let now = Int(Date().timeIntervalSince1970)
    for number in 0..<30 { try folder.makeFile(Bytes("segment_\(number).ts"), seconds: now - 100 + number) }
    let text =
      "#EXTM3U\n#EXT-X-TARGETDURATION:\(targetSeconds)\n"
      + (24..<30).map { "#EXTINF:1.0,\nsegment_\($0).ts\n" }.joined() + (oldEnds ? "#EXT-X-ENDLIST\n" : "")
    try folder.makeFile("output.m3u8", seconds: now - secondsAgo, contents: Array(text.utf8))
    for number in 30..<33 {
      try folder.makeFile(Bytes("segments/segment_\(number).ts"), seconds: now - 3 + number - 30)
    }
    try folder.makePlaylist("segments/output.m3u8", listing: (30..<33).map { Bytes("segment_\($0).ts") })
    try Shell.must(["touch", folder.path + "/segments/output.m3u8"])
    return folder
  }

  @Test(arguments: [(true, 2), (false, 20)])
  func anOldPlaylistIsKeptAside(_ ends: Bool, _ secondsAgo: Int) throws {
    let folder = try cutOver(oldEnds: ends, secondsAgo: secondsAgo)
    let old = try Snapshot(folder.path).entries["output.m3u8"]?.inode
    let dry = try HotColdBinary.migrate(folder.path, execute: false)
    #expect(dry.status == 0 && Self.outcome(dry.report) == "superseded")
    #expect(folder.exists("output.m3u8"))
    let (status, report) = try HotColdBinary.migrate(folder.path)
    #expect(status == 0 && Self.outcome(report) == "superseded", "\(Self.errors(report))")
    let after = try Snapshot(folder.path)
    #expect(after.entries["output.m3u8.old"]?.inode == old && !after.paths.contains("output.m3u8"))
    #expect(after.paths.contains("segments/segment_29.ts"))
    let again = try HotColdBinary.migrate(folder.path)
    #expect(again.status == 0 && again.report["changed"].bool == false)

    // The way back: the recorder writes to the flat places again.
    try folder.makePlaylist(listing: ["segment_32.ts"])
    try Shell.must(["touch", "-d", "+1 seconds", folder.path + "/output.m3u8"])
    try Shell.must(["touch", "-d", "-30 seconds", folder.path + "/segments/output.m3u8"])
    let written = try #require(try Snapshot(folder.path).entries["segments/output.m3u8"]).modifiedSeconds
    let revert = HotColdBinary.run(["revert", folder.path, "--execute", "--yes", "--format", "json"])
    #expect(revert.status == 0, "\(revert.output)")
    #expect(Self.outcome(try JSON(parsing: revert.output)) == "superseded")
    #expect(folder.exists("output.m3u8.old") && folder.exists("output.m3u8") && !folder.exists("segments"))
    let time = Shell.run(["date", "-u", "-d", "@\(written)", "+%Y%m%dT%H%M%SZ"]).output.trimmed
    #expect(folder.exists(Bytes("output.m3u8.\(time).old")))
  }

  /// Newer segments must not be in an archive before older ones, which would have to be put in between later.
  @Test func whatASupersededPlaylistListsIsNoHotterThanNewerSegments() throws {
    let folder = try cutOver(oldEnds: false, secondsAgo: 40)
    let now = Int(Date().timeIntervalSince1970)
    for number in 30..<33 { try folder.remove(Bytes("segments/segment_\(number).ts")) }
    for number in 30..<50 {
      try folder.makeFile(Bytes("segments/segment_\(number).ts"), seconds: now - 50 + number)
    }
    try folder.remove("segments/output.m3u8")
    try folder.makePlaylist("segments/output.m3u8", listing: (44..<50).map { Bytes("segment_\($0).ts") })
    try Shell.must(["touch", folder.path + "/segments/output.m3u8"])
    let (status, report) = try HotColdBinary.migrate(folder.path)
    #expect(status == 0 && Self.outcome(report) == "superseded", "\(Self.errors(report))")
    let hot = try Snapshot(folder.path).paths.filter {
      $0.folder == "segments" && $0 != "segments/output.m3u8"
    }
    #expect(hot == Set((40..<50).map { Bytes("segments/segment_\($0).ts") }))
    #expect(try HotColdBinary.migrate(folder.path).report["changed"].bool == false)
  }

  @Test(arguments: [(2, 1), (20, 10)])
  func aPlaylistThatMayStillBeWrittenIsAConflict(_ secondsAgo: Int, _ target: Int) throws {
    let folder = try cutOver(oldEnds: false, secondsAgo: secondsAgo, targetSeconds: target)
    let (status, report) = try HotColdBinary.migrate(folder.path)
    #expect(status == 1 && Self.outcome(report) == "conflict")
    #expect(folder.exists("output.m3u8") && !folder.exists("output.m3u8.old"))
    for number in 24..<30 {
      #expect(folder.exists(Bytes("segment_\(number).ts")), "whoever plays it finds them")
    }
  }

  @Test func nothingIsReplacedByAnOldPlaylist() throws {
    let folder = try cutOver(oldEnds: true, secondsAgo: 20)
    try folder.makeFile("output.m3u8.old")
    let written = try #require(try Snapshot(folder.path).entries["output.m3u8"]).modifiedSeconds
    let time = Shell.run(["date", "-u", "-d", "@\(written)", "+%Y%m%dT%H%M%SZ"]).output.trimmed
    try folder.makeFile(Bytes("output.m3u8.\(time).old"))
    let before = try Snapshot(folder.path).entries
    #expect(Self.outcome(try HotColdBinary.migrate(folder.path, execute: false).report) == "conflict")
    let (status, report) = try HotColdBinary.migrate(folder.path)
    #expect(status == 1 && Self.outcome(report) == "conflict")
    let after = try Snapshot(folder.path).entries
    for name: Bytes in ["output.m3u8", "output.m3u8.old"] {
      #expect(after[name]?.inode == before[name]?.inode)
    }
  }
}
