import Foundation
import SystemPackage
import TestKit
import Testing

@testable import KernelIO

/// Windows that a second thread reads and looks into. The thread sanitizer runs it as well (`make sanitize`).
@Suite(.enabled(if: CurrentProcess.processorCount > 1, "one processor")) struct PrefetchTests {
  private struct Visited: Equatable {
    let name: Bytes
    let inode: UInt64
    let isFile: Bool
    let modifiedSeconds: Int64?
  }

  /// 255-byte names: a window holds some 230 of them.
  private static func name(_ number: Int) -> Bytes {
    Bytes(Array(repeating: 0x78, count: 251) + Array("\(1000 + number)".utf8))
  }

  private static func folder(_ count: Int) throws -> Folder {
    let folder = try Folder()
    for number in 0..<count {
      if number % 50 == 7 {
        try folder.makeFolder(name(number))
      } else {
        try folder.makeFile(name(number), seconds: 1_700_000_000 + number)
      }
    }
    return folder
  }

  private static func visited(
    _ entry: borrowing DirectoryEntry, in directory: borrowing Directory, _ early: PrefetchedStatus?
  ) throws -> Visited {
    var seconds: Int64?
    // As a walk does: every other file is one that nobody wants.
    if let early {
      seconds = try early.tag == nil ? nil : early.status.modifiedSeconds
    } else if tag(entry) != nil {
      seconds = try directory.modification(of: entry.name).modifiedSeconds
    }
    return Visited(
      name: Bytes(entry.name.indices.map { entry.name[$0] }), inode: entry.inode,
      isFile: entry.type == .regular, modifiedSeconds: seconds)
  }

  @Sendable private static func tag(_ entry: borrowing DirectoryEntry) -> UInt8? {
    // The other thread has its pace, too.
    if entry.inode % 97 == 0 { usleep(200) }
    return entry.type == .regular && entry.name[entry.name.count - 1] % 2 == 0 ? 3 : nil
  }

  /// Whether a companion helps, and the pace of either thread, are seen in nothing that is visited.
  @Test(arguments: SeededRandom.seeds(6)) func everyEntryIsVisitedOnceInTheOrderOfTheFolder(seed: UInt64)
    throws
  {
    var random = SeededRandom(seed)
    let folder = try Self.folder(2000)
    let directory = try Directory.open(FilePath(folder.path))
    let companion = LazyCompanion()
    func list(with companion: LazyCompanion?, pauses: Int) throws -> (entries: [Visited], earlyCount: Int) {
      var entries: [Visited] = []
      var earlyCount = 0
      var stream = try DirectoryStream(of: directory)
      while try stream.fill() {
        if let companion { stream.prefetch(with: companion, asksStatus: true, Self.tag) }
        var failure: (any Error)?
        try stream.visitPrefetched { (entry, early) in
          if early != nil { earlyCount += 1 }
          if pauses > 0, Int.random(in: 0..<pauses, using: &random) == 0 { usleep(200) }
          do { entries.append(try Self.visited(entry, in: directory, early)) } catch { failure = error }
        }
        if let failure { throw failure }
      }
      return (entries, earlyCount)
    }
    let expected = try list(with: nil, pauses: 0)
    #expect(expected.entries.count == 2000 && expected.earlyCount == 0)
    var earlyCount = 0
    for pauses in [0, 0, 300, 20] {
      let shared = try list(with: companion, pauses: pauses)
      #expect(shared.entries == expected.entries, "HOTCOLD_SEED=\(seed)")
      earlyCount += shared.earlyCount
    }
    #expect(earlyCount > 0, "the companion looked at nothing")
  }

  /// The companion is waited for, and serves the next stream.
  @Test(arguments: SeededRandom.seeds(4)) func aStreamMayBeLeftAtAnyEntry(seed: UInt64) throws {
    struct Left: Error {}
    var random = SeededRandom(seed)
    let folder = try Self.folder(1200)
    let directory = try Directory.open(FilePath(folder.path))
    let companion = LazyCompanion()
    for _ in 0..<60 {
      let last = Int.random(in: 0..<1200, using: &random)
      var count = 0
      var stream = try DirectoryStream(of: directory)
      var isLeft = false
      while !isLeft, try stream.fill() {
        stream.prefetch(with: companion, asksStatus: Bool.random(using: &random), Self.tag)
        do {
          try stream.visitPrefetched { (_, _) throws(KernelError) in
            count += 1
            if count > last { throw KernelError(.list, "", .canceled) }
          }
        } catch { isLeft = true }
      }
      #expect(isLeft && count == last + 1)
    }
  }

  /// Two streams at a time: the second one gets no companion.
  @Test func aBusyCompanionIsLeftAlone() throws {
    let folder = try Self.folder(1000)
    let directory = try Directory.open(FilePath(folder.path))
    let companion = LazyCompanion()
    var outer = try DirectoryStream(of: directory)
    var counts = (outer: 0, inner: 0, innerEarly: 0)
    while try outer.fill() {
      outer.prefetch(with: companion, asksStatus: true, Self.tag)
      try outer.visit { entry in counts.outer += 1 }
      // Of 5 windows, the outer stream's companion has not read the last one yet.
      guard counts.inner == 0 else { continue }
      var inner = try DirectoryStream(of: directory)
      while try inner.fill() {
        inner.prefetch(with: companion, asksStatus: true, Self.tag)
        try inner.visitPrefetched { (_, early) in
          counts.inner += 1
          if early != nil { counts.innerEarly += 1 }
        }
      }
    }
    #expect(counts == (1000, 1000, 0))
  }

  /// The first one is waited for alone.
  @Test func aStreamMayOutliveTheOneBefore() throws {
    let folder = try Self.folder(1000)
    let directory = try Directory.open(FilePath(folder.path))
    let companion = LazyCompanion()
    func read(_ stream: inout DirectoryStream, windows: Int) throws -> Int {
      var count = 0
      for _ in 0..<windows {
        guard try stream.fill() else { return count }
        stream.prefetch(with: companion, asksStatus: true, Self.tag)
        try stream.visit { _ in count += 1 }
      }
      return count
    }
    var first: DirectoryStream? = try DirectoryStream(of: directory)
    #expect(try read(&first!, windows: 100) == 1000)
    // At its end, and again.
    #expect(try !first!.fill())
    #expect(try !first!.fill())
    var second = try DirectoryStream(of: directory)
    let before = try read(&second, windows: 2)
    first = nil
    #expect(try before + read(&second, windows: 100) == 1000)
  }

  /// Nothing is listed of it any more (getdents64(2) says ENOENT).
  @Test func aFolderThatIsRemovedMeanwhileEnds() throws {
    let folder = try Self.folder(2000)
    let directory = try Directory.open(FilePath(folder.path))
    let companion = LazyCompanion()
    var stream = try DirectoryStream(of: directory)
    var count = 0
    while try stream.fill() {
      stream.prefetch(with: companion, asksStatus: true, Self.tag)
      try stream.visitPrefetched { (_, early) throws(KernelError) in
        if let early, early.tag != nil {
          do throws(Errno) { _ = try early.status } catch { #expect(error == .noSuchFileOrDirectory) }
        }
        count += 1
      }
      if count < 300 { try Shell.must(["rm", "-r", folder.path]) }
    }
    #expect(count > 0 && count < 2000)
    try Shell.must(["mkdir", folder.path])
  }

  @Test func partsAreDoneOnceByWhoeverComesFirst() throws {
    let count = 20_000
    let claims = Shared(Claims(count: count))
    let done = Threads.run(2) { thread -> [Int] in
      var mine: [Int] = []
      for step in 0..<count {
        let part = thread == 0 ? step : count - 1 - step
        if claims.value.take(part) {
          mine.append(part)
          // Long enough for the other one to sleep.
          if part % 1000 == 0 { usleep(1000) }
          claims.value.finish(part)
        } else {
          claims.value.wait(for: part)
        }
      }
      return mine
    }
    #expect((done[0] + done[1]).sorted() == Array(0..<count))
  }

  private final class Shared: Sendable {
    let value: Claims
    init(_ value: consuming Claims) { self.value = value }
  }
}
