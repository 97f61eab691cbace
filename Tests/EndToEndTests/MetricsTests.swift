import Foundation
import TestKit
import Testing

/// What the service's metrics say of a recording: when it went on last, and where it has gaps (docs/MONITORING.md).
@Suite struct MetricsTests {
  /// Segments of ten seconds, each modified at its end; returns when the last one was.
  @discardableResult
  static func record(_ count: Int, from first: Int, at seconds: Int, in folder: Folder) throws -> Int {
    for index in 0..<count {
      try folder.makeFile(Bytes("segment_\(first + index).ts"), seconds: seconds + 10 * (index + 1))
    }
    return seconds + 10 * count
  }

  static func value(_ metric: String, _ labels: String, in file: String) -> Double? {
    ServiceTests.contents(file).split(separator: "\n").first { $0.hasPrefix("\(metric){\(labels)} ") }
      .flatMap { $0.split(separator: " ").last.flatMap { Double($0) } }
  }

  /// A round of a service that has just been started: nothing is remembered.
  private static func gaps(_ folder: Folder, _ options: [String] = []) throws -> [Double?] {
    let file = folder.path + ".prom"
    defer { unlink(file) }
    let round = ArchiverTests.once([folder.path, "--metrics-file", file, "--hot", "segments=0"] + options)
    #expect(round.status == 0, "\(round.error)")
    let labels = "capture=\"\(folder.path)\""
    return ["hotcold_recording_gaps", "hotcold_recording_gap_seconds"].map {
      value($0, labels, in: file)
    }
  }

