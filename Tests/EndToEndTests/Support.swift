import Foundation
import TestKit
import Testing

extension Trait where Self == ConditionTrait {
  /// Skipped, and reported as skipped, for an ordinary user.
  static var requiresRoot: Self { .enabled(if: getuid() == 0, "needs root") }
  static var requiresMounting: Self {
    .enabled(if: MountedFileSystem.canMount, "needs root and loop devices")
  }
  static func requires(_ program: String) -> Self {
    .enabled("needs \(program)") { Shell.has(program) }
  }
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
