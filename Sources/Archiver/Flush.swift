internal import CaptureLayout
internal import KernelIO
internal import Migration
internal import Reporting
internal import SystemPackage

extension Archiver {
  /// The end of the service: files in memory go to disk before the machine is switched off.
  ///
  ///     each capture with a tier in memory ─▶ cold files ─▶ hot files, oldest first ─▶ playlists ─▶ name what is left
  ///
  /// Each capture has its share of the time, as in a round. Files open for writing stay, so stop the recorder first.
  ///
  /// - Parameter deadline: when nothing more is begun, in nanoseconds of CLOCK_MONOTONIC.
  func flush(until deadline: Int64) {
    // A service that is stopped before its first round has not read the list yet.
    if lastCaptures.isEmpty {
      var round = Round()
      _ = currentCaptures(&round)
    }
    let captures = lastCaptures.filter { hasFilesInMemory($0) }
    defer { for path in lastCaptures { nameWhatIsLeft(of: path) } }
    guard !captures.isEmpty else { return }
    let engine: Engine
    do throws(KernelError) { engine = try Engine.choose(options.engine) } catch {
      return log.log([Issue(.engineUnavailable(error))], .round, of: nil)
    }
    for (position, path) in captures.enumerated() where StopSignal.pending == nil {
      flush(path, engine, until: sliceEnd(deadline, sharedBy: captures.count - position))
    }
    let wakeUp = try? WakeUp()
    for pause in Self.pauses where StopSignal.pending == nil {
      let unfinished = captures.filter { hasFilesInMemory($0) }
      guard !unfinished.isEmpty, SystemClock.monotonicNanoseconds + pause < deadline else { break }
      wakeUp?.wait(until: SystemClock.monotonicNanoseconds + pause)
      for path in unfinished { flush(path, engine, until: deadline) }
    }
  }

  /// Pauses between attempts, in nanoseconds. A file written a moment ago may be copied after 20 ms; after ten seconds if the
  /// kernel does not tell this user whether it is open (`CopyBatch`).
  private static var pauses: [Int64] {
    CurrentProcess.isRoot ? [50_000_000] : [50_000_000, 4_000_000_000, 4_000_000_000, 3_000_000_000]
  }

  /// True also if the capture cannot be read: the flush then reports why.
  private func hasFilesInMemory(_ path: FilePath) -> Bool {
    guard case .success(let policy) = policy(of: path), policy.layout.hasMounts,
      coldRootConflicts[path] == nil
    else { return false }
    do throws(MigrationError) {
      return try MemoryFiles(of: path, policy.layout, isGuarded: true).count > 0
    } catch { return true }
  }

  private func flush(_ path: FilePath, _ engine: Engine, until slice: Int64) {
    guard case .success(let policy) = policy(of: path) else { return }
    var migration = migrationOptions(policy, until: slice)
    migration.keepLive = true
    migration.emptiesMemory = true
    let report = engine.migrate(path, options: migration, observer: observer, memory: memory(of: path))
    log.log(report.issues, .settling, of: path)
    guard report.total.moved > 0 else { return }
    log.info(
      "\(Explanation.text(path)): flushed \(Format.count(report.total.moved, "file")), \(Format.bytes(report.copies.bytes))"
    )
    guard report.error == nil, options.writesManifests else { return }
    var maintenance = MaintenanceOptions(layout: policy.layout, rule: RetentionRule(), hours: policy.hours)
    maintenance.guardsPath = true
    let playlists = engine.keepUp(path, options: maintenance, memory: memory(of: path), clock: clock)
    log.logEach(playlists.issues(in: path, confirmation: policy.confirmation), .maintenance, of: path)
  }

  private func nameWhatIsLeft(of path: FilePath) {
    let policy: Policy
    switch self.policy(of: path) {
    case .success(let own): policy = own
    case .failure(let mistake): return log.log([mistake.issue(in: path)], .settling, of: path)
    }
    guard policy.layout.hasMounts else { return }
    let left: MemoryFiles
    do throws(MigrationError) {
      left = try MemoryFiles(of: path, policy.layout, isGuarded: true)
    } catch { return log.log([Issue(.stopped(error), in: path)], .settling, of: path) }
    guard left.count > 0 else { return }
    let names = left.named.map { printable($0) }.joined(separator: ", ")
    let more = left.count > left.named.count ? ", …" : ""
    log.event(
      "\(Explanation.text(path)): \(Format.count(left.count, "file")) left in memory that a power cut would lose: \(names)\(more)"
    )
  }
}
