import Foundation
import TestKit
import Testing

/// The playlists of the hour folders.
@Suite struct ManifestTests {
  static let archive = Bytes("segments/22/archive.m3u8")

  /// Every playlist of an hour folder below a capture.
  static func archives(_ capture: String) -> [String] {
    (0..<24).flatMap { hour in
      let folder = "\(capture)/segments/\(hour)"
      return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted()
        .filter { $0.hasPrefix("archive") && $0.hasSuffix(".m3u8") }.map { "\(folder)/\($0)" }
    }
  }

  static func probe(_ arguments: [String]) -> Shell.Result {
    Shell.run(["timeout", "60", "ffprobe", "-v", "error"] + arguments)
  }

  static func frames(_ path: String) -> Int? {
    Int(
      probe([
        "-live_start_index", "0", "-count_frames", "-select_streams", "v:0", "-show_entries",
        "stream=nb_read_frames", "-of", "csv=p=0", path,
      ]).output.trimmed.split(separator: "\n").first ?? "")
  }

  /// A recording that was interrupted, whose encoder was restarted, and whose segments then lasted four seconds.
  @Test(.requires("ffmpeg")) func archivesOfAnInterruptedRecordingPlayWithTrueDurations() throws {
    let folder = try Folder()
    func record(_ seconds: Int, segmentSeconds: Int, from number: Int) throws {
      let result = Shell.run([
        "timeout", "60", "ffmpeg", "-v", "error", "-y", "-re", "-f", "lavfi", "-t", "\(seconds)", "-i",
        "testsrc=size=160x90:rate=10", "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-sc_threshold",
        "0",
        "-f", "hls", "-hls_time", "\(segmentSeconds)", "-hls_list_size", "2", "-start_number", "\(number)",
        "-hls_segment_filename", "\(folder.path)/segment_%09d.ts", "\(folder.path)/output.m3u8",
      ])
      #expect(result.status == 0, "\(result.error)")
    }
    try record(8, segmentSeconds: 1, from: 1)
    sleep(4)
    try record(6, segmentSeconds: 1, from: 9)
    try record(24, segmentSeconds: 4, from: 1000)
    // So that its hours are over: players wait for more of one that is not.
    try Folder.age(folder.path, by: 26 * 3600)
    #expect(try HotColdBinary.migrate(folder.path, ["--hot", "segments=0"]).status == 0)

    var durations: [String: Double] = [:]
    var discontinuities = 0
    for archive in Self.archives(folder.path) {
      let text = try String(contentsOfFile: archive, encoding: .utf8)
      let lines = text.split(separator: "\n").map(String.init)
      let names = lines.filter { !$0.hasPrefix("#") }
      for (index, line) in lines.enumerated() where line.hasPrefix("#EXTINF:") {
        durations[lines[index + 1]] = Double(line.dropFirst("#EXTINF:".count).dropLast())
      }
      discontinuities += lines.count { $0 == "#EXT-X-DISCONTINUITY" }
      let hour = (archive as NSString).deletingLastPathComponent
      #expect(Self.frames(archive) == names.reduce(0) { $0 + (Self.frames("\(hour)/\($1)") ?? 0) })
      #expect(Self.probe([archive]).error.isEmpty)
      let decoded = Shell.run(["timeout", "60", "ffmpeg", "-v", "error", "-i", archive, "-f", "null", "-"])
      #expect(decoded.status == 0 && decoded.error.isEmpty, "\(decoded.error)")
      for name in names {
        let real = Double(
          Self.probe(["-show_entries", "format=duration", "-of", "csv=p=0", "\(hour)/\(name)"]).output.trimmed
        )
        #expect(abs(try #require(durations[name]) - (try #require(real))) < 0.5, "\(name): \(real ?? 0) s")
      }
    }
    // 8 + 6 of one second, 6 of four, less the two that the live playlist lists.
    #expect(durations.count == 18)
    #expect(durations.values.count { $0 > 3.5 } == 4)
    #expect(discontinuities >= 1)
    #expect(HotColdBinary.run(["verify", folder.path, "--hot", "segments=0"]).status == 0)
  }

