import Foundation
import TestKit
import Testing

/// The cut-over of the guide, polled as a player does: through the guide's nginx, at the old URL.
@Suite struct CutOverTests {
  /// Loads the playlist again and again, and each segment once, as soon as it is listed.
  static let player = """
    fetched=; until [ -e "$1/stop" ]; do
      curl -s -o "$1/playlist" -w '%{http_code} playlist\\n' "$2/output.m3u8" >> "$1/log"
      for name in $(grep -a '^segment' "$1/playlist"); do
        case "$fetched" in *" $name "*) continue ;; esac
        fetched="$fetched $name "
        curl -s -o /dev/null -w "%{http_code} $name\\n" "$2/$name" >> "$1/log"
      done
      sleep 0.2
    done
    """

  @Test(.endToEnd, .requires("nginx"), .requires("curl"), .requires("ffmpeg"))
  func noSegmentIsMissed() throws {
    let folder = try Folder()
    let capture = folder.path + "/stream/capture1"
    try Shell.must(["mkdir", "-p", capture])
    func encode(from number: Int, into place: String) throws -> Running {
      try Running([
        "ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=160x90:rate=10", "-c:v", "libx264",
        "-preset", "ultrafast", "-g", "10", "-sc_threshold", "0", "-f", "hls", "-hls_time", "1",
        "-hls_list_size", "6", "-hls_flags", "omit_endlist+discont_start", "-start_number", "\(number)",
        "-hls_segment_filename", "\(capture)/\(place)segment_%09d.ts", "\(capture)/\(place)output.m3u8",
      ])
    }
    func stop(_ encoder: Running) {
      encoder.signal(SIGTERM)
      _ = encoder.wait()
    }
    let server = try WebServer(folder, locations: WebServer.guideLocations)
    defer { server.stop() }

    let old = try encode(from: 1, into: "")
    sleep(5)
    let player = try Running([
      "sh", "-c", Self.player, "player", folder.path, server.base + "/stream/capture1",
    ])
    sleep(3)
    #expect(try HotColdBinary.migrate(capture, ["--keep-live"]).status == 0)
    sleep(2)
    stop(old)
    let next = HotColdBinary.run(["next-numbers", capture]).output.split(separator: "\n")[0].split(
      separator: "=")[1]
    let new = try encode(from: try #require(Int(next)), into: "segments/")
    sleep(12)
    let (status, report) = try HotColdBinary.migrate(capture)
    #expect(status == 0, "\(report["captures", 0].errors)")
    #expect(report["captures", 0, "livePlaylist"].string == "superseded")
    sleep(3)
    try folder.makeFile("stop")
    #expect(player.wait().status == 0)
    stop(new)

    let log = try String(contentsOfFile: folder.path + "/log", encoding: .utf8).split(separator: "\n")
    #expect(log.allSatisfy { $0.hasPrefix("200 ") }, "\(log.filter { !$0.hasPrefix("200 ") })")
    let numbers = log.compactMap { line in
      line.contains("segment_") ? Int(line.split(separator: "_")[1].prefix { $0.isNumber }) : nil
    }.sorted()
    #expect(numbers.count > 15)
    #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $1 == $0 + 1 }, "\(numbers)")
    #expect(numbers.contains(try #require(Int(next))) && numbers[0] < Int(next)!)
  }
}
