import CaptureLayout
import Foundation
import KernelIO
import SystemPackage
import TestKit
import Testing

@testable import Migration

final class SilentObserver: MigrationObserver {
  var wantsMoves: Bool { true }
  private(set) var moveCount = 0

  func progressed(_ progress: MigrationProgress) {}
  func moved(_ name: Span<UInt8>, from: String, to: String, as newName: Span<UInt8>) { moveCount += 1 }
}

/// Runs a plain mover, and meddles with the capture once, in the middle of the run.
final class MeddlingMover: Mover {
  private let inner = PlainMover()
  private var action: (() -> Void)?

  init(_ action: @escaping () -> Void) { self.action = action }

  var pendingMax: Int { 0 }
  func rename(_ name: Span<UInt8>, _ move: Move, from: Int32, to: Int32, in tree: CaptureTree)
    -> Outcome
  {
    action?()
    action = nil
    return inner.rename(name, move, from: from, to: to, in: tree)
  }
  func poll(_ queue: inout MoveQueue) {}
  func work(off queue: inout MoveQueue) {}
  func drain(_ queue: inout MoveQueue) {}
  func execute(_ requests: inout RequestQueue) { inner.execute(&requests) }
}

func options(_ model: LayoutModel, dryRun: Bool = false) -> MigrationOptions {
  var rule = SettleRule(of: .guide)
  for kind in Layout.guide.kinds { rule.hotLimits[kind] = model.hotLimits[Layout.guide.name(of: kind)]! }
  return MigrationOptions(
    rule: rule, hours: HourClock { _ in 0 }, isDryRun: dryRun, keepLive: model.keepLive)
}

func migrate(
  _ folder: Folder, _ model: LayoutModel = LayoutModel(), engine: EngineChoice = .syscalls,
  dryRun: Bool = false
) throws -> CaptureReport {
  try Engine.choose(engine).migrate(
    FilePath(folder.path), options: options(model, dryRun: dryRun), observer: SilentObserver())
}

func revertOptions(dryRun: Bool) -> MigrationOptions {
  var options = MigrationOptions(hours: HourClock { _ in 0 }, isDryRun: dryRun, writesManifests: false)
  options.target = .flat
  return options
}

extension EngineChoice {
  static let all = [EngineChoice.syscalls, .threads, .ioUring]

  /// Random cases, each with one engine, so that they do not take three times as long. The seed tells which.
  static func cases(_ count: Int, campaign: Int? = nil) -> [(seed: UInt64, engine: EngineChoice)] {
    SeededRandom.seeds(count, campaign: campaign).map { ($0, all[Int($0 % UInt64(all.count))]) }
  }

  /// Called first in a case of this engine: where the kernel grants no ring, that case alone is reported as skipped.
  func skipUnlessGranted(sourceLocation: SourceLocation = #_sourceLocation) throws {
    if self == .ioUring { try IOUring.skipCaseUnlessGranted(sourceLocation: sourceLocation) }
  }
}

/// Runs each job on a thread of its own, some at a time: a run mostly waits, for a live playlist to be quiet and for the
/// kernel to close a ring or a watch, and Swift's own threads are as many as the cores.
final class Lanes: TaskExecutor {
  private static let free = DispatchSemaphore(value: count)

  /// A run has about 110 descriptors open, of the 1024 that are usual.
  private static var count: Int {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return max(1, min(24, Int(clamping: limit.rlim_cur) / 150))
  }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    Thread.detachNewThread { [self] in
      Self.free.wait()
      job.runSynchronously(on: asUnownedTaskExecutor())
      Self.free.signal()
    }
  }
}
