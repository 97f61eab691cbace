import Foundation
import TestKit
import Testing

/// Everything that is printed as JSON, held against docs/schema by an independent validator.
@Suite(.requires("python3")) struct SchemaTests {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path

  /// `one` is in order, in `two` is wrong what can be, `none` is not there.
  private let folder: Folder
  private let one, two, none: String

  init() throws {
    folder = try Folder()
    for name: Bytes in ["one", "two"] { try SmallCapture.make(in: folder, at: name) }
    let taken = SmallCapture.settled().filter { $0.folder.description.hasPrefix("captures/") }
    for path in taken.sorted(by: { $0.description < $1.description }).prefix(5) {
      try folder.makeFile("two/" + path, seconds: 1)
    }
    try folder.makeLink("two/thumbnails", to: "/tmp")
    try folder.makeFile("two/metadata/5")
    try folder.makeFile("two/segments/output.m3u8")
    try folder.makeFile("two/segments/3/archive.m3u8", contents: Array("by hand".utf8))
    try folder.makeFile("two/segments/3/segment_9999.ts", seconds: 3 * 3600)
    try folder.makeFile(Bytes(Array("two/bad \u{7f}".utf8) + [0xff]))
    (one, two, none) = ("\(folder.path)/one", "\(folder.path)/two", "\(folder.path)/none")
  }

  private func expectValid(_ documents: [String], sourceLocation: SourceLocation = #_sourceLocation) throws {
    let lines = try documents.map { text in
      let value = try JSONSerialization.jsonObject(with: Data(text.utf8))
      return String(decoding: try JSONSerialization.data(withJSONObject: value), as: UTF8.self) + "\n"
    }
    try folder.makeFile("documents", contents: Array(lines.joined().utf8))
    let result = Shell.run([
      "sh", "-c",
      "/usr/bin/python3 \"$0\"/Tests/EndToEndTests/Schema/validate.py \"$0\"/docs/schema/hotcold.schema.json < \"$1\"",
      Self.root, folder.path + "/documents",
    ])
    #expect(
      result.status == 0 && result.output.isEmpty, "\(result.output)\(result.error)",
      sourceLocation: sourceLocation)
  }

  /// The documents that a command prints in both formats; in lines, each by itself.
  private func documents(_ arguments: [String], in format: String) throws -> (status: Int32, [String]) {
    let result = HotColdBinary.run(arguments + ["--format", format])
    guard format == "ndjson" else { return (result.status, [result.output]) }
    #expect(result.output.hasSuffix("\n"))
    return (result.status, result.output.split(separator: "\n").map(String.init))
  }

  @Test(arguments: ["json", "ndjson"]) func everyOutputIsAsTheSchemaSays(format: String) throws {
    let (all, execute) = ([one, two, none], ["--execute", "--yes"])
    var printed: [String] = []
    func expect(
      _ arguments: [String], _ captures: Int, status: Int32, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let (exit, documents) = try documents(arguments, in: format)
      #expect(exit == status, "\(arguments)", sourceLocation: sourceLocation)
      let reports = try documents.map(JSON.init(parsing:))
      let types = reports.map { $0["type"].string }
      let last = try #require(reports.last)
      #expect(last["exitCode"].int == Int(status), "\(arguments)", sourceLocation: sourceLocation)
      if format == "json" {
        #expect(types == ["run"] && last["captures"].array.count == captures, sourceLocation: sourceLocation)
        #expect(last["summary", "captures"].int == captures, sourceLocation: sourceLocation)
      } else {
        #expect(
          types == Array(repeating: "capture", count: captures) + ["summary"], sourceLocation: sourceLocation)
        #expect(last["captures"].int == captures, sourceLocation: sourceLocation)
      }
      let reported = format == "json" ? last["captures"].array : reports
      let errors = reported.flatMap(\.errors)
      // What is not deleted is left undone, but for a dry run.
      let declined =
        arguments.contains("--dry-run")
        ? 0 : reported.reduce(0) { $0 + $1["retention", "refusals"].array.count }
      let counted = format == "json" ? last["summary", "errors"].int : last["errors"].int
      #expect(
        counted == errors.count + last["roundErrors"].array.count + declined, "\(arguments)",
        sourceLocation: sourceLocation)
      printed += documents
    }
    try expect(["migrate"] + all, 3, status: 1)
    try expect(["verify"] + all, 3, status: 1)
    try expect(["archive", "--dry-run", "--retain", "guide"] + all, 3, status: 1)
    try expect(["migrate"] + all + execute, 3, status: 1)
    try expect(["migrate", one] + execute, 1, status: 0)
    try expect(["verify", one], 1, status: 0)
    let dated = ["--layout", LayoutFile.byDate]
    try expect(["verify", one] + dated, 1, status: 66)
    try expect(["migrate", one, "--from", "guide"] + dated + execute, 1, status: 0)
    try expect(["verify", one] + dated, 1, status: 0)
    try expect(["migrate", one] + execute, 1, status: 66)
    try expect(["migrate", one, "--from", LayoutFile.byDate] + execute, 1, status: 0)
    try expect(["archive", "--once", "--retain", "guide", "--max-delete", "2"] + all, 3, status: 1)
    try expect(["archive", "--once", "--retain", "guide", "--force-retention", one], 1, status: 0)
    try expect(["archive", "--once", one, "--metrics-file", "/nonexistent/hotcold.prom"], 1, status: 1)
    try expect(["migrate", one, "--engine", "threads"] + execute, 1, status: 0)
    try expect(["layout"] + all, 3, status: 1)
    try expect(["layout", one] + dated, 1, status: 0)
    try expect(["revert", one], 1, status: 0)
    try expect(["revert"] + all + execute, 3, status: 1)
    try expectValid(printed)
  }

  @Test(arguments: ["json", "ndjson"]) func benchmarks(format: String) throws {
    let place = try Folder()
    let bench = ["bench", place.path, "--files", "1000", "--runs", "3", "--format", format]
    let baseline = folder.path + "/baseline.json"
    let saved = HotColdBinary.run(bench + ["--save", baseline])
    let compared = HotColdBinary.run(bench + ["--baseline", baseline])
    #expect([0, 75].contains(saved.status) && [0, 1, 75].contains(compared.status), "\(saved) \(compared)")
    let refused = HotColdBinary.run(bench + ["--baseline", folder.path])
    #expect(refused.status == 64, "\(refused)")
    try expectValid([saved.output, compared.output, refused.output])
  }

  @Test(arguments: ["json", "ndjson"]) func whatIsWrongWithACommandLineIsJSONToo(format: String) throws {
    try folder.makeFile("list", contents: [0])
    var printed: [String] = []
    for (arguments, status, code) in [
      (["migrate", "--nope", one], 64, "usage"), (["migrate"], 64, "usage"), (["migrate", ""], 64, "usage"),
      (["migrate", "--engine", "fast", one], 64, "usage"), (["migarte", one], 64, "usage"),
      (["migrate", "--time-zone", "Nowhere", one], 64, "usage"),
      (["migrate", one, "--execute"], 64, "usage"),
      (["verify", "--captures-from", "/nonexistent"], 66, "captures-unreadable"),
      (["verify", "--captures-from", folder.path + "/list"], 64, "captures-unreadable"),
      (["archive", "--once"], 64, "usage"), (["archive", one], 64, "usage"),
      (["archive", "--once", "--min-age", "soon", one], 64, "usage"),
      (["archive", "--once", "--captures-from", "/nonexistent"], 66, "captures-unreadable"),
      (["archive", "--once", "--config", "/nonexistent", one], 64, "usage"),
      (["verify", one, "--config", "/nonexistent"], 64, "usage"),
      (["verify", one, "--config", "/nonexistent", "--as-service"], 64, "usage"),
    ] {
      for option in [["--format", format], ["--format=\(format)"]] {
        let result = HotColdBinary.run(arguments + option)
        let report = try JSON(parsing: result.output)
        printed.append(result.output)
        #expect(report["type"].string == "error" && report["exitCode"].int == status, "\(arguments)")
        #expect(result.status == status && report["errors", 0, "code"].string == code, "\(arguments)")
        let message = try #require(report["errors", 0, "message"].string)
        #expect(!message.isEmpty && result.error.contains(message), "\(message) in \(result.error)")
        // What is wrong and what to do are apart, but for what the parser says.
        let remedy = try #require(report["errors", 0, "remedy"].string)
        #expect(!remedy.isEmpty && (remedy.hasPrefix("See: ") || !message.contains(". ")), "\(message)")
        // Without the format this one would serve.
        guard arguments != ["archive", one] else { continue }
        let text = HotColdBinary.run(arguments)
        #expect(text.status == status && text.output.isEmpty, "\(arguments)")
      }
    }
    try expectValid(printed)
    #expect(HotColdBinary.run(["migrate", "--format", "xml", one]).output.isEmpty)
    #expect(HotColdBinary.run(["migrate", "--help", "--format", format]).output.hasPrefix("OVERVIEW"))
  }

  @Test func theSchemaKnowsEveryCodeAndRefusesWhatItDoesNotKnow() throws {
    let result = HotColdBinary.run(["verify", none, "--format", "json"])
    let schema = Self.root + "/docs/schema/hotcold.schema.json"
    for (old, new) in [
      ("\"met\"", "\"meet\""), ("no-such-capture", "no-such-thing"), ("\"verify\"", "\"check\""),
    ] {
      let file = "document\(old.count)"
      try folder.makeFile(
        Bytes(file), contents: Array(result.output.replacing("\n", with: "").replacing(old, with: new).utf8))
      let answer = Shell.run([
        "sh", "-c", "/usr/bin/python3 \"$0\" \"$1\" < \"$2\"",
        Self.root + "/Tests/EndToEndTests/Schema/validate.py", schema,
        "\(folder.path)/\(file)",
      ])
      #expect(!answer.output.isEmpty, "\(old)")
    }
  }

  // MARK: fields

  @Test func anErrorHasItsFields() throws {
    let report = try HotColdBinary.migrate(two).report["captures", 0]
    let errors = report["errors"].array
    let codes = Set(errors.compactMap { $0["code"].string })
    #expect(
      codes == ["folder-refused", "name-taken", "foreign-playlist", "two-live-playlists"],
      "\(errors.map { $0["message"].string ?? "" })")
    let foreign = try #require(errors.first { $0["code"].string == "foreign-playlist" })
    #expect(foreign["path", "text"].string == two + "/segments/3/archive.m3u8")
    #expect(
      foreign["path", "base64"].string == Data((two + "/segments/3/archive.m3u8").utf8).base64EncodedString())
    #expect(foreign["remedy"].string?.hasPrefix("Move it away") == true)
    let list = try JSON(
      parsing: HotColdBinary.run(["verify", "--captures-from", "/nonexistent", "--format=json"]).output)
    #expect(
      list["errors", 0, "errno", "name"].string == "ENOENT" && list["errors", 0, "errno", "number"].int == 2)
    #expect(
      list["errors", 0, "operation"].string == "open"
        && list["errors", 0, "path", "text"].string == "/nonexistent")
  }

  @Test func aRoundSaysWhatItDid() throws {
    let moved = try JSON(parsing: HotColdBinary.run(["archive", "--once", one, "--format", "json"]).output)
    #expect(moved["captures", 0, "moved"].int == moved["summary", "moved"].int)
    #expect(moved["changed"].bool == true && moved["captures", 0, "playlists", "written"].int ?? 0 > 0)
    let round = ["archive", "--once", one, "--retain", "guide", "--format", "json"]
    let declined = try JSON(parsing: HotColdBinary.run(round + ["--max-delete", "2"]).output)
    let refusals = declined["captures", 0, "retention", "refusals"].array
    #expect(declined["exitCode"].int == 1 && refusals.first?["code"].string == "retention-declined")
    let planned = try JSON(parsing: HotColdBinary.run(round + ["--force-retention", "--dry-run"]).output)
    #expect(planned["changed"].bool == false && planned["wouldChange"].bool == true)
    let forced = try JSON(parsing: HotColdBinary.run(round + ["--force-retention"]).output)
    let deleted = try #require(forced["summary", "deleted"].int)
    #expect(deleted > 0 && forced["captures", 0, "retention", "deleted", "segments"].int ?? 0 > 0)
    #expect(planned["summary", "deleted"].int == deleted)
  }

  @Test func theZoneIsNamed() throws {
    func zone(_ command: [String]) throws -> JSON {
      try JSON(parsing: Shell.run(command + [HotColdBinary.path, "verify", one, "--format", "json"]).output)[
        "timeZone"]
    }
    let india = try zone(["env", "TZ=:Asia/Kolkata"])
    #expect(india["name"].string == "Asia/Kolkata" && india["utcOffsetSeconds"].int == 19_800)
    #expect(try zone(["env", "TZ="])["name"].string == "UTC")
    #expect(try zone(["env", "TZ=/usr/share/zoneinfo/Asia/Tokyo"])["name"].string == "Asia/Tokyo")
    let report = HotColdBinary.run(["migrate", one, "--time-zone", "Asia/Tokyo", "--format", "json"]).output
    let tokyo = try JSON(parsing: report)["timeZone"]
    #expect(tokyo["name"].string == "Asia/Tokyo" && tokyo["utcOffsetSeconds"].int == 32_400)
    let here = try zone(["env", "-u", "TZ"])
    let name = try Shell.must(["sh", "-c", "readlink -f /etc/localtime || true"]).trimmed
    if let range = name.range(of: "zoneinfo/") {
      let link = try Shell.must(["readlink", "/etc/localtime"]).trimmed
      #expect(
        here["name"].string
          == String(
            link.contains("zoneinfo/")
              ? link[link.range(of: "zoneinfo/")!.upperBound...] : name[range.upperBound...]))
    }
  }

  // MARK: lines

  /// In a run that takes hours, what is done is known when it is done.
  @Test(.requires("strace")) func aLineIsPrintedWhenItsCaptureIsFinished() throws {
    let log = folder.path + "/strace"
    try Shell.must(["rm", "-r", two])
    try SmallCapture.make(in: folder, at: "two")
    let result = Shell.run([
      "strace", "-f", "-s", "9", "-o", log, "-e", "trace=write,renameat2", HotColdBinary.path, "migrate", one,
      two,
      "--execute", "--yes", "--engine", "syscalls", "--format", "ndjson",
    ])
    #expect(result.status == 0, "\(result)")
    let calls = try String(contentsOfFile: log, encoding: .utf8).split(separator: "\n")
    let first = try #require(calls.firstIndex { $0.contains("write(1,") })
    let renames = calls.indices.filter { calls[$0].contains("renameat2(") }
    #expect(renames.contains { $0 < first } && renames.contains { $0 > first })
    #expect(calls.count { $0.contains("write(1,") } == 3, "a line at a time")
  }

  /// Captures on different file systems are worked on by threads.
  @Test func theLinesOfThreadsAreWhole() throws {
    let elsewhere = try Folder(in: "/var/tmp")
    for name: Bytes in ["a", "b", "c"] {
      try SmallCapture.make(in: elsewhere, at: name)
      try SmallCapture.make(in: folder, at: name)
    }
    let captures = [elsewhere.path, folder.path].flatMap { path in ["a", "b", "c"].map { "\(path)/\($0)" } }
    let lines = try documents(["migrate"] + captures, in: "ndjson").1
    let reports = try lines.map(JSON.init(parsing:))
    #expect(Set(reports.dropLast().compactMap { $0["capture", "text"].string }) == Set(captures))
    #expect(reports.last?["total", "found"].int == captures.count * SmallCapture.files.count)
  }

  @Test func aReaderThatHasGoneDoesNotStopTheWork() throws {
    let result = Shell.run([
      "sh", "-c", "\"$0\" migrate \"$1\" --execute --yes --format ndjson >/dev/full", HotColdBinary.path, one,
    ])
    #expect(
      result.status == 74 && result.error.contains("could not be written to standard output"), "\(result)")
    let files = try Snapshot(one).paths
    #expect(files == SmallCapture.settled())
  }
}
