internal import CaptureLayout
internal import KernelIO
public import Logging
internal import Migration
public import Reporting
internal import Synchronization
public import SystemPackage

/// Keeps the tiers of captures in order, round by round.
///
///     captures ─▶ settle, a slice each ─▶ retention ─▶ playlists ─▶ counts ─▶ metrics
///                  └── what is left over, while the interval lasts ──┘
///
/// A capture that fails is logged, and the others go on. A capture with much to settle gets only a slice of the interval at a
/// time, so that no other waits longer than one interval. All work is done on the thread that calls `round`.
public final class Archiver {
  /// Read anew in each round; may be changed between two rounds.
  public var options: ArchiverOptions
  var log: ServiceLog
  let observer = Observer()
  private var metrics = Metrics()
  let clock = ClockWatch()
  private var memories: [FilePath: CaptureMemory] = [:]
  /// The folder that each path led to in the last round.
  private var folders: [FilePath: FolderIdentity] = [:]
  private(set) var lastCaptures: [FilePath] = []
  private var withNeighbours: [FilePath] = []
  /// The policy of each capture as of the last list that could be read, or why there is none.
  private var policies: [FilePath: Result<Policy, SettingsMistake>] = [:]
  private(set) var coldRootConflicts = ColdRootConflicts(among: []) { _ in .guide }
  /// Captures for which the log already says that new files belong to the user of the service.
  private var saidOwnership: Set<FilePath> = []

  public init(_ options: ArchiverOptions, log: Logger) {
    self.options = options
    self.log = ServiceLog(log)
  }

  /// The outcome of one round.
  public struct Round: Sendable {
    /// In the order of the list.
    public var captures: [CaptureRound] = []
    /// Captures that an interruption left for the next round.
    public var notBegun: [FilePath] = []
    /// Issues of the round itself, not of one capture.
    public var issues: [Issue] = []
    public var isDryRun = false
    /// How many captures still had something to settle at the end of the round.
    public var unfinished = 0

    public var moved: Int { captures.reduce(0) { $0 + $1.moved } }

    public var deleted: Int { captures.reduce(0) { $0 + $1.deleted } }

    /// One status for each capture and each issue; `--once` exits with the first that is not `.done`.
    public var statuses: [ExitStatus] { captures.map(\.status) + issues.map(ExitStatus.init(of:)) }

    /// A summary in one line, for a status display.
    public var text: String {
      let count = captures.count + notBegun.count
      guard count > 0 else { return "no captures" }
      let would = isDryRun ? "would be " : ""
      let failed = captures.count { $0.status != .done }
      return "\(Format.count(count, "capture")), \(Format.count(moved)) \(would)moved, "
        + "\(Format.count(deleted)) \(would)deleted"
        + (failed == 0 ? "" : ", \(failed) with errors")
        + (unfinished > 0 ? ", \(unfinished) with more to do" : "")
    }
  }

  /// One round over all captures. Each is settled at least once, even after the deadline, unless a stop signal arrives.
  ///
  /// - Parameters:
  ///   - deadline: when nothing more is begun, in nanoseconds of CLOCK_MONOTONIC.
  ///   - finished: called for each capture as soon as this round is done with it.
  public func round(until deadline: Int64, finished: (CaptureRound) -> Void = { _ in }) -> Round {
    metrics.begin()
    clock.beginRound()
    var round = Round()
    round.isDryRun = options.isDryRun
    let captures = currentCaptures(&round)
    let engine: Engine
    do throws(KernelError) { engine = try Engine.choose(options.engine) } catch {
      logOutcome(Issue(.engineUnavailable(error)), &round)
      round.notBegun = captures
      finish(&round, captures)
      return round
    }

    var pending = captures.indices.map { $0 }
    var rounds = captures.map { CaptureRound($0, isDryRun: options.isDryRun) }
    var begun = 0
    var isFirst = true
    while !pending.isEmpty, StopSignal.pending == nil, isFirst || SystemClock.monotonicNanoseconds < deadline
    {
      var unfinished: [Int] = []
      for (position, index) in pending.enumerated() where StopSignal.pending == nil {
        let slice = sliceEnd(deadline, sharedBy: pending.count - position)
        settle(&rounds[index], engine, until: slice)
        if isFirst { keepUp(&rounds[index], engine) }
        begun = max(begun, index + 1)
        if rounds[index].hasMoreToDo { unfinished.append(index) } else { finished(rounds[index]) }
      }
      pending = unfinished
      isFirst = false
    }
    for index in pending where index < begun { finished(rounds[index]) }
    round.captures = Array(rounds.prefix(begun))
    round.notBegun = Array(captures.dropFirst(begun))
    round.unfinished = pending.count
    finish(&round, captures)
    return round
  }

