import Foundation
import TestKit

/// A real player, asked how many frames of a playlist it decodes. `nil`: it failed, or did not come to the end.
enum Player: String, CaseIterable, Sendable {
  case ffmpeg
  case mpv
  case vlc = "VLC"
  case gstreamer = "GStreamer"
  case videojs = "video.js"
  case chromium = "Chromium"

  /// `folder`: for its files, of this test alone. `page`: with video.js.
  func frames(of playlist: String, page: String, folder: Folder) throws -> Int? {
    switch self {
    case .ffmpeg: return Self.probe(playlist)
    case .mpv: return try Self.pictures([], playlist, folder)
    case .vlc:
      // It refuses to run as root.
      let home = folder.path + "/vlc"
      try Shell.must(["install", "-d", "-o", "nobody", home])
      let result = Self.run([
        "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "env", "HOME=\(home)", "cvlc", "-q",
        "--no-sout-audio", "--sout", "#std{access=file,mux=dummy,dst=\(home)/out.h264}", playlist,
        "vlc://quit",
      ])
      return result.status == 0 ? Self.probe("\(home)/out.h264") : nil
    case .gstreamer:
      let result = Self.run([
        "gst-launch-1.0", "-v", "uridecodebin", "uri=\(playlist)", "!", "videoconvert", "!", "fakesink",
        "sync=false",
        "silent=false",
      ])
      return result.status == 0 ? result.output.split(separator: "\n").count { $0.contains("chain") } : nil
    case .videojs, .chromium:
      return try Self.browse(self, playlist, page: page)?["frames"].int
    }
  }

  /// The same from `seconds` on. `nil`: it failed, or nothing can tell it where to begin.
  func frames(of playlist: String, from seconds: Double, page: String, folder: Folder) throws -> Int? {
    switch self {
    case .ffmpeg:
      let result = Self.run([
        "ffmpeg", "-v", "error", "-ss", "\(seconds)", "-i", playlist, "-an", "-f", "framecrc", "-",
      ])
      guard result.status == 0 else { return nil }
      return result.output.split(separator: "\n").count { !$0.hasPrefix("#") }
    case .mpv: return try Self.pictures(["--start=\(seconds)"], playlist, folder)
    case .videojs, .chromium:
      return try Self.browse(self, playlist, page: page, options: ["--from", "\(seconds)"])?["frames"].int
    case .vlc, .gstreamer: return nil
    }
  }

  /// mpv writes each frame that it shows into a file.
  private static func pictures(_ options: [String], _ playlist: String, _ folder: Folder) throws -> Int? {
    let pictures = try Folder()
    let result = run(
      [
        "mpv", "--no-config", "--msg-level=all=error", "--no-audio", "--vo=image", "--vo-image-format=jpg",
        "--vo-image-outdir=\(pictures.path)",
      ] + options + [playlist])
    return result.status == 0 ? try Snapshot(pictures.path).files.count : nil
  }

  static func probe(_ path: String) -> Int? {
    let result = run([
      "ffprobe", "-v", "error", "-count_frames", "-select_streams", "v:0", "-show_entries",
      "stream=nb_read_frames",
      "-of", "csv=p=0", path,
    ])
    return result.output.split(separator: "\n").first.flatMap { Int($0) }
  }

  private static func browse(
    _ player: Player, _ playlist: String, page: String, options: [String] = []
  ) throws -> JSON? {
    let python = ProcessInfo.processInfo.environment["HOTCOLD_E2E_PYTHON"] ?? "python3"
    let result = run(
      [python, BrowserTests.script, page, playlist, "end", "--rate", "8"]
        + (player == .chromium ? ["--native"] : []) + options)
    return result.status == 0 ? try JSON(parsing: result.output) : nil
  }

  /// Once more where a player fails by itself: one in many hundred runs does, and an archive that it cannot play fails each time.
  /// What it said is in the log.
  private static func run(_ command: [String]) -> Shell.Result {
    let first = Shell.run(["timeout", "120"] + command)
    if first.status == 0 { return first }
    let second = Shell.run(["timeout", "120"] + command)
    print("\(command): \(first.status), then \(second.status)\n\(first.error.suffix(2000))")
    return second
  }
}
