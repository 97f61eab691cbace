import Foundation
import TestKit
import Testing

/// An hour of the service in two minutes, beside a real ffmpeg: a round every two seconds, hot limits of a few files, a
/// retention of a minute.
@Suite struct LongRunTests {
  static let seconds = 120
  static let retentionSeconds = 60

  @Test(.endToEnd, .requires("ffmpeg"), .requires("promtool"))
  func theServiceKeepsUpWithARecordingAndDeletesNothingTooEarly() throws {
    let folder = try Folder()
    let capture = folder.path + "/capture"
    let ffmpeg = try Recorder.start(in: folder, seconds: Self.seconds)
    let limits = ["segments=3,captures=10,thumbnails=10,metadata=10"]
    let metrics = folder.path + "/hotcold.prom"
    sleep(3)
    let service = try HotColdBinary.start(
      ["archive", capture, "--interval", "2s", "--min-age", "2s", "--hot"] + limits + [
        "--retain", "captures=\(Self.retentionSeconds)s,segments=5m", "--metrics-file", metrics,
      ])
    // Everything that was ever seen, with the time at which it was made.
    var made: [Bytes: Int] = [:]
    var livePlays = 0
    var polls = 0
    while ffmpeg.isRunning {
      for (path, entry) in try Self.files(capture) { made[path.name] = entry }
      polls += 1
      if polls % 40 == 0 {
        livePlays +=
          try RecordingTests.Recording.decode(capture + "/segments/output.m3u8").complaints.isEmpty ? 1 : 0
      }
      usleep(500_000)
    }
    for (path, entry) in try Self.files(capture) { made[path.name] = entry }
    #expect(ffmpeg.wait().status == 0)
    sleep(5)
    service.signal(SIGTERM)
    let result = service.wait()
    let end = Int(Date().timeIntervalSince1970)
    #expect(result.status == 0 && !result.error.contains("ERROR"), "\(result.error)")

    let left = Set(try Self.files(capture).keys.map(\.name))
    let gone = made.filter { !left.contains($0.key) && $0.key != "output.m3u8" }
    #expect(gone.count > 100, "retention has deleted \(gone.count)")
    for (name, time) in gone {
      #expect(name.description.hasPrefix("capture_") && !name.description.contains("thumbnail"), "\(name)")
      #expect(end - time > Self.retentionSeconds, "\(name) went after \(end - time) s")
    }
    #expect(made.keys.count { $0.description.hasPrefix("segment_") } >= Self.seconds - 2)
    let verify = HotColdBinary.run(
      ["verify", capture, "--hot"] + [
        "segments=6", "--hot", "captures=10", "--hot", "thumbnails=10", "--hot", "metadata=10",
      ])
    #expect(verify.status == 0, "\(verify.output)")
    #expect(livePlays > 0)
    #expect(Shell.run(["sh", "-c", "promtool check metrics < '\(metrics)'"]).status == 0)
    // Both playlists play; the archive as one whose hour is over.
    #expect(try RecordingTests.Recording.decode(capture + "/segments/output.m3u8").complaints.isEmpty)
    try Folder.age(capture, by: 26 * 3600)
    try Shell.must([
      "sh", "-c",
      "cd '\(capture)/segments' && for h in */; do mkdir -p ../flat; mv $h/*.ts ../flat/ 2>/dev/null || true; done; mv ../flat/*.ts ..; rmdir ../flat",
    ])
    #expect(try HotColdBinary.migrate(capture).status == 0)
    for archive in ManifestTests.archives(capture) {
      #expect(ManifestTests.probe([archive]).error.isEmpty)
      #expect(ManifestTests.frames(archive) ?? 0 > 0)
    }
  }

  static func files(_ capture: String) throws -> [Bytes: Int] {
    try Snapshot(capture).files.mapValues(\.modifiedSeconds)
  }
}
