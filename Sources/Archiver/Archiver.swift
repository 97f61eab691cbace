internal import CaptureLayout
internal import KernelIO
public import Logging
internal import Migration
public import Reporting
internal import Synchronization
internal import SystemPackage

/// Keeps the tiers of captures in order, round by round.
///
///     captures ─▶ settle, a slice each ─▶ retention ─▶ playlists ─▶ counts ─▶ metrics
///                  └── what is left over, while the interval lasts ──┘
///
/// A capture that fails is logged, and the others go on. One that has much to settle gets a slice of the interval, so
/// that no other waits for longer than one. All work is done on the thread that calls `round`.
public final class Archiver {
  /// May change from one round to the next.
  public var options: ArchiverOptions
  private var log: ServiceLog
  private let observer = Observer()
  private var metrics = Metrics()
  private let clock = ClockWatch()
  private var memories: [FilePath: UpkeepMemory] = [:]
  /// Which folder each path led to the last time.
  private var folders: [FilePath: FolderIdentity] = [:]
  private var lastCaptures: [FilePath] = []
  /// Of which it was said that what is made there stays this user's.
  private var saidOwnership: Set<FilePath> = []

  public init(_ options: ArchiverOptions, log: Logger) {
    self.options = options
    self.log = ServiceLog(log)
  }

  /// What one round came to.
  public struct Round: Sendable {
    public var captures = 0
    public var isDryRun = false
    public var moved = 0
    public var deleted = 0
    /// Of everything that was done: what `--once` exits with is the worst of them.
    public var statuses: [ExitStatus] = []
    private var failed: Set<FilePath> = []
    public var unfinished = 0

    /// In one line, for a status display.
    public var text: String {
      guard captures > 0 else { return "no captures are configured" }
      let would = isDryRun ? "would be " : ""
      return "\(Format.count(captures, "capture")), \(Format.count(moved)) \(would)moved, "
        + "\(Format.count(deleted)) \(would)deleted"
        + (failed.isEmpty ? "" : ", \(failed.count) with errors")
        + (unfinished > 0 ? ", \(unfinished) with more to do" : "")
    }

    fileprivate mutating func add(_ status: ExitStatus, of capture: FilePath) {
      statuses.append(status)
      if status != .done { failed.insert(capture) }
    }
  }

  /// One round over all captures, until `deadline` at the latest (CLOCK_MONOTONIC).
  public func round(until deadline: Int64) -> Round {
    metrics.begin()
    clock.beginRound()
    var round = Round()
    round.isDryRun = options.isDryRun
    let captures = currentCaptures(&round)
    round.captures = captures.count
    let engine: Engine
    do throws(KernelError) { engine = try Engine.choose(options.engine) } catch {
      log.error(
        "io_uring cannot be used", .round, of: nil,
        "\(Engine.refusalReason(error)). Use --engine auto or --engine syscalls.")
      round.statuses.append(.usage)
      _ = finish(round, captures)
      return round
    }

    var pending = captures
    var isFirst = true
    while !pending.isEmpty, StopSignal.pending == nil, isFirst || Clock.monotonicNanoseconds < deadline {
      var unfinished: [FilePath] = []
      for (index, path) in pending.enumerated() where StopSignal.pending == nil {
        let slice = sliceEnd(deadline, sharedBy: pending.count - index)
        if settle(path, engine, until: slice, &round) { unfinished.append(path) }
        if isFirst { keepUp(path, engine, &round) }
      }
      pending = unfinished
      isFirst = false
    }
    round.unfinished = pending.count
    if !finish(round, captures) { round.statuses.append(.incomplete) }
    return round
  }

  /// Each capture's share of what is left of the interval, and a little of it in any case.
  private func sliceEnd(_ deadline: Int64, sharedBy captures: Int) -> Int64 {
    let now = Clock.monotonicNanoseconds
    let leastNanoseconds: Int64 = 200_000_000
    return now + max(leastNanoseconds, (deadline - now) / Int64(max(1, captures)))
  }