  /// The end of a capture's time slice: its share of what is left of the interval, at least 200 ms.
  ///
  /// - Parameters:
  ///   - deadline: the end of the interval, in nanoseconds of CLOCK_MONOTONIC.
  ///   - captures: how many captures share the rest of it.
  func sliceEnd(_ deadline: Int64, sharedBy captures: Int) -> Int64 {
    let now = SystemClock.monotonicNanoseconds
    let leastNanoseconds: Int64 = 200_000_000
    return now + max(leastNanoseconds, (deadline - now) / Int64(max(1, captures)))
  }

  /// The captures of the options and of the list; if the list cannot be read, those of the last round.
  func currentCaptures(_ round: inout Round) -> [FilePath] {
    do throws(Issue) {
      let list = try options.namedCaptures()
      lastCaptures = list.captures
      withNeighbours = list.withNeighbours
      let layouts = list.layoutsOfNeighbours.merging(list.layouts) { $1 }.merging(options.layouts) { $1 }
      let twins = options.retainsByLayout ? Self.twins(of: layouts, among: withNeighbours) : [:]
      policies = Dictionary(
        withNeighbours.map { path in
          (path, doubt(of: path, list, twins) ?? layouts[path].map(policy(of:)) ?? .success(options.policy))
        }
      ) { $1 }
      for pattern in list.unmatched {
        logOutcome(Issue(.patternUnmatched(pattern, in: options.capturesFile)), &round)
      }
    } catch {
      // Not even with captures that are named directly: the list may name their layouts.
      logOutcome(error, &round, consequence: "Continuing with the captures of the last round.")
      metrics.listErrors += 1
    }
    let captures = lastCaptures
    coldRootConflicts = ColdRootConflicts(among: withNeighbours) { path in
      if case .success(let policy) = policy(of: path) { policy.layout } else { .guide }
    }
    if captures.isEmpty, let list = options.capturesFile {
      logOutcome(Issue(.noCaptures(list: list)), &round)
    }
    let known = Set(captures)
    for path in memories.keys where !known.contains(path) { memories[path] = nil }
    for path in folders.keys where !known.contains(path) { folders[path] = nil }
    log.keep(captures)
    return captures
  }

  /// Logs an issue of the round itself.
  private func logOutcome(_ issue: Issue, _ round: inout Round, consequence: String = "") {
    log.log([issue], .round, of: nil, consequence: consequence)
    round.issues.append(issue)
  }

  func memory(of path: FilePath) -> CaptureMemory {
    if let memory = memories[path] { return memory }
    let memory = CaptureMemory()
    memories[path] = memory
    return memory
  }

  private func policy(of layout: ListedLayout) -> Result<Policy, SettingsMistake> {
    do throws(SettingsMistake) { return .success(try options.policyOf(layout)) } catch {
      return .failure(error)
    }
  }

  /// Why the layout of a capture, which says how long files are kept, is not certain; nil if it is, or if it does not say that.
  ///
  /// - Parameter twins: captures that are the same folder as one with a layout, and that one.
  private func doubt(
    of path: FilePath, _ list: NamedCaptures, _ twins: [FilePath: FilePath]
  ) -> Result<Policy, SettingsMistake>? {
    guard options.retainsByLayout else { return nil }
    let unknown = "so the ages after which its files are deleted are not known"
    if let file = options.layoutsFile, list.unlisted.contains(path), options.layouts[path] == nil {
      return .failure(
        SettingsMistake(
          message: "\(Explanation.text(file)) does not name \(Explanation.text(path)), \(unknown)",
          remedy: "Add it there, or name its layout: --layout."))
    }
    if let twin = twins[path] {
      return .failure(
        SettingsMistake(
          message:
            "\(Explanation.text(path)): this is the same folder as \(Explanation.text(twin)), whose line names another layout, \(unknown)",
          remedy: "Name one layout on both lines, or remove one of them."))
    }
    return nil
  }

