import KernelIO
import SystemPackage
import TestKit
import Testing

/// The queue that two threads take from. The thread sanitizer runs it as well (`make sanitize`).
@Suite struct HelperThreadTests {
  /// Files that are moved forth and back between two folders, in stretches after each of which the helper lets go.
  @Test(arguments: SeededRandom.seeds(4)) func everyRequestIsExecutedOnceAndRetiredInItsTurn(seed: UInt64)
    throws
  {
    var random = SeededRandom(seed)
    let folder = try Folder()
    try Shell.must(["mkdir", folder.path + "/a", folder.path + "/b"])
    let names = (0..<64).map { Bytes("file\($0)") }
    for name in names { try folder.makeFile("a/" + name) }
    let capture = try Directory.open(FilePath(folder.path))
    let a = try capture.openFolder("a")
    let b = try capture.openFolder("b")
    let helper = try HelperThread()
    var byThis = 0
    for stretch in 0..<200 {
      // A new queue now and then: the helper must not go on with the old one.
      var queue = RequestQueue(capacity: Int.random(in: 1...40, using: &random))
      let (from, to) = stretch % 2 == 0 ? (a.descriptor, b.descriptor) : (b.descriptor, a.descriptor)
      helper.attach(queue)
      var next = 0
      var retired = 0
      while retired < names.count {
        if next < names.count, !queue.isFull {
          let name = names[next].bytes
          queue.append(name.span, .rename(from: from, to: to))
          next += 1
        } else if Bool.random(using: &random), queue.executeFront() {
          byThis += 1
        }
        helper.wakeIfAsleep()
        while let outcome = queue.headOutcome {
          let isRight = isNamed(queue, names[retired])
          #expect(outcome == .done && isRight)
          queue.retireHead()
          retired += 1
        }
      }
      helper.detach()
    }
    #expect(byThis < 200 * names.count, "the helper did nothing")
    #expect(try Snapshot(folder.path).paths.count == names.count)
  }

  private func isNamed(_ queue: borrowing RequestQueue, _ name: Bytes) -> Bool {
    let bytes = queue.name(at: queue.head)
    return bytes.count == name.bytes.count && bytes.indices.allSatisfy { bytes[$0] == name.bytes[$0] }
  }

  @Test func nothingIsExecutedOnceItHasLetGo() throws {
    let folder = try Folder()
    try Shell.must(["mkdir", folder.path + "/a", folder.path + "/b"])
    let capture = try Directory.open(FilePath(folder.path))
    let a = try capture.openFolder("a")
    let b = try capture.openFolder("b")
    let helper = try HelperThread()
    for round in 0..<300 {
      try folder.makeFile(Bytes("a/file\(round)"))
      var queue = RequestQueue(capacity: 4)
      helper.attach(queue)
      helper.detach()
      let name = Array("file\(round)".utf8)
      queue.append(name.span, .rename(from: a.descriptor, to: b.descriptor))
      helper.wakeIfAsleep()
      if round % 100 == 0 { pause(microseconds: 20_000) }
      #expect(queue.headOutcome == nil && queue.pendingCount == 1)
    }
  }

  @Test(.requiresMounting) func afterAnErrorThatStopsARunNothingMoreIsBegun() throws {
    // A folder that is read-only for every file alike.
    let folder = try Folder()
    let mount = folder.path + "/mount"
    try Shell.must(["mkdir", mount])
    guard Shell.run(["mount", "-t", "tmpfs", "tmpfs", mount]).status == 0 else {
      throw PreparationError("mount")
    }
    defer { Shell.run(["umount", "-l", mount]) }
    try Shell.must(["mkdir", mount + "/a", mount + "/b"])
    for number in 0..<50 { try Shell.must(["touch", mount + "/a/file\(number)"]) }
    try Shell.must(["mount", "-o", "remount,ro", mount])
    let capture = try Directory.open(FilePath(mount))
    let a = try capture.openFolder("a")
    let b = try capture.openFolder("b")
    var queue = RequestQueue(capacity: 50)
    for number in 0..<50 {
      let name = Array("file\(number)".utf8)
      queue.append(name.span, .rename(from: a.descriptor, to: b.descriptor))
    }
    let helper = try HelperThread()
    helper.attach(queue)
    while queue.headOutcome == nil { pause(microseconds: 100) }
    pause(microseconds: 50_000)
    helper.detach()
    #expect(queue.headOutcome == .failed(.readOnlyFileSystem) && queue.pendingCount == 49)
  }
}
