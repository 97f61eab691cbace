import Foundation
import TestKit
import Testing

/// fMP4 whose recorder was started again with other settings: each segment can be played with what it was made with.
@Suite struct InitializationTests {
  static let layout = LayoutFile.installed("ffmpeg-fmp4")
  static let hour = 1_700_000_400  // 22:20 UTC
  static let copy = "segments/init.20231114T222000Z.mp4"

  static func run(_ command: String, _ folder: Folder, _ options: String...) -> Shell.Result {
    let zone = command == "revert" ? [] : ["--time-zone", "UTC"]
    return HotColdBinary.run([command, folder.path, "--layout", layout] + zone + options)
  }

  static func migrate(_ folder: Folder, _ options: String...) -> Shell.Result {
    HotColdBinary.run(
      [
        "migrate", folder.path, "--layout", layout, "--time-zone", "UTC", "--hot", "segments=0", "--execute",
        "--yes", "--keep-live",
      ] + options)
  }

  static func box(_ type: String, _ payload: [UInt8]) -> [UInt8] {
    [0, 0, 0, UInt8(8 + payload.count)] + Array(type.utf8) + payload
  }

  static func contents(_ mark: UInt8) -> [UInt8] { box("ftyp", [mark]) + box("moov", [mark]) }

  /// As ffmpeg does: the same file, from its beginning.
  static func overwrite(_ path: String, _ contents: [UInt8], seconds: Int, nanoseconds: Int = 0)
    throws
  {
    let file = try #require(FileHandle(forWritingAtPath: path))
    try file.truncate(atOffset: 0)
    try file.write(contentsOf: contents)
    try file.close()
    let time = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
    #expect(utimensat(AT_FDCWD, path, [time, time], 0) == 0)
  }

  /// Segments of ten seconds, with the init segment that was written before the first one.
  static func record(_ folder: Folder, _ numbers: Range<Int>, _ mark: UInt8, from seconds: Int) throws {
    if folder.exists("init.mp4") {
      try overwrite(folder.path + "/init.mp4", contents(mark), seconds: seconds)
    } else {
      try folder.makeFile("init.mp4", seconds: seconds, contents: contents(mark))
    }
    for (index, number) in numbers.enumerated() {
      try folder.makeFile(Bytes("segment_\(number).m4s"), seconds: seconds + 10 * index)
    }
  }

  /// Two recordings, and a run after each.
  static func twoRecordings() throws -> Folder {
    let folder = try Folder()
    try record(folder, 0..<5, 1, from: hour)
    #expect(migrate(folder).status == 0)
    try record(folder, 5..<10, 2, from: hour + 100)
    #expect(migrate(folder).status == 0)
    return folder
  }

  static func playlist(_ folder: Folder, _ path: String = "segments/22/archive.m3u8") throws -> String {
    try String(contentsOfFile: folder.path + "/" + path, encoding: .utf8)
  }

  static func maps(_ playlist: String) -> [String] {
    playlist.split(separator: "\n").filter { $0.hasPrefix("#EXT-X-MAP") }.map {
      String($0.split(separator: "\"")[1])
    }
  }

  static func bytes(_ folder: Folder, _ path: String) throws -> [UInt8] {
    Array(try Data(contentsOf: URL(filePath: folder.path + "/" + path)))
  }

  // MARK: real recordings

  /// What ffmpeg decodes of a playlist, from one discontinuity to the next: its demuxer takes no second EXT-X-MAP, and loses a
  /// fragment of fMP4 where times begin anew.
  private static func decode(_ folder: String, _ text: String) throws -> [String: Int] {
    let lines = text.split(separator: "\n")
    let header = lines.prefix { !$0.hasPrefix("#EXT-X-MAP") }
    var map = lines[header.count]
    var parts: [[Substring]] = [header + [map]]
    for line in lines.dropFirst(header.count + 1) {
      switch line {
      case "#EXT-X-DISCONTINUITY": parts.append(header + [map])
      case _ where line.hasPrefix("#EXT-X-MAP"):
        map = line
        parts[parts.count - 1][header.count] = map
      default: parts[parts.count - 1].append(line)
      }
    }
    var frames: [String: Int] = [:]
    for part in parts {
      let path = folder + "/part.m3u8"
      let isOver = part.last == "#EXT-X-ENDLIST"
      try ((part + (isOver ? [] : ["#EXT-X-ENDLIST"])).joined(separator: "\n") + "\n").write(
        toFile: path, atomically: false, encoding: .utf8)
      defer { try? FileManager.default.removeItem(atPath: path) }
      let probe = Shell.run([
        "ffprobe", "-v", "error", "-show_entries", "frame=width,height", "-of", "csv=p=0", path,
      ])
      #expect(probe.error.isEmpty && probe.status == 0, "\(probe)")
      for frame in probe.output.split(separator: "\n") {
        frames[frame.split(separator: ",").prefix(2).joined(separator: "x"), default: 0] += 1
      }
    }
    return frames
  }

