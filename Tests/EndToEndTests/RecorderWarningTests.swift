import Foundation
import TestKit
import Testing

/// Recorders that are set up so that little or nothing can be archived.
@Suite struct RecorderWarningTests {
  private let folder: Folder
  private let now = Int(Date().timeIntervalSince1970)

  init() throws { folder = try Folder() }

  /// Segments of a second each; number 0 began at `now` - 300.
  private func make(_ numbers: Range<Int>, in place: String, from first: Int = 0) throws {
    for number in numbers {
      try folder.makeFile(
        Bytes("\(place)segment_\(first + number).ts"), seconds: now - 300 + number)
    }
  }

  private func round(_ options: [String] = []) -> Shell.Result {
    HotColdBinary.run(["archive", "--once", folder.path] + options)
  }

  private var coldPlace: String { "segments/\((now - 300) / 3600 % 24)/" }
  private static let warning = "missing: something deletes them before they are archived"

  /// What `-hls_flags delete_segments` leaves.
  @Test func deletedSegmentsAreSaid() throws {
    try make(0..<20, in: coldPlace)
    try make(60..<70, in: "segments/")
    let result = round()
    #expect(result.status == 0 && result.error.contains("40 segments between"), "\(result.error)")
    #expect(result.error.contains(Self.warning) && result.error.contains("delete_segments"))
  }

  /// A recording without a gap, a pause, numbers that begin elsewhere, and numbers that were left out in a pause.
  @Test(arguments: [(20, 30, 0), (100, 110, -80), (20, 30, 10_000), (30, 40, -5)])
  func otherRecordingsAreNot(_ start: Int, _ end: Int, _ offset: Int) throws {
    try make(0..<20, in: coldPlace)
    try make(start..<end, in: "segments/", from: offset)
    #expect(!round().error.contains("missing"))
  }

  /// Where nothing ever goes cold, what was hot in one round and is gone in the next one tells.
  @Test func aServiceSeesThemGo() throws {
    try make(200..<208, in: "segments/")
    let log = folder.path + "-log"
    defer { unlink(log) }
    let service = try Running([
      "sh", "-c", "exec '\(HotColdBinary.path)' archive --interval 1s '\(folder.path)' 2> '\(log)'",
    ])
    sleep(3)
    try make(208..<240, in: "segments/")
    try Shell.must(["sh", "-c", "cd '\(folder.path)/segments' && rm segment_2[012]?.ts"])
    sleep(3)
    service.signal(SIGTERM)
    #expect(service.wait().status == 0)
    let text = try String(contentsOfFile: log, encoding: .utf8)
    #expect(text.components(separatedBy: Self.warning).count == 2, "\(text)")
  }

  /// `-hls_list_size 0`.
  @Test func aPlaylistThatListsEverythingIsSaid() throws {
    try make(0..<150, in: "")
    try folder.makePlaylist(listing: (0..<150).map { Bytes("segment_\($0).ts") })
    let (status, report) = try HotColdBinary.migrate(folder.path)
    #expect(status == 0 && report["captures", 0, "kinds", "segments", "hot"].int == 150)
    let text = "lists 150 segments, and none of them goes cold"
    #expect(
      HotColdBinary.run(["migrate", folder.path]).output.contains(
        "NOTE: \(folder.path): the live playlist \(text)"))
    #expect(HotColdBinary.run(["verify", folder.path]).output.contains(text))
    #expect(round().error.contains(text))
    try folder.remove("segments/output.m3u8")
    try folder.makePlaylist("segments/output.m3u8", listing: ["segment_149.ts"])
    #expect(!round().error.contains("goes cold"))
  }
}
