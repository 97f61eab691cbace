import Foundation
import TestKit
import Testing

/// The playlists of an hour from day to day, as a player would load them: filling, trimmed by retention, over.
@Suite struct ArchiveDayTests {
  /// 10 November 2026, 00:00 UTC.
  static let day = 1_794_268_800
  static let hour = "segments/13"

  static func run(at seconds: Int, _ arguments: [String]) -> Shell.Result {
    Shell.run(
      ["faketime", "-f", "@\(text(seconds))", HotColdBinary.path] + arguments,
      environment: ["TZ": "UTC", "NO_FAKE_STAT": "1"])
  }

  private static func text(_ seconds: Int) -> String {
    let format = DateFormatter()
    format.dateFormat = "yyyy-MM-dd HH:mm:ss"
    format.timeZone = TimeZone(identifier: "UTC")
    return format.string(from: Date(timeIntervalSince1970: Double(seconds)))
  }

  /// One round of the service that leaves the newest hot.
  static func round(at seconds: Int, _ folder: Folder, retain: String? = nil) -> Shell.Result {
    run(
      at: seconds,
      ["archive", "--once", folder.path, "--min-age", "0s", "--hot", "segments=5"]
        + (retain.map { ["--retain", "segments=\($0)"] } ?? []))
  }

  static func record(_ numbers: Range<Int>, from seconds: Int, in folder: Folder) throws {
    for (index, number) in numbers.enumerated() {
      try folder.makeFile(Bytes("segment_\(number).ts"), seconds: seconds + index)
    }
  }

  static func playlist(_ name: String, _ folder: Folder) throws -> String {
    try String(contentsOfFile: "\(folder.path)/\(hour)/\(name)", encoding: .utf8)
  }

  static func value(_ tag: String, _ text: String) -> String? {
    text.split(separator: "\n").first { $0.hasPrefix("#EXT-X-\(tag):") }.map {
      String($0.drop { $0 != ":" }.dropFirst())
    }
  }

  static func uris(_ text: String) -> [Int] {
    text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap {
      Int($0.dropFirst("segment_".count).dropLast(".ts".count))
    }
  }

  /// What follows the header.
  static func body(_ text: String) -> String {
    text.range(of: "#EXTINF").map { String(text[$0.lowerBound...]) } ?? ""
  }

