import Foundation
import TestKit
import Testing

/// What README and reference promise, done as it stands there.
@Suite struct ReadmeTests {
  static func page(_ path: String) throws -> String {
    try String(contentsOfFile: LayoutFile.repository + "/" + path, encoding: .utf8)
  }

  /// The hotcold commands of a page's shell blocks, in order.
  static func commands(of page: String) throws -> [String] {
    try Self.page(page).components(separatedBy: "```sh\n").dropFirst().flatMap {
      ($0.components(separatedBy: "```").first ?? "").split(separator: "\n")
    }.filter { $0.hasPrefix("hotcold ") }.map { String($0.split(separator: "#").first ?? "") }
  }

  @Test(arguments: [("README.md", 8), ("docs/REFERENCE.md", 2)])
  func itsCommandsWorkInTheirOrder(page: String, countMin: Int) throws {
    let folder = try Folder()
    for name in ["capture1", "capture2", "capture3", "live"] {
      try SmallCapture.make(in: folder, at: Bytes(name))
    }
    try folder.makeFile("active.conf", contents: Array("\(folder.path)/capture3\n".utf8))
    let commands = try Self.commands(of: page)
    #expect(commands.count >= countMin)
    for command in commands {
      var line = command.replacingOccurrences(of: "/var/www/html/stream/", with: folder.path + "/")
      line = line.replacingOccurrences(of: "/tmp/active_captures.conf", with: folder.path + "/active.conf")
      line = line.replacingOccurrences(of: "/dev/shm/capture", with: folder.path + "/sample")
      line = line.replacingOccurrences(
        of: "/usr/share/hotcold/layouts/", with: LayoutFile.repository + "/Packaging/layouts/")
      line = line.replacingOccurrences(of: "CAPTURE", with: folder.path + "/live")
      line = line.replacingOccurrences(of: "--execute", with: "--execute --yes")
      let result = Shell.run(["sh", "-c", "\"$0\" \(line.dropFirst("hotcold ".count))", HotColdBinary.path])
      #expect(result.status == 0, "\(line): \(result.output) \(result.error)")
    }
    guard page == "README.md" else { return }
    for name in ["capture1", "capture2", "capture3", "live"] {
      #expect(HotColdBinary.run(["verify", "\(folder.path)/\(name)"]).status == 0, "\(name)")
    }
  }

  @Test func thePagesNameEveryOption() throws {
    let pages = try Self.page("docs/REFERENCE.md") + Self.page("docs/SERVICE.md")
    for command in ["migrate", "verify", "revert", "archive", "sample", "next-numbers", "bench"] {
      let help = HotColdBinary.run([command, "--help"]).output
      let options = help.matches(of: #/--[a-z-]+/#).map { String($0.output) }
      #expect(options.count > 3)
      for option in Set(options).subtracting(["--help", "--version"]) {
        #expect(pages.contains(option), "\(option)")
      }
    }
  }
}

@Suite struct MemoryTests {
  /// Ten times the files, the same memory.
  @Test func memoryDoesNotGrowWithTheNumberOfFiles() throws {
    let folder = try Folder()
    var peaks: [Int] = []
    for files in ["20k", "200k"] {
      let path = "\(folder.path)/\(files)"
      #expect(HotColdBinary.run(["sample", path, "--files", files]).status == 0)
      for execute in [false, true] {
        let (status, report) = try HotColdBinary.migrate(path, execute: execute)
        #expect(status == 0)
        peaks.append(try #require(report["peakResidentBytes"].int))
      }
    }
    #expect(
      Double(peaks[2]) <= 1.25 * Double(peaks[0]) && Double(peaks[3]) <= 1.25 * Double(peaks[1]), "\(peaks)")
    #expect(peaks.allSatisfy { $0 > 1 << 20 })
  }
}
