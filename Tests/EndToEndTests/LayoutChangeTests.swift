import Foundation
import TestKit
import Testing

/// From one layout to the next with the real program: three in a row, runs that are killed, few descriptors.
@Suite struct LayoutChangeTests {
  private static let kinds = ["segments", "captures", "thumbnails", "metadata"]
  private static let patterns = [
    ("segment_", ".ts"), ("capture_", ".jpg"), ("capture_", "_thumbnail.jpg"), ("capture_", ".json"),
  ]

  /// The guide's kinds in other folders: one kind's buckets are where another kind was hot.
  private static let ownText = """
    buckets: hour
    kinds:
      segments:
        match: "segment_*.ts"
        flat: .
        hot: video/now
        cold: video/old
        limit: 8
        playlist: output.m3u8
      captures:
        match: "capture_*.jpg"
        except: "*_thumbnail*"
        flat: captures
        hot: captures
        cold: thumbnails
        limit: 7
      thumbnails:
        match: "capture_*_thumbnail.jpg"
        flat: captures
        hot: metadata/small
        cold: metadata
        limit: 0
      metadata:
        match: "capture_*.json"
        flat: captures
        hot: segments
        cold: segments
        limit: 300

    """

  private static func plain(
    _ folders: [(flat: String, hot: String, cold: String, limit: Int)], hasDates: Bool
  ) -> PlainLayout {
    PlainLayout(
      kinds: folders.enumerated().map { index, folder in
        PlainLayout.Kind(
          name: kinds[index], prefix: patterns[index].0, suffix: patterns[index].1, flat: folder.flat,
          hot: folder.hot, cold: folder.cold, limit: folder.limit)
      }, hasDates: hasDates)
  }

  private static let guideFolders = [
    ("", "segments/", "segments/", 10), ("captures/", "captures/", "captures/", 100),
    ("captures/", "thumbnails/", "thumbnails/", 100), ("captures/", "metadata/", "metadata/", 100),
  ]
  static let guide = plain(guideFolders, hasDates: false)
  static let dated = plain(guideFolders, hasDates: true)
  static let own = plain(
    [
      ("", "video/now/", "video/old/", 8), ("captures/", "captures/", "thumbnails/", 7),
      ("captures/", "metadata/small/", "metadata/", 0), ("captures/", "segments/", "segments/", 300),
    ], hasDates: false)

  /// A file of each of three layouts that follow each other, with what the model says of them.
  private struct Chain {
    let files = try! Folder()
    let layouts: [(file: String, plain: PlainLayout)]

    init() throws {
      try files.makeFile("own.yaml", contents: Array(ownText.utf8))
      layouts = [
        ("guide", guide), (LayoutFile.byDate, dated), (files.path + "/own.yaml", own),
      ]
    }
  }

  /// The files of a capture of the guide's kinds as the model knows them.
  private static func flatFiles(_ files: [LayoutModel.File]) -> [PlainLayout.File] {
    files.map { file in
      let name = file.path.name.description
      let kind =
        name.hasPrefix("segment_")
        ? 0 : name.hasSuffix("_thumbnail.jpg") ? 2 : name.hasSuffix(".json") ? 3 : 1
      return PlainLayout.File(
        kind: kind, name: file.path.name, role: .flat, seconds: file.seconds, nanoseconds: file.nanoseconds)
    }
  }

  private static func folders(_ snapshot: Snapshot) -> Set<Bytes> {
    Set(snapshot.entries.filter(\.value.isFolder).keys)
  }

