import CFaults
import Foundation
import KernelIO
import SystemPackage
import TestKit
import Testing

/// Files that go from one file system to another: whole in the old place, in the new one, or in both, whatever happens.
@Suite(.enabled(if: MountedFileSystem.canMount, "no root")) struct CopyBatchTests {
  private final class Trial {
    let source: MountedFileSystem
    let target: MountedFileSystem
    let from: Directory
    let to: Directory

    init(_ source: String = "tmpfs", _ target: String = "tmpfs") throws {
      self.source = try MountedFileSystem(source)
      self.target = try MountedFileSystem(target)
      try Shell.must(["mkdir", self.source.path + "/a", self.target.path + "/b"])
      from = try Directory.open(FilePath(self.source.path + "/a"))
      to = try Directory.open(FilePath(self.target.path + "/b"))
    }

    /// So that a change from now on shows in the change time.
    func settle() { usleep(25_000) }

    func path(_ name: String, isCopy: Bool = false) -> String {
      (isCopy ? target.path + "/b/" : source.path + "/a/") + name
    }

    func make(_ name: String, _ contents: String) throws {
      try Folder.writeFile(path(name), contents)
    }

    func empty() throws {
      for folder in [source.path + "/a", target.path + "/b"] {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
          unlink("\(folder)/\(name)")
        }
      }
    }

    var sources: Snapshot { get throws { try Snapshot(source.path + "/a") } }
    var copies: Snapshot { get throws { try Snapshot(target.path + "/b") } }

    /// `meanwhile`: between the copies and their taking the places of the sources.
    func move(
      _ names: [String], verifies: Bool = false, keepsSources: Bool = false, filesMax: Int = 64,
      meanwhile: () throws -> Void = {}
    ) throws -> [CopyBatch.Outcome] {
      var outcomes: [CopyBatch.Outcome] = []
      var batch = try CopyBatch(
        to: to, filesMax: filesMax, bytesMax: 1 << 20, temporary: .ofTests, verifies: verifies,
        keepsSources: keepsSources)
      var waiting: [Int] = []
      func commit() throws {
        try meanwhile()
        for (index, outcome) in zip(waiting, batch.commit()) { outcomes[index] = outcome }
        batch.removeAll()
        waiting = []
      }
      for name in names {
        if batch.isFull { try commit() }
        let bytes = Array(name.utf8)
        let outcome = batch.copy(
          bytes.span, from: from.descriptor, to: to.descriptor, as: bytes.span)
        if outcome == nil { waiting.append(outcomes.count) }
        outcomes.append(outcome ?? .notExecuted)
      }
      try commit()
      return outcomes
    }
  }

  // MARK: what is kept

  @Test(arguments: [
    ("tmpfs", "ext4"), ("ext4", "xfs"), ("xfs", "btrfs"), ("btrfs", "tmpfs"), ("tmpfs", "tmpfs"),
  ])
  func everythingOfAFileIsKept(source: String, target: String) throws {
    let trial = try Trial(source, target)
    let names = (0..<120).map { "segment_\($0).ts" }
    // xfs shows its lists a second time, by another name.
    let lists = [source, target].contains("xfs") ? "0" : "1"
    try Shell.must(["python3", "-c", Self.filesOfAllKinds, trial.source.path + "/a", lists])
    trial.settle()
    let before = try trial.sources
    let outcomes = try trial.move(names, verifies: true)
    for outcome in outcomes {
      guard case .moved(_, _, let lost) = outcome else {
        Issue.record("\(outcome)")
        continue
      }
      #expect(lost.isEmpty)
    }
    let after = try trial.copies
    #expect(try trial.sources.files.isEmpty)
    #expect(before.files.count == 120)
    let (old, new) = (Self.withoutInodes(before), Self.withoutInodes(after))
    for (name, entry) in old { #expect(new[name] == entry, "\(name)") }
    #expect(old.count == new.count)
  }

  /// Sizes, owners, modes, times to the nanosecond, extended attributes, access control lists.
  private static let filesOfAllKinds = """
    import os, random, struct, sys
    random.seed(7)
    os.chdir(sys.argv[1])
    acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", tag, rights, who) for tag, rights, who in
      [(1, 6, 0xffffffff), (2, 6, 1300), (4, 4, 0xffffffff), (16, 6, 0xffffffff), (32, 4, 0xffffffff)])
    for number in range(120):
      name = f"segment_{number}.ts"
      with open(name, "wb") as file:
        file.write(os.urandom(random.choice([0, 1, 3000, 4096, 65536, 300000, 700001])))
      if number % 3 == 0: os.chown(name, 1234, 2000 + number)
      os.chmod(name, random.choice([0o600, 0o644, 0o640, 0o4755, 0o2750]))
      if number % 5 == 0: os.setxattr(name, "user.note", b"n%d" % number)
      if number % 7 == 0 and sys.argv[2] == "1": os.setxattr(name, "system.posix_acl_access", acl)
      os.utime(name, ns=(0, (1700000000 + number) * 10**9 + 100000000 + number))
    """

  private static func withoutInodes(_ snapshot: Snapshot) -> [Bytes: Snapshot.Entry] {
    snapshot.files.mapValues {
      var entry = $0
      entry.inode = 0
      return entry
    }
  }

  @Test(arguments: ["ext4", "xfs", "btrfs", "tmpfs"]) func holesStayHoles(target: String) throws {
    let trial = try Trial("tmpfs", target)
    let name = "sparse.ts"
    try Shell.must(["truncate", "-s", "12800K", trial.path(name)])
    for offset in [0, 50, 199] {
      try Shell.must([
        "dd", "if=/dev/urandom", "of=\(trial.path(name))", "bs=64K", "count=1", "seek=\(offset)",
        "conv=notrunc",
        "status=none",
      ])
    }
    try Shell.must(["truncate", "-s", "13440K", trial.path(name)])
    trial.settle()
    let before = try trial.sources
    #expect(try trial.move([name]).allSatisfy(\.isMoved))
    let after = try trial.copies
    #expect(Self.withoutInodes(before) == Self.withoutInodes(after))
    let kilobytes = try Shell.must(["du", "-k", trial.path(name, isCopy: true)]).split(separator: "\t")[0]
    #expect(Int(kilobytes)! < 512)
  }

  @Test func aUserWhoMayNotGiveFilesAwayIsTold() throws {
    let trial = try Trial()
    try trial.make("a.ts", "content")
    try Shell.must(["chown", "1234:4321", trial.path("a.ts")])
    try Shell.must(["chmod", "4640", trial.path("a.ts")])
    trial.settle()
    var faults = hc_faults()
    faults.operation = Int32(HC_OP_CHANGE.rawValue)
    faults.error = EPERM
    faults.first = 1
    hc_faults_use(&faults)
    defer { hc_faults_use(nil) }
    // The owner may not be given, the group may.
    let first = try trial.move(["a.ts"])
    #expect(first.map(\.losses) == [.owner])
    let copy = try #require(try trial.copies.files[Bytes("a.ts")])
    #expect(copy.mode == 0o640 && copy.owner == 0 && copy.group == 4321)
  }

  // MARK: names that are taken

  @Test(arguments: [false, true]) func whatAKilledRunHasLeftIsGoneOnWith(isNamed: Bool) throws {
    let trial = try Trial()
    for name in ["same.ts", "other.ts", "cut.ts"] {
      try trial.make(name, String(repeating: name, count: 1000))
      try Shell.must(["touch", "-d", "@1700000000", trial.path(name)])
    }
    try Shell.must(["cp", "-p", trial.path("same.ts"), trial.path("same.ts", isCopy: true)])
    try Folder.writeFile(trial.path("other.ts", isCopy: true), String(repeating: "o-her.ts", count: 1000))
    try Folder.writeFile(trial.path("cut.ts", isCopy: true), String(repeating: "cut.ts", count: 999))
    try Shell.must([
      "touch", "-d", "@1700000000", trial.path("other.ts", isCopy: true), trial.path("cut.ts", isCopy: true),
    ])
    trial.settle()
    let before = try trial.copies.files
    let sources = try trial.sources
    var faults = hc_faults()
    faults.operation = -1
    faults.no_unnamed = isNamed
    hc_faults_use(&faults)
    defer { hc_faults_use(nil) }
    let outcomes = try trial.move(["same.ts", "other.ts", "cut.ts"])
    #expect(outcomes[0].isMoved && outcomes[1] == .taken && outcomes[2] == .taken)
    #expect(try trial.copies.files == before)
    var left = sources.files
    left[Bytes("same.ts")] = nil
    #expect(try trial.sources.files == left)
  }

  /// A mount that shows the source's own folder: the name is taken by the very file.
  @Test(arguments: ["bind", "bindfs"]) func aFolderThatIsMountedTwiceLosesNothing(how: String) throws {
    if how == "bindfs", !Shell.has("bindfs") { try Test.cancel("needs bindfs") }
    let trial = try Trial("ext4", "tmpfs")
    for name in ["a.ts", "b.ts"] { try trial.make(name, String(repeating: name, count: 3000)) }
    trial.settle()
    let twin = try Shell.must(["mktemp", "-d", "/tmp/hotcold-twin-XXXXXX"]).trimmed
    defer { Shell.run(["rmdir", twin]) }
    let folder = trial.source.path + "/a"
    try Shell.must(how == "bind" ? ["mount", "--bind", folder, twin] : ["bindfs", folder, twin])
    defer { Shell.run(["umount", "-l", twin]) }
    let before = try trial.sources.files
    for (from, to) in [(folder, twin), (twin, folder)] {
      let source = try Directory.open(FilePath(from))
      let target = try Directory.open(FilePath(to))
      var batch = try CopyBatch(to: target, filesMax: 4, bytesMax: .max, temporary: .ofTests)
      for name in ["a.ts", "b.ts"] {
        let bytes = Array(name.utf8)
        _ = batch.copy(bytes.span, from: source.descriptor, to: target.descriptor, as: bytes.span)
      }
      let outcomes = batch.commit()
      // Nor does FUSE tell whether anybody has the file open.
      #expect(outcomes.allSatisfy { $0 == .taken || (from == twin && how == "bindfs" && $0 == .changed) })
      // FUSE hides what is removed while it is open, and removes it later.
      let after = try trial.sources.files.filter { !$0.key.bytes.starts(with: ".fuse_hidden".utf8) }
      #expect(after == before, "from \(from)")
    }
  }

  /// Whoever opens a file for writing while it is looked at the last time waits, and harms nobody.
  @Test func openersThatWaitEndNothing() throws {
    let trial = try Trial()
    let names = (0..<300).map { "segment_\($0).ts" }
    for name in names { try trial.make(name, "content") }
    trial.settle()
    let openers = (0..<2).map { _ in
      try? Running(["sh", "-c", "while :; do for f in \(trial.source.path)/a/*; do : <> $f; done; done"])
    }
    defer {
      for opener in openers {
        opener?.signal(SIGKILL)
        _ = opener?.wait()
      }
    }
    // `<>` makes a file that is not there, so the folder may get empty ones.
    let outcomes = try trial.move(names, filesMax: 300)
    #expect(outcomes.allSatisfy { $0.isMoved || $0 == .changed })
    #expect(try trial.copies.files.count == outcomes.count(where: \.isMoved))
  }

  // MARK: sources that change

  enum Change: String, CaseIterable {
    case append, overwrite, replace, link, fifo, delete, touch, openForWriting
  }

  @Test(arguments: Change.allCases, [false, true]) func aSourceThatChangesMeanwhileStays(
    _ change: Change, isNamed: Bool
  ) throws {
    let trial = try Trial()
    for name in ["a.ts", "b.ts"] { try trial.make(name, "content of \(name)") }
    trial.settle()
    let path = trial.path("a.ts")
    var opened: Int32 = -1
    defer { if opened >= 0 { close(opened) } }
    var faults = hc_faults()
    faults.operation = -1
    faults.no_unnamed = isNamed
    hc_faults_use(&faults)
    defer { hc_faults_use(nil) }
    let outcomes = try trial.move(["a.ts", "b.ts"]) {
      switch change {
      case .append: try Shell.must(["sh", "-c", "echo more >> \(path)"])
      case .overwrite:
        try Shell.must(["sh", "-c", "printf CONTENT | dd of=\(path) conv=notrunc status=none"])
      case .replace:
        try Shell.must([
          "sh", "-c", "echo new > \(path).tmp; touch -r \(path) \(path).tmp; mv \(path).tmp \(path)",
        ])
      case .link: try Shell.must(["sh", "-c", "rm \(path); ln -s /etc/passwd \(path)"])
      case .fifo: try Shell.must(["sh", "-c", "rm \(path); mkfifo \(path)"])
      case .delete: try Shell.must(["rm", path])
      case .touch: try Shell.must(["touch", path])
      case .openForWriting: opened = open(path, O_WRONLY)
      }
    }
    #expect(outcomes[1].isMoved)
    let copies = try trial.copies
    if change == .delete {
      // Whoever has deleted it, the copy is the only one now.
      #expect(outcomes[0].isMoved && copies.files.count == 2)
    } else {
      #expect(outcomes[0] == .changed)
      #expect(copies.entries.keys.filter { !$0.bytes.isEmpty } == [Bytes("b.ts")])
      #expect(try trial.sources.entries[Bytes("a.ts")] != nil)
    }
  }

  /// Right before it is taken aside: the file that has come stays, and so does its name.
  @Test func whatIsRenamedOverASourceAtTheLastMomentStays() throws {
    let trial = try Trial()
    try trial.make("a.ts", "content")
    trial.settle()
    let path = trial.path("a.ts")
    try trial.make("new", "another recording")
    var faults = hc_faults()
    faults.operation = -1
    let from = UnsafePointer(strdup(trial.path("new"))!)
    let to = UnsafePointer(strdup(path)!)
    faults.before_rename_from = from
    faults.before_rename_to = to
    defer {
      free(UnsafeMutableRawPointer(mutating: from))
      free(UnsafeMutableRawPointer(mutating: to))
    }
    hc_faults_use(&faults)
    let outcomes = try trial.move(["a.ts"])
    hc_faults_use(nil)
    #expect(outcomes == [.changed])
    #expect(try trial.sources.paths == [Bytes("a.ts")])
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "another recording")
    #expect(try trial.copies.files.isEmpty)
  }

  /// What is written from now on must show in its change time: so that one is waited for, and what is written meanwhile is left alone.
  @Test(arguments: [false, true]) func whatWasWrittenJustNow(isWrittenOn: Bool) throws {
    let trial = try Trial()
    let path = strdup(trial.path("a.ts"))!
    defer { free(path) }
    var faults = hc_faults()
    faults.operation = -1
    if isWrittenOn { faults.written_meanwhile = UnsafePointer(path) }
    hc_faults_use(&faults)
    defer { hc_faults_use(nil) }
    var outcomes: [CopyBatch.Outcome] = []
    // A machine that is busy may take longer than the wait.
    for _ in 0..<20 where outcomes.isEmpty || (isWrittenOn && faults.fired == 0) {
      try trial.empty()
      try trial.make("a.ts", "content")
      outcomes = try trial.move(["a.ts"])
    }
    if isWrittenOn {
      #expect(outcomes == [.changed] && faults.fired == 1)
      #expect(try String(contentsOfFile: trial.path("a.ts"), encoding: .utf8) == "contentmore")
      #expect(try trial.copies.files.isEmpty)
    } else {
      #expect(outcomes[0].isMoved)
    }
  }

  /// Each name becomes a file of its own.
  @Test func severalNamesOfOneFileAllMove() throws {
    let trial = try Trial()
    try trial.make("a.ts", "content")
    for name in ["b.ts", "c.ts"] { try Shell.must(["ln", trial.path("a.ts"), trial.path(name)]) }
    trial.settle()
    #expect(try trial.move(["a.ts", "b.ts", "c.ts"]).allSatisfy { $0.isMoved })
    #expect(try trial.copies.files.count == 3)
    #expect(try trial.sources.files.isEmpty)
  }

  /// ext4 says ENOSPC of an attribute that is larger than a block.
  @Test func anAttributeThatHasNoRoomIsLostAloneAndTold() throws {
    let trial = try Trial("tmpfs", "ext4")
    try trial.make("a.ts", "content")
    let set = """
      import os, sys
      os.setxattr(sys.argv[1], "user.big", b"x" * 5000)
      os.setxattr(sys.argv[1], "user.small", b"kept")
      """
    try Shell.must(["python3", "-c", set, trial.path("a.ts")])
    trial.settle()
    #expect(try trial.move(["a.ts"]).map(\.losses) == [.attributes])
    let get = "import os, sys; print(os.getxattr(sys.argv[1], 'user.small').decode())"
    #expect(try Shell.must(["python3", "-c", get, trial.path("a.ts", isCopy: true)]).trimmed == "kept")
  }

  @Test func noLinkIsFollowedAndNoFifoWaitedFor() throws {
    let trial = try Trial()
    try Shell.must(["sh", "-c", "cd \(trial.source.path)/a; ln -s /etc/passwd l; mkfifo f; mkdir d"])
    trial.settle()
    #expect(try trial.move(["l", "f", "d", "none"]) == [.changed, .changed, .changed, .vanished])
    #expect(try trial.copies.files.isEmpty)
  }

  // MARK: faults

  private static let isCampaign = ProcessInfo.processInfo.environment["HOTCOLD_FAULTS"] == "all"

  /// Every call of every operation fails, in an ordinary run of the tests in growing steps: nothing is lost, nothing is partial,
  /// and the next run does the rest.
  @Test(arguments: [false, true], [false, true])
  func anyCallMayFail(isNamed: Bool, forever: Bool) throws {
    let operations: [(hc_operation, Errno)] = [
      (HC_OP_OPENAT2, .ioError), (HC_OP_STATX, .ioError), (HC_OP_CREATE, .noSpace), (HC_OP_READ, .ioError),
      (HC_OP_WRITE, .noSpace), (HC_OP_CHANGE, .ioError), (HC_OP_SYNCFS, .ioError), (HC_OP_LINK, .noSpace),
      (HC_OP_RENAME, .ioError), (HC_OP_UNLINK, .ioError), (HC_OP_LEASE, .resourceTemporarilyUnavailable),
      (HC_OP_LEASE, .invalidArgument),
    ]
    let trial = try Trial()
    let names = (0..<5).map { "segment_\($0).ts" }
    var fired = 0
    for (operation, errno) in operations {
      let firedBefore = fired
      defer {
        #expect(
          fired > firedBefore || (operation == HC_OP_LINK && isNamed), "\(operation.rawValue) never failed")
      }
      var call: UInt32 = 1
      while true {
        defer { call += Self.isCampaign ? 1 : max(1, call / 2) }
        try trial.empty()
        for (index, name) in names.enumerated() {
          try trial.make(name, String(repeating: name, count: 1 + 9000 * index))
        }
        trial.settle()
        let before = try trial.sources
        var faults = hc_faults()
        faults.operation = Int32(operation.rawValue)
        faults.error = errno.rawValue
        faults.first = call
        faults.forever = forever
        faults.no_unnamed = isNamed
        hc_faults_use(&faults)
        let outcomes = Result { try trial.move(names, verifies: true, filesMax: 3) }
        hc_faults_use(nil)
        if faults.fired == 0 { break }
        fired += 1
        let (left, copied) = (Self.withoutInodes(try trial.sources), Self.withoutInodes(try trial.copies))
        for (name, entry) in Self.withoutInodes(before) {
          #expect(
            left[name] == entry || copied[name] == entry,
            "\(operation) \(errno) call \(call): \(name) is lost: \(outcomes)")
          #expect(copied[name] == nil || copied[name] == entry || left[name] == entry, "\(name) is partial")
        }
        if case .success(let outcomes) = outcomes {
          for (name, outcome) in zip(names, outcomes) where outcome.isMoved {
            #expect(left[Bytes(name)] == nil && copied[Bytes(name)] != nil)
          }
        }
        hc_faults_use(&faults)
        faults.operation = -1
        let rest = names.filter { left[Bytes($0)] != nil }
        let second = try trial.move(rest)
        hc_faults_use(nil)
        #expect(second.allSatisfy { $0.isMoved }, "\(operation) call \(call): \(second)")
        let last = try trial.copies.files.mapValues(\.contentHash)
        #expect(last == before.files.mapValues(\.contentHash))
        #expect(try trial.sources.files.isEmpty)
      }
    }
    Figures.add("faults injected into copies", fired)
  }

  @Test func aFullTargetLeavesEverySource() throws {
    let source = try Trial()
    let small = try MountedFileSystem("tmpfs", megabytes: 1)
    let names = (0..<40).map { "segment_\($0).ts" }
    for name in names { try source.make(name, String(repeating: name, count: 4000)) }
    source.settle()
    let before = try source.sources
    let to = try Directory.open(FilePath(small.path))
    var batch = try CopyBatch(to: to, filesMax: 64, bytesMax: .max, temporary: .ofTests)
    var outcomes: [CopyBatch.Outcome] = []
    for name in names {
      let bytes = Array(name.utf8)
      if let outcome = batch.copy(bytes.span, from: source.from.descriptor, to: to.descriptor, as: bytes.span)
      {
        outcomes.append(outcome)
      }
    }
    #expect(!outcomes.isEmpty && outcomes.allSatisfy { $0 == .failed(.write, .noSpace) })
    outcomes = batch.commit()
    #expect(outcomes.allSatisfy { $0.isMoved })
    let (left, copied) = (try source.sources.files, try Snapshot(small.path).files)
    #expect(left.count + copied.count == 40 && copied.count == outcomes.count)
    for (name, entry) in before.files {
      #expect(left[name]?.contentHash == entry.contentHash || copied[name]?.contentHash == entry.contentHash)
    }
  }

  /// What the disk holds is not what was written to it: read back, that is noticed.
  @Test(arguments: ["ext4"]) func aFlippedByteIsNoticed(type: String) throws {
    let trial = try Trial("tmpfs", type)
    let mark = "0123456789abcdefMARK"
    try trial.make("a.ts", String(repeating: mark, count: 5000))
    try trial.make("b.ts", String(repeating: "b", count: 100_000))
    trial.settle()
    let image = try #require(trial.target.imagePath)
    let outcomes = try trial.move(["a.ts", "b.ts"], verifies: true) {
      try Shell.must(["sync", "-f", trial.target.path])
      try Shell.must([
        "python3", "-c",
        """
        import mmap
        with open("\(image)", "r+b") as f:
          m = mmap.mmap(f.fileno(), 0)
          at = m.find(b"\(mark)" * 4)
          assert at > 0
          m[at + 3] ^= 1
          m.flush()
        """,
      ])
    }
    #expect(outcomes[0] == .differs && outcomes[1].isMoved)
    #expect(try trial.sources.paths == [Bytes("a.ts")])
    #expect(try trial.copies.paths == [Bytes("b.ts")])
  }
}

extension CopyBatch.Outcome {
  fileprivate var isMoved: Bool { if case .moved = self { true } else { self == .finished } }
  fileprivate var losses: CopyBatch.Losses? { if case .moved(_, _, let lost) = self { lost } else { nil } }
}

extension CopyBatch.TemporaryNames {
  static let ofTests = Self(
    ofCopy: { name in Array(".copy ".utf8) + name.indices.map { name[$0] } },
    ofAside: { name in Array(".aside ".utf8) + name.indices.map { name[$0] } })
}
