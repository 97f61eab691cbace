import Foundation
import TestKit
import Testing

/// A capture and a folder of one are told apart, whatever they are called.
@Suite struct CaptureNameTests {
  private func run(_ arguments: String...) -> Shell.Result { HotColdBinary.run(arguments) }

  /// `cam/video` of the folder above is `video` of the capture `cam`.
  @Test(arguments: [
    [("hot: segments", "hot: video\n    cold: cam/video"), ("hot: thumbnails", "hot: cam")],
    [
      ("hot: segments", "hot: video\n    cold: cam/video"), ("hot: thumbnails", "hot: cam/small"),
      ("hot: metadata", "hot: cam"),
    ],
    [("hot: segments", "hot: cam\n    cold: cam/video"), ("hot: metadata", "hot: video")],
  ])
  func aCaptureThatIsNamedLikeItsFoldersIsNotTakenForOne(edits: [(String, String)]) throws {
    stayWithinTheHour()
    let folder = try Folder()
    let layouts = try Folder()
    let layout = try LayoutFile.edited(edits, in: layouts)
    for name in ["cam", "other"] {
      try SmallCapture.make(in: folder, at: Bytes(name))
      let capture = folder.path + "/" + name
      let before = try Snapshot(capture)
      for _ in 0..<2 {
        let result = run("migrate", capture, "--layout", layout, "--execute", "--yes")
        #expect(result.status == 0, "\(name): \(result)")
      }
      #expect(run("verify", capture, "--layout", layout).status == 0)
      // The folders of the capture are refused all the same, also where nothing but what is in them shows it.
      for place in ["video", "cam"] {
        let result = run("migrate", capture + "/" + place, "--layout", layout)
        #expect(result.status == 66, "\(name)/\(place): \(result)")
      }
      #expect(run("revert", capture, "--layout", layout, "--execute", "--yes").status == 0)
      #expect(try Snapshot(capture).entries == before.entries)
    }
  }

  /// Once everything has been moved, nothing of the capture is left outside of the folder that somebody names.
  @Test(arguments: ["hour", "date-hour"]) func aFolderThatHoldsTheWholeOfACaptureIsNoCapture(buckets: String)
    throws
  {
    let folder = try Folder()
    let layouts = try Folder()
    let text = """
      buckets: \(buckets)
      kinds:
        segments:
          match: "segment_*.ts"
          flat: .
          hot: cam
          cold: cam/video
          limit: 5
          playlist: output.m3u8

      """
    try layouts.makeFile("one.yaml", contents: Array(text.utf8))
    for name in ["cam", "other"] {
      let capture = folder.path + "/" + name
      for number in 0..<20 { try folder.makeFile(Bytes("\(name)/segment_\(number).ts")) }
      for _ in 0..<2 {
        let result = run(
          "migrate", capture, "--layout", layouts.path + "/one.yaml", "--execute", "--yes")
        #expect(result.status == 0, "\(result)")
      }
      let before = try Snapshot(capture)
      let place = run(
        "migrate", capture + "/cam", "--layout", layouts.path + "/one.yaml", "--execute", "--yes")
      #expect(place.status == 66 && place.error.contains("part of a capture"), "\(name): \(place)")
      #expect(try Snapshot(capture).changeTimes == before.changeTimes)
    }
  }

  /// The bytes that are no text would be replaced, and the path be that of another folder.
  @Test func aPathThatIsNotTextIsRefused() throws {
    let folder = try Folder()
    for command in ["sample", "migrate", "archive --once"] {
      let result = Shell.run(
        ["bash", "-c", "cd \"$1\" && \"$0\" \(command) $'a\\xff'", HotColdBinary.path, folder.path])
      #expect(result.status == 64 && result.error.contains("--captures-from"), "\(command): \(result)")
      #expect(try Snapshot(folder.path).entries.count == 1, "\(command)")
    }
  }
}
