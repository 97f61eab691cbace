import Foundation
import TestKit
import Testing

/// `hotcold layout`: printed, checked, and the layout files that come with the package.
@Suite struct LayoutCommandTests {
  private static func run(_ arguments: String...) -> Shell.Result { HotColdBinary.run(arguments) }

  @Test func theLayoutThatIsPrintedIsTheOneThatIsBuiltIn() throws {
    let folder = try Folder()
    let printed = Self.run("layout")
    #expect(printed.status == 0)
    try folder.makeFile("own.yaml", contents: Array(printed.output.utf8))
    let trial = try Trial()
    let result = Self.run(
      "migrate", trial.folder.path, "--layout", folder.path + "/own.yaml", "--execute", "--yes")
    #expect(result.status == 0)
    try trial.expectSettled()
    #expect(Self.run("verify", trial.folder.path).status == 0)
  }

  @Test func aCheckCountsWhatEachKindWouldGetAndNamesTheRest() throws {
    let trial = try Trial()
    try trial.folder.makeFile("clip_1.mp4")
    try trial.folder.makeFile("captures/notes.txt")
    let before = try Snapshot(trial.folder.path)
    let result = Self.run("layout", "--check", "guide", trial.folder.path)
    #expect(result.status == 0)
    for line in ["segments      60    0     0", "captures       0  150     0", "of no kind 2: "] {
      #expect(result.output.contains(line), "\(result.output)")
    }
    #expect(result.output.contains("clip_1.mp4") && result.output.contains("captures/notes.txt"))
    #expect(try Snapshot(trial.folder.path).changeTimes == before.changeTimes)
    #expect(Self.run("layout", "--check", "guide", "/no/such/folder").status == 66)
  }

  @Test func itSaysWhereTheFilesAreForPrograms() throws {
    let trial = try Trial()
    func segments() throws -> JSON {
      let result = Self.run("layout", trial.folder.path, "/no/such/folder", "--format", "json")
      #expect(result.status == 66)
      let report = try JSON(parsing: result.output)
      #expect(
        report["captures", 1].errors == [
          "/no/such/folder: no such folder. Check the path with: ls -la /no/such/folder"
        ])
      #expect(report["captures", 0, "layout"].string == "guide")
      return report["captures", 0, "kinds", "segments"]
    }
    let flat = try segments()
    #expect(flat["flat", "folder"].string == "." && flat["flat", "files"].int == SmallCapture.segments)
    #expect(flat["hot", "files"].int == 0 && flat["buckets"].keys.isEmpty)
    #expect(Self.run("migrate", trial.folder.path, "--execute", "--yes").status == 0)
    let settled = try segments()
    let files = try Snapshot(trial.folder.path).paths.filter { $0.name.description.hasPrefix("segment_") }
    #expect(settled["flat", "files"].int == 0 && settled["hot", "folder"].string == "segments")
    for bucket in settled["buckets"].keys {
      let folder = "segments/\(bucket)/"
      #expect(settled["buckets", bucket, "folder"].string == "segments/\(bucket)")
      #expect(
        settled["buckets", bucket, "files"].int == files.count { $0.description.hasPrefix(folder) },
        "\(bucket)")
    }
    let counts = settled["buckets"].keys.compactMap { settled["buckets", $0, "files"].int }
    #expect(counts.reduce(settled["hot", "files"].int ?? 0, +) == SmallCapture.segments)
  }

  /// Each of these once ended in a trap.
  @Test(arguments: [
    ("retain: 24h", "retain: -106751991167301d", "retain"),
    ("  metadata:", "  misplaced:", "misplaced"),
    ("  metadata:", "  conflicts:", "conflicts"),
  ])
  func whatNoReportCouldSayIsAMistake(old: String, new: String, key: String) throws {
    let folder = try Folder()
    let file = try LayoutFile.edited([(old, new)], in: folder)
    let result = Self.run("layout", "--check", file)
    #expect(result.status == 64 && result.error.contains(key), "\(result)")
  }

  @Test func aMistakeInALayoutFileIsNamedWithItsPlaceBeforeAnythingIsTouched() throws {
    let trial = try Trial()
    let broken = [
      ("hot: segments", "hott: segments", "unknown key"),
      ("flat: captures", "flat: ../captures", "not a folder below"),
      ("except: \"*_thumbnail*\"", "except: \"*_x*\"", "matches names that"),
      ("hot: thumbnails", "hot: segments/7", "bucket"),
      ("buckets: date-hour", "buckets: minute", "date-hour"),
    ]
    for (old, new, reason) in broken {
      let folder = try Folder()
      let file = try LayoutFile.edited([(old, new)], of: "guide-by-date", in: folder)
      let result = Self.run("migrate", trial.folder.path, "--layout", file, "--execute", "--yes")
      #expect(result.status == 64, "\(new): \(result)")
      #expect(result.error.contains(", line ") && result.error.contains(", column "), "\(new): \(result)")
      #expect(result.error.contains(reason), "\(new): \(result)")
    }
    try trial.expectUntouched()
  }

  /// Each layout that is installed takes the files of its recorder, forth and back.
  @Test(arguments: [
    (
      "guide",
      [
        "segment_1.ts", "captures/capture_1.jpg", "captures/capture_1_thumbnail.jpg",
        "captures/capture_1.json",
      ]
    ),
    ("guide-by-date", ["segment_1.ts", "captures/capture_1.jpg"]),
    ("ffmpeg-default", ["live0.ts", "live17.ts"]),
    ("ffmpeg-fmp4", ["segment_000000001.m4s"]), ("recorder", ["segment_1.ts", "captures/capture_1.jpg"]),
    ("mediamtx", ["2026-11-24_13-05-01-123456.mp4"]), ("frigate", []),
  ])
  func theLayoutsOfOtherRecordersTakeTheirFiles(name: String, files: [String]) throws {
    let folder = try Folder()
    let layout = LayoutFile.installed(name)
    for (number, file) in files.enumerated() {
      try folder.makeFile(Bytes(file), seconds: 1_700_000_000 + number)
    }
    let check = Self.run("layout", "--check", layout, folder.path)
    #expect(check.status == 0 && !check.output.contains("of no kind"), "\(check)")
    guard !files.isEmpty else { return }
    let before = try Snapshot(folder.path)
    let migrate = Self.run("migrate", folder.path, "--layout", layout, "--execute", "--yes")
    #expect(migrate.status == 0, "\(migrate)")
    #expect(Self.run("verify", folder.path, "--layout", layout).status == 0)
    #expect(Self.run("revert", folder.path, "--layout", layout, "--execute", "--yes").status == 0)
    #expect(try Snapshot(folder.path).files == before.files)
  }
}