  @Test(.requires("faketime")) func theRunningHourCountsWhatRetentionTakesFromItsHead() throws {
    let folder = try Folder()
    let start = Self.day + 13 * 3600 + 600
    try Self.record(0..<300, from: start, in: folder)
    #expect(Self.round(at: start + 300, folder, retain: "10m").status == 0)
    let first = try Self.playlist("archive.m3u8", folder)
    #expect(Self.value("PLAYLIST-TYPE", first) == "EVENT" && Self.value("MEDIA-SEQUENCE", first) == "0")
    #expect(Self.value("START", first) == "TIME-OFFSET=0" && !first.contains("ENDLIST"))
    #expect(Self.uris(first) == Array(0..<295))

    try Self.record(300..<600, from: start + 300, in: folder)
    #expect(Self.round(at: start + 700, folder, retain: "10m").status == 0)
    let trimmed = try Self.playlist("archive.m3u8", folder)
    #expect(Self.value("PLAYLIST-TYPE", trimmed) == nil && !trimmed.contains("ENDLIST"))
    let sequence = try #require(Self.value("MEDIA-SEQUENCE", trimmed).flatMap { Int($0) })
    #expect((99...101).contains(sequence))
    #expect(Self.uris(trimmed) == Array(sequence..<595))
    #expect(Self.value("TARGETDURATION", trimmed) == Self.value("TARGETDURATION", first))

    // The clock leaves the hour, and the last ones come to it: only the end is added.
    #expect(Self.round(at: start + 3600, folder).status == 0)
    let filled = try Self.playlist("archive.m3u8", folder)
    #expect(
      Self.run(at: start + 8000, ["archive", "--once", folder.path, "--hot", "segments=0"]).status == 0)
    let over = try Self.playlist("archive.m3u8", folder)
    #expect(over.hasSuffix("#EXT-X-ENDLIST\n") && Self.uris(over) == Array(sequence..<600))
    #expect(filled.dropLast("#EXT-X-ENDLIST\n".count).split(separator: "\n").allSatisfy(over.contains))
    #expect(Self.run(at: start + 8000, ["verify", folder.path, "--hot", "segments=0"]).status == 0)
  }

  @Test(.requires("faketime")) func theNextDayInTheSameHourHasAPlaylistOfItsOwn() throws {
    let folder = try Folder()
    let start = Self.day + 13 * 3600 + 600
    let nextDay = start + 86_400
    try Self.record(0..<300, from: start, in: folder)
    try Self.record(300..<305, from: start + 3600, in: folder)
    #expect(Self.round(at: start + 300, folder).status == 0)
    let yesterday = try Self.playlist("archive.m3u8", folder)
    #expect(!yesterday.contains("ENDLIST"))

    // In the hour, on the next day.
    try Self.record(1000..<1100, from: nextDay - 500, in: folder)
    #expect(Self.round(at: nextDay - 300, folder).status == 0)
    let today = try Self.playlist("archive.m3u8", folder)
    #expect(Self.uris(today) == Array(1000..<1095) && !today.contains("ENDLIST"))
    #expect(Self.value("MEDIA-SEQUENCE", today) == "0" && Self.value("PLAYLIST-TYPE", today) == "EVENT")
    #expect(try Self.playlist("archive-2026-11-10.m3u8", folder) == yesterday + "#EXT-X-ENDLIST\n")
    #expect(Self.run(at: nextDay - 300, ["verify", folder.path, "--hot", "segments=5"]).status == 0)

    // What retention takes from the day that is over goes from its head.
    #expect(Self.round(at: nextDay + 100, folder, retain: "24h").status == 0)
    let trimmed = try Self.playlist("archive-2026-11-10.m3u8", folder)
    let sequence = try #require(Self.value("MEDIA-SEQUENCE", trimmed).flatMap { Int($0) })
    #expect((99...101).contains(sequence) && Self.uris(trimmed) == Array(sequence..<300))
    #expect(
      trimmed.hasSuffix("#EXT-X-ENDLIST\n")
        && Self.body(yesterday + "#EXT-X-ENDLIST\n").hasSuffix(Self.body(trimmed)))

    // With its last segment goes the playlist.
    #expect(Self.round(at: nextDay + 4000, folder, retain: "24h").status == 0)
    #expect(!folder.exists(Bytes(Self.hour + "/archive-2026-11-10.m3u8")))
    #expect(Self.run(at: nextDay + 4000, ["verify", folder.path, "--hot", "segments=5"]).status == 0)
    // Taken back, nothing of it is left.
    #expect(Self.run(at: nextDay + 4000, ["revert", folder.path, "--execute", "--yes"]).status == 0)
    #expect(try Snapshot(folder.path).paths.allSatisfy { $0.folder == "" })
  }

  @Test(.requires("faketime")) func aDryRunForeseesThePlaylistsOfEachDay() throws {
    let folder = try Folder()
    let start = Self.day + 13 * 3600 + 600
    for day in 0..<3 { try Self.record(100 * day..<100 * day + 50, from: start + 86_400 * day, in: folder) }
    let migrate = ["migrate", folder.path, "--hot", "segments=0", "--format", "json"]
    let dryRun = try JSON(parsing: Self.run(at: start + 3 * 86_400, migrate).output)
    #expect(dryRun["captures", 0, "manifests", "written"].int == 3)
    let executed = try JSON(
      parsing: Self.run(at: start + 3 * 86_400, migrate + ["--execute", "--yes"]).output)
    #expect(executed["captures", 0, "manifests", "written"].int == 3)
    #expect(try Snapshot(folder.path).manifests.count == 3)
  }

  /// A recorder that began its numbers again: the live playlist lists new segments of old names.
  @Test(.requires("faketime")) func oldSegmentsAreNotTakenForHotOnesOfTheSameNames() throws {
    let folder = try Folder()
    let start = Self.day + 13 * 3600 + 600
    try Self.record(0..<60, from: start, in: folder)
    #expect(
      Self.run(at: start + 60, ["archive", "--once", folder.path, "--min-age", "0s", "--hot", "segments=0"])
        .status == 0)
    try Self.record(5..<15, from: start + 640, in: folder)
    var live = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n"
    for number in 9..<15 {
      live += "\(number == 11 ? "#EXT-X-DISCONTINUITY\n" : "")#EXTINF:2.5,\nsegment_\(number).ts\n"
    }
    try folder.makeFile("output.m3u8", contents: Array(live.utf8))
    let before = try Self.playlist("archive.m3u8", folder)
    // Retention takes the head, and nothing in it is pinned.
    let result = Self.run(
      at: start + 655,
      [
        "archive", "--once", folder.path, "--min-age", "0s", "--hot", "segments=10", "--on-conflict",
        "rename",
        "--retain", "segments=630s",
      ])
    #expect(result.status == 0, "\(result.error)")
    let trimmed = try Self.playlist("archive.m3u8", folder)
    let sequence = try #require(Self.value("MEDIA-SEQUENCE", trimmed).flatMap { Int($0) })
    #expect((24...27).contains(sequence) && Self.uris(trimmed) == Array(sequence..<60), "\(trimmed)")
    #expect(Self.body(before).hasSuffix(Self.body(trimmed)))

    // Nor does an hour that is published for the first time take durations and discontinuities of theirs.
    try folder.remove(Bytes(Self.hour + "/archive.m3u8"))
    for number in 9..<15 {
      try folder.makeFile(Bytes("\(Self.hour)/segment_\(number).ts"), seconds: start + number)
    }
    #expect(
      Self.run(at: start + 4000, ["archive", "--once", folder.path, "--hot", "segments=10"]).status == 0)
    let anew = try Self.playlist("archive.m3u8", folder)
    // Only where retention has left a gap.
    let seams = anew.components(separatedBy: "#EXT-X-DISCONTINUITY\n").dropFirst().map { Self.uris($0).first }
    #expect(seams == [sequence] && !anew.contains("EXTINF:2.5"), "\(anew)")
  }

  /// Playlists of 0.1.0 say no day: they are written anew, once, and made durable by one call.
  @Test(.requires("strace")) func playlistsOfTheFirstVersionAreWrittenAnewOnce() throws {
    stayWithinTheHour()
    let folder = try Folder()
    for hour in 0..<24 {
      try folder.makeFile(Bytes("segment_\(hour).ts"), seconds: 1_700_000_000 + hour * 3600)
    }
    let migrate = ["migrate", folder.path, "--execute", "--yes", "--hot", "segments=0"]
    #expect(HotColdBinary.run(migrate).status == 0)
    for archive in ManifestTests.archives(folder.path) {
      let text = try String(contentsOfFile: archive, encoding: .utf8)
      let old = text.split(separator: "\n").filter { !$0.hasPrefix("# day ") }.joined(separator: "\n") + "\n"
      #expect(old.count < text.count)
      try old.write(toFile: archive, atomically: false, encoding: .utf8)
    }
    let round = ["archive", "--once", folder.path, "--hot", "segments=0", "--min-age", "0s"]
    #expect(
      try ManifestTests.syncs(round) == ["syncfs"] + Array(repeating: "renameat", count: 24) + ["syncfs"])
    #expect(try ManifestTests.syncs(round) == [])
  }

  /// Between the look at a playlist and the rename that replaces it lies the time that the disk takes.
  @Test(.requires("strace"), arguments: [false, true]) func aPlaylistThatSomethingElseWritesMeanwhileStays(
    wasThere: Bool
  ) throws {
    stayWithinTheHour()
    let folder = try Folder()
    let foreign = Array("#EXTM3U\n#EXT-X-VERSION:7\n".utf8)
    let migrate = ["migrate", folder.path, "--execute", "--yes", "--hot", "segments=0", "--format", "json"]
    try folder.makeFile("segment_1.ts", seconds: 1_700_000_000)
    if wasThere {
      #expect(HotColdBinary.run(migrate).status == 0)
      try folder.makeFile("segment_2.ts", seconds: 1_700_000_001)
    }
    let run = try Running(
      [
        "strace", "-D", "-f", "-o", "/dev/null", "-e", "trace=fsync", "-e",
        "inject=fsync:delay_enter=2000000",
        HotColdBinary.path,
      ] + migrate, environment: ["TZ": "UTC"])
    let temporary = Bytes("segments/22/.archive.m3u8.hotcold")
    #expect(ArchiverTests.waitUntil { folder.exists(temporary) })
    try folder.makeFile("foreign", contents: foreign)
    #expect(rename(folder.path + "/foreign", folder.path + "/segments/22/archive.m3u8") == 0)
    #expect(folder.exists(temporary), "not in time")
    let result = run.wait()
    #expect(result.status == 1)
    #expect(
      try JSON(parsing: result.output)["captures", 0, "manifests", "foreign", 0].string
        == "segments/22/archive.m3u8")
    #expect(
      try Data(contentsOf: URL(fileURLWithPath: folder.path + "/segments/22/archive.m3u8")) == Data(foreign))
    #expect(!folder.exists(temporary))
  }

  /// Killed and started again at once with the next number, as a supervisor does: the clock shows nothing, the stream's own
  /// time begins anew.
  @Test(.requires("ffmpeg")) func aQuickRestartOfARealRecorderIsADiscontinuity() throws {
    let folder = try Folder()
    func recorder(from number: Int) throws -> Running {
      try Running([
        "ffmpeg", "-v", "error", "-y", "-re", "-f", "lavfi", "-i", "testsrc=size=160x90:rate=10", "-c:v",
        "libx264",
        "-preset", "ultrafast", "-g", "10", "-sc_threshold", "0", "-f", "hls", "-hls_time", "1",
        "-hls_list_size", "3",
        "-start_number", "\(number)", "-hls_segment_filename", "\(folder.path)/segment_%09d.ts",
        "\(folder.path)/output.m3u8",
      ])
    }
    func numbers() throws -> [Int] {
      try Snapshot(folder.path).paths.compactMap {
        Int($0.description.dropFirst("segment_".count).dropLast(".ts".count))
      }.sorted()
    }
    var starts: [Int] = []
    for _ in 0..<3 {
      let next = (try numbers().last ?? -1) + 1
      starts.append(next)
      let ffmpeg = try recorder(from: next)
      #expect(try ArchiverTests.waitUntil { try numbers().last ?? 0 >= next + 6 })
      ffmpeg.signal(SIGKILL)
      _ = ffmpeg.wait()
    }
    // As if each had been started within its first second; and its hour is over.
    let times = 1_700_000_000
    let recorded = try numbers()
    for number in recorded {
      let path = Bytes(String(format: "segment_%09d.ts", number))
      try Shell.must(["touch", "-d", "@\(times + number)", folder.path(path).description])
    }
    try folder.remove("output.m3u8")
    #expect(try HotColdBinary.migrate(folder.path, ["--hot", "segments=0"]).status == 0)
    let archive = folder.path + "/segments/22/archive.m3u8"
    let text = try String(contentsOfFile: archive, encoding: .utf8)
    let seams = text.components(separatedBy: "#EXT-X-DISCONTINUITY\n").dropFirst().map { Self.uris($0).first }
    #expect(seams == Array(starts.dropFirst()), "\(text)")
    let frames = recorded.reduce(0) { sum, number in
      sum + (ManifestTests.frames(folder.path + String(format: "/segments/22/segment_%09d.ts", number)) ?? 0)
    }
    #expect(ManifestTests.frames(archive) == frames)
    #expect(frames > 150)
  }
}
