import Foundation
import TestKit
import Testing

/// What real recorders leave, archived, in the players that people have. docs/PLAYERS.md has the table of a run.
@Suite(.serialized) struct PlayerTests {
  enum Setup: String, CaseIterable, Sendable {
    case short = "segments of 0.4 s"
    case second = "segments of 1 s"
    case long = "segments of 4 s"
    case killed = "killed, started again at once with the next number"
    case stopped = "stopped, started again later with the next number"
    case renumbered = "started again at number 0 in the same hour"
    case deleting = "segments deleted by ffmpeg itself"
    case days = "two days in the same hour"
    case trimmed = "its head deleted by retention"
  }

  /// 10 November 2026, 13:59:45 UTC: recordings go over the turn of the hour.
  static let start = Double(ArchiveDayTests.day + 13 * 3600 + 3585)

  @Test(
    .endToEnd, .requires("nginx"), .requires("chromium"), .requires("mpv"), .requires("cvlc"),
    .requires("gst-launch-1.0"), .requires("faketime"), arguments: Setup.allCases)
  func everyPlayerShowsEveryFrame(of setup: Setup) throws {
    let folder = try Folder()
    let capture = folder.path + "/stream/capture1"
    try Shell.must(["mkdir", "-p", capture])
    try Self.record(setup, in: capture)
    let server = try BrowserTests.serve(folder)
    defer { server.stop() }
    let archives = ManifestTests.archives(capture)
    #expect(archives.count == (setup == .trimmed || setup == .renumbered ? 1 : 2), "\(archives)")
    var played: [Player: Int] = [:]
    var sought: [Player: [Bool]] = [:]
    var sum = 0
    for archive in archives {
      let recording = try Archive(archive)
      sum += recording.frames
      let url = server.base + archive.dropFirst(folder.path.count)
      for player in Player.allCases {
        let log = folder.path + "/access.log"
        try Shell.must(["truncate", "-s", "0", log])
        let frames = try player.frames(of: url, page: server.base + "/player.html", folder: folder) ?? 0
        played[player, default: 0] += frames
        // What is lost at a seam is the player's: video.js lets the first frame after it replace the last one before;
        // VLC's stream output keeps back the last frame of a run, and some where it begins another.
        let lost = [Player.vlc: 1 + 12 * recording.seams.count, .videojs: recording.seams.count][player] ?? 0
        #expect(
          (recording.frames - lost...recording.frames).contains(frames),
          "\(player.rawValue), \(url): \(recording.frames) frames")
        let fetched = try String(contentsOfFile: log, encoding: .utf8)
        #expect(
          recording.names.allSatisfy { fetched.contains("/\($0) ") }, "\(player.rawValue) left segments out")

        let middle = recording.seconds / 2
        guard
          let rest = try player.frames(
            of: url, from: middle, page: server.base + "/player.html", folder: folder)
        else { continue }
        let half = recording.frames / 2
        let segment = Int(recording.longest * Double(Recording.framesPerSecond))
        let isRight = (half - segment...half + 2 * segment).contains(rest)
        sought[player, default: []].append(isRight)
        // libavformat takes no notice of the tag: it seeks by the time of the streams, which begins anew after a seam.
        if [.ffmpeg, .mpv].contains(player), recording.seams.contains(where: { $0 < middle }) { continue }
        #expect(isRight, "\(player.rawValue), \(url): \(rest) of \(recording.frames) frames from the middle")
      }
    }
    try Self.note(setup, sum, played, sought)
  }

  /// libavformat takes the clock of a stream that begins anew for one that has overflowed, after 26.5 hours.
  @Test(.endToEnd, .requires("mpv")) func mpvTellsTheLengthAfterASeamAsThePageSays() throws {
    let folder = try Folder()
    try Recording(
      in: folder.path, from: 1, segmentSeconds: 1, seconds: 10, at: Self.start - 300, clockSeconds: 600)
    try Recording(in: folder.path, from: 11, segmentSeconds: 1, seconds: 10, at: Self.start - 290)
    let migrate = ["migrate", folder.path, "--hot", "segments=0", "--execute", "--yes"]
    #expect(ArchiveDayTests.run(at: Int(Self.start) + 7200, migrate).status == 0)
    let archive = try #require(ManifestTests.archives(folder.path).first)
    #expect(try Archive(archive).seams == [10])
    /// What mpv says at the end, in seconds.
    func length(_ file: String, _ options: [String] = []) throws -> Double {
      let result = Shell.run(
        [
          "timeout", "60", "mpv", "--no-config", "--msg-level=all=error,statusline=status", "--no-audio",
          "--vo=null", "--untimed", "--term-status-msg=length ${=duration} ", file,
        ] + options)
      let said = (result.output + result.error).matches(of: /length ([0-9.]+)/).compactMap { Double($0.1) }
      return try #require(said.last, "\(result.output) \(result.error)")
    }
    let page = try String(
      contentsOfFile: #filePath.replacing("Tests/EndToEndTests/PlayerTests.swift", with: "docs/PLAYERS.md"),
      encoding: .utf8)
    let option = try #require(page.firstMatch(of: #/mpv (--demuxer-lavf-o=\S+correct_ts_overflow=0) /#)).1
    #expect(try length(archive) > 90_000, "the page need not speak of it any more")
    #expect(abs(try length(archive, [String(option)]) - 20) < 0.2)
    let copy = folder.path + "/hour.mp4"
    try Shell.must(["ffmpeg", "-v", "error", "-i", archive, "-c", "copy", copy])
    #expect(abs(try length(copy) - 20) < 0.2 && Player.probe(copy) == 200)
  }

  /// What an archive says, and what is in its segments.
  struct Archive {
    let names: [String]
    let frames: Int
    let seconds: Double
    /// Of a segment, in seconds.
    let longest: Double
    /// Where time begins anew, in seconds from the start.
    let seams: [Double]

    init(_ path: String) throws {
      let folder = (path as NSString).deletingLastPathComponent
      var names: [String] = []
      var seams: [Double] = []
      var (seconds, longest) = (0.0, 0.0)
      for line in try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n") {
        if line == "#EXT-X-DISCONTINUITY" { seams.append(seconds) }
        if let duration = line.wholeMatch(of: /#EXTINF:([0-9.]+),/).flatMap({ Double($0.1) }) {
          seconds += duration
          longest = max(longest, duration)
        }
        if !line.hasPrefix("#") { names.append(String(line)) }
      }
      (self.names, self.seams, self.seconds, self.longest) = (names, seams, seconds, longest)
      frames = names.reduce(0) { $0 + (Player.probe("\(folder)/\($1)") ?? 0) }
    }
  }

  /// A row of the table in docs/PLAYERS.md, where the environment asks for it.
  private static func note(
    _ setup: Setup, _ sum: Int, _ played: [Player: Int], _ sought: [Player: [Bool]]
  ) throws {
    guard let path = ProcessInfo.processInfo.environment["HOTCOLD_PLAYERS"] else { return }
    let cells = Player.allCases.map { player in
      let frames = played[player] ?? 0
      let seek = sought[player].map { $0.allSatisfy { $0 } ? ", seeks" : ", does not seek" } ?? ""
      return (frames == sum ? "all" : "\(frames)") + seek
    }
    let row = "| \(setup.rawValue) | \(sum) | " + cells.joined(separator: " | ") + " |\n"
    let file = try #require(fopen(path, "a"))
    defer { fclose(file) }
    #expect(fputs(row, file) >= 0)
  }

  /// Records and archives.
  static func record(_ setup: Setup, in capture: String) throws {
    func run(at seconds: Double, _ arguments: [String]) {
      let result = ArchiveDayTests.run(at: Int(seconds), arguments)
      #expect(result.status == 0, "\(result.output)\(result.error)")
    }
    let migrate = ["migrate", capture, "--hot", "segments=0", "--execute", "--yes"]
    let over = start + 7200
    switch setup {
    case .short, .second, .long:
      let length = [Setup.short: 0.4, .second: 1, .long: 4][setup]!
      try Recording(in: capture, from: 1, segmentSeconds: length, seconds: 30, at: start)
    case .killed:
      try Recording(in: capture, from: 1, segmentSeconds: 1, seconds: 20, at: start, isKilled: true)
      let next = 1 + Shell.run(["ls", capture]).output.split(separator: "\n").count
      try Recording(in: capture, from: next, segmentSeconds: 1, seconds: 20, at: start + Double(next) - 0.5)
    case .stopped:
      try Recording(in: capture, from: 1, segmentSeconds: 1, seconds: 10, at: start - 300)
      try Recording(in: capture, from: 11, segmentSeconds: 1, seconds: 20, at: start)
    case .renumbered:
      try Recording(in: capture, from: 0, segmentSeconds: 1, seconds: 10, at: start - 300)
      run(at: over, migrate)
      try Recording(in: capture, from: 0, segmentSeconds: 1, seconds: 14, at: start)
      run(at: over, migrate + ["--on-conflict", "rename"])
      return
    case .deleting:
      try Recording(in: capture, from: 1, segmentSeconds: 1, seconds: 30, at: start)
      for number in 1...30 where (number / 4) % 2 == 1 { unlink("\(capture)/\(Recording.name(number))") }
    case .days:
      try Recording(in: capture, from: 1, segmentSeconds: 1, seconds: 10, at: start - 300)
      try Recording(in: capture, from: 5000, segmentSeconds: 1, seconds: 10, at: start - 300 + 86_400)
      run(at: over + 86_400, migrate)
      return
    case .trimmed:
      try Recording(in: capture, from: 1, segmentSeconds: 1, seconds: 30, at: start - 300)
      run(at: over, migrate)
      run(
        at: start - 300 + 86_410,
        ["archive", "--once", capture, "--hot", "segments=0", "--retain", "segments=24h"])
      return
    }
    run(at: over, migrate)
  }
}
