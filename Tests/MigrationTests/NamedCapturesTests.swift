import CaptureLayout
import KernelIO
import SystemPackage
import TestKit
import Testing

@testable import Migration

@Suite struct NamedCapturesTests {
  private let folder: Folder

  init() throws {
    folder = try Folder()
    for name: Bytes in [
      "capture1", "capture2", "capture10", "with,comma", "with*star", "[set]", "b\u{e9}", Self.odd,
    ] {
      try folder.makeFolder(name)
    }
    try folder.makeFile("capture-file")
    try folder.makeFile("list.conf")
    try folder.makeLink("capture-link", to: "capture1")
  }

  /// No text at all.
  private static let odd = Bytes([0x72, 0xff, 0xfe])

  private func list(_ lines: [Bytes]) throws -> (names: [Bytes], unmatched: [Bytes]) {
    let list = try NamedCaptures([], lines: lines.map { CapturesFile.Line(1, folder.path($0).bytes) })
    return (list.captures.map { Bytes($0.bytes).name }, list.unmatched.map { Bytes($0).name })
  }

  @Test func aLineOfARecorderIsTheFolderBeforeItsProcess() throws {
    #expect(
      try list(["capture1,12345,hd", "capture2 ,1", "capture10"]).names == [
        "capture1", "capture2", "capture10",
      ])
  }

  @Test func aFolderWithACommaOrAStarWorksAsItIs() throws {
    let (names, unmatched) = try list([
      "with,comma", "with,comma,1,hd", "with*star", "with*star,1,hd", "[set]",
    ])
    // The second is the first again, with a process and a quality.
    #expect(names == ["with,comma", "with*star", "[set]"])
    #expect(unmatched == [])
  }

  @Test func aPatternIsEveryFolderThatItMatchesInOrder() throws {
    #expect(try list(["capture*"]).names == ["capture-link", "capture1", "capture10", "capture2"])
    #expect(try list(["capture?,12345,hd"]).names == ["capture1", "capture2"])
    #expect(try list(["capture[12]"]).names == ["capture1", "capture2"])
    #expect(try list(["r*", "b*"]).names == [Self.odd, "b\u{e9}"])
  }

  @Test func aPatternPassesOverLostAndFound() throws {
    try folder.makeFolder("lost+found")
    #expect(try list(["[cl]*"]).names == ["capture-link", "capture1", "capture10", "capture2"])
    #expect(try list(["lost*"]).unmatched == ["lost*"])
    #expect(try list(["lost+found"]).names == ["lost+found"])
  }

  @Test func aPatternWithoutAFolderIsSaid() throws {
    let (names, unmatched) = try list(["nothing*", "capture-f*", "capture1"])
    #expect(names == ["capture1"])
    #expect(unmatched == ["nothing*", "capture-f*"])
  }

  /// A recorder that has not been started yet has no folder.
  @Test func whatFitsNothingStaysAsTheFolderThatItNames() throws {
    #expect(try list(["gone,12345,hd", "later", "list.conf"]).names == ["gone", "later", "list.conf"])
  }

  @Test func theSamePathTwiceIsOneCapture() throws {
    #expect(
      try list(["capture1", "capture1,1,hd", "./capture1/", "capture1*"]).names == ["capture1", "capture10"])
    let path = FilePath(folder.path + "/capture1")
    #expect(try NamedCaptures([path, path], lines: [CapturesFile.Line(1, path.bytes)]).captures == [path])
  }

  @Test func aRelativeLineBeginsAtTheWorkingFolder() throws {
    let here = try FilePath("").absolute()
    let list = try NamedCaptures(
      ["a/./b"], lines: CapturesFile(parsing: Array("../x,1,hd\nc/../d".utf8)).lines)
    #expect(
      list.captures == [
        here.appending("a/b"), here.removingLastComponent().appending("x"), here.appending("c/../d"),
      ])
  }
}
