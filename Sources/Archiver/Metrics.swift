internal import CaptureLayout
internal import KernelIO
internal import Migration
internal import Reporting
internal import SystemPackage

/// Counters and gauges in Prometheus' text format, for node_exporter's textfile collector.
struct Metrics {
  private struct Figures {
    let layout: Layout
    var moved = PerKind(repeating: 0)
    var deleted = PerKind(repeating: 0)
    var copiedFiles = 0
    var copiedBytes: UInt64 = 0
    /// In the last round.
    var failed = PerKind(repeating: 0)
    /// Rounds with any problem.
    var errors = 0
    /// Rounds with a problem, by its topic.
    var errorsByReason: [String: Int] = [:]
    /// Whether a round has counted what follows.
    var isCounted = false
    var hot = PerKind(repeating: TierCount())
    var cold = PerKind(repeating: TierCount())
    var implausible = 0
    var isRetentionDeclined = false
    /// Modification time of the newest file of each kind that any round has seen.
    var newest = PerKind<ModificationTime?>(repeating: nil)
    /// Whether the archive holds all that it should: until settling is complete, files are missing that will still arrive.
    var isSettled = false
    /// Whether this round has counted the cold files: a round that fails may not reach them.
    var isInventoried = false
    var gaps: RecordingGaps?
    var fileSystem: FileSystemStatus?
    var mounts: [(path: FilePath, status: FileSystemStatus)] = []
    var lastSuccessSeconds: Int64?

    init(_ layout: Layout) { self.layout = layout }

    mutating func note(_ newest: PerKind<ModificationTime?>) {
      let nowSeconds = SystemClock.realtimeNanoseconds / 1_000_000_000
      for kind in layout.kinds {
        // A known time in the future: the clock has been set back since.
        let known = self.newest[kind].flatMap { $0.seconds <= nowSeconds ? $0 : nil }
        self.newest[kind] = [known, newest[kind]].compactMap { $0 }.max()
      }
    }
  }

  /// Rounds whose list of captures could not be read.
  var listErrors = 0
  private var writeErrors = 0
  private var lastFile: FilePath?
  private var captures = 0
  private var rounds = 0
  private var figures: [FilePath: Figures] = [:]
  /// Whether all went well with each capture that this round has reached.
  private var isClean: [FilePath: Bool] = [:]
  /// The topics of what was wrong with each capture in this round.
  private var reasons: [FilePath: [String: Issue.Code]] = [:]
  private var startNanoseconds = SystemClock.monotonicNanoseconds
  private var durationNanoseconds: Int64 = 0
  private var unfinished = 0

  mutating func add(_ report: CaptureReport, _ path: FilePath) {
    guard !report.isDryRun else { return }
    forgetUnless(report.layout, path)
    var figures = figures[path] ?? Figures(report.layout)
    for kind in report.layout.kinds {
      figures.moved[kind] += report.kinds[kind].tally.moved
      figures.failed[kind] = report.kinds[kind].tally.failed
    }
    figures.note(report.newestHot)
    figures.isSettled = report.error == nil && !report.isCutShort
    // What an earlier round found mounted may be gone.
    if report.error != nil { figures.mounts = [] }
    figures.copiedFiles += report.copies.files
    figures.copiedBytes &+= report.copies.bytes
    self.figures[path] = figures
    add(report.issues, of: path)
    if !report.isClean { isClean[path] = false }
  }

  /// Drops the figures of a capture whose layout has changed: counts by kind say nothing about another layout.
  private mutating func forgetUnless(_ layout: Layout, _ path: FilePath) {
    // Compares the kinds only: a run that could not open its capture does not know where its cold root is.
    if let known = figures[path]?.layout, !known.description.kinds.elementsEqual(layout.description.kinds) {
      figures[path] = nil
    }
  }

  private mutating func add(_ issues: [Issue], of path: FilePath) {
    for issue in issues where issue.severity == .error || issue.code == .retentionDeclined {
      if let topic = issue.topic { reasons[path, default: [:]][topic] = issue.code }
    }
  }

