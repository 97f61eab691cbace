import Foundation
import TestKit
import Testing

/// What `verify` holds against a capture, and what it does not.
@Suite struct VerifyTests {
  struct Verdict {
    let status: Int32
    let unmet: Set<String>
    let report: JSON

    init(_ path: String, _ options: [String] = []) throws {
      let result = HotColdBinary.run(["verify", path, "--format", "json"] + options)
      status = result.status
      report = try JSON(parsing: result.output)["captures", 0]
      unmet = Set(
        report["criteria"].array.filter { $0["met"].bool == false }.compactMap { $0["id"].string })
    }

    func figure(_ criterion: String, _ name: String) -> Int? {
      report["criteria"].array.first { $0["id"].string == criterion }?["figures", name].int
    }

    func examples(_ criterion: String) -> [String] {
      report["criteria"].array.first { $0["id"].string == criterion }?["examples"].array.compactMap {
        $0["text"].string
      } ?? []
    }
  }

  static func migrated() throws -> Trial {
    let trial = try Trial()
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    return trial
  }

  // MARK: not yet settled

  /// `-hls_list_size 0`: of a recording that goes on, everything since yesterday is listed.
  @Test func aListOfEverythingDoesNotMakeEverythingYoung() throws {
    let folder = try Folder()
    let now = time(nil)
    let names = (0..<300).map { Bytes("segment_\($0).ts") }
    for (number, name) in names.enumerated() {
      try folder.makeFile(name, seconds: now - 300 * 300 + number * 300)
    }
    try folder.makePlaylist(listing: names)
    let flat = try Verdict(folder.path)
    #expect(flat.unmet.contains("flatPlaces"), "\(flat.unmet)")
    #expect(try HotColdBinary.migrate(folder.path).status == 0)
    #expect(try Verdict(folder.path).unmet.isEmpty)
    // One that no playlist lists, in an hour folder with others.
    let hour = (now - 86_000) / 3600 % 24
    try folder.makeFile(Bytes("segments/\(hour)/segment_9000.ts"), seconds: now - 86_000)
    #expect(try Verdict(folder.path).unmet == ["archives"])
  }

  @Test func youngFilesAreCountedApart() throws {
    stayWithinTheHour()
    let trial = try Self.migrated()
    let now = time(nil)
    let hour = now / 3600 % 24
    try trial.folder.makeFile("segment_900.ts", seconds: now)
    try trial.folder.makeFile("captures/capture_900.json", seconds: now)
    for number in 0..<150 {
      try trial.folder.makeFile(Bytes("captures/capture_90\(number).jpg"), seconds: now - 20)
    }
    try trial.folder.makeFile(Bytes("segments/\(hour)/segment_901.ts"), seconds: now)
    let young = try Verdict(trial.folder.path)
    #expect(young.status == 0, "\(young.unmet)")
    #expect(young.figure("flatPlaces", "not yet settled") == 2)
    #expect(young.figure("hotLimits", "not yet settled") == 150)
    #expect(young.figure("hotLimits", "captures") == 100)
    #expect(young.figure("archives", "not yet settled") == 1)
    let text = HotColdBinary.run(["verify", trial.folder.path]).output
    #expect(text.contains("not yet settled 150") && text.contains("not yet settled 2"))
    let settled = try Verdict(trial.folder.path, ["--min-age", "0s"])
    #expect(settled.status == 1 && settled.unmet == ["flatPlaces", "hotLimits", "archives"])
    #expect(settled.figure("hotLimits", "not yet settled") == 0)
    #expect(settled.figure("hotLimits", "captures") == 250)
    #expect(try Verdict(trial.folder.path, ["--min-age", "1h"]).status == 0)
    for age in ["", "5", "-5s", "1y", "25h", "99999999999999999999s"] {
      #expect(HotColdBinary.run(["verify", trial.folder.path, "--min-age=\(age)"]).status == 64, "\(age)")
    }
  }

