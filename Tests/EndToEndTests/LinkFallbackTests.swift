import Foundation
import TestKit
import Testing

/// File systems that cannot refuse to replace: refused, or served by link and unlink where that was asked for. bindfs is
/// FUSE without `rename2`.
@Suite(.serialized) struct LinkFallbackTests {
  /// `folder` once more, through FUSE.
  private final class Bindfs {
    let mount: Folder
    private let folder: String

    init(_ folder: String) throws {
      self.folder = folder
      mount = try Folder(in: "/tmp")
      try Shell.must(["bindfs", folder, mount.path])
    }
    func end() { Shell.run(["umount", "-l", mount.path]) }
    deinit { end() }
  }

  /// Whether `linkat` is done, and `unlinkat` is not.
  private func hasTwoNames(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_nlink == 2
  }

  @Test(.requiresMounting, .requires("bindfs"), arguments: Engines.all)
  func suchAFileSystemIsRefusedInOneLineAndServedWhenAskedFor(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let trial = try Trial()
    let bindfs = try Bindfs(trial.folder.path)
    let command = ["migrate", bindfs.mount.path, "--execute", "--yes", "--engine", engine]
    let refused = HotColdBinary.run(command)
    let errors = refused.output.split(separator: "\n").filter { $0.contains("ERROR") }
    #expect(refused.status == 1 && errors.count == 1, "\(refused.output)")
    #expect(
      errors.allSatisfy { $0.contains("--link-fallback") && $0.contains("deleted") && $0.contains("fuse") })
    #expect(refused.output.contains("no file was moved"))
    try trial.expectIntact()
    #expect(HotColdBinary.run(command + ["--link-fallback"]).status == 0)
    let archived = HotColdBinary.run([
      "archive", "--once", bindfs.mount.path, "--min-age", "0s", "--hot", "metadata=1",
    ])
    #expect(archived.status == 1 && archived.error.contains("--link-fallback"), "\(archived.error)")
    try trial.expectSettled()
    let reverted = HotColdBinary.run(["revert", bindfs.mount.path, "--execute", "--yes"])
    #expect(reverted.status == 1 && reverted.output.contains("--link-fallback"))
    try trial.expectSettled()
    #expect(
      HotColdBinary.run(["revert", bindfs.mount.path, "--execute", "--yes", "--link-fallback"]).status == 0)
    #expect(try Snapshot(trial.folder.path).files == trial.before.files)
  }

  @Test(.requiresMounting, .requires("bindfs")) func whatOnlyAnExecutionCanShowIsSaidBefore() throws {
    let trial = try Trial()
    let bindfs = try Bindfs(trial.folder.path)
    let dryRun = HotColdBinary.run(["migrate", bindfs.mount.path])
    #expect(
      dryRun.status == 0 && dryRun.output.contains("NOTE: this file system may be unable"), "\(dryRun.output)"
    )
    #expect(!HotColdBinary.run(["migrate", trial.folder.path]).output.contains("may be unable"))
    // The live playlist is all that is left to move.
    #expect(try HotColdBinary.migrate(trial.folder.path).status == 0)
    let hot = trial.folder.path + "/segments/output.m3u8"
    try Shell.must(["mv", hot, trial.folder.path])
    let refused = HotColdBinary.run(["migrate", bindfs.mount.path, "--execute", "--yes"])
    #expect(refused.status == 1 && refused.output.contains("--link-fallback"), "\(refused.output)")
    #expect(
      HotColdBinary.run(["migrate", bindfs.mount.path, "--execute", "--yes", "--link-fallback"]).status == 0)
    try trial.expectSettled()
  }

  /// Through bindfs, files of a mount below the folder keep the numbers that they have there: two files, one number, one
  /// device.
  @Test(.requiresMounting, .requires("bindfs")) func filesOfOneInodeNumberAreNotOneFile() throws {
    let folder = try Folder()
    for path in ["", "/segments"] {
      if !path.isEmpty { try folder.makeFolder("segments") }
      try Shell.must(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder.path + path])
    }
    defer { for path in ["/segments", ""] { Shell.run(["umount", "-l", folder.path + path]) } }
    let names = (0..<60).map { Bytes("segment_\($0).ts") }
    // The inner mount gives its files the numbers of the outer one's: the second file of each is number 3, and so on.
    for (number, name) in names.enumerated() {
      try folder.makeFile(name, seconds: 1_700_000_000 + number, contents: Array("new".utf8))
      try folder.makeFile("segments/22/" + name, seconds: 1_700_000_000 + number, contents: Array("old".utf8))
    }
    let bindfs = try Bindfs(folder.path)
    let before = try Snapshot(bindfs.mount.path)
    let alike = names.filter { name in
      names.contains { before.entries[name]!.inode == before.entries["segments/22/" + $0]!.inode }
    }
    #expect(alike.count > 30, "the numbers do not meet")
    // Names are given anew, so that those of one number have one name.
    for (number, name) in alike.enumerated() {
      let twin = names.first { before.entries["segments/22/" + $0]!.inode == before.entries[name]!.inode }!
      try Shell.must(["mv", folder.path + "/\(name)", folder.path + "/segment_a\(number).ts"])
      try Shell.must([
        "mv", folder.path + "/segments/22/\(twin)", folder.path + "/segments/22/segment_a\(number).ts",
      ])
    }
    let contents = try Snapshot(folder.path).contents
    let result = HotColdBinary.run([
      "migrate", bindfs.mount.path, "--execute", "--yes", "--link-fallback", "--hot", "segments=0",
    ])
    #expect(result.status == 1, "\(result.output)")
    bindfs.end()
    #expect(try Snapshot(folder.path).contents == contents, "a file is gone")
  }

  /// Another process renames a file over the old name between `linkat` and the last look: both files stay.
  @Test(.requires("strace")) func aFileThatTakesTheOldNameMeanwhileStays() throws {
    let folder = try Folder()
    let names = (0..<8).map { Bytes("segment_\($0).ts") }
    for (number, name) in names.enumerated() { try folder.makeFile(name, seconds: 1_700_000_000 + number) }
    try folder.makePlaylist(listing: [])
    let run = try Running(
      [
        "strace", "-f", "-o", "/dev/null", "-e", "trace=linkat,unlinkat,renameat2", "-e",
        "inject=renameat2:error=EINVAL",
        "-e", "inject=linkat:delay_exit=1500000", HotColdBinary.path, "migrate", folder.path, "--execute",
        "--yes",
        "--link-fallback", "--engine", "syscalls", "--hot", "segments=0", "--no-manifests",
      ], environment: ["TZ": "UTC"])
    var replaced: Set<Bytes> = []
    while run.isRunning {
      for name in names where !replaced.contains(name) {
        let path = folder.path(name).description
        guard hasTwoNames(path) else { continue }
        try Data("new".utf8).write(to: URL(fileURLWithPath: path + ".new"))
        if rename(path + ".new", path) == 0 { replaced.insert(name) }
      }
      usleep(2000)
    }
    _ = run.wait()
    #expect(replaced.count > names.count / 2, "only \(replaced.count) were replaced in time")
    let after = try Snapshot(folder.path)
    let newContent = after.files.values.count { $0.size == 3 }
    #expect(newContent == replaced.count, "of the new files")
    for name in names {
      let size = name.bytes.count
      #expect(after.contents[name]?.contains { $0.size == size } == true, "\(name), the old file")
    }
  }

  /// NFS: the server has removed the old name, and its answer is lost, or the second try of it is answered.
  @Test(.requires("strace"), arguments: ["EIO", "ENOENT"]) func aNameThatGoesInSpiteOfAnErrorIsNotTheLast(
    errno: String
  ) throws {
    let folder = try Folder()
    try folder.makeFile("segment_1.ts", seconds: 1_700_000_000)
    try folder.makePlaylist(listing: [])
    let before = try Snapshot(folder.path).contents
    let run = try Running(
      [
        "strace", "-f", "-o", "/dev/null", "-e", "trace=unlinkat,renameat2", "-e",
        "inject=renameat2:error=EINVAL",
        "-e", "inject=unlinkat:error=\(errno):delay_enter=3000000:when=1", HotColdBinary.path, "migrate",
        folder.path,
        "--execute", "--yes", "--link-fallback", "--engine", "syscalls", "--hot", "segments=0",
        "--no-manifests",
        "--keep-live",
      ], environment: ["TZ": "UTC"])
    let path = folder.path + "/segment_1.ts"
    var isRemoved = false
    while run.isRunning {
      if hasTwoNames(path) { isRemoved = unlink(path) == 0 }
      usleep(2000)
    }
    _ = run.wait()
    #expect(isRemoved, "not in time")
    #expect(try Snapshot(folder.path).contents == before, "a file is gone")
  }

  /// Immutable: neither can it be linked, and the others can.
  @Test(.requiresRoot, .requires("strace"), .requires("chattr")) func aFileThatMayNotBeLinkedStopsNoOther()
    throws
  {
    let folder = try Folder()
    for number in 0..<20 {
      try folder.makeFile(Bytes("segment_\(number).ts"), seconds: 1_700_000_000 + number)
    }
    let immutable = (0..<20).map { "\(folder.path)/segment_\($0).ts" }.enumerated().filter {
      $0.offset % 7 == 0
    }
    .map(\.element)
    try Shell.must(["chattr", "+i"] + immutable)
    defer { Shell.run(["chattr", "-i"] + immutable) }
    let result = Shell.run(
      [
        "strace", "-f", "-o", "/dev/null", "-e", "trace=renameat2", "-e", "inject=renameat2:error=EINVAL",
        HotColdBinary.path, "migrate", folder.path, "--execute", "--yes", "--link-fallback", "--engine",
        "syscalls",
        "--hot", "segments=0", "--no-manifests",
      ], environment: ["TZ": "UTC"])
    #expect(result.status == 1, "\(result.output)")
    let paths = try Snapshot(folder.path).paths
    #expect(
      paths.count { $0.folder == "segments/22" } == 17 && paths.count { $0.folder == "" } == 3, "\(paths)")
    #expect(result.output.contains("chattr -i") && !result.output.contains("nor link"), "\(result.output)")
  }

  /// Two mounts of one folder share no lock. One run has linked a file and is about to unlink its old name; the other takes
  /// it back at that moment.
  @Test(.requiresMounting, .requires("bindfs"), .requires("strace"))
  func aMigrationAndAReversionThroughTwoMountsLoseNothing() throws {
    let folder = try Folder()
    for number in 0..<120 {
      try folder.makeFile(Bytes("segment_\(number).ts"), seconds: 1_700_000_000 + number)
    }
    let before = try Snapshot(folder.path).contents
    let (one, other) = (try Bindfs(folder.path), try Bindfs(folder.path))
    let options = ["--execute", "--yes", "--link-fallback", "--engine", "syscalls"]
    // A migration ends early where the other has removed a folder that it is about to read.
    var (migrations, meetings) = (0, 0)
    while meetings <= 2, migrations < 60 {
      let migration = try Running(
        [
          "strace", "-f", "-o", "/dev/null", "-e", "trace=linkat", "-e", "inject=linkat:delay_exit=60000",
          HotColdBinary.path, "migrate", one.mount.path, "--hot", "segments=0", "--no-manifests",
        ] + options, environment: ["TZ": "UTC"])
      migrations += 1
      while migration.isRunning {
        guard before.keys.contains(where: { hasTwoNames(folder.path($0).description) }) else {
          usleep(2000)
          continue
        }
        _ = HotColdBinary.run(["revert", other.mount.path] + options)
        meetings += 1
      }
      _ = migration.wait()
      // Or a migration that met nobody would leave nothing to move for the next.
      _ = HotColdBinary.run(["revert", other.mount.path] + options)
    }
    #expect(meetings > 2)
    one.end()
    other.end()
    let after = try Snapshot(folder.path).contents
    for name in before.keys { #expect(after[name]?.isEmpty == false, "\(name) is gone") }
  }

  /// A recorder that began its numbers again, and a live playlist that another one has superseded: both get another name.
  @Test(.requiresMounting, .requires("bindfs"), arguments: Engines.all)
  func whatGetsAnotherNameIsLinkedToo(engine: String) throws {
    try skipUnlessGranted(engine: engine)
    let folder = try Folder()
    for number in 0..<30 {
      try folder.makeFile(Bytes("segments/22/segment_\(number).ts"), seconds: 1_700_000_000 + number)
      try folder.makeFile(Bytes("segment_\(number).ts"), seconds: 1_700_000_100 + number)
    }
    try folder.makePlaylist(listing: [])
    try folder.makePlaylist("segments/output.m3u8", listing: [])
    try Shell.must(["touch", folder.path + "/segments/output.m3u8"])
    let before = try Snapshot(folder.path)
    let bindfs = try Bindfs(folder.path)
    let options = [
      "--on-conflict", "rename", "--link-fallback", "--hot", "segments=0", "--no-manifests", "--engine",
      engine,
    ]
    let dry = try HotColdBinary.migrate(bindfs.mount.path, options, execute: false)
    let (status, report) = try HotColdBinary.migrate(bindfs.mount.path, options)
    #expect(status == 0 && dry.status == 0, "\(report["captures", 0].errors)")
    for each in [dry.report, report] {
      #expect(each["captures", 0, "renamed"].int == 30)
      #expect(each["captures", 0, "livePlaylist"].string == "superseded")
    }
    bindfs.end()
    let after = try Snapshot(folder.path)
    #expect(after.files.count == before.files.count)
    #expect(
      after.paths.contains("segments/22/segment_7.20231114T221507Z.ts")
        && after.paths.contains("output.m3u8.old"))
    #expect(Set(after.files.values.map(\.inode)) == Set(before.files.values.map(\.inode)))
  }

  /// The look before the unlink asks the file system, not the kernel's cache of it.
  @Test(.requiresMounting, .requires("bindfs"), .requires("strace"))
  func aFileThatIsReplacedBehindTheMountIsSeen() throws {
    let folder = try Folder()
    try folder.makeFile("segment_1.ts", seconds: 1_700_000_000)
    let bindfs = try Bindfs(folder.path)
    let run = try Running(
      [
        "strace", "-f", "-o", "/dev/null", "-e", "trace=linkat", "-e", "inject=linkat:delay_exit=400000",
        HotColdBinary.path, "migrate", bindfs.mount.path, "--execute", "--yes", "--link-fallback", "--engine",
        "syscalls", "--hot", "segments=0", "--no-manifests",
      ], environment: ["TZ": "UTC"])
    let path = folder.path + "/segment_1.ts"
    var isReplaced = false
    while run.isRunning {
      if !isReplaced, hasTwoNames(path) {
        try Data("new".utf8).write(to: URL(fileURLWithPath: path + ".new"))
        isReplaced = rename(path + ".new", path) == 0
      }
      usleep(1000)
    }
    _ = run.wait()
    bindfs.end()
    #expect(isReplaced)
    let after = try Snapshot(folder.path)
    #expect(after.files.values.contains { $0.size == 3 }, "the new file")
    #expect(after.contents["segment_1.ts"]?.count == 2, "\(after.paths)")
  }

  /// Killed between link and unlink, and started again with options that send the file elsewhere.
  @Test(
    .requiresMounting, .requires("bindfs"), .requires("strace"),
    arguments: [["--time-zone", "Asia/Tokyo", "--hot", "segments=0"], ["--hot", "segments=500"]])
  func aFileWithTwoNamesIsHealedWhateverTheOptions(options: [String]) throws {
    let folder = try Folder()
    for number in 0..<40 {
      try folder.makeFile(Bytes("segment_\(number).ts"), seconds: 1_700_000_000 + number)
    }
    let before = try Snapshot(folder.path).contents
    let bindfs = try Bindfs(folder.path)
    let command = [HotColdBinary.path, "migrate", bindfs.mount.path, "--execute", "--yes", "--link-fallback"]
    let killed = Shell.run(
      ["strace", "-f", "-o", "/dev/null", "-e", "trace=unlinkat", "-e", "inject=unlinkat:signal=KILL:when=1"]
        + command
        + ["--time-zone", "UTC", "--hot", "segments=0"], environment: ["TZ": "UTC"])
    #expect(killed.status != 0)
    #expect(try Snapshot(folder.path).files.count == 41, "nothing was left with two names")
    let result = Shell.run(command + options, environment: ["TZ": "UTC"])
    #expect(result.status == 0, "\(result.output)")
    bindfs.end()
    let after = try Snapshot(folder.path)
    #expect(after.contents == before && after.files.count == 40, "\(after.paths)")
  }
}