  @Test(arguments: Engines.all)
  func threeLayoutsInARowEndWhereTheModelSaysAndGoBackFlat(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    stayWithinTheHour()
    let trial = try Trial()
    let capture = trial.folder.path
    let chain = try Chain()
    var files = Self.flatFiles(SmallCapture.files)
    for (index, layout) in chain.layouts.enumerated() {
      let from = index == 0 ? [] : ["--from", chain.layouts[index - 1].file]
      let arguments = ["migrate", capture, "--layout", layout.file, "--engine", engine] + from
      let planned = HotColdBinary.run(arguments + ["--format", "json"])
      let result = HotColdBinary.run(arguments + ["--execute", "--yes", "--format", "json"])
      #expect(planned.status == 0 && result.status == 0, "\(layout.file): \(result)")
      let totals = try [planned, result].map {
        try JSON(parsing: $0.output)["captures", 0, "total", "moved"].int
      }
      #expect(totals[0] == totals[1] && totals[0] != nil, "\(layout.file)")
      let after = try Snapshot(capture)
      let playlist = Bytes(layout.plain.kinds[0].hot + "output.m3u8")
      #expect(after.paths == layout.plain.settled(files).union([playlist]), "\(layout.file)")
      try trial.expectIntact("\(layout.file)")
      #expect(HotColdBinary.run(["verify", capture, "--layout", layout.file]).status == 0, "\(layout.file)")
      let again = HotColdBinary.run(arguments + ["--execute", "--yes"])
      #expect(again.status == 0, "\(again)")
      #expect(try Snapshot(capture).changeTimes == after.changeTimes, "\(layout.file): a second run wrote")
      files = layout.plain.roles(of: files)
    }
    let reverted = HotColdBinary.run([
      "migrate", capture, "--from", chain.layouts[2].file, "--layout", "flat", "--execute", "--yes",
    ])
    #expect(reverted.status == 0, "\(reverted)")
    #expect(try Snapshot(capture).entries == trial.before.entries)
  }

  /// The first run from one layout to another is killed; the same command ends it in the tree of a run that was not.
  @Test(.requires("strace")) func aChangeThatIsKilledAtARenameIsEndedByTheSameCommand() throws {
    stayWithinTheHour()
    let chain = try Chain()
    let from = chain.layouts[0]
    let to = chain.layouts[2]
    let files = from.plain.roles(of: Self.flatFiles(SmallCapture.files))
    let expected = to.plain.settled(files).union(["video/now/output.m3u8"])
    func trialInTheFirst() throws -> (Trial, [String]) {
      let trial = try Trial()
      #expect(HotColdBinary.run(["migrate", trial.folder.path, "--execute", "--yes"]).status == 0)
      return (
        trial,
        [
          "migrate", trial.folder.path, "--from", from.file, "--layout", to.file, "--execute", "--yes",
          "--engine", "syscalls",
        ]
      )
    }
    let (whole, arguments) = try trialInTheFirst()
    let result = HotColdBinary.run(arguments + ["--format", "json"])
    #expect(result.status == 0, "\(result)")
    let moved = try JSON(parsing: result.output)["captures", 0, "total", "moved"].int ?? 0
    let uninterrupted = try Snapshot(whole.folder.path)
    #expect(uninterrupted.paths == expected)
    // The live playlist is moved, too, as the last.
    let step = KillTests.isCampaign ? 1 : moved / 5
    for rename in Array(stride(from: 1, through: moved, by: step)) + [moved + 1] {
      let (trial, arguments) = try trialInTheFirst()
      let killed = EngineTests.inject("renameat2:signal=SIGKILL:when=\(rename)", arguments)
      #expect(killed.status == 128 + SIGKILL, "rename \(rename)")
      try trial.expectIntact("killed at rename \(rename)")
      let rerun = HotColdBinary.run(arguments)
      #expect(rerun.status == 0, "killed at rename \(rename): \(rerun)")
      let after = try Snapshot(trial.folder.path)
      #expect(after.paths == expected && after.leftovers.isEmpty, "killed at rename \(rename)")
      #expect(Self.folders(after) == Self.folders(uninterrupted), "killed at rename \(rename)")
      #expect(after.manifests == uninterrupted.manifests, "killed at rename \(rename)")
      try trial.expectIntact("killed at rename \(rename), and ended")
      #expect(HotColdBinary.run(["verify", trial.folder.path, "--layout", to.file]).status == 0)
    }
  }

