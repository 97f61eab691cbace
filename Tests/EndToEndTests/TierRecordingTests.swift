import Foundation
import TestKit
import Testing

/// Real encoders that write to RAM, the service beside them, and a disk that fills, turns read-only and is pulled: set up as
/// docs/TIERS.md says for a disk that may be pulled.
@Suite struct TierRecordingTests {
  @Test(
    .endToEnd, .requiresRoot, .enabled(if: MountedFileSystem.canMount, "no loop devices"), .requires("ffmpeg")
  )
  func nothingIsLostWhateverHappensToTheDisk() throws {
    let disk = try Disk()
    let cameras = try ["capture1", "capture2"].map { try Camera($0, on: disk) }
    let log = disk.folder.path + "/log"
    let service = try ServiceTests.start(
      cameras.map(\.path) + [
        "--layout", "guide-ram", "--interval", "1s", "--min-age", "3s", "--hot",
        "segments=6,captures=20,thumbnails=20",
      ], log: log)
    let observer = Observer(cameras, log: log)

    try observer.watch(seconds: 12)
    #expect(try cameras.allSatisfy { try $0.segmentsOnDisk() > 5 }, "\(ServiceTests.contents(log))")
    try observer.outage("No space left on device", from: disk.fill, to: disk.makeRoom)
    try observer.outage(
      "Read-only file system", from: { try disk.remount("ro") }, to: { try disk.remount("rw") })
    try cameras[0].startAgain(seen: observer.seen)
    try observer.watch(seconds: 5)
    try observer.outage("no such folder", from: disk.pull) {
      try disk.mount()
      // A disk that is back before its tier is: nothing goes below the tier's folder.
      try observer.waitFor("no tmpfs is mounted here", of: cameras)
      for camera in cameras {
        #expect(try Snapshot(camera.path + "/hot").paths.isEmpty)
        try camera.bind()
      }
    }
    try observer.watch(seconds: 8)
    #expect(service.isRunning, "\(ServiceTests.contents(log))")
    for camera in cameras { try camera.stop() }
    try observer.look()
    try observer.watch(seconds: 5)
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)

    for camera in cameras {
      try observer.expectAllIsThere(of: camera)
      // The disk is what the service has left of it: a run that nothing disturbs has only playlists to write.
      let limits = ["--layout", "guide-ram", "--hot", "segments=6,captures=20,thumbnails=20"]
      let run = try HotColdBinary.migrate(camera.path, limits)
      #expect(run.status == 0, "\(run.report["captures", 0].errors)")
      let verify = HotColdBinary.run(["verify", camera.path] + limits)
      #expect(verify.status == 0, "\(verify.output)")
      try observer.expectAllIsThere(of: camera)
      try camera.expectPlaylistsPlay()
    }
    #expect(observer.seen.count > 800)
  }
}

/// A disk of its own, which is mounted by its device: what is pulled lazily stays the same file system when it comes back.
private final class Disk {
  let folder: Folder
  let path: String
  private let device: String

  init() throws {
    folder = try Folder(in: "/var/tmp")
    path = folder.path + "/disk"
    let image = folder.path + "/image"
    try folder.makeFolder("disk")
    try Shell.must(["truncate", "-s", "128M", image])
    try Shell.must(["mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", image])
    device = try Shell.must(["losetup", "-f", "--show", image]).trimmed
    try mount()
  }

  deinit {
    Shell.run(["umount", "-R", "-l", path])
    Shell.run(["losetup", "-d", device])
  }

  func mount() throws { try Shell.must(["mount", "-t", "ext4", device, path]) }

  func pull() throws { try Shell.must(["umount", "-l", path]) }

  /// To the last block: ext4 has some that it does not give to a file that grows.
  func fill() throws {
    Shell.run(
      ["sh", "-c", "cat /dev/zero > filler; i=0; while echo > filler$i; do i=$((i + 1)); done"], in: path)
  }

  func makeRoom() throws { try Shell.must(["sh", "-c", "rm filler*"], in: path) }

  /// Refused while something is being written.
  func remount(_ option: String) throws {
    #expect(
      ArchiverTests.waitUntil { Shell.run(["mount", "-o", "remount,\(option)", device, path]).status == 0 },
      "remount \(option)")
  }
}

/// A capture on a disk, its tmpfs at a place of its own and bound into it, and the encoder that writes there.
private final class Camera {
  let name: String
  let path: String
  /// Where its tmpfs is.
  let ram: String
  private let fstab: String
  /// Goes after its mounts.
  private let disk: Disk
  private var encoder: Running
  private(set) var runs = 1

