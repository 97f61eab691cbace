import CFaults
import CaptureLayout
import Foundation
import SystemPackage
import TestKit
import Testing

@testable import Migration

/// fMP4 whose recorder has started again, while calls fail: no playlist loses what its segments are played with, and the next
/// run makes up for what this one could not do.
@Suite struct InitializationFaultTests {
  private static let seconds = 1_700_000_400

  private static let layout: Layout = {
    var description = LayoutDescription.guide
    description.kinds[0].initialization = ["init.mp4"]
    return try! Layout(description)
  }()

  private static func box(_ type: String, _ payload: [UInt8]) -> [UInt8] {
    [0, 0, 0, UInt8(8 + payload.count)] + Array(type.utf8) + payload
  }

  private static func contents(_ mark: UInt8) -> [UInt8] { box("ftyp", [mark]) + box("moov", [mark]) }

  private static func migrate(_ folder: Folder) throws -> CaptureReport {
    var rule = SettleRule(of: layout)
    rule.hotLimits[layout.kinds[0]] = 0
    var options = MigrationOptions(rule: rule, hours: HourClock { _ in 0 }, isDryRun: false, keepLive: true)
    options.layout = layout
    return try Engine.choose(.syscalls).migrate(
      FilePath(folder.path), options: options, observer: SilentObserver())
  }

  /// Archived with the first init segment; the second is there, with a new segment.
  private static func prepare() throws -> Folder {
    let folder = try Folder()
    try folder.makeFile("init.mp4", seconds: seconds, contents: contents(1))
    for number in 0..<3 { try folder.makeFile(Bytes("segment_\(number).ts"), seconds: seconds + number) }
    #expect(try migrate(folder).isClean)
    try folder.remove("init.mp4")
    try folder.makeFile("init.mp4", seconds: seconds + 10, contents: contents(2))
    for number in 3..<6 { try folder.makeFile(Bytes("segment_\(number).ts"), seconds: seconds + 10 + number) }
    return folder
  }

  /// What the playlists name, each by the mark in it; nil for what is not there.
  private static func marks(_ folder: Folder) throws -> [UInt8?] {
    try Snapshot(folder.path).manifests.flatMap { path, text in
      String(decoding: text, as: UTF8.self).split(separator: "\n").filter { $0.hasPrefix("#EXT-X-MAP") }.map {
        let file = "\(folder.path)/\(path.folder)/\($0.split(separator: "\"")[1])"
        return (try? Data(contentsOf: URL(filePath: file)))?.last
      }
    }
  }

  @Test(
    arguments: [
      HC_OP_RENAME, HC_OP_SYNCFS, HC_OP_READ, HC_OP_CREATE, HC_OP_WRITE, HC_OP_CHANGE, HC_OP_OPENAT2,
      HC_OP_STATX,
      HC_OP_GETDENTS, HC_OP_UNLINK,
    ].map(\.rawValue))
  func everyCallMayFail(operation: UInt32) throws {
    var call: UInt32 = 1
    var fired = true
    while fired {
      let folder = try Self.prepare()
      var faults = hc_faults()
      faults.operation = Int32(operation)
      faults.error = EIO
      faults.first = call
      _ = try withUnsafeMutablePointer(to: &faults) { faults in
        hc_faults_use(faults)
        defer { hc_faults_use(nil) }
        return try Self.migrate(folder)
      }
      let comment: Comment = "operation \(operation), call \(call)"
      let marks = try Self.marks(folder)
      #expect([[1], [1, 2]].contains(marks), comment)
      #expect(try Self.migrate(folder).isClean, comment)
      #expect(try Self.marks(folder) == [1, 2], comment)
      let left = try Snapshot(folder.path).paths
      #expect(left.count { $0.description.contains("segment_") } == 6, comment)
      #expect(left.count { $0.description.hasPrefix("segments/init.") } == 2, comment)
      #expect(!left.contains { $0.description.hasSuffix(".hotcold") }, comment)
      fired = faults.fired > 0
      call += call < 6 || CoreLoopTests.triesAll ? 1 : 7
    }
  }
}