  /// At any moment, with requests in flight.
  @Test(arguments: Engines.all)
  func aChangeThatIsKilledAtAnyMomentIsEndedByTheSameCommand(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    stayWithinTheHour()
    let seed = SeededRandom.seeds(1)[0]
    var random = SeededRandom(seed)
    let chain = try Chain()
    let folder = try Folder()
    let (first, capture) = (folder.path + "/first", folder.path + "/capture")
    try Shell.must([HotColdBinary.path, "sample", first, "--files", "3000", "--file-bytes", "8"])
    #expect(HotColdBinary.run(["migrate", first, "--execute", "--yes"]).status == 0)
    let before = try Snapshot(first)
    let arguments = [
      "migrate", capture, "--from", "guide", "--layout", chain.layouts[2].file, "--execute", "--yes",
      "--engine", engine,
    ]
    func makeAnew() throws {
      try Shell.must(["sh", "-c", "rm -rf \"$2\"; cp -a \"$1\" \"$2\"", "", first, capture])
    }
    try makeAnew()
    #expect(HotColdBinary.run(arguments).status == 0)
    let whole = try Snapshot(capture)
    #expect(Set(whole.paths.map(\.name)) == Set(before.paths.map(\.name)))
    #expect(Invariants.movedCount(before: before, after: whole) > 2000)

    let wanted = KillTests.killsWanted / 2
    var kills = 0
    var longest: UInt32 = 60_000
    for attempt in 0..<(40 * wanted) where kills < wanted {
      try makeAnew()
      let copy = try Snapshot(capture)
      let run = try HotColdBinary.start(arguments)
      usleep(UInt32.random(in: 1000...longest, using: &random))
      run.signal(SIGKILL)
      guard run.wait().status == 128 + SIGKILL else {
        longest = max(5_000, longest * 9 / 10)
        continue
      }
      // The rerun waits for what the kernel still has of the killed run.
      let rerun = HotColdBinary.run(arguments)
      let what: Comment = "\(engine), HOTCOLD_SEED=\(seed), attempt \(attempt)"
      #expect(rerun.status == 0, "\(rerun) \(what)")
      let after = try Snapshot(capture)
      #expect(after.paths == whole.paths && after.leftovers.isEmpty, what)
      #expect(after.contents == copy.contents, what)
      #expect(Self.folders(after) == Self.folders(whole), what)
      kills += 1
    }
    #expect(kills == wanted, "only \(kills) runs were killed")
    Figures.add("changes of layout killed at random moments, \(engine)", kills)
  }

  /// What is a hot folder by the one and a bucket by the other would never settle.
  @Test func aFolderThatIsABucketOfTheOtherLayoutIsRefused() throws {
    let trial = try Trial()
    let capture = trial.folder.path
    let layouts = try Folder()
    for (name, hot) in [("inside", "segments/7"), ("outside", "video")] {
      let text = """
        buckets: date-hour
        kinds:
          segments:
            match: "segment_*.ts"
            flat: .
            hot: \(hot)
            cold: old
            limit: 10
            playlist: output.m3u8

        """
      try layouts.makeFile(Bytes("\(name).yaml"), contents: Array(text.utf8))
    }
    let (inside, outside) = (layouts.path + "/inside.yaml", layouts.path + "/outside.yaml")
    try layouts.makeFile(
      "guide.yaml", contents: Array(HotColdBinary.run(["layout"]).output.prefixUpTo("  captures:").utf8))
    let guide = layouts.path + "/guide.yaml"
    #expect(HotColdBinary.run(["migrate", capture, "--layout", guide, "--execute", "--yes"]).status == 0)
    let settled = try Snapshot(capture)
    for options in [["--from", guide, "--layout", inside], ["--from", inside, "--layout", guide]] {
      let refused = HotColdBinary.run(["migrate", capture, "--execute", "--yes"] + options)
      #expect(refused.status == 64 && refused.error.contains("'segments/7'"), "\(refused)")
    }
    #expect(try Snapshot(capture).changeTimes == settled.changeTimes)
    let allowed = HotColdBinary.run(
      ["migrate", capture, "--from", guide, "--layout", outside, "--execute", "--yes"])
    #expect(allowed.status == 0, "\(allowed)")
    try trial.expectIntact()
  }

  // MARK: few descriptors