  @Test(.requires("ffmpeg"), arguments: [false, true])
  func twoRecordingsOfOtherSizesArePlayed(byService: Bool) throws {
    stayWithinTheHour()
    let folder = try Folder()
    func record(_ size: String) throws {
      try Shell.must(
        [
          "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=\(size):rate=10:duration=20", "-c:v",
          "libx264", "-g", "10", "-f", "hls", "-hls_time", "1", "-hls_segment_type", "fmp4",
          "-hls_segment_filename", "segment_%09d.m4s", "-hls_list_size", "5", "-hls_flags",
          "append_list+omit_endlist", "output.m3u8",
        ], in: folder.path)
    }
    func archive() {
      let result =
        byService
        ? Self.run("archive", folder, "--once", "--keep-live", "--min-age", "0s", "--hot", "segments=0")
        : Self.run("migrate", folder, "--keep-live", "--hot", "segments=0", "--execute", "--yes")
      #expect(result.status == 0, "\(result)")
    }
    // The last time with the same settings.
    for size in ["64x48", "160x96", "160x96"] {
      try record(size)
      // No file of this second counts as finished.
      sleep(2)
      archive()
    }
    var frames: [String: Int] = [:]
    var copies: Set<String> = []
    for (path, text) in try Snapshot(folder.path).manifests {
      let text = String(decoding: text, as: UTF8.self)
      copies.formUnion(Self.maps(text))
      let folder = folder.path + "/" + path.folder.description
      frames.merge(try Self.decode(folder, text)) { $0 + $1 }
    }
    let archived = try Snapshot(folder.path).paths.count {
      $0.description.hasPrefix("segments/") && $0.description.hasSuffix(".m4s")
    }
    // What the live playlist lists is not archived yet.
    #expect(archived > 50 && frames == ["64x48": 200, "160x96": 10 * (archived - 20)], "\(frames)")
    #expect(copies.count == 2 && copies.allSatisfy { $0.hasPrefix("../init.20") }, "\(copies)")
    #expect(try Snapshot(folder.path).paths.count { $0.description.hasPrefix("segments/init.") } == 2)
    let verify = Self.run("verify", folder, "--hot", "segments=0", "--min-age", "0s")
    #expect(verify.output.contains("without init segment 0"), "\(verify)")
  }

  // MARK: copies