  /// The captures of the options and those of the list; where that cannot be read, those of the last round.
  private func currentCaptures(_ round: inout Round) -> [FilePath] {
    do throws(CapturesList.Failure) {
      let list = try CapturesList.captures(options.captures, from: options.capturesFile)
      lastCaptures = list.captures
      for pattern in list.unmatched {
        let text = CapturesList.warning(of: pattern, in: options.capturesFile)
        log.warning("no folder matches \(printable(pattern))", .round, of: nil, text)
      }
    } catch {
      log.error(
        "the list of captures cannot be read", .round, of: nil,
        "\(error.message) The captures of the last round are kept.")
      metrics.listErrors += 1
      round.statuses.append(.noCapture)
      lastCaptures = options.captures + lastCaptures.filter { !options.captures.contains($0) }
    }
    let captures = lastCaptures
    if captures.isEmpty {
      let list = options.capturesFile.map { "\(Explanation.text($0)) names none" } ?? "none are configured"
      log.warning("no captures", .round, of: nil, "no captures to archive: \(list).")
    }
    let known = Set(captures)
    for path in memories.keys where !known.contains(path) { memories[path] = nil }
    for path in folders.keys where !known.contains(path) { folders[path] = nil }
    log.keep(captures)
    return captures
  }

  private func memory(of path: FilePath) -> UpkeepMemory {
    if let memory = memories[path] { return memory }
    let memory = UpkeepMemory()
    memories[path] = memory
    return memory
  }

  // MARK: one capture

  /// Returns whether there is more to do than the slice allowed.
  private func settle(_ path: FilePath, _ engine: Engine, until slice: Int64, _ round: inout Round) -> Bool {
    var migration = MigrationOptions(
      layout: options.layout, rule: options.rule, hours: options.hours, isDryRun: options.isDryRun,
      keepLive: options.keepLive,
      writesManifests: false)
    let young = Clock.realtimeNanoseconds / 1_000_000_000 - options.minAgeSeconds
    migration.rule.youngSince = ModificationTime(seconds: young, nanoseconds: 0)
    migration.deadlineNanoseconds = slice
    migration.proves = false
    migration.allowsLinks = options.allowsLinks
    migration.renamesConflicts = options.renamesConflicts
    migration.guardsPath = true
    let report = engine.migrate(path, options: migration, observer: observer)
    noteReplacement(of: path, by: report.folder)
    round.moved += report.total.moved
    metrics.add(report, path)
    say(report, path, &round)
    return report.isCutShort
  }

  /// Nothing to prevent: each round takes the path as it is, under the same guard.
  private func noteReplacement(of path: FilePath, by folder: FolderIdentity?) {
    guard let folder else { return }
    if let old = folders[path], old != folder {
      log.event(
        "\(Explanation.text(path)): this path leads to another folder than in the last round, which is archived by the same rules"
      )
    }
    folders[path] = folder
  }

  private func say(_ report: CaptureReport, _ path: FilePath, _ round: inout Round) {
    round.add(ExitStatus(of: report), of: path)
    say(report.issues, .settling, of: path)
    if let text = Explanation.longPlaylist(report.listedSegments) {
      log.warning(
        "a live playlist that lists very many segments", .settling, of: path,
        "\(Explanation.text(path)): \(text)")
    }
    // What it did not come to may still be so.
    if !report.isCutShort, report.stopSignal == nil { log.finish(.settling, of: path) }
    if report.keepsOwnership, saidOwnership.insert(path).inserted {
      log.event("\(Explanation.text(path)): \(Explanation.ownership(of: report.owner))")
    }
    guard report.total.moved > 0 else { return }
    let verb = options.isDryRun ? "would move" : "moved"
    let rest = report.isCutShort ? ", and there is more to do" : ""
    log.info("\(Explanation.text(path)): \(verb) \(Format.count(report.total.moved)) files\(rest)")
  }

  private func say(_ issues: [Issue], _ stage: ServiceLog.Stage, of path: FilePath) {
    guard !issues.isEmpty else { return }
    log.say(
      .error, Set(issues.compactMap(\.kind)).sorted(), stage, of: path,
      issues.map { Explanation.of($0, in: path, command: "archive") })
  }

  private func keepUp(_ path: FilePath, _ engine: Engine, _ round: inout Round) {
    // Where the settling was refused, so would this be, for the same reason.
    guard round.statuses.last.map({ [.done, .incomplete].contains($0) }) ?? true else { return }
    var upkeep = UpkeepOptions(layout: options.layout, rule: options.retention, hours: options.hours)
    upkeep.writesManifests = options.writesManifests
    upkeep.guardsPath = true
    upkeep.isForced = options.isRetentionForced
    upkeep.isDryRun = options.isDryRun
    let report = engine.keepUp(path, options: upkeep, memory: memory(of: path), clock: clock)
    metrics.add(report, path)
    if let error = report.error {
      say([.stopped(error)], .upkeep, of: path)
      round.add(ExitStatus(of: error), of: path)
    }
    if report.deletedSegments > 0 {
      log.warning(
        "segments deleted before they are archived", .upkeep, of: path,
        "\(Explanation.text(path)): \(Explanation.deletedSegments(report.deletedSegments))")
    }
    if let manifests = report.manifests { say(manifests, path, &round) }
    if let retention = report.retention { say(retention, path, &round) }
    if let fileSystem = report.fileSystem { warnOfLittleRoom(fileSystem, path) }
    if report.error == nil { log.finish(.upkeep, of: path) }
  }