  /// Fourteen days, each hour, four kinds: 1344 folders, of which a process may have 256, or 64, open.
  @Test(arguments: [256, 64], Engines.all)
  func twoWeeksOfHoursTakeFewDescriptors(limit: Int, engine: String) throws {
    try skipUnlessGranted(engine: engine)
    stayWithinTheHour()
    let folder = try Folder()
    let capture = folder.path
    var files: [PlainLayout.File] = []
    for hour in 0..<(14 * 24) {
      for kind in Self.kinds.indices {
        let name = Self.patterns[kind].0 + "\(hour)" + Self.patterns[kind].1
        files.append(
          .init(
            kind: kind, name: Bytes(name), role: .flat, seconds: 1_700_000_000 + hour * 3600, nanoseconds: 0))
        try folder.makeFile(Self.dated.path(files.last!), seconds: files.last!.seconds)
      }
    }
    let before = try Snapshot(capture)
    func run(_ arguments: [String]) -> Shell.Result {
      Shell.run(
        ["sh", "-c", "ulimit -n \(limit); exec \"$0\" \"$@\"", HotColdBinary.path] + arguments,
        environment: ["TZ": "UTC"])
    }
    let execute = ["--execute", "--yes", "--engine", engine]
    let there = run(["migrate", capture, "--layout", LayoutFile.byDate] + execute)
    #expect(there.status == 0, "\(there)")
    #expect(try Snapshot(capture).paths == Self.dated.settled(files))
    #expect(try Snapshot(capture).contents == before.contents)
    for command in [["verify", capture], ["archive", "--once", capture]] {
      let result = run(command + ["--layout", LayoutFile.byDate])
      #expect(result.status == 0, "\(result)")
    }
    let hours = run(["migrate", capture, "--from", LayoutFile.byDate] + execute)
    #expect(hours.status == 0, "\(hours)")
    #expect(try Snapshot(capture).paths == Self.guide.settled(Self.dated.roles(of: files)))
    let back = run(["migrate", capture, "--from", "guide", "--layout", LayoutFile.byDate] + execute)
    #expect(back.status == 0, "\(back)")
    let reverted = run(["revert", capture, "--layout", LayoutFile.byDate] + execute)
    #expect(reverted.status == 0, "\(reverted)")
    #expect(try Snapshot(capture).entries == before.entries)
  }
}

extension String {
  fileprivate func prefixUpTo(_ text: String) -> Substring {
    range(of: text).map { self[..<$0.lowerBound] } ?? self[...]
  }

  /// A file that cannot go on leaves the capture in both layouts: the command that is named takes it to its end.
  /// Whoever runs it may have another environment.
  @Test(arguments: [
    (["--layout", LayoutFile.byDate, "--hot", "segments=9"], [:]),
    (["--hot", "segments=9"], ["HOTCOLD_LAYOUT": LayoutFile.byDate]),
    ([], ["HOTCOLD_LAYOUT": LayoutFile.byDate, "HOTCOLD_HOT": "segments=9"]),
  ])
  func aConflictNamesTheCommandThatGoesOn(options: [String], environment: [String: String]) throws {
    let trial = try Trial()
    let capture = trial.folder.path
    #expect(try HotColdBinary.migrate(capture).status == 0)
    let taken = Bytes("segments/2023-11-14/22/segment_0.ts")
    try trial.folder.makeFile(taken, seconds: 1)
    let result = HotColdBinary.run(
      ["migrate", capture, "--from", "guide", "--execute", "--yes", "--format", "json"] + options,
      environment: environment.merging(["TZ": "UTC"]) { $1 })
    let report = try JSON(parsing: result.output)["captures", 0]
    let errors = report["errors"].array.filter { $0["code"].string == "name-taken" }
    let remedy = try #require(errors.first?["remedy"].string, "\(result)")
    let command = try #require(
      remedy.components(separatedBy: "only this command accepts it: hotcold ").dropFirst().first)
    #expect(HotColdBinary.run(["verify", capture, "--layout", LayoutFile.byDate]).status == 66)
    try trial.folder.remove(taken)
    let rest = Shell.run(
      ["sh", "-c", "exec \"$0\" \(command) --yes", HotColdBinary.path], environment: ["TZ": "UTC"])
    #expect(rest.status == 0, "\(command): \(rest)")
    #expect(
      HotColdBinary.run(["verify", capture, "--layout", LayoutFile.byDate, "--hot", "segments=9"]).status
        == 0)
  }

  /// Where the files go is said where it is not asked for.
  @Test func aChangeWithoutATargetSaysWhereItGoes() throws {
    let trial = try Trial()
    let result = HotColdBinary.run(["migrate", trial.folder.path, "--from", LayoutFile.byDate])
    #expect(result.error.contains("without --layout, files go to the layout guide"), "\(result)")
    let named = HotColdBinary.run([
      "migrate", trial.folder.path, "--from", LayoutFile.byDate, "--layout", "guide",
    ])
    #expect(!named.error.contains("without --layout"))
  }
}
