import Foundation
import TestKit
import Testing

/// The archive of the running hour, played while it grows at its end and retention deletes its head.
@Suite struct RunningHourTests {
  static let playedSeconds = 120

  /// The clock of a zone in which the hour began five minutes ago: it does not turn while the test runs.
  private static var zone: String {
    let minutes = (time(nil) / 60 + 55) % 60
    return "<HERE>0:\(minutes)"
  }

  @Test(.endToEnd, .requires("nginx"), .requires("ffmpeg"), .requires("mpv"), .requires("chromium"))
  func noSegmentIsSkippedWhileRetentionTrims() throws {
    let folder = try Folder()
    let capture = folder.path + "/capture"
    let recorder = try Recorder.start(in: folder, seconds: 600)
    let service = try Running(
      [
        HotColdBinary.path, "archive", capture, "--interval", "2s", "--min-age", "1s", "--hot", "segments=6",
        "--hot",
        "captures=10", "--hot", "thumbnails=10", "--retain", "segments=60s", "--retain", "captures=60s",
      ], environment: ["TZ": Self.zone])
    let server = try BrowserTests.serve(folder)
    defer {
      server.stop()
      for program in [recorder, service] {
        program.signal(SIGTERM)
        _ = program.wait()
      }
    }
    func archive() throws -> String {
      try ManifestTests.archives(capture).first.map { try String(contentsOfFile: $0, encoding: .utf8) } ?? ""
    }
    func sequence() throws -> Int { Int(ArchiveDayTests.value("MEDIA-SEQUENCE", try archive()) ?? "") ?? 0 }
    #expect(try ArchiverTests.waitUntil(seconds: 120) { try sequence() > 3 }, "nothing was trimmed")
    let before = try sequence()

    // Twenty seconds from the head, which moves on as fast as the players do.
    let path = try #require(ManifestTests.archives(capture).first).dropFirst(folder.path.count)
    let url = server.base + path
    let python = try #require(
      ProcessInfo.processInfo.environment["HOTCOLD_E2E_PYTHON"], "make test-e2e sets it")
    let players = [
      "Lavf": try Running([
        "ffmpeg", "-v", "error", "-re", "-live_start_index", "20", "-i", url, "-an", "-f", "null", "-",
      ]),
      "libmpv": try Running([
        "mpv", "--no-config", "--msg-level=all=error", "--vo=null", "--ao=null",
        "--demuxer-lavf-o=live_start_index=20", url,
      ]),
    ]
    // video.js begins at the end, wherever it is told to.
    let browser = try Running([
      python, BrowserTests.script, server.base + "/player.html", url, "+\(Self.playedSeconds - 20)",
    ])
    sleep(UInt32(Self.playedSeconds))
    for (agent, player) in players {
      #expect(player.isRunning, "\(agent) ended: \(player.wait())")
      player.signal(SIGTERM)
      _ = player.wait()
    }
    let browsed = browser.wait()
    #expect(browsed.status == 0, "\(browsed.output) \(browsed.error)")
    #expect(try sequence() > before + Self.playedSeconds / 2, "retention did not keep trimming")

    let log = try String(contentsOfFile: folder.path + "/access.log", encoding: .utf8).split(separator: "\n")
    for agent in Array(players.keys) + ["Chrome"] {
      let fetched = log.filter { $0.contains(agent) }.compactMap {
        $0.firstMatch(of: /GET \S*segment_(\d+)\.ts \S+ (\d+)/)
      }
      #expect(fetched.allSatisfy { ["200", "206"].contains($0.2) }, "\(agent): \(fetched.map(\.0))")
      var numbers: [Int] = []
      for number in fetched.compactMap({ Int($0.1) }) where number != numbers.last { numbers.append(number) }
      #expect(
        numbers.count > Self.playedSeconds - 25, "\(agent): \(numbers.count) in \(Self.playedSeconds) s")
      #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 }, "\(agent): \(numbers)")
    }
  }
}