  mutating func add(_ report: MaintenanceReport, _ issues: [Issue], _ path: FilePath) {
    var figures = figures[path] ?? Figures(report.layout)
    let wasClean =
      report.error == nil && report.manifests?.isClean ?? true && report.retention?.isClean ?? true
    isClean[path] = wasClean && isClean[path] ?? true
    add(issues, of: path)
    figures.isInventoried = report.error == nil
    if report.error == nil {
      figures.isCounted = true
      figures.hot = report.hot
      figures.cold = report.cold
      figures.note(report.newestCold)
      if let manifests = report.manifests {
        if figures.isSettled { figures.gaps = manifests.gaps }
      } else {
        figures.gaps = nil
      }
    }
    if let retention = report.retention {
      for kind in report.layout.kinds { figures.deleted[kind] += retention.deleted[kind] }
      figures.implausible = retention.implausible.sum
      figures.isRetentionDeclined = !retention.refusals.isEmpty
    } else if report.error == nil {
      // Retention is no longer enabled.
      figures.implausible = 0
      figures.isRetentionDeclined = false
    }
    figures.fileSystem = report.fileSystem ?? figures.fileSystem
    if report.error == nil { figures.mounts = report.mounts }
    self.figures[path] = figures
  }

  mutating func begin() {
    startNanoseconds = SystemClock.monotonicNanoseconds
    isClean = [:]
    reasons = [:]
    for path in figures.keys { figures[path]?.isInventoried = false }
  }

  mutating func finish(_ round: Archiver.Round, _ captures: [FilePath]) {
    rounds += 1
    durationNanoseconds = SystemClock.monotonicNanoseconds - startNanoseconds
    unfinished = round.unfinished
    self.captures = captures.count
    for refused in round.captures where isClean[refused.capture] == nil && refused.status != .done {
      addRefused(refused)
    }
    for (path, isClean) in isClean {
      if isClean {
        figures[path]?.lastSuccessSeconds = SystemClock.realtimeNanoseconds / 1_000_000_000
      } else if reasons[path].map({ Array($0.values) }) != [.retentionDeclined] {
        figures[path]?.errors += 1
      }
    }
    for (path, reasons) in reasons {
      for reason in reasons.keys { figures[path]?.errorsByReason[reason, default: 0] += 1 }
    }
    for path in figures.keys where !captures.contains(path) { figures[path] = nil }
  }

  /// A capture that was refused before its run, such as one with wrong settings: there is no report of it.
  private mutating func addRefused(_ round: CaptureRound) {
    let path = round.capture
    // Its layout may be unknown; nothing is counted by kind, so any layout will do.
    figures[path] = figures[path] ?? Figures(.guide)
    isClean[path] = false
    add(round.issues, of: path)
  }

  /// Writes the metrics to a file atomically: the collector may read at any moment. If the file is not the one of the last
  /// call, that one is removed: the collector rejects two files with the same samples.
  mutating func write(to file: FilePath) throws(KernelError) {
    do throws(KernelError) {
      let name = Self.name(file)
      let folder = try Self.folder(file)
      try Self.checkIsMetrics(name, in: folder)
      // The collector reads *.prom only, so the temporary name must not end in that.
      try folder.publishFile(
        name, via: ".\(name).hotcold", contents: Array(text.utf8).span,
        mode: 0o644 & ~CurrentProcess.firstUmask)
      if let lastFile, lastFile != file {
        try Self.folder(lastFile).removeFile(Self.name(lastFile))
      }
      lastFile = file
    } catch {
      writeErrors += 1
      throw error
    }
  }

  /// Removes the last file that was written: metrics that nobody writes any more would say that the service does not run.
  mutating func removeFile() {
    guard let file = lastFile else { return }
    try? Self.folder(file).removeFile(Self.name(file))
    lastFile = nil
  }

  /// Throws EEXIST unless the file is absent, empty or metrics of hotcold: a typing error may name a recording.
  private static func checkIsMetrics(_ name: String, in folder: borrowing Directory) throws(KernelError) {
    guard let status = try folder.statusIfThere(name) else { return }
    // A segment that a recorder has just begun is empty, too.
    if status.type == .regular, status.size == 0, name.hasSuffix(".prom") { return }
    let first = Array("# HELP hotcold_".utf8)
    let beginning = try? folder.beginning(of: Array(name.utf8).span, bytesMax: first.count)
    guard beginning != first else { return }
    throw KernelError(.create, folder.path.appending(name), .fileExists)
  }

