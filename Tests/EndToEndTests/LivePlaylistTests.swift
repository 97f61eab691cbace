import Foundation
import TestKit
import Testing

/// Live playlists that are large, broken, or being written.
@Suite struct LivePlaylistTests {
  static let bytesMax = 64 << 20

  /// What keeps a segment hot beyond the limit is the playlist alone here.
  static let options = ["--hot", "segments=0"]

  static func criterion(_ id: String, _ capture: String, _ options: [String] = []) throws -> (Int32, JSON) {
    let result = HotColdBinary.run(["verify", capture, "--format", "json"] + options)
    let criteria = try JSON(parsing: result.output)["captures", 0, "criteria"].array
    return (result.status, try #require(criteria.first { $0["id"].string == id }))
  }

  @Test(arguments: ["output.m3u8", "segments/output.m3u8"])
  func noSegmentMovesBesideAPlaylistThatIsTooLarge(playlist: String) throws {
    let trial = try Trial()
    try trial.folder.remove("output.m3u8")
    try trial.folder.makeFolder("segments")
    let path = trial.folder.path + "/" + playlist
    try Shell.must(["truncate", "-s", "\(Self.bytesMax + 1)", path])
    let before = try Snapshot(trial.folder.path).paths
    let segments = before.filter { $0.folder == "" && $0.name != "output.m3u8" }
    for execute in [false, true] {
      let (status, report) = try HotColdBinary.migrate(trial.folder.path, execute: execute)
      #expect(status == 1)
      let errors = report["captures", 0].errors
      #expect(errors.contains { $0.contains("\(path): larger than 64.0 MiB") }, "\(errors)")
      #expect(report["captures", 0, "kinds", "segments", "counts", "moved"].int == 0)
      #expect(report["captures", 0, "kinds", "captures", "counts", "moved"].int == 50)
    }
    let after = try Snapshot(trial.folder.path).paths
    #expect(segments.isSubset(of: after) && after.contains(Bytes(playlist)))
    #expect(after.contains { $0.folder == "captures/22" })
    let (status, criterion) = try Self.criterion("livePlaylist", trial.folder.path)
    #expect(status == 1 && criterion["met"].bool == false)

    // Nor does the service move or delete one.
    try trial.folder.makeFile("segments/22/segment_9999.ts", seconds: 1_700_000_000)
    let round = HotColdBinary.run([
      "archive", trial.folder.path, "--once", "--retain", "segments=1h", "--force-retention",
    ])
    #expect(round.status == 1 && round.error.contains("larger than 64.0 MiB"), "\(round)")
    #expect(
      segments.union(["segments/22/segment_9999.ts"]).isSubset(of: try Snapshot(trial.folder.path).paths))

    // Once it is shorter, everything goes its way.
    try Shell.must(["truncate", "-s", "0", path])
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    #expect(try Snapshot(trial.folder.path).paths.filter { $0.folder == "" }.isEmpty)
  }

  /// 16 MiB; hundreds of megabytes where each name is held.
  @Test func aLargePlaylistTakesLittleMemory() throws {
    let trial = try Trial()
    try trial.folder.remove("output.m3u8")
    var text = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n"
    for name in SmallCapture.listed { text += "#EXTINF:1.0,\n\(name)\n" }
    for number in 1_000_000..<1_400_000 { text += "#EXTINF:1.000000,\nhttp://host/segment_\(number).ts\n" }
    try trial.folder.makeFile("output.m3u8", contents: Array(text.utf8))
    let (status, report) = try HotColdBinary.migrate(trial.folder.path, Self.options)
    #expect(status == 0)
    #expect(try #require(report["peakResidentBytes"].int) < 150 << 20)
    let paths = try Snapshot(trial.folder.path).paths
    #expect(SmallCapture.listed.allSatisfy { paths.contains("segments/" + $0) })
    #expect(paths.count { $0.folder == "segments" } == SmallCapture.listed.count + 1)
  }

