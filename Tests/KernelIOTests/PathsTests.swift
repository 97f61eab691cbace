import KernelIO
import SystemPackage
import Testing

@Suite struct PathsTests {
  @Test func aPathBeginsAtTheRootAndKeepsWhatMayBeALink() throws {
    let here = try CurrentProcess.workingFolder()
    let paths: [(FilePath, FilePath)] = [
      ("/a/./b/", "/a/b"), ("/..//../a", "/a"), ("/a/../b", "/a/../b"), ("/", "/"), (".", here),
      ("a/b", here.appending("a/b")),
      ("./../a", here.removingLastComponent().appending("a")), ("a/..", here.appending("a/..")),
      ("a/./../b", here.appending("a/../b")),
    ]
    for (path, absolute) in paths { #expect(try path.absolute() == absolute, "\(path)") }
  }

  @Test func aNameThatIsNoTextIsPartOfAPath() {
    let path = FilePath("/a").appending(bytes: [0x62, 0x2f, 0xff])
    #expect(path.bytes == Array("/a/b/".utf8) + [0xff])
    #expect(FilePath("/a").appending(bytes: []) == "/a")
  }
}