  /// By device and inode: a bind mount has another path. Where these do not tell folders apart (FUSE), a capture without a layout
  /// beside one with a layout may seem to be that one: better one line too many than the ages of another layout.
  private static func twins(
    of layouts: [FilePath: ListedLayout], among captures: [FilePath]
  ) -> [FilePath: FilePath] {
    guard !layouts.isEmpty else { return [:] }
    let known = Dictionary(layouts.keys.compactMap { path in FolderIdentity(of: path).map { ($0, path) } }) {
      first, _ in first
    }
    return Dictionary(
      uniqueKeysWithValues: captures.compactMap { path in
        FolderIdentity(of: path).flatMap { known[$0] }.flatMap { twin in
          layouts[twin]?.name == layouts[path]?.name ? nil : (path, twin)
        }
      })
  }

  func policy(of path: FilePath) -> Result<Policy, SettingsMistake> {
    policies[path] ?? .success(options.policy)
  }

  // MARK: one capture

  private func settle(_ round: inout CaptureRound, _ engine: Engine, until slice: Int64) {
    let path = round.capture
    let policy: Policy
    switch self.policy(of: path) {
    case .success(let own): policy = own
    case .failure(let mistake):
      return refuse(&round, mistake.issue(in: path))
    }
    if let conflict = coldRootConflicts[path] {
      return refuse(&round, Issue(.stopped(.coldRootInTheWay(conflict)), in: path))
    }
    var migration = migrationOptions(policy, until: slice)
    let young = SystemClock.realtimeNanoseconds / 1_000_000_000 - options.minAgeSeconds
    migration.rule.youngSince = ModificationTime(seconds: young, nanoseconds: 0)
    let report = engine.migrate(path, options: migration, observer: observer, memory: memory(of: path))
    noteReplacement(of: path, by: report.folder)
    metrics.add(report, path)
    round.add(report)
    logOutcome(report, path)
  }

  func migrationOptions(_ policy: Policy, until slice: Int64) -> MigrationOptions {
    var migration = MigrationOptions(
      layout: policy.layout, rule: policy.rule, hours: policy.hours, isDryRun: options.isDryRun,
      keepLive: options.keepLive, writesManifests: false)
    migration.deadlineNanoseconds = slice
    migration.proves = false
    migration.renaming = options.renaming
    migration.guardsPath = true
    return migration
  }

  private func refuse(_ round: inout CaptureRound, _ issue: Issue) {
    round.add(issue)
    log.log([issue], .settling, of: round.capture)
  }

  /// Logs that a path leads to a different folder than before. That is allowed: each round resolves the path anew, with the
  /// same checks.
  private func noteReplacement(of path: FilePath, by folder: FolderIdentity?) {
    guard let folder else { return }
    if let old = folders[path], old != folder {
      log.event(
        "\(Explanation.text(path)): this path leads to a different folder than in the last round; the same rules apply to it"
      )
    }
    folders[path] = folder
  }

  private func logOutcome(_ report: CaptureReport, _ path: FilePath) {
    log.log(report.issues, .settling, of: path)
    log.log(report.warnings, .settling, of: path)
    // A run that was cut short may not have reached what was wrong before.
    if !report.isCutShort, report.stopSignal == nil { log.finish(.settling, of: path) }
    if report.keepsOwnership, saidOwnership.insert(path).inserted {
      log.event("\(Explanation.text(path)): \(Explanation.ownership(of: report.owner))")
    }
    guard report.total.moved > 0 else { return }
    let verb = options.isDryRun ? "would move" : "moved"
    let rest = report.isCutShort ? ", and there is more to do" : ""
    log.info("\(Explanation.text(path)): \(verb) \(Format.count(report.total.moved, "file"))\(rest)")
  }

