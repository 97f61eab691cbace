import TestKit
import Testing

/// Where a new encoder has to go on.
@Suite struct NextNumbersTests {
  private func numbers(_ arguments: [String]) -> Shell.Result {
    HotColdBinary.run(["next-numbers"] + arguments)
  }

  @Test func theLargestOfEveryPlaceCounts() throws {
    let folder = try Folder()
    try folder.makeFile("segment_000000007.ts")
    #expect(numbers([folder.path]).output == "next_segment=8\nnext_capture=0\n")
    try folder.makeFile("segments/3/segment_000000041.ts")
    try folder.makeFile("segments/3/segment_000000002.20991231T235959Z.ts")
    try folder.makeFile("thumbnails/capture_000000200_thumbnail.jpg")
    let before = try Snapshot(folder.path)
    #expect(numbers([folder.path]).output == "next_segment=42\nnext_capture=201\n")
    #expect(try Snapshot(folder.path).changeTimes == before.changeTimes)
    let shell = Shell.run([
      "sh", "-c",
      "eval \"$('\(HotColdBinary.path)' next-numbers '\(folder.path)')\"; echo $next_segment $next_capture",
    ])
    #expect(shell.output == "42 201\n")
  }

  /// Neither number is taken, and one is the other's multiple.
  @Test(arguments: [(1, "next_segment=201\nnext_capture=201\n"), (5, "next_segment=42\nnext_capture=210\n")])
  func numbersThatAFrontEndComputes(_ capturesPerSegment: Int, _ expected: String) throws {
    let folder = try Folder()
    try folder.makeFile("segment_41.ts")
    try folder.makeFile("captures/capture_200.jpg")
    #expect(numbers([folder.path, "--captures-per-segment", "\(capturesPerSegment)"]).output == expected)
  }

  @Test func aPlaylistThatIsBeingWrittenIsSaid() throws {
    let folder = try Folder()
    try folder.makeFile("segment_41.ts")
    try folder.makePlaylist(listing: ["segment_41.ts"])
    #expect(!numbers([folder.path]).error.contains("moment ago"))
    try Shell.must(["touch", folder.path + "/output.m3u8"])
    #expect(numbers([folder.path]).error.contains("moment ago"))
  }

  /// What cannot be read may hold the largest number.
  @Test func aFolderThatCannotBeReadIsAnError() throws {
    let folder = try Folder()
    try folder.makeFile("segment_1.ts")
    try folder.makeFolder("elsewhere")
    try folder.makeLink("segments", to: "elsewhere")
    let result = numbers([folder.path])
    #expect(result.status == 74 && result.output.isEmpty)
    #expect(result.error.contains("\(folder.path)/segments: "), "\(result.error)")
  }

  @Test func badInput() throws {
    let folder = try Folder()
    #expect(numbers([folder.path]).status == 66)
    #expect(numbers([folder.path, "--captures-per-segment", "-1"]).status == 64)
    try folder.makeFile("segment_999999999999999999.ts")
    #expect(numbers([folder.path]).output.hasPrefix("next_segment=1000000000000000000\n"))
    #expect(numbers([folder.path, "--captures-per-segment", "1000"]).status == 1)
  }
}
