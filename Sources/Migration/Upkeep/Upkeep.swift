public import CaptureLayout
public import KernelIO
public import SystemPackage

/// What is remembered of one capture from one round of the service to the next. Nothing depends on it but the time that
/// a round takes: the file system is the only state.
public final class UpkeepMemory {
  public private(set) var census = Census()
  public private(set) var manifests = ManifestMemory()
  /// Of the last round.
  var newestHot: DeletedSegments.Segment?
  private var folder: FolderIdentity?

  public init() {}

  /// Forgets everything where another folder has taken the path of the capture.
  func take(_ folder: FolderIdentity) {
    if let old = self.folder, old != folder {
      census = Census()
      manifests = ManifestMemory()
      newestHot = nil
    }
    self.folder = folder
  }
}

/// What the service asks for besides settling.
public struct UpkeepOptions: Sendable {
  public var rule: RetentionRule
  public var hours: HourClock
  public var writesManifests = true
  /// As in `MigrationOptions`.
  public var guardsPath = false
  /// Somebody has looked and said that what retention declines is right.
  public var isForced = false
  public var isDryRun = false

  public init(rule: RetentionRule, hours: HourClock) {
    self.rule = rule
    self.hours = hours
  }
}

public struct UpkeepReport: Sendable {
  public internal(set) var retention: RetentionReport?
  public internal(set) var manifests: ManifestReport?
  public internal(set) var hot = PerKind { _ in TierCount() }
  public internal(set) var cold = PerKind { _ in TierCount() }
  public internal(set) var fileSystem: FileSystemStatus?
  /// Segments that somebody deleted before they were archived; see `DeletedSegments`.
  public internal(set) var deletedSegments = 0
  public internal(set) var error: MigrationError?
}

extension Engine {
  /// What follows the settling in a round of the service: retention, playlists, counts, room on the disk.
  ///
  /// `clock` has watched since the service was started.
  public func keepUp(
    _ path: FilePath, options: UpkeepOptions, memory: UpkeepMemory, clock: ClockWatch
  ) -> UpkeepReport {
    var report = UpkeepReport()
    do throws(MigrationError) {
      let capture = try OpenCapture.open(path, isGuarded: options.guardsPath)
      memory.take(capture.identity)
      report.fileSystem = capture.fileSystem
      if options.isDryRun {
        try keepUp(capture, options, memory, clock, &report)
      } else {
        try capture.checkWritable()
        let lock = try capture.lock()
        try keepUp(capture, options, memory, clock, &report)
        extendLifetime(lock)
      }
    } catch { report.error = error }
    return report
  }

  private func keepUp(
    _ capture: borrowing OpenCapture, _ options: UpkeepOptions, _ memory: UpkeepMemory, _ clock: ClockWatch,
    _ report: inout UpkeepReport
  ) throws(MigrationError) {
    do throws(KernelError) {
      let folders = try CaptureFolders(of: capture.directory)
      let now = Clock.realtimeNanoseconds / 1_000_000_000
      let playlists = try LivePlaylists(of: folders, in: capture.directory)
      try memory.census.refresh(folders, in: capture.directory, nowSeconds: now)
      report.deletedSegments = try deletedSegments(folders, capture.directory, options, memory)
      if !options.rule.isOff {
        let retention = expire(folders, options, memory, playlists.listed, clock)
        report.retention = retention
        if retention.deletedTotal > 0 {
          try memory.census.refresh(folders, in: capture.directory, nowSeconds: now)
        }
      }
      if options.writesManifests, StopSignal.pending == nil {
        let manifests = Manifests(
          live: playlists.durations,
          newestHot: try Self.newestHotSegments(folders, capture.directory, options.hours),
          hours: options.hours,
          nowSeconds: now,
          mode: options.isDryRun
            ? .dryRun(receiving: Array(repeating: [], count: hoursOfDay.count)) : .contentsAndNames,
          memory: memory.manifests)
        report.manifests = manifests.refresh(folders, memory: memory.manifests)
      }
      for kind in Kind.allCases {
        report.hot[kind] = memory.census.hot[kind]
        report.cold[kind] = memory.census.cold(kind)
      }
      if report.retention?.deletedTotal ?? 0 > 0 { try capture.directory.syncFileSystem() }
    } catch {
      throw capture.stopped(error)
    }
  }

  private func deletedSegments(
    _ folders: borrowing CaptureFolders, _ capture: borrowing Directory, _ options: UpkeepOptions,
    _ memory: UpkeepMemory
  ) throws(KernelError) -> Int {
    // Retention that leaves no cold ones for long would look the same.
    let shortestAgeSeconds: Int64 = 600
    var segments = DeletedSegments()
    segments.newestCold = memory.census.newestSegment
    for place in [Place.root, .segments] {
      try folders.withPlace(place, in: capture) { directory throws(KernelError) in
        try Census.forEachFile(of: .segments, in: directory) { segments.addHot($0.name, $1.modified) }
      }
    }
    defer { memory.newestHot = segments.newestHot }
    guard options.rule.ageSeconds[.segments].map({ $0 > shortestAgeSeconds }) ?? true else { return 0 }
    return Int(clamping: segments.count(after: memory.newestHot))
  }

  private func expire(
    _ folders: borrowing CaptureFolders, _ options: UpkeepOptions, _ memory: UpkeepMemory,
    _ pinned: ListedNames, _ clock: ClockWatch
  ) -> RetentionReport {
    switch carrier {
    case .ring(let mover):
      Retention(rule: options.rule, mover: mover, clock: clock, pinned: pinned).run(
        folders, memory.census, isForced: options.isForced, isDryRun: options.isDryRun)
    case .thread(let mover):
      Retention(rule: options.rule, mover: mover, clock: clock, pinned: pinned).run(
        folders, memory.census, isForced: options.isForced, isDryRun: options.isDryRun)
    }
  }

  /// For each hour, the newest of the segments in the hot place that belong in it.
  private static func newestHotSegments(
    _ folders: borrowing CaptureFolders, _ capture: borrowing Directory, _ hours: HourClock
  ) throws(KernelError) -> [ModificationTime?] {
    var hours = hours
    var newest = [ModificationTime?](repeating: nil, count: hoursOfDay.count)
    try folders.withPlace(.segments, in: capture) { directory throws(KernelError) in
      try Census.forEachFile(of: .segments, in: directory) { _, status in
        let hour = hours.hour(of: status.modified)
        newest[hour] = max(newest[hour] ?? status.modified, status.modified)
      }
    }
    return newest
  }
}