  private func say(_ manifests: ManifestReport, _ path: FilePath, _ round: inout Round) {
    say(manifests.foreign.map(Issue.foreignArchive), .upkeep, of: path)
    say(manifests.failures.map(Issue.archiveNotWritten), .upkeep, of: path)
    if !manifests.isClean { round.add(.incomplete, of: path) }
    guard manifests.written + manifests.removed > 0 else { return }
    let would = options.isDryRun ? "would be " : ""
    let text =
      "\(Explanation.text(path)): \(Format.count(manifests.written, "playlist")) \(would)written, "
      + "\(Format.count(manifests.removed)) \(would)removed"
    if options.isDryRun { log.info(text) } else { log.debug(text) }
  }

  private func say(_ retention: RetentionReport, _ path: FilePath, _ round: inout Round) {
    let name = Explanation.text(path)
    round.deleted += options.isDryRun ? retention.dueTotal : retention.deletedTotal
    if options.isDryRun, retention.dueTotal > 0 {
      let kinds = options.layout.kinds.filter { retention.isDue($0) }.map {
        "\(options.layout[$0].name) \(Format.count(retention.expired[$0]))"
      }
      log.info("\(name): have expired and would be deleted: \(kinds.joined(separator: ", "))")
    } else if retention.deletedTotal > 0 {
      log.info("\(name): deleted \(Format.count(retention.deletedTotal)) expired files")
    }
    for refusal in retention.refusals {
      log.warning(
        "nothing deleted", .upkeep, of: path, "\(name): \(Explanation.of(refusal, options.layout))")
      if !options.isDryRun { round.add(.incomplete, of: path) }
    }
    let implausible = retention.implausible.sum
    if implausible > 0 {
      log.warning(
        "files from the future or the epoch", .upkeep, of: path,
        "\(name): kept \(Format.count(implausible)) files from the future or the epoch: their age is not known"
      )
    }
    if retention.spared > 0 {
      log.info("\(name): spared \(Format.count(retention.spared)) files that changed meanwhile")
    }
    say(retention.issues, .upkeep, of: path)
    if retention.problems.count > 0 || retention.error != nil { round.add(.incomplete, of: path) }
  }

  private func warnOfLittleRoom(_ fileSystem: FileSystemStatus, _ path: FilePath) {
    // As fractions: a file system may claim any size.
    let percent = { (free: UInt64, all: UInt64) in all == 0 ? 100 : 100 * Double(free) / Double(all) }
    if percent(fileSystem.freeBytes, fileSystem.bytes) < Double(options.warnFreePercent) {
      log.warning(
        "little free space", .upkeep, of: path,
        "\(Explanation.text(path)): only \(Format.bytes(fileSystem.freeBytes)) of \(Format.bytes(fileSystem.bytes)) are free"
      )
    }
    if let free = fileSystem.freeInodes, let all = fileSystem.inodes,
      percent(free, all) < Double(options.warnFreePercent)
    {
      log.warning(
        "few free inodes", .upkeep, of: path,
        "\(Explanation.text(path)): only \(free) of \(all) inodes are free")
    }
  }

  // MARK: the end of a round

  /// Returns whether the metrics could be written.
  private func finish(_ round: Round, _ captures: [FilePath]) -> Bool {
    metrics.finish(round, captures)
    defer { log.finish(.round) }
    if let file = options.metricsFile, !options.isDryRun {
      do throws(KernelError) { try metrics.write(to: file) } catch {
        log.error(
          "the metrics cannot be written", .round, of: nil,
          "the metrics could not be written: \(Explanation.describe(error)).\(Self.remedy(error))")
        return false
      }
    }
    return true
  }

  private static func remedy(_ error: KernelError) -> String {
    guard error.errno != .fileExists else {
      return " It holds something else than metrics of hotcold: name another file."
    }
    return Explanation.knownRemedy(error, command: "archive").map { " \($0)" } ?? ""
  }
}

/// A round says what it did when it is done.
private final class Observer: MigrationObserver {
  var wantsMoves: Bool { false }
  func progressed(_ progress: MigrationProgress) {}
  func moved(_ name: Span<UInt8>, from: String, to: String, as newName: Span<UInt8>) {}
}
