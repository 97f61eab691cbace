import Foundation
import TestKit
import Testing

/// What the service's metrics say of a recording: when it went on last, and where it has holes (docs/MONITORING.md).
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

  @Test func holesOfTheLastDayAreCountedAlsoAcrossHoursAndAfterARestart() throws {
    let folder = try Folder()
    let now = ArchiverTests.now
    // A hole of a day that is past, in the same hour folders; two within hours or across them; numbers that begin anew.
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

  /// The service remembers what it has read, and reads it again where segments come or go.
  @Test func aHoleThatComesWhileTheServiceRunsIsCounted() throws {
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
    // A hole is one when the recording goes on.
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
}