  init(_ name: String, on disk: Disk) throws {
    self.name = name
    self.disk = disk
    path = "\(disk.path)/\(name)"
    let ram = "\(disk.folder.path)/ram-\(name)"
    self.ram = ram
    fstab = ram + ".fstab"
    let lines = try #require(TierGuideTests.blocks.first { $0.language == "fstab" }).text
    try Folder.writeFile(
      fstab,
      lines.replacing("/srv/ram/capture1", with: ram)
        .replacing("/var/www/html/stream/capture1", with: path) + "\n")
    try Shell.must(["mkdir", "-p", ram, path + "/hot"])
    try Shell.must(["mount", "-T", fstab, ram])
    try Shell.must(
      ["mkdir"] + ["segments", "captures", "thumbnails", "metadata"].map { "\(ram)/\($0)" })
    encoder = try Self.encode(to: ram, segment: 1, capture: 1)
    try bind()
  }

  deinit { Shell.run(["umount", "-l", path + "/hot", ram]) }

  func bind() throws { try Shell.must(["mount", "-T", fstab, path + "/hot"]) }

  /// Two segments, five pictures and five thumbnails a second.
  private static func encode(to ram: String, segment: Int, capture: Int) throws -> Running {
    try Running([
      "ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=160x90:rate=10",
      "-filter_complex", "[0:v]split=3[v][c][t];[c]fps=5[captures];[t]fps=5,scale=80:-2[thumbnails]",
      "-map", "[v]", "-c:v", "libx264", "-preset", "ultrafast", "-g", "5", "-sc_threshold", "0",
      "-f", "hls", "-hls_time", "0.5", "-hls_list_size", "6", "-hls_flags", "omit_endlist+discont_start",
      "-start_number", "\(segment)", "-hls_segment_filename", "\(ram)/segments/segment_%09d.ts",
      "\(ram)/segments/output.m3u8",
      "-map", "[captures]", "-f", "image2", "-atomic_writing", "1", "-start_number", "\(capture)",
      "\(ram)/captures/capture_%09d.jpg",
      "-map", "[thumbnails]", "-f", "image2", "-atomic_writing", "1", "-start_number", "\(capture)",
      "\(ram)/thumbnails/capture_%09d_thumbnail.jpg",
    ])
  }

  func stop() throws {
    #expect(encoder.isRunning, "\(encoder.wait().error)")
    encoder.signal(SIGTERM)
    _ = encoder.wait()
  }

