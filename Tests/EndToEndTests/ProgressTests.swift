import Foundation
import TestKit
import Testing

/// What is seen of a command's progress, on a terminal (script(1) makes one) and elsewhere.
@Suite struct ProgressTests {
  /// What a command prints on a terminal of 100 columns.
  static func onTerminal(_ arguments: [String]) throws -> (status: Int32, text: String) {
    let words = ([HotColdBinary.path] + arguments).map { "'\($0)'" }.joined(separator: " ")
    let result = Shell.run(
      ["script", "-qec", "stty cols 100; \(words)", "/dev/null"], environment: ["TZ": "UTC", "NO_COLOR": ""])
    return (result.status, result.output)
  }

  /// A bar or figures that are drawn over and erased at the end.
  static var bar: Regex<Substring> { #/\rcapture[^\r\n]* files[^\r\n]*\x1b\[K/# }
  static let erased = "\r\u{1b}[K"

  @Test(.requires("script")) func everyLongCommandShowsIt() throws {
    let folder = try Folder()
    let path = folder.path + "/capture"
    for command in [
      ["sample", path, "--files", "6000"], ["migrate", path], ["migrate", path, "--execute", "--yes"],
      ["verify", path], ["revert", path, "--execute", "--yes"],
    ] {
      let result = try Self.onTerminal(command)
      #expect(result.status == 0, "\(command): \(result.text)")
      #expect(result.text.firstMatch(of: Self.bar) != nil, "\(command): \(result.text.prefix(400))")
      #expect(result.text.contains(Self.erased), "\(command) leaves the terminal as it was")
      #expect(!result.text.contains("about 0 s"))
      // What comes after is the report, undisturbed.
      let report = result.text.components(separatedBy: Self.erased).last ?? ""
      #expect(!report.contains("\u{1b}[K"), "\(command)")
    }
  }

  @Test(.requires("script")) func nothingIsShownWithQuiet() throws {
    let folder = try Folder()
    let path = folder.path + "/capture"
    for command in [
      ["sample", path, "--files", "6000"], ["migrate", path, "--execute", "--yes"], ["verify", path],
    ] {
      let result = try Self.onTerminal(command + ["--quiet"])
      #expect(result.status == 0 && result.text.isEmpty, "\(command): \(result.text)")
    }
  }

  @Test func noBarIsDrawnElsewhere() throws {
    let folder = try Folder()
    let path = folder.path + "/capture"
    for command in [
      ["sample", path, "--files", "6000"], ["migrate", path, "--execute", "--yes"], ["verify", path],
    ] {
      let result = HotColdBinary.run(command)
      #expect(result.status == 0 && !result.error.contains("\u{1b}") && !result.error.contains("\r"))
    }
  }
}