  @Test func gapsOfTheLastDayAreCountedAlsoAcrossHoursAndAfterARestart() throws {
    let folder = try Folder()
    let now = ArchiverTests.now
    // A gap of a day that is past, in the same hour folders; two within hours or across them; numbers that begin anew.
    try Self.record(30, from: 0, at: now - 30 * 3600, in: folder)
    try Self.record(30, from: 30, at: now - 29 * 3600, in: folder)
    try Self.record(30, from: 60, at: now - 23 * 3600, in: folder)
    var end = try Self.record(200, from: 90, at: now - 5 * 3600, in: folder)
    end = try Self.record(100, from: 1290, at: end, in: folder)
    end = try Self.record(100, from: 1390, at: end + 95, in: folder)
    end = try Self.record(100, from: 2000, at: end + 5000, in: folder)
    // From a quarter of an hour to 23 hours ago: three between them, one before them.
    let before = (now - 23 * 3600) - (now - 29 * 3600 + 300)
    let between = (now - 5 * 3600) - (now - 23 * 3600 + 300)
    for _ in 0..<2 {
      #expect(try Self.gaps(folder) == [4, Double(before + between + 95 + 5000)])
    }
    #expect(try Self.gaps(folder, ["--no-manifests"]) == [nil, nil], "nothing is known of it")
    // Whoever wrote the playlist.
    let hour = end / 3600 % 24
    try folder.remove(Bytes("segments/\(hour)/archive.m3u8"))
    try folder.makeFile(Bytes("segments/\(hour)/archive.m3u8"), contents: Array("another's".utf8))
    let file = folder.path + ".prom"
    defer { unlink(file) }
    #expect(
      ArchiverTests.once([folder.path, "--metrics-file", file, "--hot", "segments=0"]).status == 1)
    #expect(Self.value("hotcold_recording_gaps", "capture=\"\(folder.path)\"", in: file) == 4)
  }

  /// By a slip of the hand the file may be a recording: an empty one is a segment that was just begun.
  @Test func aFileThatIsEmptyIsReplacedOnlyIfItIsCalledMetrics() throws {
    let folder = try Folder()
    try SmallCapture.make(in: folder, at: "capture")
    let tools = try Folder()
    for (name, isReplaced) in [("segment_000000001.ts", false), ("x.prom", true)] {
      let file = tools.path + "/" + name
      try tools.makeFile(Bytes(name), contents: [])
      let round = ArchiverTests.once([folder.path + "/capture", "--metrics-file", file])
      #expect(round.status == (isReplaced ? 0 : 1), "\(round)")
      #expect(FileManager.default.contents(atPath: file)?.isEmpty == !isReplaced)
    }
  }

  /// The service remembers what it has read, and reads it again where segments come or go.
  @Test func aGapThatComesWhileTheServiceRunsIsCounted() throws {
    let folder = try Folder()
    let tools = try Folder()
    let file = tools.path + "/x.prom"
    let end = try Self.record(60, from: 0, at: ArchiverTests.now - 7200, in: folder)
    let service = try ServiceTests.start(
      [folder.path, "--interval", "1s", "--hot", "segments=0", "--metrics-file", file],
      log: tools.path + "/log")
    func wait(for gaps: Double, _ seconds: Double) -> Bool {
      let labels = "capture=\"\(folder.path)\""
      return ArchiverTests.waitUntil {
        Self.value("hotcold_recording_gaps", labels, in: file) == gaps
          && Self.value("hotcold_recording_gap_seconds", labels, in: file) == seconds
      }
    }
    #expect(wait(for: 0, 0))
    // A gap is one when the recording goes on.
    try Self.record(10, from: 60, at: end + 50, in: folder)
    #expect(wait(for: 1, 50), "\(ServiceTests.contents(file))")
    let rounds = ServiceTests.contents(file)
    #expect(ArchiverTests.waitUntil { ServiceTests.contents(file) != rounds })
    #expect(wait(for: 1, 50), "it is counted once")
    // What fills it came late.
    try Self.record(5, from: 200, at: end, in: folder)
    #expect(wait(for: 0, 0), "\(ServiceTests.contents(file))")
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
  }

  /// A number from before would say that a recording has no gap since.
  @Test func gapsAreNotKnownWhileAnHourCannotBeRead() throws {
    let folder = try Folder()
    let tools = try Folder()
    let file = tools.path + "/x.prom"
    let labels = "capture=\"\(folder.path)\""
    func gaps() -> Double? { Self.value("hotcold_recording_gaps", labels, in: file) }
    let end = try Self.record(60, from: 0, at: ArchiverTests.now - 7200, in: folder)
    let service = try ServiceTests.start(
      [folder.path, "--interval", "1s", "--hot", "segments=0", "--metrics-file", file],
      log: tools.path + "/log")
    #expect(ArchiverTests.waitUntil { gaps() == 0 })
    // Its playlist cannot be written, whichever hour it is.
    let hours = Set([end + 60, end + 150].map { $0 / 3600 % 24 })
    for hour in hours { try folder.makeFolder(Bytes("segments/\(hour)/.archive.m3u8.hotcold")) }
    try Self.record(10, from: 60, at: end + 50, in: folder)
    #expect(
      ArchiverTests.waitUntil {
        gaps() == nil && Self.value("hotcold_errors_total", labels, in: file) ?? 0 > 0
      }, "\(ServiceTests.contents(file))")
    for hour in hours { rmdir(folder.path + "/segments/\(hour)/.archive.m3u8.hotcold") }
    #expect(ArchiverTests.waitUntil { gaps() == 1 }, "\(ServiceTests.contents(file))")
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
  }

  /// In the hot place, in the flat place where the recorder writes, or cold; not from the future.
  @Test(arguments: [[], ["--keep-live"], ["--hot", "segments=0"]])
  func theNewestFileOfEachKindIsKnownWhereverItIs(options: [String]) throws {
    let folder = try Folder()
    let file = folder.path + ".prom"
    defer { unlink(file) }
    let now = ArchiverTests.now
    let end = try Self.record(30, from: 0, at: now - 3600, in: folder)
    try folder.makeFile("captures/capture_1.jpg", seconds: now - 100)
    try folder.makeFile("captures/capture_2.jpg", seconds: now + 86_400)
    let round = ArchiverTests.once([folder.path, "--metrics-file", file] + options)
    #expect(round.status == 0, "\(round.error)")
    let newest = ["segments", "captures", "thumbnails"].map { kind in
      Self.value(
        "hotcold_newest_file_timestamp_seconds", "capture=\"\(folder.path)\",kind=\"\(kind)\"", in: file)
    }
    #expect(newest == [Double(end), Double(now - 100), nil])
    #expect(Self.value("hotcold_filesystem_size_bytes", "capture=\"\(folder.path)\"", in: file) ?? 0 > 0)
  }

  private static func newest(_ capture: String, in text: String) -> Bool {
    text.contains("hotcold_newest_file_timestamp_seconds{capture=\"\(capture)\",kind=\"segments\"} ")
  }

  /// While a round ends with an error nobody looks: what was the newest file is not it any more.
  @Test func theNewestFileIsNotKnownWhileTheCaptureFails() throws {
    let folder = try Folder()
    let file = folder.path + "/x.prom"
    let capture = folder.path + "/capture"
    try folder.makeFile("capture/segment_1.ts", seconds: ArchiverTests.now - 600)
    let service = try ServiceTests.start(
      [capture, "--interval", "1s", "--metrics-file", file], log: folder.path + "/log")
    #expect(ArchiverTests.waitUntil { Self.newest(capture, in: ServiceTests.contents(file)) })
    #expect(rename(capture, folder.path + "/away") == 0)
    #expect(
      ArchiverTests.waitUntil {
        Self.value("hotcold_errors_total", "capture=\"\(capture)\"", in: file) ?? 0 > 0
          && !Self.newest(capture, in: ServiceTests.contents(file))
      }, "\(ServiceTests.contents(file))")
    #expect(rename(folder.path + "/away", capture) == 0)
    #expect(ArchiverTests.waitUntil { Self.newest(capture, in: ServiceTests.contents(file)) })
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
  }

  /// Such as one whose line names a layout that is not there.
  @Test func aCaptureThatIsRefusedHasAnError() throws {
    let folder = try Folder()
    let file = folder.path + "/x.prom"
    let capture = folder.path + "/capture"
    try folder.makeFile("capture/segment_1.ts", seconds: ArchiverTests.now - 600)
    try folder.makeFile("list", contents: Array("\(capture) layout=nowhere.yaml\n".utf8))
    let round = ArchiverTests.once(["--captures-from", folder.path + "/list", "--metrics-file", file])
    #expect(round.status == 64, "\(round.error)")
    #expect(Self.value("hotcold_errors_total", "capture=\"\(capture)\"", in: file) == 1)
    #expect(!Self.newest(capture, in: ServiceTests.contents(file)))
  }

  /// A slice of a long backlog has not come to all files: the newest one from before is not it any more.
  @Test func theNewestFileIsNotKnownWhileThereIsMoreToDo() throws {
    let folder = try Folder()
    let file = folder.path + "/x.prom"
    let capture = folder.path + "/capture"
    try Shell.must([HotColdBinary.path, "sample", folder.path + "/large", "--files", "300k"])
    try folder.makeFile("capture/segment_1.ts", seconds: ArchiverTests.now - 600)
    let service = try ServiceTests.start(
      [capture, "--interval", "1s", "--engine", "syscalls", "--metrics-file", file],
      log: folder.path + "/log")
    #expect(ArchiverTests.waitUntil { Self.newest(capture, in: ServiceTests.contents(file)) })
    #expect(rename(capture, folder.path + "/away") == 0)
    #expect(rename(folder.path + "/large", capture) == 0)
    var unfinished = 0
    let isSettled = ArchiverTests.waitUntil(seconds: 240) {
      let text = ServiceTests.contents(file)
      if text.contains("\nhotcold_captures_unfinished 1\n") {
        unfinished += 1
        #expect(!Self.newest(capture, in: text), "\(text)")
      }
      return unfinished > 0 && text.contains("\nhotcold_captures_unfinished 0\n")
        && Self.newest(capture, in: text)
    }
    #expect(isSettled, "\(ServiceTests.contents(file))")
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
  }

  /// What retention declined, and what it kept, is over when it is not asked for any more.
  @Test func whatRetentionSaysEndsWithIt() throws {
    let folder = try Folder()
    let tools = try Folder()
    let conf = tools.path + "/conf"
    let file = tools.path + "/x.prom"
    _ = try ArchiverTests.cold(folder, "captures", ages: [4000, 5000, -86_400])
    func settings(_ retain: String) throws {
      try Folder.writeFile(conf, "HOTCOLD_INTERVAL=1s\nHOTCOLD_METRICS_FILE=\(file)\n\(retain)")
    }
    func says(declined: Double, implausible: Double) -> Bool {
      let labels = "capture=\"\(folder.path)\""
      return ArchiverTests.waitUntil {
        Self.value("hotcold_retention_declined", labels, in: file) == declined
          && Self.value("hotcold_implausible_files", labels, in: file) == implausible
      }
    }
    try settings("HOTCOLD_RETAIN=captures=1h\n")
    let service = try ServiceTests.start([folder.path, "--config", conf], log: tools.path + "/log")
    #expect(says(declined: 1, implausible: 1), "\(ServiceTests.contents(file))")
    // It is no error of the capture.
    #expect(Self.value("hotcold_errors_total", "capture=\"\(folder.path)\"", in: file) == 0)
    try settings("")
    service.signal(SIGHUP)
    #expect(says(declined: 0, implausible: 0), "\(ServiceTests.contents(file))")
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
  }
}
