import Foundation
import TestKit
import Testing

/// A migrated capture behind nginx, with the guide's locations, in a real browser.
@Suite struct BrowserTests {
  static let script = #filePath.replacing("BrowserTests.swift", with: "Browser/play.py")

  static func encode(_ capture: String, seconds: Int, from number: Int, into place: String) throws -> Running
  {
    try Running([
      "ffmpeg", "-v", "error", "-y", "-re", "-f", "lavfi", "-t", "\(seconds)", "-i",
      "testsrc=size=320x180:rate=10",
      "-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-g", "10", "-sc_threshold", "0",
      "-f", "hls",
      "-hls_time", "1", "-hls_list_size", "6", "-start_number", "\(number)", "-hls_segment_filename",
      "\(capture)/\(place)segment_%09d.ts", "\(capture)/\(place)output.m3u8",
    ])
  }

  @Test(.endToEnd, .requires("nginx"), .requires("chromium"), .requires("ffmpeg"))
  func theLiveStreamAndAnArchivePlay() throws {
    let python = try #require(
      ProcessInfo.processInfo.environment["HOTCOLD_E2E_PYTHON"], "make test-e2e sets it")
    let folder = try Folder()
    let capture = folder.path + "/stream/capture1"
    try Shell.must(["mkdir", "-p", capture])
    // Two runs of the encoder, so that the archive has a discontinuity.
    #expect(try Self.encode(capture, seconds: 7, from: 1, into: "").wait().status == 0)
    #expect(try Self.encode(capture, seconds: 7, from: 500, into: "").wait().status == 0)
    try Folder.age(capture, by: 26 * 3600)
    unlink(capture + "/output.m3u8")
    let (status, report) = try HotColdBinary.migrate(capture, ["--hot", "segments=0"])
    #expect(status == 0)
    let next = try #require(report["captures", 0, "nextNumbers", "segments"].int)
    let archive = try #require(ManifestTests.archives(capture).first)
    #expect(try String(contentsOfFile: archive, encoding: .utf8).contains("#EXT-X-DISCONTINUITY"))

    let server = try Self.serve(folder)
    defer { server.stop() }
    func play(_ path: String, until second: String) -> Shell.Result {
      Shell.run([
        "timeout", "120", python, Self.script, server.base + "/player.html", server.base + path, second,
      ])
    }
    let hour = archive.split(separator: "/").dropLast().last!
    let played = play("/stream/capture1/segments/\(hour)/archive.m3u8", until: "10")
    #expect(played.status == 0, "over the discontinuity at 7 s: \(played.output) \(played.error)")

    // The encoder goes on at the new place, with the next free number.
    let live = try Self.encode(capture, seconds: 60, from: next, into: "segments/")
    sleep(5)
    for url in ["/stream/capture1/segments/output.m3u8", "/stream/capture1/output.m3u8"] {
      let played = play(url, until: "+3")
      #expect(played.status == 0, "\(url): \(played.output) \(played.error)")
    }
    live.signal(SIGTERM)
    _ = live.wait()
  }

  /// nginx with the guide's locations, and a page with video.js.
  static func serve(_ folder: Folder) throws -> WebServer {
    let resources = try #require(
      ProcessInfo.processInfo.environment["HOTCOLD_E2E_VIDEOJS"], "make test-e2e sets it")
    for name in ["video.js", "video-js.min.css"] {
      try Shell.must(["cp", "\(resources)/\(name)", folder.path])
    }
    try folder.makeFile(
      "player.html",
      contents: Array(
        """
        <!doctype html><link rel="stylesheet" href="/video-js.min.css"><script src="/video.js"></script>
        <video id="video" class="video-js" width="320" height="180" muted></video>
        """.utf8))
    return try WebServer(folder, locations: WebServer.guideLocations)
  }
}
