import Foundation
import TestKit
import Testing

extension Trait where Self == ConditionTrait {
  /// Skipped, and reported as skipped, for an ordinary user.
  static var requiresRoot: Self { .enabled(if: getuid() == 0, "needs root") }
  /// Skipped, and reported as skipped, but by `make test-faults`: takes minutes.
  static var campaign: Self { .enabled(if: KillTests.isCampaign, "runs with make test-faults only") }
  static func requires(_ program: String) -> Self {
    .enabled("needs \(program)") { Shell.has(program) }
  }
}

/// Called first in a case of one engine: where the kernel grants no ring, that case alone is reported as skipped.
func skipUnlessGranted(engine: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
  if engine == "io_uring" { try IOUring.skipCaseUnlessGranted(sourceLocation: sourceLocation) }
}

/// The playlist of an hour ends with the turn of the next, so a run with nothing to do writes just then. Waits until that is
/// past if it is near.
func stayWithinTheHour() {
  let quarter = 900
  let left = quarter - time(nil) % quarter
  if left < 20 { sleep(UInt32(left)) }
}

/// A flat capture of every kind of file, small enough to be looked at file by file.
enum SmallCapture {
  static let segments = 60
  static let pictures = 150
  static let listed = (55..<60).map { Bytes("segment_\($0).ts") }

  static func make(in folder: Folder, at base: Bytes = "") throws {
    let prefix = base.bytes.isEmpty ? base : base + "/"
    for file in files { try folder.makeFile(prefix + file.path, seconds: file.seconds) }
    try folder.makePlaylist(prefix + "output.m3u8", listing: listed)
  }

  static var files: [LayoutModel.File] {
    let start = 1_700_000_000
    return (0..<segments).map { .init(Bytes("segment_\($0).ts"), seconds: start + $0 * 1200) }
      + (0..<pictures).flatMap { number in
        [".jpg", "_thumbnail.jpg", ".json"].map {
          LayoutModel.File(Bytes("captures/capture_\(number)\($0)"), seconds: start + number * 500)
        }
      }
  }

  /// Where everything is after a migration.
  static func settled(keepLive: Bool = false) -> Set<Bytes> {
    var model = LayoutModel()
    model.pinned = Set(listed)
    model.keepLive = keepLive
    return model.settled(files).union([keepLive ? "output.m3u8" : "segments/output.m3u8"])
  }
}

/// A folder, a capture in it, and what it held before.
struct Trial {
  let folder: Folder
  let before: Snapshot

  init(in base: String = "/dev/shm") throws {
    folder = try Folder(in: base)
    try SmallCapture.make(in: folder)
    before = try Snapshot(folder.path)
  }

  /// Nothing is lost, doubled or changed.
  func expectIntact(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) throws {
    let after = try Snapshot(folder.path)
    #expect(after.contents == before.contents, comment, sourceLocation: sourceLocation)
  }

  func expectUntouched(sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try Snapshot(folder.path).changeTimes == before.changeTimes, sourceLocation: sourceLocation)
  }

  func expectSettled(_ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(
      try Snapshot(folder.path).paths == SmallCapture.settled(), comment, sourceLocation: sourceLocation)
  }
}

/// A capture of some thousands of files, so that a run takes long enough to be met in the middle.
struct LargeTrial {
  static let files = 8000

  let capture: WatchedCapture
  var path: String { capture.path }
  var before: Snapshot { capture.before }

  init(in base: String, files: Int = Self.files) throws {
    let path = base + "/capture"
    try Shell.must([HotColdBinary.path, "sample", path, "--files", "\(files)", "--file-bytes", "8"])
    capture = try WatchedCapture(path)
  }

  func start(_ engine: String) throws -> Running {
    try HotColdBinary.start([
      "migrate", path, "--execute", "--yes", "--engine", engine, "--format", "json",
    ])
  }

  func expectIntact(_ comment: Comment? = nil, report: JSON? = nil) throws {
    #expect(try capture.violations(report: report) == [], comment)
  }

  /// A run without faults ends in the tree of an uninterrupted one, and another has nothing to do.
  func expectRerunSettles(_ comment: Comment? = nil) throws {
    stayWithinTheHour()
    #expect(try HotColdBinary.migrate(path).status == 0, comment)
    #expect(try Snapshot(path).paths == InterruptionTests.settled(before), comment)
    try expectIntact(comment)
    #expect(try HotColdBinary.migrate(path).report["changed"].bool == false, comment)
  }

  /// Files below an hour folder: what has been moved so far.
  private var movedCount: Int {
    ["segments", "captures", "thumbnails", "metadata"].reduce(0) { count, kind in
      (0..<24).reduce(count) { $0 + Snapshot.entryCount("\(path)/\(kind)/\($1)") }
    }
  }

  /// Runs `action` while a run is stopped in the middle of its moves. False if it was over before.
  func interfere(_ run: Running, _ action: () throws -> Void) throws -> Bool {
    while run.isRunning {
      guard movedCount > 50 else { continue }
      run.signal(SIGSTOP)
      // Stopped before it was done?
      let isInTheMiddle = movedCount < Self.files - 500
      try action()
      run.signal(SIGCONT)
      return isInTheMiddle
    }
    return false
  }
}

/// A real ffmpeg that records into the hot places of `folder`/capture: a segment a second beside its live playlist, five
/// pictures and thumbnails a second.
enum Recorder {
  static func start(in folder: Folder, seconds: Int) throws -> Running {
    let capture = folder.path + "/capture"
    for kind in ["segments", "captures", "thumbnails"] { try folder.makeFolder(Bytes("capture/\(kind)")) }
    return try Running([
      "ffmpeg", "-v", "error", "-y", "-re", "-f", "lavfi", "-t", "\(seconds)", "-i",
      "testsrc=size=160x90:rate=10",
      "-filter_complex", "[0:v]split=3[v][c][t];[c]fps=5[capture];[t]fps=5,scale=80:45[thumbnail]",
      "-map", "[v]", "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-sc_threshold", "0",
      "-f", "hls", "-hls_time", "1", "-hls_list_size", "6", "-hls_segment_filename",
      "\(capture)/segments/segment_%09d.ts", "\(capture)/segments/output.m3u8",
      "-map", "[capture]", "-f", "image2", "-atomic_writing", "1", "\(capture)/captures/capture_%09d.jpg",
      "-map", "[thumbnail]", "-f", "image2", "-atomic_writing", "1",
      "\(capture)/thumbnails/capture_%09d_thumbnail.jpg",
    ])
  }
}
