import Foundation
import TestKit
import Testing

/// What README and reference promise, done as it stands there.
@Suite struct ReadmeTests {
  static func page(_ path: String) throws -> String {
    try String(contentsOfFile: LayoutFile.repository + "/" + path, encoding: .utf8)
  }

  /// The hotcold commands of a page's shell blocks, in order.
  private static func commands(of page: String) throws -> [String] {
    try Self.page(page).components(separatedBy: "```sh\n").dropFirst().flatMap {
      ($0.components(separatedBy: "```").first ?? "").split(separator: "\n")
    }.filter { $0.hasPrefix("hotcold ") }.map { String($0.split(separator: "#").first ?? "") }
  }

  @Test(arguments: [("README.md", 8), ("docs/REFERENCE.md", 2)])
  func itsCommandsWorkInTheirOrder(page: String, countMin: Int) throws {
    let examples = try Examples()
    let commands = try Self.commands(of: page)
    #expect(commands.count >= countMin)
    for command in commands { try examples.run(command) }
    guard page == "README.md" else { return }
    for name in Examples.captures {
      #expect(HotColdBinary.run(["verify", "\(examples.folder.path)/\(name)"]).status == 0, "\(name)")
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
