import Foundation
import TestKit
import Testing

/// A file system that stores no types in its folders (`mkfs.ext4 -O ^filetype`): whatever is done there ends as on tmpfs,
/// and says the same of the same tree.
@Suite struct EntryTypeTests {
  /// A capture with whatever may be named like a file without being one.
  struct Odd {
    let trial: Trial
    var path: String { trial.folder.path }

    init(in base: String) throws {
      trial = try Trial(in: base)
      let folder = trial.folder
      try folder.makeFolder("segment_900.ts")
      try folder.makeFolder("metadata/5/capture_900.json")
      try folder.makeLink("captures/capture_901.jpg", to: "capture_0.jpg")
      try folder.makeFolder("thumbnails/7")
      try folder.makeLink("thumbnails/7/capture_901_thumbnail.jpg", to: "nowhere")
      try folder.makeFIFO("captures/capture_902.json")
    }

    /// What a report says, without what differs from run to run.
    func figures(_ text: String) throws -> [String] {
      let report = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
      return Self.flat(report, "").map { $0.replacingOccurrences(of: path, with: "CAPTURE") }.sorted()
    }

    private static let changing = ["elapsedSeconds", "filesPerSecond", "peakResidentBytes", "base64"]

    private static func flat(_ value: Any, _ prefix: String) -> [String] {
      switch value {
      case let object as [String: Any]:
        object.filter { !changing.contains($0.key) }.flatMap { flat($0.value, "\(prefix)/\($0.key)") }
      // Folders list in an order of their own.
      case let array as [[String: Any]]: array.flatMap { flat($0, prefix) }
      case let array as [Any]: array.enumerated().flatMap { flat($0.element, "\(prefix)/\($0.offset)") }
      default: ["\(prefix): \(value)"]
      }
    }
  }

  @Test(.requiresMounting) func everyCommandEndsAndReportsAsOnOtherFileSystems() throws {
    stayWithinTheHour()
    let fileSystem = try MountedFileSystem("ext4", mkfsOptions: ["-O", "^filetype"])
    let captures = try ["/dev/shm", fileSystem.path].map { try Odd(in: $0) }
    for command in [
      ["migrate"], ["migrate", "--execute", "--yes"], ["migrate", "--execute", "--yes"], ["verify"],
      ["revert"], ["revert", "--execute", "--yes"], ["migrate", "--execute", "--yes"],
    ] {
      let options = command[0] == "verify" ? [] : ["--engine", "syscalls"]
      let results = captures.map {
        HotColdBinary.run(command + [$0.path, "--format", "json"] + options)
      }
      #expect(results.map(\.status) == [0, 0], "\(command): \(results.map(\.error))")
      let figures = try zip(captures, results).map { try $0.figures($1.output) }
      #expect(figures[0].count > 50 || command[0] == "verify")
      #expect(figures[0] == figures[1], "\(command): \(Set(figures[0]).symmetricDifference(figures[1]))")
      for capture in captures { try capture.trial.expectIntact("\(command)") }
      #expect(try Snapshot(captures[0].path).paths == Snapshot(captures[1].path).paths, "\(command)")
    }
    // Five that are no files, and no folder of the layout among them.
    let report = try HotColdBinary.migrate(captures[1].path, execute: false).report
    #expect(report["captures", 0, "unrecognised", "count"].int == 5)
    for capture in captures { try capture.trial.expectSettled() }

    let metrics = try captures.map { capture in
      let file = capture.path + ".prom"
      defer { unlink(file) }
      let round = HotColdBinary.run(["archive", capture.path, "--once", "--metrics-file", file])
      #expect(round.status == 0, "\(round.error)")
      return try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").filter {
        $0.contains("hotcold_files{")
      }.map { $0.replacingOccurrences(of: capture.path, with: "CAPTURE") }
    }
    #expect(metrics[0] == metrics[1] && metrics[0].count == 8)
    withExtendedLifetime(fileSystem) {}
  }

  @Test(.requiresMounting) func aFolderNamedLikeAFileIsNoSignOfACapture() throws {
    let fileSystem = try MountedFileSystem("ext4", mkfsOptions: ["-O", "^filetype"])
    for base in ["/dev/shm", fileSystem.path] {
      let folder = try Folder(in: base)
      try folder.makeFolder("segment_1.ts")
      try folder.makeFolder("captures")
      try folder.makeLink("captures/capture_1.jpg", to: "/etc/hostname")
      #expect(HotColdBinary.run(["migrate", folder.path]).status == 66)
    }
    withExtendedLifetime(fileSystem) {}
  }
}
