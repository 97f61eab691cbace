import Foundation
import TestKit
import Testing

/// What the program says of itself and of wrong invocations, letter by letter: a change of it shows in the review. To
/// accept one: `HOTCOLD_UPDATE_GOLDEN=1 swift test --filter GoldenTests`.
@Suite struct GoldenTests {
  private static let folder = #filePath.replacing("GoldenTests.swift", with: "Golden")
  private static let updates = ProcessInfo.processInfo.environment["HOTCOLD_UPDATE_GOLDEN"] != nil

  @Test(arguments: [
    "", "migrate", "verify", "revert", "archive", "sample", "layout", "next-numbers", "bench",
  ])
  func theHelpIsAsItWas(command: String) throws {
    let arguments = (command.isEmpty ? [] : [command]) + ["--help"]
    try expect(Self.transcript([arguments]), toBe: command.isEmpty ? "help" : "help-\(command)")
  }

  @Test func wrongInvocationsAreAnsweredAsTheyWere() throws {
    try expect(
      Self.transcript([
        ["migarte", "/srv/capture1"], ["verfy"], ["mig"], ["/srv/capture1"], ["migrate"], ["migrate", ""],
        ["migrate", "--execut", "/srv/capture1"], ["migrate", "--hot", "foo=3", "/srv/capture1"],
        ["migrate", "--engine", "fast", "/srv/capture1"],
        ["migrate", "--time-zone", "Europe/Zurick", "/srv/capture1"],
        ["migrate", "--captures-from", "/nonexistent/list"],
        ["migrate", "--execute", "/nonexistent/capture"],
        ["sample", "/nonexistent/capture", "--files", "many"],
        ["sample", "/proc/capture", "--files", "1"],
        ["archive"], ["archive", "--hot", "segments=5", "--hot", "foo=3", "/srv/capture1"],
        ["archive", "--retain", "guide", "--retain", "foo=1h", "/srv/capture1"],
        ["archive", "--min-age", "soon", "/srv/capture1"], ["archive", "--engine", "fast", "/srv/capture1"],
        ["archive", "--config", "/nonexistent/archive.conf"],
        ["archive", "--force-retention", "/srv/capture1"],
        ["archive", "--interval", "0s", "/srv/capture1"],
        ["migrate", "--quiet", "--verbose", "/srv/capture1"],
        ["migrate", "--on-conflict", "replace", "/srv/capture1"],
        ["migrate", "--layout", "/nonexistent/layout.yaml", "/srv/capture1"],
        ["migrate", "--from", "", "/srv/capture1"], ["migrate", "--format", "xml", "/srv/capture1"],
        ["migrate", "/"], ["verify", "--min-age", "48h", "/srv/capture1"],
        ["revert", "--keep-live", "/srv/capture1"],
        ["layout", "--check"], ["layout", "/nonexistent/capture"],
        ["next-numbers", "--captures-per-segment", "-1", "/srv/capture1"],
        ["bench"], ["bench", "/nonexistent/folder"], ["bench", "--runs", "1", "/dev/shm"],
        ["bench", "--tolerance", "0", "/dev/shm"], ["bench", "--same-machine", "/dev/shm"],
        ["bench", "--baseline", "/nonexistent/baseline.json", "/dev/shm"],
      ]), toBe: "wrong-invocations")
  }

  /// A variable is blamed where a variable is wrong.
  @Test func aWrongVariableIsNamed() {
    let result = HotColdBinary.run(
      ["archive", "/srv/capture1"], environment: ["TZ": "UTC", "HOTCOLD_MIN_AGE": "soon"])
    #expect(result.status == 64 && result.error.contains("HOTCOLD_MIN_AGE (environment)"), "\(result.error)")
  }

  /// Each command with its output, its messages and its exit status.
  private static func transcript(_ commands: [[String]]) -> String {
    commands.map { arguments in
      let result = HotColdBinary.run(arguments, environment: ["TZ": "UTC", "COLUMNS": "100"])
      let shown = arguments.map { $0.isEmpty ? "''" : $0 }.joined(separator: " ")
      let messages = result.error.replacing(#/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00/#, with: "TIME")
      return
        "$ hotcold \(shown)\n\(result.output)\(messages)\(messages.hasSuffix("\n") ? "" : "\n")# exit \(result.status)\n"
    }.joined(separator: "\n")
  }

  private func expect(_ text: String, toBe name: String) throws {
    let file = "\(Self.folder)/\(name).txt"
    if Self.updates { try text.write(toFile: file, atomically: true, encoding: .utf8) }
    let golden = try String(contentsOfFile: file, encoding: .utf8)
    let (lines, goldenLines) = (text.components(separatedBy: "\n"), golden.components(separatedBy: "\n"))
    for difference in lines.difference(from: goldenLines) { Issue.record("\(name): \(difference)") }
  }
}