  private func keepUp(_ round: inout CaptureRound, _ engine: Engine) {
    // If settling was refused, this would be refused too, for the same reason.
    guard [.done, .incomplete].contains(round.status) else { return }
    let path = round.capture
    guard case .success(let policy) = policy(of: path) else { return }
    var maintenance = MaintenanceOptions(layout: policy.layout, rule: policy.retention, hours: policy.hours)
    maintenance.writesManifests = options.writesManifests
    maintenance.guardsPath = true
    maintenance.isForced = options.isRetentionForced
    maintenance.isDryRun = options.isDryRun
    let report = engine.keepUp(path, options: maintenance, memory: memory(of: path), clock: clock)
    let issues = report.issues(in: path, confirmation: policy.confirmation) + roomIssues(report, path)
    metrics.add(report, issues, path)
    round.add(report, issues)
    log.logEach(issues, .maintenance, of: path)
    if let manifests = report.manifests { logOutcome(manifests, path) }
    if let retention = report.retention { logOutcome(retention, path, policy.layout) }
    if report.error == nil { log.finish(.maintenance, of: path) }
  }

  private func logOutcome(_ manifests: ManifestReport, _ path: FilePath) {
    guard manifests.written + manifests.removed > 0 else { return }
    let would = options.isDryRun ? "would be " : ""
    let text =
      "\(Explanation.text(path)): \(Format.count(manifests.written, "playlist")) \(would)written, "
      + "\(Format.count(manifests.removed)) \(would)removed"
    if options.isDryRun { log.info(text) } else { log.debug(text) }
  }

  private func logOutcome(_ retention: RetentionReport, _ path: FilePath, _ layout: Layout) {
    let name = Explanation.text(path)
    if options.isDryRun, retention.dueTotal > 0 {
      let kinds = layout.kinds.filter { retention.isDue($0) }.map {
        "\(layout.name(of: $0)) \(Format.count(retention.expired[$0]))"
      }
      log.info("\(name): would delete expired files: \(kinds.joined(separator: ", "))")
    } else if retention.deletedTotal > 0 {
      log.info("\(name): deleted \(Format.count(retention.deletedTotal, "expired file"))")
    }
    if retention.spared > 0 {
      log.info("\(name): spared \(Format.count(retention.spared, "file")) that changed meanwhile")
    }
  }

  private func roomIssues(_ report: MaintenanceReport, _ path: FilePath) -> [Issue] {
    var systems = report.mounts
    if let own = report.fileSystem { systems.insert((path, own), at: 0) }
    // In floating point: a file system may claim any size.
    let isShort = { (free: UInt64, all: UInt64) in
      all > 0 && 100 * Double(free) / Double(all) < Double(self.options.warnFreePercent)
    }
    // Grouped by topic: the log prints the issues of a topic together.
    var space: [Issue] = []
    var inodes: [Issue] = []
    for (path, system) in systems {
      if isShort(system.freeBytes, system.bytes) {
        space.append(Issue(.littleSpace(freeBytes: system.freeBytes, bytes: system.bytes), in: path))
      }
      if let free = system.freeInodes, let all = system.inodes, isShort(free, all) {
        inodes.append(Issue(.fewInodes(free: free, all: all), in: path))
      }
    }
    return space + inodes
  }

  // MARK: the end of a round

  private func finish(_ round: inout Round, _ captures: [FilePath]) {
    metrics.finish(round, captures)
    if let file = options.metricsFile, !options.isDryRun {
      do throws(KernelError) { try metrics.write(to: file) } catch {
        logOutcome(Issue(.metricsNotWritten(error)), &round)
      }
    } else if !options.isDryRun {
      metrics.removeFile()
    }
    log.finish(.round)
  }
}

/// Ignores progress: a round reports what it did when it is done.
final class Observer: MigrationObserver {
  var wantsMoves: Bool { false }
  func progressed(_ progress: MigrationProgress) {}
  func moved(_ name: Span<UInt8>, from: String, to: String, as newName: Span<UInt8>) {}
}