  /// Names that no file can have are missing, no more.
  @Test func listedNamesThatNoFileCanHaveAreMissing() throws {
    let trial = try Trial()
    try trial.folder.remove("output.m3u8")
    let long = String(repeating: "x", count: 300)
    let text =
      "#EXTM3U\n#EXTINF:1,\nsegment_59.ts\n#EXTINF:1,\nsegment_\(long).ts\n#EXTINF:1,\nsegment_58.ts\0y\n"
    try trial.folder.makeFile("output.m3u8", contents: Array(text.utf8))
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    let (status, criterion) = try Self.criterion("livePlaylist", trial.folder.path)
    #expect(status == 1 && criterion["met"].bool == false)
    #expect(criterion["figures", "listed"].int == 3 && criterion["figures", "missing"].int == 2)
  }

  /// An encoder that does not rename its playlist into place: it truncates it and writes it in pieces.
  @Test func noListedSegmentGoesColdWhileThePlaylistIsRewrittenInPlace() throws {
    let trial = try Trial()
    let path = trial.folder.path + "/output.m3u8"
    let writer = try Running([
      "sh", "-c",
      """
      while true; do
        { printf '#EXTM3U\\n#EXT-X-VERSION:3\\n'; sleep 0.03
          for n in 55 56; do printf '#EXTINF:1.0,\\nsegment_%s.ts\\n' $n; done; sleep 0.03
          for n in 57 58; do printf '#EXTINF:1.0,\\nsegment_%s.ts\\n' $n; done; sleep 0.03
          printf '#EXTINF:1.0,\\nsegment_59'; sleep 0.03; printf '.ts\\n'
        } > '\(path)'
        sleep 0.15
      done
      """,
    ])
    defer { writer.signal(SIGKILL) }
    var incomplete = 0
    for run in 1...25 {
      if try !String(contentsOfFile: path, encoding: .utf8).hasSuffix("segment_59.ts\n") { incomplete += 1 }
      let (status, _) = try HotColdBinary.migrate(trial.folder.path, Self.options + ["--keep-live"])
      #expect(status == 0)
      let there = SmallCapture.listed.filter { trial.folder.exists($0) }
      #expect(there == SmallCapture.listed, "run \(run)")
      if there != SmallCapture.listed { return }
    }
    #expect(writer.isRunning && incomplete > 0, "no run met a playlist that is being written")
  }

  /// What a link leads to is played as well. One that keeps the old URL does not keep anything else from being done.
  @Test(arguments: ["segments/output.m3u8", "output.m3u8"])
  func segmentsThatAreListedBehindALinkStayHotAndAreNotDeleted(
    link: Bytes
  ) throws {
    let trial = try Trial()
    try trial.folder.makeFolder("segments")
    try trial.folder.makeFolder("elsewhere")
    try Shell.must(["mv", trial.folder.path + "/output.m3u8", trial.folder.path + "/elsewhere/live.m3u8"])
    try trial.folder.makeLink(link, to: trial.folder.path + "/elsewhere/live.m3u8")
    let migrate = HotColdBinary.run(["migrate", trial.folder.path, "--execute", "--yes"] + Self.options)
    #expect(migrate.status == 0, "\(migrate)")
    let paths = try Snapshot(trial.folder.path).paths
    #expect(SmallCapture.listed.allSatisfy { paths.contains("segments/" + $0) })
    #expect(paths.contains { $0.folder == "segments/22" })
    let round = HotColdBinary.run(
      ["archive", "--once", trial.folder.path, "--retain", "segments=1h", "--force-retention"] + Self.options)
    #expect(round.status == 0, "\(round)")
    let left = try Snapshot(trial.folder.path).paths
    #expect(SmallCapture.listed.allSatisfy { left.contains("segments/" + $0) })
    #expect(!left.contains { $0.folder == "segments/22" })
    let verify = HotColdBinary.run(["verify", trial.folder.path, "--no-manifests"] + Self.options)
    // A link in a flat place stays there, which is said.
    #expect(verify.status == (link.folder == "" ? 1 : 0), "\(verify)")
    #expect(verify.output.contains("listed \(SmallCapture.listed.count),"), "\(verify)")
  }