  private static func folder(_ file: FilePath) throws(KernelError) -> Directory {
    let folder = file.removingLastComponent()
    return try Directory.open(folder)
  }

  private static func name(_ file: FilePath) -> String { file.lastComponent?.string ?? "hotcold.prom" }

  // MARK: text

  private var text: String {
    var lines = Lines()
    lines.family("hotcold_build_info", "gauge", "Always 1; the label is the version of the program.")
    lines.sample("hotcold_build_info", [("version", Version.number)], "1")
    lines.family("hotcold_rounds_total", "counter", "Rounds over all captures since the service was started.")
    lines.sample("hotcold_rounds_total", [], "\(rounds)")
    lines.family(
      "hotcold_captures_list_errors_total", "counter",
      "Rounds in which the list of captures could not be read.")
    lines.sample("hotcold_captures_list_errors_total", [], "\(listErrors)")
    lines.family(
      "hotcold_metrics_write_errors_total", "counter", "Rounds in which this file could not be written.")
    lines.sample("hotcold_metrics_write_errors_total", [], "\(writeErrors)")
    lines.family("hotcold_round_duration_seconds", "gauge", "How long the last round took.")
    lines.sample("hotcold_round_duration_seconds", [], seconds(microseconds: durationNanoseconds / 1000))
    lines.family("hotcold_captures", "gauge", "Captures in the last round.")
    lines.sample("hotcold_captures", [], "\(captures)")
    lines.family(
      "hotcold_captures_unfinished", "gauge", "Captures with more to settle than one round allows.")
    lines.sample("hotcold_captures_unfinished", [], "\(unfinished)")
    addCaptures(&lines)
    return lines.text
  }

