import CaptureLayout
import Foundation
import SystemPackage
import TestKit
import Testing

@testable import KernelIO
@testable import Migration

/// Broken on purpose: the checks of the core loop must notice each of these movers, or they prove nothing.
@Suite struct BrokenMoverTests {
  static func violations(
    _ mover: some Mover, _ prepare: (Folder) throws -> Void = { _ in }
  ) throws -> [String] {
    let trial = try FaultTrial()
    try prepare(trial.folder)
    let before = try Snapshot(trial.folder.path)
    let report = CaptureMigration.run(
      FilePath(trial.folder.path), options: options(trial.model), mover: mover, observer: SilentObserver())
    return FaultTrial.violations(
      report, before: before, after: try Snapshot(trial.folder.path), isOnPurpose: true)
  }

  @Test func aMoverThatReplacesIsCaughtByTheFileThatItReplaced() throws {
    func takeName(_ folder: Folder) throws {
      try folder.makeFile("segments/22/segment_0.ts", contents: Array("another".utf8))
    }
    #expect(try Self.violations(PlainMover(), takeName) == [])
    #expect(try Self.violations(ReplacingMover(), takeName) == [Self.lost("segment_0.ts")])
  }

  @Test func aMoverThatUnlinksFirstIsCaughtByTheFilesThatItLost() throws {
    let trial = try FaultTrial()
    let moved = trial.before.paths.subtracting(trial.settled).map(\.name)
    #expect(moved.count > 20)
    let found = try Self.violations(UnlinkingFirstMover())
    #expect(Set(found).isSuperset(of: moved.filter { $0 != "output.m3u8" }.map(Self.lost)), "\(found)")
  }

  @Test func aMoverThatTakesCancelledForMovedIsCaughtByItsCount() throws {
    #expect(try Self.violations(CancellingMover(takenFor: .canceled)) == [])
    let found = try Self.violations(CancellingMover(takenFor: nil))
    #expect(found.count == 1 && found[0].contains("moved, not"), "\(found)")
  }

  /// What the invariants say of a file that is there no more.
  private static func lost(_ name: Bytes) -> String { "\(name): there 1 times before, 0 times after" }
}

/// Renames without RENAME_NOREPLACE.
private final class ReplacingMover: LoneMover {
  func rename(_ name: Span<UInt8>, _ move: Move, from: Int32, to: Int32, in tree: CaptureTree)
    -> Outcome
  {
    let name = Self.text(name)
    return Self.outcome(renameat(from, name, to, name))
  }
}

/// Unlinks the old name before it links the new one.
private final class UnlinkingFirstMover: LoneMover {
  func rename(_ name: Span<UInt8>, _ move: Move, from: Int32, to: Int32, in tree: CaptureTree)
    -> Outcome
  {
    let name = Self.text(name)
    unlinkat(from, name, 0)
    return Self.outcome(linkat(from, name, to, name, 0))
  }
}

/// Renames from the queue as a ring does, of which the third request comes back unexecuted.
private final class CancellingMover: Mover {
  let pendingMax = 256
  private let result: Errno?
  private var begun = 0

  /// What ECANCELED is taken for; nil for success.
  init(takenFor result: Errno?) { self.result = result }

  func poll(_ queue: inout MoveQueue) {}
  func work(off queue: inout MoveQueue) {
    while queue.renames.pendingCount > 0 {
      begun += 1
      guard begun == 3 else {
        queue.renames.executeFront()
        continue
      }
      let position = queue.renames.begin()
      queue.renames.complete(at: position, result: -(result?.rawValue ?? 0))
    }
  }
  func drain(_ queue: inout MoveQueue) { queue.renames.executeCancelled() }
}

extension Mover {
  fileprivate func execute(_ requests: inout RequestQueue) { requests.executeRest() }

  fileprivate static func text(_ name: Span<UInt8>) -> String {
    String(decoding: Array(copying: name), as: UTF8.self)
  }

  fileprivate static func outcome(_ result: Int32) -> Outcome {
    result == 0 ? .done : .failed(Errno(rawValue: errno))
  }
}