  @Test func playlistsOfOthersAreLeftAloneAndOldOnesReplaced() throws {
    let trial = try Trial()
    let foreign = Array("#EXTM3U\n#EXT-X-VERSION:6\n#EXTINF:2.0,\nsegment_1.ts\n".utf8)
    let old = Array(
      "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0".utf8)
    try trial.folder.makeFile(Self.archive, contents: foreign)
    try trial.folder.makeFile("segments/23/archive.m3u8", contents: old)
    let (status, report) = try HotColdBinary.migrate(trial.folder.path)
    #expect(status == 1)
    #expect(report["captures", 0, "manifests", "foreign", 0].string == "segments/22/archive.m3u8")
    #expect(report["captures", 0].errors.first?.contains("--no-manifests") == true)
    let after = try Snapshot(trial.folder.path)
    #expect(after.manifests["segments/23/archive.m3u8"] != nil && after.manifests[Self.archive] == nil)
    #expect(after.files[Self.archive]?.size == foreign.count)
    #expect(try HotColdBinary.migrate(trial.folder.path, ["--no-manifests"]).status == 0)
    // A link, a folder or a fifo of that name is somebody's too.
    try trial.folder.remove(Self.archive)
    try trial.folder.makeLink(Self.archive, to: "/etc/hostname")
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 1)
    #expect(try String(contentsOfFile: "/etc/hostname", encoding: .utf8).contains("#EXTM3U") == false)
  }

  @Test func whatAKilledRunLeftIsTakenAwayAndNothingIsWrittenTwice() throws {
    stayWithinTheHour()
    let trial = try Trial()
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    try trial.folder.makeFile("segments/22/.archive.m3u8.hotcold", contents: Array("#EXTM3U\n".utf8))
    let again = try HotColdBinary.migrate(trial.folder.path)
    #expect(again.status == 0 && again.report["captures", 0, "unrecognised", "count"].int == 0)
    #expect(!trial.folder.exists("segments/22/.archive.m3u8.hotcold"))
    let before = try Snapshot(trial.folder.path)
    let third = try HotColdBinary.migrate(trial.folder.path)
    #expect(third.report["changed"].bool == false)
    #expect(try Snapshot(trial.folder.path).changeTimes == before.changeTimes)
    // An hour without segments has none.
    for path in before.paths where path.folder == "segments/22" { try trial.folder.remove(path) }
    let fourth = try HotColdBinary.migrate(trial.folder.path)
    #expect(fourth.report["captures", 0, "manifests", "removed"].int == 1)
  }

  /// FAULTS, row 50.
  /// Another zone has the same segments in other days: a run by mistake must not leave playlists that list them twice.
  @Test func anotherTimeZoneAndBackListsEverySegmentOnce() throws {
    let folder = try Folder()
    let capture = folder.path + "/capture"
    #expect(HotColdBinary.run(["sample", capture, "--files", "3000", "--span", "4d"]).status == 0)
    func options(_ zone: String) -> [String] { [capture, "--hot", "segments=0", "--time-zone", zone] }
    var days: [String: [String]] = [:]
    for (run, zone) in ["UTC", "Asia/Tokyo", "UTC"].enumerated() {
      #expect(HotColdBinary.run(["migrate", "--execute", "--yes"] + options(zone)).status == 0)
      let archives = Self.archives(capture)
      let listed = try archives.flatMap { archive in
        try String(contentsOfFile: archive, encoding: .utf8).split(separator: "\n").filter {
          $0.hasSuffix(".ts")
        }
      }
      #expect(Set(listed).count == listed.count && listed.count > 900, "run \(run), \(zone)")
      days[zone, default: []].append(archives.joined())
    }
    #expect(days["UTC"]?.first != days["Asia/Tokyo"]?.first, "no segment changed its day")
    #expect(days["UTC"]?.first == days["UTC"]?.last)
    #expect(HotColdBinary.run(["verify"] + options("UTC")).status == 0)
  }

  @Test func segmentsThatAreDecadesApartGetPlausibleDurations() throws {
    let folder = try Folder()
    // In pairs of consecutive numbers; the next hour has them the other way round.
    let times = [-1, 0, 11_000, 11_001, 19_676, 24_000, 24_001, 173_000].map { 86_400 * $0 + 20_000 }
    for (index, seconds) in times.enumerated() {
      let number = index / 2 * 10
      try folder.makeFile(Bytes("segment_\(number + index % 2).ts"), seconds: seconds)
      try folder.makeFile(Bytes("segment_\(1001 + number - index % 2).ts"), seconds: seconds + 3600)
    }
    #expect(try HotColdBinary.migrate(folder.path, ["--hot", "segments=0"]).status == 0)
    let durations = try Self.archives(folder.path).flatMap {
      try String(contentsOfFile: $0, encoding: .utf8).split(separator: "\n")
        .filter { $0.hasPrefix("#EXTINF:") }.map { Double($0.dropFirst("#EXTINF:".count).dropLast()) }
    }
    #expect(durations.count == 2 * times.count && durations.allSatisfy { $0 == 1 }, "\(durations)")
    #expect(HotColdBinary.run(["verify", folder.path, "--hot", "segments=0"]).status == 0)
  }

  // MARK: durability

  /// Its calls that make something durable.
  static func syncs(_ arguments: [String]) throws -> [String] {
    let folder = try Folder(in: "/tmp")
    let trace = folder.path + "/trace"
    let run = Shell.run(
      ["strace", "-f", "-o", trace, "-e", "trace=fsync,fdatasync,sync,syncfs,renameat", HotColdBinary.path]
        + arguments, environment: ["TZ": "UTC"])
    #expect(run.status == 0, "\(run.output) \(run.error)")
    return try String(contentsOfFile: trace, encoding: .utf8).split(separator: "\n").compactMap {
      $0.split(separator: " ").dropFirst().first.map { String($0.prefix { $0 != "(" }) }
    }.filter { $0.contains("sync") || $0 == "renameat" }
  }

  /// In order: contents, then names. What does not change costs nothing.
  @Test(.requires("strace")) func playlistsAreDurableBeforeTheyReplaceOthers() throws {
    stayWithinTheHour()
    let trial = try Trial()
    let migrate = ["migrate", trial.folder.path, "--execute", "--yes"]
    // None is replaced yet.
    #expect(try Self.syncs(migrate + ["--no-sync"]).allSatisfy { $0 == "renameat" })
    #expect(try Self.syncs(migrate + ["--no-sync"]) == [])
    try trial.folder.makeFile("segment_100.ts", seconds: 1_700_000_000)
    #expect(try Self.syncs(migrate + ["--no-sync"]) == ["fsync", "renameat"])
    try trial.folder.makeFile("segment_101.ts", seconds: 1_700_000_000)
    #expect(try Self.syncs(migrate) == ["fsync", "renameat", "syncfs"])
    for number in 0..<6 {
      try trial.folder.makeFile(Bytes("segment_\(200 + number).ts"), seconds: 1_700_000_000 + number * 3600)
    }
    #expect(
      try Self.syncs(migrate + ["--no-sync"]) == ["syncfs"] + Array(repeating: "renameat", count: 6))
    // The service: its settling, then one playlist.
    let round = ["archive", trial.folder.path, "--once"]
    _ = try Self.syncs(round)
    #expect(try Self.syncs(round) == [])
    try trial.folder.makeFile("segment_300.ts", seconds: 1_700_000_000)
    #expect(try Self.syncs(round) == ["syncfs", "fsync", "renameat", "fsync"])
  }

  /// FAULTS, row 46: 24 good playlists are replaced, and the power is cut as soon as that is done.
  @Test(
    .requiresMounting, .requires("xfs_io"),
    arguments: [("xfs", ""), ("ext4", ""), ("ext4", "data=writeback,noauto_da_alloc")], [false, true])
  func aPowerCutLeavesTheOldPlaylistOrTheNewOne(fileSystem type: (String, String), afterLog: Bool) throws {
    let fileSystem = try MountedFileSystem(type.0, mountOptions: type.1)
    let folder = try Folder(in: fileSystem.path)
    func addSegments(from number: Int) throws {
      for hour in 0..<24 {
        let seconds = 1_700_000_000 + hour * 3600 + number
        try folder.makeFile(Bytes("segment_\(100 * hour + number).ts"), seconds: seconds)
      }
    }
    let options = ["--hot", "segments=0"]
    try addSegments(from: 1)
    #expect(try HotColdBinary.migrate(folder.path, options).status == 0)
    let old = try Snapshot(folder.path).manifests
    try addSegments(from: 2)
    let (status, report) = try HotColdBinary.migrate(folder.path, options + ["--no-sync"])
    #expect(status == 0 && report["captures", 0, "manifests", "written"].int == 24)
    let new = try Snapshot(folder.path).manifests
    try fileSystem.cutOff(afterLog: afterLog)
    try fileSystem.mountAgain()
    let after = try Snapshot(folder.path).manifests
    #expect(after.count == 24 && after.keys == new.keys)
    for (path, contents) in after { #expect(contents == old[path] || contents == new[path], "\(path)") }
    #expect(try HotColdBinary.migrate(folder.path, options).status == 0)
    #expect(try Snapshot(folder.path).leftovers.isEmpty)
    Figures.add("power cuts")
  }

  @Test func verifyJudgesTheArchives() throws {
    let trial = try Trial()
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    let path = trial.folder.path(Self.archive).description
    let good = try String(contentsOfFile: path, encoding: .utf8)
    func judge(_ text: String?) throws -> Bool {
      if let text { try text.write(toFile: path, atomically: false, encoding: .utf8) } else { unlink(path) }
      let report = try JSON(
        parsing: HotColdBinary.run(["verify", trial.folder.path, "--format", "json"]).output)
      let criterion = report["captures", 0, "criteria"].array.first { $0["id"].string == "archives" }
      return try #require(criterion)["met"].bool!
    }
    let lines = good.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    let first = try #require(lines.first { $0.hasSuffix(".ts") })
    #expect(try judge(good))
    #expect(try !judge(good.replacingOccurrences(of: first + "\n", with: "")), "one is missing")
    #expect(
      try !judge(good.replacingOccurrences(of: first, with: "\(first)\n#EXTINF:1.0,\n\(first)")),
      "one is there twice")
    #expect(try !judge(good.replacingOccurrences(of: first, with: "segment_no.ts")), "one is not there")
    #expect(try !judge(good.replacingOccurrences(of: #/TARGETDURATION:\d+/#, with: "TARGETDURATION:0")))
    #expect(try !judge(nil), "no playlist at all")
    #expect(HotColdBinary.run(["verify", trial.folder.path, "--no-manifests"]).status == 0)
  }

  @Test func theNextFreeNumbersAreSaid() throws {
    let trial = try Trial()
    for _ in 0..<2 {
      let report = try HotColdBinary.migrate(trial.folder.path).report["captures", 0, "nextNumbers"]
      #expect(
        report["segments"].int == SmallCapture.segments && report["captures"].int == SmallCapture.pictures)
    }
    #expect(HotColdBinary.run(["migrate", trial.folder.path]).output.contains("-start_number"))
  }
}

extension String {
  fileprivate func replacingOccurrences(of pattern: Regex<Substring>, with text: String) -> String {
    replacing(pattern, with: text)
  }
}