  private func addCaptures(_ lines: inout Lines) {
    let captures = figures.map { (name: printable($0.key.bytes), figures: $0.value) }.sorted {
      $0.name < $1.name
    }
    func perKind(_ name: String, _ type: String, _ help: String, _ value: (Figures, Kind) -> Int?) {
      lines.family(name, type, help)
      for (capture, figures) in captures {
        for kind in figures.layout.kinds {
          guard let value = value(figures, kind) else { continue }
          let labels = [("capture", capture), ("kind", figures.layout.name(of: kind))]
          lines.sample(name, labels, "\(value)")
        }
      }
    }
    func perMount(_ name: String, _ help: String, _ value: (FileSystemStatus) -> UInt64?) {
      lines.family(name, "gauge", help)
      for (capture, figures) in captures {
        for mount in figures.mounts {
          guard let value = value(mount.status) else { continue }
          lines.sample(name, [("capture", capture), ("mount", printable(mount.path.bytes))], "\(value)")
        }
      }
    }
    func perTier(_ name: String, _ help: String, _ value: (TierCount) -> String) {
      lines.family(name, "gauge", help)
      for (capture, figures) in captures where figures.isCounted {
        for kind in figures.layout.kinds {
          for (tier, count) in [("hot", figures.hot[kind]), ("cold", figures.cold[kind])] {
            lines.sample(
              name, [("capture", capture), ("kind", figures.layout.name(of: kind)), ("tier", tier)],
              value(count))
          }
        }
      }
    }
    func perCapture(
      _ name: String, _ help: String, type: String = "gauge", _ value: (Figures) -> String?
    ) {
      lines.family(name, type, help)
      for (capture, figures) in captures {
        if let value = value(figures) { lines.sample(name, [("capture", capture)], value) }
      }
    }
    perKind("hotcold_files_moved_total", "counter", "Files moved to their tier.") { $0.moved[$1] }
    perKind("hotcold_files_deleted_total", "counter", "Expired cold files that were deleted.") {
      $0.deleted[$1]
    }
    perKind("hotcold_files_failed", "gauge", "Files that could not be moved in the last round.") {
      $0.failed[$1]
    }
    perCapture(
      "hotcold_files_copied_total", "Moved files that were copied to another file system.", type: "counter"
    ) { $0.layout.hasMounts ? "\($0.copiedFiles)" : nil }
    perCapture("hotcold_bytes_copied_total", "Bytes of those files.", type: "counter") {
      $0.layout.hasMounts ? "\($0.copiedBytes)" : nil
    }
    lines.family(
      "hotcold_capture_errors_total", "counter", "Rounds in which a capture had this problem.")
    for (capture, figures) in captures {
      for (reason, rounds) in figures.errorsByReason.sorted(by: { $0.key < $1.key }) {
        lines.sample("hotcold_capture_errors_total", [("capture", capture), ("reason", reason)], "\(rounds)")
      }
    }
    perKind(
      "hotcold_newest_file_timestamp_seconds", "gauge",
      "Modification time of the newest file of each kind that the service has seen."
    ) { figures, kind in
      // Otherwise a recorder would seem to have stopped while the service does not look, or has not reached its files yet.
      guard figures.isSettled, figures.isInventoried else { return nil }
      return figures.newest[kind].map { Int(clamping: $0.seconds) }
    }
    perCapture(
      "hotcold_recording_gaps",
      "Gaps in the archived recording that ended in the last 24 hours: time that no segment covers."
    ) { $0.gaps.map { "\($0.count)" } }
    perCapture("hotcold_recording_gap_seconds", "Seconds missing in those gaps.") {
      $0.gaps.map { seconds(microseconds: $0.microseconds) }
    }
    perTier("hotcold_files", "Files of each kind and tier.") { "\($0.files)" }
    perTier("hotcold_bytes", "Bytes of each kind and tier.") { "\($0.bytes)" }
    perCapture(
      "hotcold_errors_total",
      "Rounds in which a capture had any problem, other than that retention declined.",
      type: "counter"
    ) { "\($0.errors)" }
    perCapture(
      "hotcold_implausible_files",
      "Files of unknown age: modification time in the future or at the epoch."
    ) {
      $0.isCounted ? "\($0.implausible)" : nil
    }
    perCapture("hotcold_retention_declined", "1 if retention declined to delete expired files.") {
      $0.isCounted ? ($0.isRetentionDeclined ? "1" : "0") : nil
    }
    perCapture("hotcold_last_success_timestamp_seconds", "When a round last ended without an error.") {
      $0.lastSuccessSeconds.map { "\($0)" }
    }
    perCapture(
      "hotcold_filesystem_free_bytes", "Bytes free for ordinary users on the capture's file system."
    ) {
      $0.fileSystem.map { "\($0.freeBytes)" }
    }
    perCapture(
      "hotcold_filesystem_free_inodes",
      "Free inodes on the capture's file system; absent where inodes are allocated on demand."
    ) {
      $0.fileSystem?.freeInodes.map { "\($0)" }
    }
    perCapture("hotcold_filesystem_size_bytes", "Size of the capture's file system in bytes.") {
      $0.fileSystem.map { "\($0.bytes)" }
    }
    perCapture(
      "hotcold_filesystem_inodes",
      "All inodes of the capture's file system; absent where inodes are allocated on demand."
    ) {
      $0.fileSystem?.inodes.map { "\($0)" }
    }
    perMount(
      "hotcold_mount_free_bytes", "Bytes free for ordinary users in a tier with a file system of its own."
    ) { $0.freeBytes }
    perMount(
      "hotcold_mount_free_inodes",
      "Free inodes on that file system; absent where inodes are allocated on demand."
    ) {
      $0.freeInodes
    }
    perMount("hotcold_mount_size_bytes", "Size of that file system in bytes.") { $0.bytes }
    perMount(
      "hotcold_mount_inodes", "All inodes of that file system; absent where inodes are allocated on demand."
    ) { $0.inodes }
  }

  private func seconds(microseconds: Int64) -> String {
    let fraction = String(microseconds % 1_000_000)
    return "\(microseconds / 1_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
  }

  private struct Lines {
    private(set) var text = ""

    mutating func family(_ name: String, _ type: String, _ help: String) {
      text += "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
      let list = labels.map { "\($0.0)=\"\(Self.escaped($0.1))\"" }.joined(separator: ",")
      text += "\(name)\(list.isEmpty ? "" : "{\(list)}") \(value)\n"
    }

    /// Escapes a label value for Prometheus' exposition format. `printable` has already escaped line feeds and the like.
    private static func escaped(_ value: String) -> String {
      value.unicodeScalars.reduce(into: "") { text, scalar in
        if scalar == "\\" || scalar == "\"" { text += "\\" }
        text.unicodeScalars.append(scalar)
      }
    }
  }
}
