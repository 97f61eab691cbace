import Foundation
import TestKit
import Testing

/// With several captures, every line with an error says which, and names nothing by a relative path.
@Suite struct ErrorLineTests {
  /// Two captures in which everything is wrong that can be, and a name that is no capture.
  private let folder: Folder
  private var captures: [String] { ["one", "two", "missing"].map { "\(folder.path)/\($0)" } }
  private let names = ["one", "./two", "missing"]

  init() throws {
    folder = try Folder()
    for name: Bytes in ["one", "two"] {
      try SmallCapture.make(in: folder, at: name)
      try folder.makeLink(name + "/thumbnails", to: "/tmp")
      try folder.makeFile(name + "/metadata/5")
      let taken = SmallCapture.settled().filter { $0.folder.description.hasPrefix("captures/") }
      for path in taken.sorted(by: { $0.description < $1.description }).prefix(40) {
        try folder.makeFile(name + "/" + path, seconds: 1)
      }
      try folder.makeFile(name + "/segments/output.m3u8")
      try folder.makeFile(name + "/segments/3/archive.m3u8", contents: Array("by hand".utf8))
      try folder.makeFile(name + "/segments/3/segment_9999.ts", seconds: 3 * 3600)
    }
  }

  private func expectNamed(
    _ lines: [String], atLeast count: Int, _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(lines.count >= count, "\(what): \(lines)", sourceLocation: sourceLocation)
    for line in lines {
      #expect(captures.contains { line.contains($0) }, "\(what): \(line)", sourceLocation: sourceLocation)
      let words = line.split(separator: " ").map {
        $0.trimmingCharacters(in: CharacterSet(charactersIn: ".,;:()'"))
      }
      for word in words where word.contains("/") {
        #expect(word.hasPrefix("/"), "\(what): \(word) in \(line)", sourceLocation: sourceLocation)
      }
    }
    for capture in captures {
      #expect(
        lines.contains { $0.contains(capture) }, "\(what): nothing of \(capture)",
        sourceLocation: sourceLocation)
    }
  }

  private func errorLines(_ text: String) -> [String] {
    text.split(separator: "\n").filter { $0.contains("ERROR") }.map(String.init)
  }

  private func run(_ arguments: [String]) -> Shell.Result {
    Shell.run([HotColdBinary.path] + arguments, environment: ["TZ": "UTC"], in: folder.path)
  }

  @Test(arguments: ["migrate", "revert"]) func theReportAndTheMessagesNameTheCapture(command: String) throws {
    let options = ["--execute", "--yes"]
    if command == "revert" {
      for name in ["one", "two"] { try Shell.must(["rm", "-r", "\(folder.path)/\(name)/thumbnails"]) }
      _ = run(["migrate", "one", "two"] + options)
    }
    let json = run([command] + names + options + ["--format", "json"])
    let report = try JSON(parsing: json.output)
    let errors = report["captures"].array.flatMap { $0.errors }
    let count = command == "migrate" ? 2 * 6 : 5
    expectNamed(errors, atLeast: count, "JSON")
    let text = run([command] + names + options)
    #expect(text.status == json.status && text.status != 0)
    expectNamed(errorLines(text.output), atLeast: count, "standard output")
    expectNamed(errorLines(text.error), atLeast: count, "standard error")
    expectNamed(errorLines(run([command] + names + options + ["--quiet"]).output), atLeast: count, "quiet")
    if command == "migrate" {
      for part in ["was refused", "not written by hotcold", "there is also"] {
        #expect(errors.filter { $0.contains(part) }.count >= 2, "\(part)")
      }
      #expect(errors.count { $0.contains("40 names are taken") } == 2, "one line for all of a capture")
    }
  }

  @Test func verifyNamesTheCapture() throws {
    try Shell.must(["rm", "-r", "\(folder.path)/one", "\(folder.path)/two"])
    let result = run(["verify"] + names)
    expectNamed(errorLines(result.output), atLeast: 3, "standard output")
    expectNamed(errorLines(result.error), atLeast: 3, "standard error")
    let report = try JSON(parsing: run(["verify"] + names + ["--format", "json"]).output)
    expectNamed(
      report["captures"].array.flatMap { $0.errors }, atLeast: 3, "JSON")
  }

  @Test func theServiceNamesTheCaptureAndItsOwnCommand() throws {
    let result = run(["archive", "--once"] + names)
    let lines = errorLines(result.error)
    expectNamed(lines, atLeast: 2 * 6, "log")
    #expect(!lines.contains { $0.contains("hotcold migrate") || $0.contains("then run again") })
  }

  /// Of one user, the files of another: the advice names the command that was run.
  @Test(
    .requiresRoot, .requires("setpriv"),
    arguments: [["migrate", "--execute", "--yes"], ["archive", "--once"]])
  func theAdviceNamesTheCommandThatWasRun(command: [String]) throws {
    let result = Shell.run(
      ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", HotColdBinary.path] + command + names,
      environment: ["TZ": "UTC"], in: folder.path)
    let lines = errorLines(result.error)
    expectNamed(lines, atLeast: 3, "messages")
    #expect(lines.filter { $0.contains("sudo -u root hotcold \(command[0]) ") }.count == 2, "\(lines)")
  }
}