  @Test func aCopyIsKeptOfEachContentAndNamedByItsSegments() throws {
    let folder = try Self.twoRecordings()
    let first = try Self.playlist(folder)
    #expect(
      Self.maps(first) == ["../init.20231114T222000Z.mp4", "../init.20231114T222140Z.mp4"], "\(first)")
    #expect(
      first.contains("segment_4.m4s\n#EXT-X-DISCONTINUITY\n#EXT-X-MAP:URI=\"../init.20231114T222140Z.mp4\"\n")
    )
    #expect(try Self.bytes(folder, Self.copy) == Self.contents(1))
    // The same again, written once more.
    try Self.record(folder, 10..<15, 2, from: Self.hour + 200)
    #expect(Self.migrate(folder).status == 0)
    #expect(Self.maps(try Self.playlist(folder)) == Self.maps(first))
    // Back to the first.
    try Self.record(folder, 15..<20, 1, from: Self.hour + 300)
    #expect(Self.migrate(folder).status == 0)
    #expect(Self.maps(try Self.playlist(folder)) == Self.maps(first) + ["../init.20231114T222500Z.mp4"])
    let before = try Snapshot(folder.path)
    #expect(Self.migrate(folder).status == 0)
    #expect(try Snapshot(folder.path).changeTimes == before.changeTimes)
    #expect(Self.run("verify", folder, "--hot", "segments=0").output.contains("met     every archive"))
  }

  @Test func copiesAreNotUnrecognisedAndHaveTheFoldersAttributes() throws {
    let folder = try Self.twoRecordings()
    let report = try JSON(parsing: Self.run("migrate", folder, "--format", "json").output)
    #expect(report["captures", 0, "unrecognised", "count"].int ?? 0 == 0)
    let check = HotColdBinary.run(["layout", "--check", Self.layout, folder.path])
    #expect(!check.output.contains("of no kind"), "\(check)")
    let copy = try #require(try Snapshot(folder.path).entries[Bytes(Self.copy)])
    #expect(copy.mode & 0o777 == 0o644 && copy.modifiedSeconds == Self.hour)
  }

  @Test func aDryRunWritesNothing() throws {
    let folder = try Folder()
    try Self.record(folder, 0..<5, 1, from: Self.hour)
    #expect(Self.migrate(folder).status == 0)
    try Self.overwrite(folder.path + "/init.mp4", Self.contents(2), seconds: Self.hour + 100)
    try folder.makeFile("segment_5.m4s", seconds: Self.hour + 100)
    let before = try Snapshot(folder.path)
    let dryRun = Self.run("migrate", folder, "--keep-live", "--hot", "segments=0")
    #expect(dryRun.status == 0 && dryRun.output.contains("1 to be written"), "\(dryRun)")
    #expect(try Snapshot(folder.path).changeTimes == before.changeTimes)
  }

  /// As they were before copies were kept.
  @Test func aPlaylistOfTheFormBeforeIsWrittenAnew() throws {
    let folder = try Folder()
    try Self.record(folder, 0..<5, 1, from: Self.hour)
    #expect(Self.migrate(folder).status == 0)
    let now = try Self.playlist(folder)
    let old = now.replacing("../init.20231114T222000Z.mp4", with: "../../init.mp4")
    try old.write(toFile: folder.path + "/segments/22/archive.m3u8", atomically: false, encoding: .utf8)
    try folder.remove(Bytes(Self.copy))
    #expect(Self.run("verify", folder, "--hot", "segments=0").output.contains("met     every archive"))
    #expect(Self.migrate(folder).status == 0)
    #expect(try Self.playlist(folder) == now && folder.exists(Bytes(Self.copy)))
  }

  @Test func aNameThatIsTakenAndLeftoversAreDealtWith() throws {
    let folder = try Folder()
    try folder.makeFile(Bytes(Self.copy), contents: Array("something else".utf8))
    try folder.makeFolder("segments/init.20231114T221959Z.mp4")
    // Of a run that was killed.
    try folder.makeFile("segments/.init.20231114T222000Z.mp4.hotcold", contents: [1, 2, 3])
    try Self.record(folder, 0..<5, 1, from: Self.hour)
    #expect(Self.migrate(folder).status == 0)
    #expect(Self.maps(try Self.playlist(folder)) == ["../init.20231114T221958Z.mp4"])
    #expect(try Self.bytes(folder, Self.copy) == Array("something else".utf8))
    #expect(!folder.exists("segments/.init.20231114T222000Z.mp4.hotcold"))
    // It is known again by its time.
    #expect(Self.migrate(folder).status == 0)
    #expect(Self.maps(try Self.playlist(folder)) == ["../init.20231114T221958Z.mp4"])
  }

  /// One that is being written, or is none: named as it is, for there is nothing better.
  @Test(arguments: [[], Array("garbage".utf8), Array(contents(7).dropLast())])
  func whatIsNotWholeIsNotKept(contents: [UInt8]) throws {
    let folder = try Folder()
    try folder.makeFile("init.mp4", seconds: Self.hour, contents: contents)
    try folder.makeFile("segment_1.m4s", seconds: Self.hour)
    #expect(Self.migrate(folder).status == 0)
    #expect(Self.maps(try Self.playlist(folder)) == ["../../init.mp4"])
    try Self.overwrite(folder.path + "/init.mp4", Self.contents(1), seconds: Self.hour)
    #expect(Self.migrate(folder).status == 0)
    #expect(Self.maps(try Self.playlist(folder)) == ["../init.20231114T222000Z.mp4"])
  }

  /// Its name still says from when on segments are made with it.
  @Test func aCopyWhoseTimeWasSetIsKnown() throws {
    let folder = try Self.twoRecordings()
    let before = try Self.playlist(folder)
    let names = try Snapshot(folder.path).paths.filter { $0.description.hasPrefix("segments/init.") }
    #expect(names.count == 2)
    for name in names { try Shell.must(["touch", "\(folder.path)/\(name)"]) }
    #expect(Self.migrate(folder).status == 0)
    #expect(try Self.playlist(folder) == before)
  }

  /// A service remembers which hours are in order; what their playlists name may change all the same.
  @Test func aServiceNamesACopyOfWhatItMetUnfinished() throws {
    let folder = try Folder()
    let log = try Folder()
    try folder.makeFile("init.mp4", seconds: Self.hour, contents: [])
    try folder.makeFile("segment_1.m4s", seconds: Self.hour)
    let service = try ServiceTests.start(
      [
        folder.path, "--layout", Self.layout, "--hot", "segments=0", "--keep-live", "--interval", "1s",
        "--min-age", "0s",
      ], log: log.path + "/log")
    defer { service.signal(SIGTERM) }
    func names(_ map: String) -> Bool {
      ArchiverTests.waitUntil { (try? Self.maps(Self.playlist(folder))) == [map] }
    }
    #expect(names("../../init.mp4"))
    // Long enough for the hour to be in order.
    sleep(4)
    try Self.overwrite(folder.path + "/init.mp4", Self.contents(1), seconds: Self.hour)
    #expect(names("../init.20231114T222000Z.mp4"), "\(ServiceTests.contents(log.path + "/log"))")
  }

  @Test func oneThatIsTooLargeIsSaid() throws {
    let folder = try Folder()
    try folder.makeFile(
      "init.mp4", seconds: Self.hour, contents: Self.contents(1) + [UInt8](repeating: 0, count: 1 << 20))
    try folder.makeFile("segment_1.m4s", seconds: Self.hour)
    let result = Self.migrate(folder)
    #expect(result.status == 1 && result.output.contains("\(folder.path)/init.mp4"), "\(result)")
    #expect(result.output.contains("no copy of this init segment was kept"), "\(result)")
    #expect(Self.maps(try Self.playlist(folder)) == ["../../init.mp4"])
  }

  @Test func verifyMissesACopyThatIsGone() throws {
    let folder = try Self.twoRecordings()
    try folder.remove(Bytes(Self.copy))
    let verify = Self.run("verify", folder, "--hot", "segments=0")
    #expect(verify.status == 1 && verify.output.contains("without init segment 1\n"), "\(verify)")
    #expect(verify.output.contains("segments/22/archive.m3u8 (../init.20231114T222000Z.mp4"), "\(verify)")
  }

  // MARK: leaving

  @Test func aReversionOfOneRecordingLeavesNoTrace() throws {
    let folder = try Folder()
    try Self.record(folder, 0..<5, 1, from: Self.hour)
    let before = try Snapshot(folder.path).entries
    #expect(Self.migrate(folder).status == 0)
    let dryRun = Self.run("revert", folder)
    let revert = Self.run("revert", folder, "--execute", "--yes")
    #expect(dryRun.status == 0 && revert.status == 0, "\(revert)")
    #expect(try Snapshot(folder.path).entries == before)
  }

  @Test func aReversionKeepsWhatOlderSegmentsNeedAndTheWayBackFindsIt() throws {
    let folder = try Self.twoRecordings()
    let playlist = try Self.playlist(folder)
    let before = try Snapshot(folder.path)
    #expect(Self.run("revert", folder, "--execute", "--yes").status == 0)
    #expect(try Self.bytes(folder, "init.20231114T222000Z.mp4") == Self.contents(1))
    #expect(!folder.exists("segments") && !folder.exists("init.20231114T222140Z.mp4"))
    #expect(Self.migrate(folder).status == 0)
    #expect(try Self.playlist(folder) == playlist)
    #expect(try Snapshot(folder.path).paths == before.paths)
  }

  @Test func copiesGoAlongToAnotherLayout() throws {
    let folder = try Self.twoRecordings()
    let before = try Self.maps(Self.playlist(folder))
    let layouts = try Folder()
    let other = try LayoutFile.edited(
      [("buckets: hour", "buckets: date-hour"), ("hot: segments", "hot: video\n    cold: archive")],
      of: "ffmpeg-fmp4", in: layouts)
    let result = HotColdBinary.run([
      "migrate", folder.path, "--layout", other, "--from", Self.layout, "--time-zone", "UTC", "--hot",
      "segments=0", "--keep-live", "--execute", "--yes",
    ])
    #expect(result.status == 0, "\(result)")
    #expect(!folder.exists("segments"))
    #expect(
      Self.maps(try Self.playlist(folder, "archive/2023-11-14/22/archive.m3u8")) == before.map { "../\($0)" })
    #expect(try Self.bytes(folder, "archive/init.20231114T222000Z.mp4") == Self.contents(1))
    let verify = HotColdBinary.run([
      "verify", folder.path, "--layout", other, "--time-zone", "UTC", "--hot", "segments=0",
    ])
    #expect(verify.output.contains("met     every archive"), "\(verify)")
  }
}