  /// With the next numbers, none of which was taken.
  func startAgain(seen: [String: String]) throws {
    try stop()
    let said = HotColdBinary.run(["next-numbers", path, "--layout", "guide-ram"])
    let numbers = said.output.matches(of: #/=(\d+)/#).compactMap { Int($0.1) }
    #expect(said.status == 0 && numbers.count == 2, "\(said)")
    let taken = seen.keys.filter { $0.hasPrefix(name + "/") }
    let segments = taken.compactMap { $0.firstMatch(of: #/segment_(\d+)/#).flatMap { Int($0.1) } }
    #expect(numbers[0] > segments.max() ?? .max)
    encoder = try Self.encode(to: ram, segment: numbers[0], capture: numbers[1])
    runs += 1
  }

  func segmentsOnDisk() throws -> Int {
    try Snapshot(path).paths.count { "\($0)".hasPrefix("segments/") }
  }

  /// What the encoder has finished by its own word: what its playlist lists, and pictures that have their names.
  func finished() -> [String] {
    let playlist = ServiceTests.contents(ram + "/segments/output.m3u8")
    let segments = playlist.split(separator: "\n").filter { $0.hasPrefix("segment_") }.map {
      "segments/\($0)"
    }
    return segments
      + ["captures", "thumbnails"].flatMap { kind in
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(ram)/\(kind)")) ?? [])
          .filter { $0.hasPrefix("capture_") && $0.hasSuffix(".jpg") }.map { "\(kind)/\($0)" }
      }
  }

  /// The live playlist and every archive, decoded from end to end without a complaint: five frames in a segment but the last of
  /// a run.
  func expectPlaylistsPlay() throws {
    let archives = ManifestTests.archives(path)
    #expect(!archives.isEmpty)
    for playlist in archives + [path + "/hot/segments/output.m3u8"] {
      let text = try String(contentsOfFile: playlist, encoding: .utf8)
      let listed = text.split(separator: "\n").count { $0.hasPrefix("segment_") }
      // A player waits for the rest of one that has not ended.
      let ended = playlist.replacing(".m3u8", with: "-ended.m3u8")
      try Folder.writeFile(ended, text.contains("#EXT-X-ENDLIST") ? text : text + "#EXT-X-ENDLIST\n")
      let played = try RecordingTests.Recording.decode(ended)
      #expect(played.complaints.isEmpty, "\(playlist): \(played.complaints)")
      #expect(
        listed > 0 && played.frames ?? 0 > 5 * (listed - runs),
        "\(playlist): \(played.frames ?? 0), \(listed)")
    }
  }
}

/// Keeps a record of what the encoders have finished, of which hotcold knows nothing.
private final class Observer {
  private let cameras: [Camera]
  private let log: String
  /// SHA-256 of each file by "capture1/segment_000000001.ts", as it was when it was first met.
  private(set) var seen: [String: String] = [:]

  init(_ cameras: [Camera], log: String) {
    self.cameras = cameras
    self.log = log
  }

  func look() throws {
    for camera in cameras {
      let new = camera.finished().filter { seen[Self.key($0, camera)] == nil }
      for (path, hash) in Self.hashes(new, in: camera.ram) { seen[Self.key(path, camera)] = hash }
    }
  }

  private static func key(_ path: String, _ camera: Camera) -> String {
    "\(camera.name)/\(path.split(separator: "/").last!)"
  }

  private static func hashes(_ paths: [String], in folder: String) -> [(path: String, hash: String)] {
    guard !paths.isEmpty else { return [] }
    return Shell.run(["sha256sum", "--"] + paths, in: folder).output.split(separator: "\n").map {
      (String($0.dropFirst(66)), String($0.prefix(64)))
    }
  }

  func watch(seconds: Int) throws {
    let end = Date().addingTimeInterval(TimeInterval(seconds))
    while Date() < end {
      try look()
      usleep(150_000)
    }
  }

  private func count(_ text: String, of camera: Camera) -> Int {
    ServiceTests.contents(log).split(separator: "\n").count { $0.contains(camera.path) && $0.contains(text) }
  }

  /// Until the log says this of each, once more than before.
  func waitFor(_ text: String, of cameras: [Camera], than before: [Int] = [0, 0]) throws {
    for _ in 0..<200 where !zip(cameras, before).allSatisfy({ count(text, of: $0) > $1 }) {
      try look()
      usleep(150_000)
    }
    for (camera, before) in zip(cameras, before) {
      #expect(count(text, of: camera) > before, "\(text): \(ServiceTests.contents(log))")
    }
  }

  /// Something that happens to the disk, is said as an error of each capture, lasts for a while, and is over.
  func outage(_ text: String, from begin: () throws -> Void, to end: () throws -> Void) throws {
    let (errors, resolved) = (
      cameras.map { count(text, of: $0) }, cameras.map { count("resolved: ", of: $0) }
    )
    try begin()
    try waitFor(text, of: cameras, than: errors)
    try watch(seconds: 5)
    try end()
    try waitFor("resolved: ", of: cameras, than: resolved)
    let onDisk = try cameras.map { try $0.segmentsOnDisk() }
    try watch(seconds: 4)
    for (camera, before) in zip(cameras, onDisk) {
      #expect(try camera.segmentsOnDisk() > before, "\(text): \(ServiceTests.contents(log))")
    }
    #expect(
      ServiceTests.contents(log).split(separator: "\n").contains { $0.contains("ERROR") && $0.contains(text) }
    )
  }

  /// Each file that was ever finished is whole wherever it is, and there is no other.
  func expectAllIsThere(of camera: Camera) throws {
    let paths = try Snapshot(camera.path).paths.map { "\($0)" }.filter { !$0.hasSuffix(".m3u8") }
    var found: [String: Set<String>] = [:]
    var places: [String: Int] = [:]
    for start in stride(from: 0, to: paths.count, by: 500) {
      for (path, hash) in Self.hashes(Array(paths[start..<min(start + 500, paths.count)]), in: camera.path) {
        found[Self.key(path, camera), default: []].insert(hash)
        places[Self.key(path, camera), default: 0] += 1
      }
    }
    let own = seen.filter { $0.key.hasPrefix(camera.name + "/") }
    for (name, hash) in own {
      #expect(found[name] == [hash], "\(name)")
      #expect((1...2).contains(places[name] ?? 0), "\(name)")
    }
    let others = Set(found.keys).subtracting(own.keys)
    #expect(others.isEmpty, "\(others.sorted())")
  }
}
