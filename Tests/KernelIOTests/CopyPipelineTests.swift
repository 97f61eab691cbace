import Foundation
import KernelIO
import Synchronization
import SystemPackage
import TestKit
import Testing

/// Batches of copies of which one becomes durable while the next is filled.
@Suite(.enabled(if: MountedFileSystem.canMount, "no root")) struct CopyPipelineTests {
  private final class Trial {
    let source: MountedFileSystem
    let target: MountedFileSystem
    let from: Directory
    let to: Directory
    let names: [Bytes]

    init(files: Int) throws {
      source = try MountedFileSystem("tmpfs")
      target = try MountedFileSystem("ext4")
      names = (0..<files).map { Bytes("file_\($0)") }
      for name in names { try Folder.writeFile("\(source.path)/\(name)", "contents of \(name)") }
      from = try Directory.open(FilePath(source.path))
      to = try Directory.open(FilePath(target.path))
      usleep(25_000)
    }

    /// What became of each file, in the order in which that was told.
    func move(
      filesMax: Int, unless objection: @escaping CopyPipeline<Int>.Objection = { nil }
    ) throws -> (outcomes: [(name: Bytes, item: Int, outcome: CopyBatch.Outcome)], objections: Int) {
      var outcomes: [(Bytes, Int, CopyBatch.Outcome)] = []
      var objections = 0
      var pipeline = CopyPipeline<Int> { [self] () throws(KernelError) in
        try CopyBatch(to: to, filesMax: filesMax, bytesMax: .max, temporary: .ofTests)
      }
      func collect() {
        let objection = pipeline.collect { outcome, name, item in
          outcomes.append((Bytes(name.indices.map { name[$0] }), item, outcome))
        }
        if objection != nil { objections += 1 }
      }
      for (item, name) in names.enumerated() {
        if pipeline.isFull {
          if pipeline.isBusy { collect() }
          pipeline.begin(unless: objection)
        }
        let outcome = try pipeline.copy(
          name.bytes.span, from: from.descriptor, to: to.descriptor, as: name.bytes.span, item)
        #expect(outcome == nil)
      }
      if pipeline.isBusy { collect() }
      pipeline.begin(unless: objection)
      while pipeline.isCommitting { collect() }
      return (outcomes, objections)
    }
  }

  /// Batches of one file, some that come out even and one that does not, one that is never full.
  @Test(arguments: [1, 7, 10, 100]) func everyFileIsToldOnceInItsTurn(filesMax: Int) throws {
    let trial = try Trial(files: 70)
    let before = try Snapshot(trial.source.path)
    let told = try trial.move(filesMax: filesMax)
    #expect(told.outcomes.map(\.item) == Array(0..<70))
    #expect(told.outcomes.map(\.name) == trial.names)
    for file in told.outcomes {
      guard case .moved = file.outcome else {
        Issue.record("\(file)")
        continue
      }
    }
    #expect(told.objections == 0)
    #expect(try Snapshot(trial.source.path).files.isEmpty)
    let after = try Snapshot(trial.target.path).files.filter { !$0.key.bytes.contains(0x2f) }
    #expect(after.count == 70)
    for (name, entry) in before.files { #expect(after[name]?.contentHash == entry.contentHash) }
  }

  /// A tier that is gone when the names are given: nothing of that batch, nor of those after it, has left its place.
  @Test func anObjectionKeepsTheSources() throws {
    let trial = try Trial(files: 40)
    // One batch asks before that, whichever comes first.
    let isGone = Mutex(false)
    let told = try trial.move(filesMax: 10) {
      let wasGone = isGone.withLock { gone in
        defer { gone = true }
        return gone
      }
      return wasGone ? KernelError(.mount, "/tier", .wrongMedium) : nil
    }
    #expect(told.objections == 3)
    let kept = told.outcomes.filter { $0.outcome == .notExecuted }
    #expect(kept.count == 30)
    #expect(try Snapshot(trial.source.path).paths == Set(kept.map(\.name)))
    #expect(try Snapshot(trial.target.path).files.keys.filter { !$0.bytes.contains(0x2f) }.count == 10)
  }

  /// From when it is copied until it was collected, in that folder alone.
  @Test func aNameIsHeldWhileItsCopyIsOnItsWay() throws {
    let trial = try Trial(files: 4)
    try Shell.must(["mkdir", trial.target.path + "/other"])
    let other = try Directory.open(FilePath(trial.target.path + "/other"))
    var pipeline = CopyPipeline<Void> { () throws(KernelError) in
      try CopyBatch(to: trial.to, filesMax: 1, bytesMax: .max, temporary: .ofTests)
    }
    let names = trial.names.map(\.bytes)
    let to = trial.to.descriptor
    var held: [Bool] = []
    func ask(_ number: Int, in folder: Int32) {
      let name = names[number]
      held.append(pipeline.holds(name.span, in: folder))
    }
    for number in 0..<2 {
      let name = names[number]
      _ = try pipeline.copy(name.span, from: trial.from.descriptor, to: to, as: name.span, ())
      ask(number, in: to)
      pipeline.begin(unless: { nil })
      ask(number, in: to)
    }
    #expect(held == [true, true, true, true])
    held = []
    ask(0, in: other.descriptor)
    ask(2, in: to)
    _ = pipeline.collect { _, _, _ in }
    ask(0, in: to)
    ask(1, in: to)
    _ = pipeline.collect { _, _, _ in }
    ask(1, in: to)
    #expect(held == [false, false, false, true, false])
  }

  /// What was begun ends before its memory goes.
  @Test func aPipelineThatIsLeftFinishesItsBatch() throws {
    let trial = try Trial(files: 10)
    func leave() throws {
      var pipeline = CopyPipeline<Void> { () throws(KernelError) in
        try CopyBatch(to: trial.to, filesMax: 10, bytesMax: .max, temporary: .ofTests)
      }
      for name in trial.names {
        _ = try pipeline.copy(
          name.bytes.span, from: trial.from.descriptor, to: trial.to.descriptor, as: name.bytes.span, ())
      }
      pipeline.begin(unless: { nil })
    }
    try leave()
    #expect(try Snapshot(trial.source.path).files.isEmpty)
  }
}
