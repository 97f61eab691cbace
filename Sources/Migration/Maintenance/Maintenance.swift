public import CaptureLayout
public import KernelIO
public import SystemPackage

/// What the service does besides settling.
public struct MaintenanceOptions: Sendable {
  public var layout: Layout
  public var rule: RetentionRule
  public var hours: HourClock
  public var writesManifests = true
  /// As `MigrationOptions.guardsPath`.
  public var guardsPath = false
  /// The operator has confirmed deletions that retention would decline (`--force-retention`).
  public var isForced = false
  public var isDryRun = false

  public init(layout: Layout, rule: RetentionRule, hours: HourClock) {
    self.layout = layout
    self.rule = rule
    self.hours = hours
  }
}

/// What the maintenance of one capture did in a round, or would do.
public struct MaintenanceReport: Sendable {
  /// The layout placed on this capture (`Layout.placed`), once that is open.
  public internal(set) var layout: Layout
  public internal(set) var retention: RetentionReport?
  public internal(set) var manifests: ManifestReport?
  public internal(set) var hot = PerKind(repeating: TierCount())
  public internal(set) var cold = PerKind(repeating: TierCount())
  public internal(set) var newestCold = PerKind<ModificationTime?>(repeating: nil)
  public internal(set) var fileSystem: FileSystemStatus?
  /// The file systems of mounts and cold roots, other than that of the capture.
  public internal(set) var mounts: [(path: FilePath, status: FileSystemStatus)] = []
  /// Segments that another program deleted before they were archived; see `DeletedSegments`.
  public internal(set) var deletedSegments = 0
  public internal(set) var error: MigrationError?

  init(_ layout: Layout) { self.layout = layout }
}

extension Engine {
  /// What follows settling in a round of the service: retention, playlists, counts, free space. Never throws: an error is in the
  /// report.
  ///
  /// - Parameters:
  ///   - path: the capture.
  ///   - options: what is to be done with it.
  ///   - memory: what earlier rounds have learnt about it.
  ///   - clock: has watched the clock since the service was started.
  public func keepUp(
    _ path: FilePath, options: MaintenanceOptions, memory: CaptureMemory, clock: ClockWatch
  ) -> MaintenanceReport {
    var report = MaintenanceReport(options.layout)
    do throws(MigrationError) {
      let capture = try OpenCapture.open(path, options.layout, isGuarded: options.guardsPath)
      var options = options
      options.layout = capture.layout
      report.layout = capture.layout
      memory.forgetUnlessSame(capture.identity, options.layout, options.hours)
      report.fileSystem = capture.fileSystem
      if options.isDryRun {
        try keepUp(capture, options, memory, clock, &report)
      } else {
        try capture.checkWritable()
        let lock = try capture.lock(makesColdRoots: false)
        try keepUp(capture, options, memory, clock, &report)
        extendLifetime(lock)
      }
    } catch { report.error = error }
    return report
  }

  private func keepUp(
    _ capture: borrowing OpenCapture, _ options: MaintenanceOptions, _ memory: CaptureMemory,
    _ clock: ClockWatch,
    _ report: inout MaintenanceReport
  ) throws(MigrationError) {
    let tree = try capture.tree()
    do throws(KernelError) {
      let now = SystemClock.realtimeNanoseconds / 1_000_000_000
      report.mounts = try tree.mountedFileSystems()
      let playlists = try LivePlaylists(of: tree)
      try memory.inventory.refresh(tree, nowSeconds: now)
      report.deletedSegments = try deletedSegments(tree, options, memory)
      let expiry = Expiry(tree: tree, rule: options.rule, pinned: playlists.listed)
      if !options.rule.isOff {
        let retention = expire(expiry, options, memory, clock)
        report.retention = retention
        if retention.deletedTotal > 0 {
          try memory.inventory.refresh(tree, nowSeconds: now)
        }
      }
      if options.writesManifests, let stream = options.layout.stream, StopSignal.pending == nil {
        let isDue = report.retention?.isDue(stream.kind) ?? false
        let manifests = Manifests(
          options.layout, live: playlists.durations,
          newestHot: try Self.newestHotSegments(tree, options.hours),
          hours: options.hours,
          nowSeconds: now,
          mode: options.isDryRun
            ? .dryRun(receiving: [:], leaving: isDue ? expiry : nil) : .contentsAndNames,
          memory: memory.manifests)
        report.manifests = manifests.refresh(tree, memory: memory.manifests)
      }
      if !options.isDryRun, options.layout.buckets.hasDates {
        removeEmptyDates(tree, memory.inventory, options.hours)
      }
      for kind in options.layout.kinds {
        report.hot[kind] = memory.inventory.hot[kind]
        report.cold[kind] = memory.inventory.cold(kind)
        report.newestCold[kind] = memory.inventory.newestCold(kind)
      }
      if report.retention?.deletedTotal ?? 0 > 0 { try tree.syncFileSystems() }
    } catch {
      throw capture.stopped(error)
    }
  }

