import KernelIO
import SystemPackage
import TestKit
import Testing

@Suite struct DirectoryStreamTests {
  static func names(_ folder: Folder) throws -> [Bytes] {
    let directory = try Directory.open(FilePath(folder.path))
    var stream = try DirectoryStream(of: directory)
    var names: [Bytes] = []
    while try stream.nextWindow({ entry in
      var bytes: [UInt8] = []
      for index in entry.name.indices { bytes.append(entry.name[index]) }
      names.append(Bytes(bytes))
    }) {}
    return names
  }

  @Test func everyEntryIsListedOnceAcrossWindows() throws {
    let folder = try Folder()
    // 255-byte names: a window holds some 230 of them.
    let expected = (0..<1000).map { number in
      Bytes(Array(repeating: 0x78, count: 251) + Array("\(1000 + number)".utf8))
    }
    for name in expected { try folder.makeFile(name) }
    #expect(try Self.names(folder).sorted() == expected.sorted())
  }

  @Test func namesAreBytes() throws {
    let folder = try Folder()
    let expected = [Bytes([0xff, 0x0a, 0x1b]), "-rf", ".hidden", "a b", "\u{e9}"]
    for name in expected { try folder.makeFile(name) }
    #expect(try Self.names(folder).sorted() == expected.sorted())
  }

  @Test func anEmptyFolderHasNoEntries() throws {
    #expect(try Self.names(Folder()) == [])
  }
}

@Suite struct DirectoryTests {
  @Test func linksFilesAndMountsAreNotFolders() throws {
    let folder = try Folder()
    try folder.makeFolder("real")
    try folder.makeLink("link", to: folder.path + "/real")
    try folder.makeFile("file")
    let directory = try Directory.open(FilePath(folder.path))
    #expect(throws: KernelError(.open, FilePath(folder.path + "/link"), .tooManySymbolicLinkLevels)) {
      _ = try directory.openFolder("link")
    }
    #expect(throws: KernelError(.open, FilePath(folder.path + "/file"), .notDirectory)) {
      _ = try directory.openFolder("file")
    }
    #expect(try directory.openFolder("real").status().type == .directory)
  }

  @Test func theErrorNamesOperationPathAndErrno() {
    #expect(throws: KernelError(.open, "/nowhere/at/all", .noSuchFileOrDirectory)) {
      _ = try Directory.open("/nowhere/at/all")
    }
  }

  @Test func aFIFOIsNotReadAsAFile() throws {
    let folder = try Folder()
    try folder.makeFIFO("pipe")
    let directory = try Directory.open(FilePath(folder.path))
    #expect(throws: KernelError(.open, FilePath(folder.path + "/pipe"), .invalidArgument)) {
      _ = try directory.readFile("pipe", limit: 10)
    }
  }
}

@Suite struct RenameQueueTests {
  /// A queue with one rename for each name, from one folder to another.
  static func queue(_ names: [Bytes], _ from: borrowing Directory, _ to: borrowing Directory) -> RenameQueue {
    var queue = RenameQueue(capacity: max(1, names.count))
    for name in names { _ = queue.append(name.bytes.span, from: from.descriptor, to: to.descriptor) }
    return queue
  }

  static func outcomes(_ queue: consuming RenameQueue) -> [RenameOutcome?] {
    var outcomes: [RenameOutcome?] = []
    while !queue.isEmpty {
      outcomes.append(queue.headOutcome)
      guard queue.headOutcome != nil else { return outcomes }
      queue.retireHead()
    }
    return outcomes
  }

  @Test(arguments: [false, true]) func bothEnginesGiveEachRenameTheSameOutcome(usesRing: Bool) throws {
    let folder = try Folder()
    try folder.makeFolder("to")
    let long = Bytes(Array(repeating: 0x78, count: 255))
    for name: Bytes in ["a", "taken", "-rf", long] {
      try folder.makeFile("from/" + name)
    }
    try folder.makeFile("to/taken")
    let before = try Snapshot(folder.path)
    let root = try Directory.open(FilePath(folder.path))
    let from = try root.openFolder("from")
    let to = try root.openFolder("to")
    var queue = Self.queue(["a", "taken", "missing", "-rf", long], from, to)
    if usesRing {
      var ring = try Ring(entries: 8, workers: 1)
      while queue.pendingCount > 0, ring.prepareFront(of: &queue) {}
      while ring.inFlight > 0 || ring.preparedCount > 0 {
        try ring.submit()
        _ = try ring.wait(milliseconds: 1000)
        ring.reap(into: &queue)
      }
    } else {
      while queue.pendingCount > 0 { queue.renameFront() }
    }
    #expect(
      Self.outcomes(queue) == [
        .moved, .failed(.fileExists), .failed(.noSuchFileOrDirectory), .moved, .moved,
      ])
    let after = try Snapshot(folder.path)
    #expect(after.contents == before.contents)
    #expect(after.count(in: "to") == 4)
  }

  @Test func whatWasGivenUpIsNotExecuted() throws {
    let folder = try Folder()
    try folder.makeFile("from/a")
    try folder.makeFolder("to")
    let root = try Directory.open(FilePath(folder.path))
    let from = try root.openFolder("from")
    let to = try root.openFolder("to")
    var queue = Self.queue(["a"], from, to)
    queue.abandonUnfinished()
    #expect(Self.outcomes(queue) == [.notExecuted])
    #expect(folder.exists("from/a"))
  }

  @Test func aRingMakesFoldersInOneSubmission() throws {
    let folder = try Folder()
    try folder.makeFolder("7")
    let root = try Directory.open(FilePath(folder.path))
    var ring = try Ring(entries: 64, workers: 1)
    let requests = (0..<24).map { MakeFolderRequest(dirfd: root.descriptor, name: "\($0)", mode: 0o750) }
    let failures = try ring.makeFolders(requests)
    #expect(failures.indices.filter { failures[$0] != nil } == [7])
    #expect(failures[7] == .fileExists)
    #expect((0..<24).allSatisfy { folder.exists(Bytes("\($0)")) })
  }
}

@Suite struct FolderLockTests {
  @Test func aFolderIsLockedOnceAndFreedWithItsOwner() throws {
    let folder = try Folder()
    let directory = try Directory.open(FilePath(folder.path))
    do {
      let lock = try FolderLock.acquire(directory)
      let isLocked = lock != nil
      #expect(isLocked)
      let isHeld = FolderLock.isHeld(directory)
      #expect(isHeld)
      extendLifetime(lock)
    }
    let isHeld = FolderLock.isHeld(directory)
    #expect(!isHeld)
  }
}

@Suite struct DeletionWatchTests {
  @Test func deletionsAreToldByNameAndRenamesAreNot() throws {
    let folder = try Folder()
    for name: Bytes in ["deleted", "renamed", "kept"] { try folder.makeFile("a/" + name) }
    let directory = try Directory.open(FilePath(folder.path))
    var watch = DeletionWatch()
    let isWatched = watch.add(try directory.openFolder("a"))
    #expect(isWatched)
    try folder.remove("a/deleted")
    try Shell.must(["mv", folder.path + "/a/renamed", folder.path + "/renamed"])
    var names: [Bytes] = []
    watch.drain { name in
      var bytes: [UInt8] = []
      for index in name.indices { bytes.append(name[index]) }
      names.append(Bytes(bytes))
    }
    #expect(names == ["deleted"])
  }
}
