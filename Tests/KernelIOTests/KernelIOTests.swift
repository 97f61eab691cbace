import Foundation
import Synchronization
import SystemPackage
import TestKit
import Testing

@testable import KernelIO

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
  @Test func linksAndFilesAreNotFolders() throws {
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

  /// One of another file system, and one of the same, which only openat2 can tell.
  @Test(.requiresMounting, arguments: ["tmpfs", "bind"]) func mountsAreNotFolders(type: String) throws {
    let folder = try Folder()
    try folder.makeFolder("elsewhere")
    try folder.makeFolder("mount")
    try folder.makeFile("file")
    let mount = folder.path + "/mount"
    try Shell.must(
      type == "bind"
        ? ["mount", "--bind", folder.path + "/elsewhere", mount]
        : ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", mount])
    defer { Shell.run(["umount", "-l", mount]) }
    let directory = try Directory.open(FilePath(folder.path))
    #expect(throws: KernelError(.open, FilePath(mount), .improperLink)) {
      _ = try directory.openFolder("mount")
    }
    // Opened by its path, it is a folder; what is renamed into it would leave the file system.
    let inside = try Directory.open(FilePath(mount))
    var queue = RequestQueueTests.queue(
      ["file"], .rename(from: directory.descriptor, to: inside.descriptor))
    queue.executeFront()
    #expect(RequestQueueTests.outcomes(queue) == [.failed(.improperLink)])
    #expect(folder.exists("file") && !folder.exists("mount/file"))
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

/// Damaged windows: the one parser of what getdents64 returns must stay within them.
@Suite struct DirectoryWindowFuzzTests {
  static let inputs = Int(ProcessInfo.processInfo.environment["HOTCOLD_FUZZ"] ?? "") ?? 3000

  static func window(_ random: inout SeededRandom) -> [UInt8] {
    var bytes: [UInt8] = []
    for number in 0..<Int.random(in: 1...6, using: &random) {
      let name = Array("segment_\(number).ts".utf8) + [0]
      let length = (19 + name.count + 7) / 8 * 8
      bytes += withUnsafeBytes(of: UInt64(number), Array.init) + [UInt8](repeating: 0, count: 8)
      bytes += [UInt8(length), 0, 8] + name + [UInt8](repeating: 0, count: length - 19 - name.count)
    }
    for _ in 0..<Int.random(in: 0...4, using: &random) {
      bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
    }
    return Array(bytes.prefix(Int.random(in: bytes.count / 2...bytes.count, using: &random)))
  }

  @Test func noEntryLeavesItsWindow() throws {
    var random = SeededRandom(SeededRandom.seeds(1)[0])
    var refused = 0
    Figures.add("damaged inputs parsed", Self.inputs)
    for _ in 0..<Self.inputs {
      let bytes = Self.window(&random)
      let stream = DirectoryStream(parsing: bytes)
      var nameBytes = 0
      var isRefused = false
      do {
        try stream.visit { entry in
          #expect(entry.name.count > 0)
          for index in entry.name.indices { nameBytes += entry.name[index] == 0 ? 10_000 : 1 }
        }
      } catch { isRefused = true }
      #expect(nameBytes <= bytes.count)
      refused += isRefused ? 1 : 0

      // The same where a companion has read them.
      let prepared = PrefetchedWindow(parsing: bytes)
      if Bool.random(using: &random) {
        prepared.lookFromBack(-1, asksStatus: true, Atomic(false)) { entry in
          entry.name.count % 2 == 0 ? 1 : nil
        }
      }
      let isWhole = try prepared.visit(-1) { entry, _ in
        for index in entry.name.indices { nameBytes -= entry.name[index] == 0 ? 10_000 : 1 }
      }
      #expect(nameBytes == 0 && isWhole != isRefused)
    }
    #expect(refused > 0, "no window was damaged enough")
  }
}

/// The same for every executor: plain calls, a helper thread, a ring.
@Suite struct RequestQueueTests {
  /// A queue with one request for each name.
  static func queue(_ names: [Bytes], _ request: Request) -> RequestQueue {
    var queue = RequestQueue(capacity: names.count)
    for name in names { queue.append(name.bytes.span, request) }
    return queue
  }

  static func outcomes(_ queue: consuming RequestQueue) -> [Outcome?] {
    var outcomes: [Outcome?] = []
    while !queue.isEmpty {
      outcomes.append(queue.headOutcome)
      guard queue.headOutcome != nil else { return outcomes }
      queue.retireHead()
    }
    return outcomes
  }

  enum Executor: CaseIterable {
    case plainCalls, helper, ring
  }

  /// The ring has room for fewer requests than some queues have.
  static func execute(_ queue: inout RequestQueue, _ executor: Executor) throws {
    switch executor {
    case .plainCalls: return queue.executeRest()
    case .helper:
      let helper = try HelperThread()
      helper.attach(queue)
      while queue.pendingCount > 0 { helper.wakeIfAsleep() }
      return helper.detach()
    case .ring: break
    }
    try IOUring.skipCaseUnlessGranted()
    var ring = try Ring(entries: 8, workers: 1)
    while queue.pendingCount > 0 || ring.inFlight > 0 || ring.preparedCount > 0 {
      while queue.pendingCount > 0, ring.prepareFront(of: &queue) {}
      try ring.submit()
      _ = try ring.wait(milliseconds: 1000)
      ring.reap(into: &queue)
    }
  }

  @Test(arguments: Executor.allCases) func namesAreMovedAndReplaceNothing(executor: Executor) throws {
    let folder = try Folder()
    let long = Bytes(Array(repeating: 0x78, count: 255))
    for name: Bytes in ["a", "taken", "-rf", long] { try folder.makeFile("from/" + name) }
    try folder.makeFile("to/taken")
    let before = try Snapshot(folder.path)
    let root = try Directory.open(FilePath(folder.path))
    let from = try root.openFolder("from")
    let to = try root.openFolder("to")
    var queue = Self.queue(
      ["a", "taken", "missing", "-rf", long], .rename(from: from.descriptor, to: to.descriptor))
    try Self.execute(&queue, executor)
    #expect(
      Self.outcomes(queue) == [
        .done, .failed(.fileExists), .failed(.noSuchFileOrDirectory), .done, .done,
      ])
    let after = try Snapshot(folder.path)
    #expect(after.contents == before.contents)
    #expect(after.count(in: "to") == 4)
  }

  @Test(arguments: Executor.allCases) func foldersAreMade(executor: Executor) throws {
    let folder = try Folder()
    try folder.makeFolder("7")
    let root = try Directory.open(FilePath(folder.path))
    let names = (0..<24).map { Bytes("\($0)") }
    var queue = Self.queue(names, .makeFolder(in: root.descriptor, mode: 0o750))
    try Self.execute(&queue, executor)
    let outcomes = Self.outcomes(queue)
    #expect(outcomes.indices.filter { outcomes[$0] != .done } == [7])
    #expect(outcomes[7] == .failed(.fileExists))
    #expect(names.allSatisfy(folder.exists))
  }

  @Test(arguments: Executor.allCases) func filesAreUnlinked(executor: Executor) throws {
    let folder = try Folder()
    for name: Bytes in ["a", "b", "kept"] { try folder.makeFile(name) }
    try folder.makeFolder("folder")
    let root = try Directory.open(FilePath(folder.path))
    var queue = Self.queue(["a", "missing", "folder", "b"], .unlink(in: root.descriptor))
    try Self.execute(&queue, executor)
    #expect(
      Self.outcomes(queue) == [.done, .failed(.noSuchFileOrDirectory), .failed(.isDirectory), .done])
    #expect(folder.exists("kept") && !folder.exists("a") && !folder.exists("b"))
  }

  @Test(arguments: Executor.allCases) func whatIsNotWantedIsNotExecuted(executor: Executor) throws {
    let folder = try Folder()
    let names: [Bytes] = ["first", "b", "third, with a longer name", "d", "e"]
    for name in names { try folder.makeFile(name) }
    let root = try Directory.open(FilePath(folder.path))
    var queue = Self.queue(names, .unlink(in: root.descriptor))
    queue.keepPending { $0.count > 1 }
    try Self.execute(&queue, executor)
    #expect(Self.outcomes(queue) == [.done, .done])
    #expect(names.map(folder.exists) == [false, true, false, true, true])
  }

  @Test func whatWasGivenUpIsNotExecuted() throws {
    let folder = try Folder()
    try folder.makeFile("a")
    let root = try Directory.open(FilePath(folder.path))
    var queue = Self.queue(["a"], .unlink(in: root.descriptor))
    queue.abandonUnfinished()
    #expect(Self.outcomes(queue) == [.notExecuted])
    #expect(folder.exists("a"))
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