  /// Removes empty date folders of past days, except the newest of each kind: when all files have expired, that folder still
  /// shows that the buckets are here (`OtherBuckets`). rmdir(2) removes no folder that is not empty; other errors are ignored,
  /// since the next round tries again.
  private func removeEmptyDates(_ tree: CaptureTree, _ inventory: Inventory, _ hours: HourClock) {
    var hours = hours
    let now = ModificationTime(seconds: SystemClock.realtimeNanoseconds / 1_000_000_000, nanoseconds: 0)
    guard let current = tree.layout.buckets.bucket(of: now, &hours) else { return }
    for kind in tree.layout.kinds {
      tree.withPlace(tree.layout.coldPlace(of: kind)) { place in
        for bucket in tree.buckets(of: kind)
        where bucket < current && inventory.entry(kind, bucket)?.count.files == 0 {
          let names = tree.layout.buckets.names(of: bucket)
          if let day = try? place.openFolder(names[0]) { _ = try? day.removeFolder(names[1]) }
        }
        let today = tree.layout.buckets.day(of: current)
        let days = tree.dates.filter { $0.kind == kind }.map(\.day).sorted()
        for day in days.dropLast() where today.map({ day < $0 }) ?? false {
          _ = try? place.removeFolder(day.text)
        }
      }
    }
  }

  private func deletedSegments(
    _ tree: CaptureTree, _ options: MaintenanceOptions, _ memory: CaptureMemory
  ) throws(KernelError) -> Int {
    guard let kind = tree.layout.stream?.kind else { return 0 }
    // Retention that keeps cold segments only briefly would look the same.
    let shortestAgeSeconds: Int64 = 600
    var segments = DeletedSegments()
    segments.newestCold = memory.inventory.newestSegment
    for place in tree.layout.playlistPlaces {
      try tree.withPlace(place) { (directory) throws(KernelError) in
        try Inventory.forEachFile(of: kind, in: directory, tree.layout) {
          segments.addHot(.init(tree.layout.number(of: $0.name, kind), $1.modified))
        }
      }
    }
    defer { memory.newestHot = segments.newestHot }
    guard options.rule.ageSeconds[kind].map({ $0 > shortestAgeSeconds }) ?? true else { return 0 }
    return Int(clamping: segments.count(after: memory.newestHot))
  }

  private func expire(
    _ expiry: Expiry, _ options: MaintenanceOptions, _ memory: CaptureMemory, _ clock: ClockWatch
  ) -> RetentionReport {
    func run(_ mover: some Mover) -> RetentionReport {
      Retention(expiry, mover: mover, clock: clock).run(
        memory.inventory, isForced: options.isForced, isDryRun: options.isDryRun)
    }
    switch executor {
    case .auto(let mover): return run(mover)
    case .ring(let mover): return run(mover)
    case .helper(let mover): return run(mover)
    case .thread(let mover): return run(mover)
    }
  }

  /// For each bucket, the modification time of the newest segment in the hot place that belongs in it.
  private static func newestHotSegments(
    _ tree: CaptureTree, _ hours: HourClock
  ) throws(KernelError) -> [Bucket: ModificationTime] {
    guard let kind = tree.layout.stream?.kind else { return [:] }
    var hours = hours
    var newest: [Bucket: ModificationTime] = [:]
    try tree.withPlace(tree.layout[kind].hot) { (directory) throws(KernelError) in
      try Inventory.forEachFile(of: kind, in: directory, tree.layout) { _, status in
        newest.add(status.modified, tree.layout, &hours)
      }
    }
    return newest
  }
}
