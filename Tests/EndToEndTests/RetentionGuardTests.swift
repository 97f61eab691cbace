import Foundation
import TestKit
import Testing

/// What the service never deletes or replaces, whatever it is told.
@Suite struct RetentionGuardTests {
  /// A machine that came up ten years ahead, and a recorder that has gone on there: by that clock the whole archive has
  /// expired, but for what was recorded since.
  @Test(arguments: ["segments", "thumbnails", "metadata"]) func yearsBetweenTheExpiredAndTheKeptStopIt(
    kind: String
  ) throws {
    let folder = try Folder()
    let year = 366 * 86_400
    _ = try ArchiverTests.cold(folder, kind, ages: (0..<40).map { 4000 + $0 })
    let old = try ArchiverTests.cold(folder, kind, ages: (0..<300).map { 10 * year + 60 * $0 })
    let retain = [folder.path, "--retain", "\(kind)=24h"]
    let result = ArchiverTests.once(retain)
    #expect(result.status == 1 && result.error.contains("more than a year lies between"), "\(result.error)")
    #expect(old.allSatisfy { folder.exists($0) })
    #expect(ArchiverTests.once(retain + ["--force-retention"]).status == 0)
    #expect(!old.contains { folder.exists($0) })
    // A pause of weeks is no such thing.
    let weeks = try ArchiverTests.cold(folder, kind, ages: (0..<300).map { 40 * 86_400 + $0 })
    #expect(ArchiverTests.once(retain).status == 0)
    #expect(!weeks.contains { folder.exists($0) })
  }

  @Test func aRecordingIsNotReplacedByMetrics() throws {
    let trial = try Trial()
    let picture = trial.folder.path + "/segment_3.ts"
    let contents = try Data(contentsOf: URL(fileURLWithPath: picture))
    let result = ArchiverTests.once([
      trial.folder.path, "--metrics-file", picture, "--keep-live", "--hot", "segments=100",
    ])
    #expect(result.status == 1 && result.error.contains("name another file"), "\(result.error)")
    #expect(try Data(contentsOf: URL(fileURLWithPath: picture)) == contents)
    let folder = try Folder()
    let metrics = ["--metrics-file", folder.path + "/x.prom"]
    try folder.makeFile("x.prom", contents: [])
    for _ in 0..<2 { #expect(ArchiverTests.once([trial.folder.path] + metrics).status == 0) }
  }
}