  /// What a link leads to may list any segment if this user may not read it. A link that leads to no file lists none.
  @Test(.requiresRoot) func whatALinkLeadsToMustBeReadable() throws {
    let trial = try Trial()
    let tools = try Folder()
    try trial.folder.remove("output.m3u8")
    try tools.makeFile("live.m3u8", contents: Array("#EXTM3U\n".utf8))
    try trial.folder.makeLink("output.m3u8", to: tools.path + "/live.m3u8")
    try Shell.must(["chown", "-R", "nobody", trial.folder.path])
    try Shell.must(["chmod", "600", tools.path + "/live.m3u8"])
    let command = try BadInputTests.commandOfNobody(trial, tools)
    let before = try Snapshot(trial.folder.path).paths
    let result = Shell.run(command)
    #expect(result.status == 77 && result.output.contains("output.m3u8: Permission denied"), "\(result)")
    #expect(before.filter { $0.folder == "" }.isSubset(of: try Snapshot(trial.folder.path).paths))
    try trial.folder.remove("output.m3u8")
    for target in ["/none", "/dev/null", tools.path, trial.folder.path + "/output.m3u8"] {
      try trial.folder.makeLink("output.m3u8", to: target)
      #expect(Shell.run(command).status == 0, "\(target)")
      try trial.folder.remove("output.m3u8")
    }
  }

  /// RFC 3986: `%20` is how a URI names a blank, and `#` begins a fragment. ffmpeg writes names as they are. Players overlook blanks
  /// around a line.
  @Test func segmentsThatAreListedInOtherWaysStayHotAndAreNotDeleted() throws {
    let folder = try Folder()
    let names: [Bytes] = [
      "segment_cam a_0.ts", "segment_1.ts", "segment_2.ts", "segment_3.ts", "segment_5%20b.ts",
      "segment_\u{fc}_6.ts", "segment_8.ts", "segment_9.ts", "segment_10.ts",
    ]
    let uris = [
      "segment_cam%20a_0.ts", "seg%6Dent_1.ts", "..%2Fsegment_2.ts", "segment_3.ts#t=1", "segment_5%20b.ts",
      "https://host/a/segment_%c3%BC_6.ts?x=%41#y", "segment_8.ts ",
      "\tsegment_9.ts \t\r", "  ./segment_10.ts",
    ]
    for (number, name) in (names + ["segment_7.ts"]).enumerated() {
      try folder.makeFile(name, seconds: 1_700_000_000 + number)
    }
    let text = "#EXTM3U\n" + uris.map { "#EXTINF:1.5,\n\($0)\n" }.joined()
    try folder.makeFile("output.m3u8", contents: Array(text.utf8))
    #expect(try HotColdBinary.migrate(folder.path, Self.options).status == 0)
    let paths = try Snapshot(folder.path).paths
    for name in names { #expect(paths.contains("segments/" + name), "\(name)") }
    #expect(paths.contains("segments/22/segment_7.ts"))
    let (status, criterion) = try Self.criterion("livePlaylist", folder.path, Self.options)
    #expect(status == 0 && criterion["figures", "listed"].int == names.count)
    // Even of those that somebody has put in an hour folder.
    for name in names {
      #expect(
        rename(folder.path("segments/" + name).description, folder.path("segments/22/" + name).description)
          == 0)
    }
    _ = ArchiverTests.once([folder.path, "--retain", "segments=24h", "--force-retention"] + Self.options)
    let left = try Snapshot(folder.path).paths
    #expect(
      names.allSatisfy { left.contains("segments/22/" + $0) } && !left.contains("segments/22/segment_7.ts"))
  }

  @Test func somethingElseOfItsNameIsUnrecognised() throws {
    let trial = try Trial()
    try trial.folder.remove("output.m3u8")
    try trial.folder.makeLink("output.m3u8", to: "/dev/null")
    let (status, report) = try HotColdBinary.migrate(trial.folder.path)
    #expect(status == 0 && report["captures", 0, "unrecognised", "count"].int == 1)
    #expect(report["captures", 0, "livePlaylist"].string == "absent")
  }
}
