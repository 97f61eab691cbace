import Foundation
import TestKit
import Testing

/// Captures that a real ffmpeg wrote: one-second HLS segments with a live playlist, five captures and
/// thumbnails a second, and a JSON beside each.
@Suite(.serialized) struct RecordingTests {
  struct Recording {
    let folder: Folder
    let ffmpeg: Running

    init(seconds: Int, realTime: Bool) throws {
      folder = try Folder()
      try folder.makeFolder("captures")
      let path = folder.path
      ffmpeg = try Running(
        ["ffmpeg", "-v", "error", "-y"] + (realTime ? ["-re"] : []) + [
          "-f", "lavfi", "-t", "\(seconds)", "-i", "testsrc=size=160x90:rate=10",
          "-filter_complex", "[0:v]split=3[v][c][t];[c]fps=5[capture];[t]fps=5,scale=80:45[thumbnail]",
          "-map", "[v]", "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-sc_threshold", "0",
          "-f", "hls", "-hls_time", "1", "-hls_list_size", "6",
          "-hls_segment_filename", "\(path)/segment_%09d.ts", "\(path)/output.m3u8",
          "-map", "[capture]", "-f", "image2", "-atomic_writing", "1", "\(path)/captures/capture_%09d.jpg",
          "-map", "[thumbnail]", "-f", "image2", "-atomic_writing", "1",
          "\(path)/captures/capture_%09d_thumbnail.jpg",
        ], hasInput: true)
    }

    /// As a user would: with the key q.
    func stop() throws {
      ffmpeg.type("q")
      _ = ffmpeg.wait()
    }

    /// Writes the JSON of every capture that has none yet. Captures that were moved meanwhile have theirs.
    func describeCaptures(_ described: inout Set<Bytes>) throws {
      for path in try Snapshot(folder.path).paths
      where path.folder == "captures" && path.name.description.hasSuffix(".jpg")
        && !path.name.description.contains("_thumbnail") && described.insert(path.name).inserted
      {
        let name = String(path.description.dropLast(".jpg".count))
        try folder.makeFile(
          Bytes(name + ".json"), seconds: Int(Date().timeIntervalSince1970),
          contents: Array(#"{"motion":0}"#.utf8))
      }
    }

    /// The segments that the playlist lists.
    static func listed(_ playlist: String) throws -> [String] {
      try String(contentsOfFile: playlist, encoding: .utf8).split(separator: "\n").map(String.init)
        .filter { !$0.hasPrefix("#") }
    }

    /// Decodes a whole playlist; returns the number of frames, and what ffmpeg complained about.
    static func decode(_ playlist: String) throws -> (frames: Int?, complaints: String) {
      let result = Shell.run([
        "timeout", "60", "ffprobe", "-v", "error", "-live_start_index", "0", "-count_frames",
        "-select_streams", "v:0", "-show_entries",
        "stream=nb_read_frames", "-of", "csv=p=0", playlist,
      ])
      return (Int(result.output.split(separator: "\n").first ?? ""), result.error)
    }

    /// The numbers of all files of a kind, wherever they are.
    static func numbers(_ snapshot: Snapshot, _ prefix: String, _ suffix: String) -> [Int] {
      snapshot.paths.compactMap { path in
        let name = path.name.description
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
        return Int(name.dropFirst(prefix.count).dropLast(suffix.count))
      }.sorted()
    }
  }

  @Test(.requires("ffmpeg")) func aRecordedCaptureIsMigratedByteForByteAndPlaysFromItsNewPlace() throws {
    let seconds = 70
    let recording = try Recording(seconds: seconds, realTime: false)
    let result = recording.ffmpeg.wait()
    #expect(result.status == 0, "\(result.error)")
    var described: Set<Bytes> = []
    try recording.describeCaptures(&described)
    let path = recording.folder.path
    let before = try Snapshot(path)
    #expect(Recording.numbers(before, "segment_", ".ts").count == seconds)
    #expect(described.count >= 5 * seconds)
    let flat = try Recording.decode(path + "/output.m3u8")
    #expect(flat.frames == 6 * 10 && flat.complaints.isEmpty)

    let migration = try HotColdBinary.migrate(path)
    #expect(migration.status == 0)
    let after = try Snapshot(path)
    #expect(after.contents == before.contents)
    #expect(
      after.files.values.map(\.modifiedNanoseconds).sorted()
        == before.files.values.map(\.modifiedNanoseconds).sorted())
    let hot = try Recording.decode(path + "/segments/output.m3u8")
    #expect(hot.frames == flat.frames && hot.complaints.isEmpty, "\(hot.complaints)")
    #expect(HotColdBinary.run(["verify", path]).status == 0)
  }

  @Test(.requires("ffmpeg")) func aLiveCaptureIsMigratedInTwoStepsAndPlaysAllTheTime() throws {
    let recording = try Recording(seconds: 600, realTime: true)
    defer { recording.ffmpeg.signal(SIGKILL) }
    let path = recording.folder.path
    var described: Set<Bytes> = []
    var runs = 0
    var moved = 0
    var checks = 0
    let start = Date()
    while Date().timeIntervalSince(start) < 35 {
      usleep(400_000)
      #expect(recording.ffmpeg.isRunning)
      try recording.describeCaptures(&described)
      guard Date().timeIntervalSince(start) > 13 else { continue }
      let run = try HotColdBinary.migrate(path, ["--keep-live"])
      #expect(run.status == 0, "\(run.report["captures", 0].errors)")
      #expect(run.report["captures", 0, "livePlaylist"].string == "kept")
      #expect(run.report["captures", 0, "writerActive"].bool == true)
      moved += run.report["captures", 0, "total", "moved"].int ?? 0
      runs += 1
      // What a player would find: the playlist, and every segment that it lists, beside it.
      for name in try Recording.listed(path + "/output.m3u8") {
        #expect(recording.folder.exists(Bytes(name)), "\(name) is listed and not there")
        checks += 1
      }
      let played = Shell.run([
        "timeout", "20", "ffprobe", "-v", "error", "-show_entries", "stream=codec_name",
        path + "/output.m3u8",
      ])
      #expect(played.status == 0 && played.output.contains("h264"), "\(played.error)")
    }
    #expect(runs > 5 && moved > 10 && checks > 30)

    try recording.stop()
    try recording.describeCaptures(&described)
    let before = try Snapshot(path)
    let flat = try Recording.decode(path + "/output.m3u8")
    #expect(flat.frames ?? 0 >= 50 && flat.complaints.isEmpty, "\(flat.complaints)")
    let cutOver = try HotColdBinary.migrate(path)
    #expect(cutOver.status == 0)
    let after = try Snapshot(path)
    #expect(after.contents == before.contents)
    let hot = try Recording.decode(path + "/segments/output.m3u8")
    #expect(hot.frames == flat.frames && hot.complaints.isEmpty, "\(hot.complaints)")
    #expect(HotColdBinary.run(["verify", path]).status == 0)

    // Every file that ffmpeg numbered is there, once.
    let segments = Recording.numbers(after, "segment_", ".ts")
    #expect(segments == Array(0..<segments.count) && segments.count > 25)
    let captures = Recording.numbers(after, "capture_", ".jpg")
    #expect(captures == Array(1...captures.count) && captures.count > 125)
    #expect(Recording.numbers(after, "capture_", "_thumbnail.jpg") == captures)
    #expect(Recording.numbers(after, "capture_", ".json") == captures)
  }
}