  /// What the live playlist keeps hot beyond the limit is counted apart; the limit is the one that was asked for.
  @Test func theLimitThatIsShownIsTheOneInForce() throws {
    let folder = try Folder()
    for number in 0..<40 {
      try folder.makeFile(Bytes("segment_\(number).ts"), seconds: 1_700_000_000 + number)
    }
    // Two of the newest four, and three that are older.
    try folder.makePlaylist(listing: [5, 6, 7, 38, 39].map { Bytes("segment_\($0).ts") })
    #expect(try HotColdBinary.migrate(folder.path, ["--hot", "segments=4"]).status == 0)
    let verdict = try Verdict(folder.path, ["--hot", "segments=4"])
    #expect(verdict.status == 0, "\(verdict.unmet)")
    #expect(
      verdict.figure("hotLimits", "segments") == 7 && verdict.figure("hotLimits", "segments limit") == 4)
    #expect(verdict.figure("hotLimits", "kept by the live playlist") == 3)
    #expect(try Verdict(folder.path, ["--hot", "segments=3"]).status == 1)
  }

  @Test func rightAfterARoundOfTheServiceEverythingIsMet() throws {
    stayWithinTheHour()
    let folder = try Folder()
    let now = time(nil)
    for number in 0..<200 {
      try folder.makeFile(Bytes("segment_\(number).ts"), seconds: now - 199 + number)
      for suffix in [".jpg", "_thumbnail.jpg", ".json"] {
        try folder.makeFile(Bytes("captures/capture_\(number)\(suffix)"), seconds: now - (199 - number) / 4)
      }
    }
    try folder.makePlaylist(listing: (194..<200).map { Bytes("segment_\($0).ts") })
    #expect(HotColdBinary.run(["archive", folder.path, "--once"]).status == 0)
    let verdict = try Verdict(folder.path)
    #expect(verdict.status == 0 && verdict.unmet.isEmpty, "\(verdict.unmet)")
    #expect(verdict.figure("hotLimits", "not yet settled") ?? 0 > 500)
  }

  @Test(.requires("ffmpeg")) func besideARecorderAndTheServiceEverythingIsMetAtEveryLook() throws {
    stayWithinTheHour()
    let folder = try Folder()
    let capture = folder.path + "/capture"
    let ffmpeg = try Recorder.start(in: folder, seconds: 300)
    defer { ffmpeg.signal(SIGKILL) }
    sleep(2)
    let limits = "segments=3,captures=10,thumbnails=10,metadata=10"
    let service = try HotColdBinary.start([
      "archive", capture, "--interval", "1s", "--min-age", "2s", "--hot", limits,
    ])
    defer { service.signal(SIGKILL) }
    sleep(14)
    let options = ["--min-age", "8s"] + limits.split(separator: ",").flatMap { ["--hot", String($0)] }
    for look in 1...8 {
      // Twice in a row, so that some meet the service at work.
      for _ in 0..<2 {
        let verdict = try Verdict(capture, options)
        #expect(verdict.status == 0, "look \(look): \(verdict.unmet), \(verdict.unmet.map(verdict.examples))")
        #expect(verdict.figure("hours", "captures") ?? 0 > 0, "the service has moved some")
        #expect(verdict.figure("hotLimits", "not yet settled") ?? 0 > 0)
      }
      usleep(UInt32(1_000_000 + look * 130_000))
    }
    #expect(ffmpeg.isRunning && service.isRunning)
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
  }

  // MARK: not met

  @Test(
    arguments: [
      "captures/5/capture_1_thumbnail.jpg", "thumbnails/5/capture_1.jpg", "segments/5/capture_1.json",
      "metadata/5/segment_1.ts",
    ] as [Bytes])
  func aFileInAnHourFolderOfAnotherKind(file: Bytes) throws {
    let trial = try Self.migrated()
    try trial.folder.makeFile(file, seconds: 1_700_000_000 / 86_400 * 86_400 + 5 * 3600)
    let verdict = try Verdict(trial.folder.path)
    #expect(verdict.status == 1 && verdict.unmet == ["hours"])
    #expect(verdict.figure("hours", "misplaced") == 1)
    #expect(verdict.examples("hours") == [file.description])
  }

  static let notFiles: [String: @Sendable (Folder, Bytes) throws -> Void] = [
    "a folder": { try $0.makeFolder($1) },
    "a dangling link": { try $0.makeLink($1, to: "nowhere") },
    "a link to a file": { try $0.makeLink($1, to: "output.m3u8") },
    "a fifo": { try $0.makeFIFO($1) },
  ]

  @Test(arguments: notFiles.keys.sorted()) func aListedSegmentThatIsNotAFile(what: String) throws {
    let trial = try Self.migrated()
    let segment: Bytes = "segments/segment_57.ts"
    try trial.folder.remove(segment)
    try Self.notFiles[what]!(trial.folder, segment)
    let verdict = try Verdict(trial.folder.path)
    #expect(verdict.status == 1 && verdict.unmet == ["livePlaylist"])
    #expect(verdict.figure("livePlaylist", "not a file") == 1)
    #expect(verdict.examples("livePlaylist") == [segment.description])
  }

  @Test(arguments: [256, 300, 5000]) func aListedNameThatCannotExistIsMissing(bytes: Int) throws {
    let trial = try Self.migrated()
    let name = Bytes("segment_" + String(repeating: "9", count: bytes - 11) + ".ts")
    try trial.folder.remove("segments/output.m3u8")
    try trial.folder.makePlaylist(
      "segments/output.m3u8", listing: SmallCapture.listed + [name, Bytes("segment_57.ts\0x.ts")])
    let verdict = try Verdict(trial.folder.path)
    #expect(verdict.status == 1 && verdict.unmet == ["livePlaylist"])
    #expect(verdict.figure("livePlaylist", "missing") == 2)
  }

  @Test func anArchiveThatIsNotWhole() throws {
    let trial = try Self.migrated()
    let hour = time(nil) / 3600
    // The clock has left it for long.
    let archive = try #require(
      Snapshot(trial.folder.path).manifests.keys.sorted().first { path in
        ![hour % 24, (hour + 23) % 24].map { Bytes("segments/\($0)") }.contains(path.folder)
      })
    let path = trial.folder.path(archive).description
    let good = try String(contentsOfFile: path, encoding: .utf8)
    func judge(_ text: String) throws -> Verdict {
      try text.write(toFile: path, atomically: false, encoding: .utf8)
      return try Verdict(trial.folder.path)
    }
    #expect(try judge(good).status == 0)
    #expect(try judge(good.replacingOccurrences(of: "\n", with: "\r\n")).status == 0)
    let bad: [(figure: String, text: String)] = [
      ("damaged", good.replacingOccurrences(of: "#EXTM3U\n", with: "")),
      ("damaged", "\n" + good), ("damaged", "#EXTM3U8" + good.dropFirst("#EXTM3U".count)), ("damaged", ""),
      ("damaged", String(good.dropLast())),
      ("damaged", good.replacingOccurrences(of: "#EXT-X-ENDLIST", with: "#EXTINF:1.0,")),
      ("damaged", good.replacingOccurrences(of: "#EXTINF:", with: "#EXTINF:1.0,\n#EXTINF:")),
      ("without durations", good.replacing(#/#EXTINF:[0-9.]+/#, with: "#EXTINF:0.000000")),
      ("without durations", good.replacing(#/#EXTINF:[0-9.]+,\n/#, with: "")),
      ("not ended", good.replacingOccurrences(of: "#EXT-X-ENDLIST\n", with: "")),
    ]
    for (figure, text) in bad {
      let verdict = try judge(text)
      #expect(verdict.status == 1 && verdict.unmet == ["archives"], "\(figure): \(text)")
      #expect(verdict.figure("archives", figure) == 1, "\(figure): \(text)")
      #expect(verdict.examples("archives").allSatisfy { $0.hasPrefix(archive.description) })
    }
    // What was read of it before the limit is not enough.
    #expect(try judge(good).status == 0)
    try Shell.must(["truncate", "-s", "65M", path])
    let large = try Verdict(trial.folder.path)
    #expect(large.status == 1 && large.unmet == ["archives"] && large.figure("archives", "damaged") == 1)
    #expect(large.examples("archives") == ["\(archive) (larger than 64 MiB)"])
    let lines = good.split(separator: "\n", omittingEmptySubsequences: false).map { $0 + "\n" }
    for count in 1..<lines.count - 1 {
      #expect(try judge(lines.prefix(count).joined()).status == 1, "cut after line \(count)")
    }
  }

  @Test func theArchiveOfTheRunningHourNeedNotHaveEnded() throws {
    stayWithinTheHour()
    let folder = try Folder()
    for number in 0..<30 {
      try folder.makeFile(Bytes("segment_\(number).ts"), seconds: time(nil) - 400 + number)
    }
    #expect(try HotColdBinary.migrate(folder.path).status == 0)
    let verdict = try Verdict(folder.path)
    #expect(verdict.status == 0 && verdict.figure("archives", "not ended") == 0)
  }
}
