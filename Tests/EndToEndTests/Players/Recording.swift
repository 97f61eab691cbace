import Foundation
import TestKit

/// Segments of a real ffmpeg, recorded faster than real time and given the times at which they would have been finished.
struct Recording {
  static let framesPerSecond = 10

  /// `capture`: the folder that the segments go to. `start`: when it begins, in seconds since 1970.
  /// `isKilled`: by SIGKILL at half of its time, while it writes a segment. `clockSeconds`: what the clock of the
  /// stream begins with.
  @discardableResult
  init(
    in capture: String, from number: Int, segmentSeconds: Double, seconds: Int, at start: Double,
    isKilled: Bool = false, clockSeconds: Int = 0
  ) throws {
    let folder = try Folder()
    let playlist = folder.path + "/recording.m3u8"
    let run = try Running([
      "ffmpeg", "-v", "error", "-readrate", isKilled ? "4" : "1000",
      "-f", "lavfi", "-t", "\(seconds)", "-i", "testsrc=size=160x90:rate=\(Self.framesPerSecond)",
      "-f", "lavfi", "-t", "\(seconds)", "-i", "sine=frequency=440", "-c:v", "libx264", "-preset",
      "ultrafast",
      "-pix_fmt", "yuv420p", "-g", "\(max(1, Int(segmentSeconds * Double(Self.framesPerSecond))))",
      "-sc_threshold", "0", "-c:a", "aac", "-output_ts_offset", "\(clockSeconds)", "-f", "hls", "-hls_time",
      "\(segmentSeconds)", "-hls_list_size",
      "0",
      "-start_number", "\(number)", "-hls_segment_filename", "\(capture)/segment_%09d.ts", playlist,
    ])
    if isKilled {
      let last = capture + "/" + Self.name(number + seconds / 2)
      while run.isRunning, access(last, F_OK) != 0 { usleep(1000) }
      run.signal(SIGKILL)
    }
    let result = run.wait()
    guard isKilled ? result.status == 128 + SIGKILL : result.status == 0 else {
      throw PreparationError(message: "ffmpeg: \(result.status) \(result.error)")
    }
    var time = start
    var next = number
    for line in try String(contentsOfFile: playlist, encoding: .utf8).split(separator: "\n") {
      guard let duration = line.wholeMatch(of: /#EXTINF:([0-9.]+),.*/).flatMap({ Double($0.1) }) else {
        continue
      }
      time += duration
      try Self.stamp("\(capture)/\(Self.name(next))", time)
      next += 1
    }
    // What was being written is not in its playlist.
    let cut = "\(capture)/\(Self.name(next))"
    if access(cut, F_OK) == 0 { try Self.stamp(cut, time + segmentSeconds / 2) }
  }

  static func name(_ number: Int) -> String { String(format: "segment_%09d.ts", number) }

  private static func stamp(_ path: String, _ time: Double) throws {
    let time = timespec(tv_sec: Int(time), tv_nsec: Int((time - time.rounded(.down)) * 1e9))
    guard utimensat(AT_FDCWD, path, [time, time], 0) == 0 else { throw PreparationError("utimensat \(path)") }
  }
}
