internal import CaptureLayout
internal import KernelIO
internal import Migration
internal import SystemPackage

/// Counters and gauges in Prometheus' text format, for node_exporter's textfile collector.
struct Metrics {
  private struct Gauges {
    var hot = PerKind { _ in TierCount() }
    var cold = PerKind { _ in TierCount() }
    var implausible = 0
    var isRetentionDeclined = false
    var fileSystem: FileSystemStatus?
    var lastSuccessSeconds: Int64?
  }

  private var moved = PerKind { _ in 0 }
  private var deleted = PerKind { _ in 0 }
  var errors = 0
  private var rounds = 0
  private var gauges: [FilePath: Gauges] = [:]
  private var startNanoseconds = Clock.monotonicNanoseconds
  private var durationNanoseconds: Int64 = 0
  private var unfinished = 0

  mutating func add(_ report: CaptureReport) {
    guard !report.isDryRun else { return }
    for kind in Kind.allCases { moved[kind] += report.kinds[kind].tally.moved }
    if !report.isClean { errors += 1 }
  }

  mutating func add(_ report: UpkeepReport, _ path: FilePath) {
    var gauges = gauges[path] ?? Gauges()
    let isClean =
      report.error == nil && report.manifests?.isClean ?? true && report.retention?.isClean ?? true
    if isClean { gauges.lastSuccessSeconds = Clock.realtimeNanoseconds / 1_000_000_000 } else { errors += 1 }
    if report.error == nil {
      gauges.hot = report.hot
      gauges.cold = report.cold
    }
    if let retention = report.retention {
      for kind in Kind.allCases { deleted[kind] += retention.deleted[kind] }
      gauges.implausible = Kind.allCases.reduce(0) { $0 + retention.implausible[$1] }
      gauges.isRetentionDeclined = !retention.refusals.isEmpty
    }
    gauges.fileSystem = report.fileSystem ?? gauges.fileSystem
    self.gauges[path] = gauges
  }

  mutating func begin() { startNanoseconds = Clock.monotonicNanoseconds }

  mutating func finish(_ round: Archiver.Round, _ captures: [FilePath]) {
    rounds += 1
    durationNanoseconds = Clock.monotonicNanoseconds - startNanoseconds
    unfinished = round.unfinished
    for path in gauges.keys where !captures.contains(path) { gauges[path] = nil }
  }

  /// Whole or not at all: the collector may read at any moment.
  func write(to file: FilePath) throws(KernelError) {
    let folder = file.removingLastComponent()
    let directory = try Directory.open(folder.isEmpty ? "." : folder)
    let name = file.lastComponent?.string ?? "hotcold.prom"
    // Not *.prom: the collector takes only those.
    try directory.replaceFile(name, via: ".\(name).hotcold") { write throws(KernelError) in
      try write(Array(text.utf8).span)
    }
  }

  // MARK: text

  private var text: String {
    var lines = Lines()
    lines.family("hotcold_rounds_total", "counter", "Rounds over all captures since the service was started.")
    lines.sample("hotcold_rounds_total", [], "\(rounds)")
    lines.family(
      "hotcold_errors_total", "counter", "Captures that could not be dealt with as they should, each round.")
    lines.sample("hotcold_errors_total", [], "\(errors)")
    lines.family("hotcold_files_moved_total", "counter", "Files moved to their tier.")
    for kind in Kind.allCases {
      lines.sample("hotcold_files_moved_total", [("kind", kind.name)], "\(moved[kind])")
    }
    lines.family("hotcold_files_deleted_total", "counter", "Cold files deleted because their time was over.")
    for kind in Kind.allCases {
      lines.sample("hotcold_files_deleted_total", [("kind", kind.name)], "\(deleted[kind])")
    }
    lines.family("hotcold_round_duration_seconds", "gauge", "How long the last round took.")
    lines.sample("hotcold_round_duration_seconds", [], seconds(durationNanoseconds))
    lines.family("hotcold_captures", "gauge", "Captures in the last round.")
    lines.sample("hotcold_captures", [], "\(gauges.count)")
    lines.family(
      "hotcold_captures_unfinished", "gauge", "Captures with more to settle than one round allows.")
    lines.sample("hotcold_captures_unfinished", [], "\(unfinished)")
    addCaptures(&lines)
    return lines.text
  }

  private func addCaptures(_ lines: inout Lines) {
    let captures = gauges.sorted { $0.key.string < $1.key.string }
    func perTier(_ name: String, _ help: String, _ value: (TierCount) -> String) {
      lines.family(name, "gauge", help)
      for (path, gauges) in captures {
        for kind in Kind.allCases {
          for (tier, count) in [("hot", gauges.hot[kind]), ("cold", gauges.cold[kind])] {
            lines.sample(name, [("capture", path.string), ("kind", kind.name), ("tier", tier)], value(count))
          }
        }
      }
    }
    func perCapture(_ name: String, _ help: String, _ value: (Gauges) -> String?) {
      lines.family(name, "gauge", help)
      for (path, gauges) in captures {
        if let value = value(gauges) { lines.sample(name, [("capture", path.string)], value) }
      }
    }
    perTier("hotcold_files", "Files of each kind and tier.") { "\($0.files)" }
    perTier("hotcold_bytes", "Bytes of each kind and tier.") { "\($0.bytes)" }
    perCapture("hotcold_implausible_files", "Files whose age is not known: from the future or the epoch.") {
      "\($0.implausible)"
    }
    perCapture("hotcold_retention_declined", "1 where retention declined to delete anything.") {
      $0.isRetentionDeclined ? "1" : "0"
    }
    perCapture("hotcold_last_success_timestamp_seconds", "When a round last ended without an error.") {
      $0.lastSuccessSeconds.map { "\($0)" }
    }
    perCapture("hotcold_filesystem_free_bytes", "Bytes free for ordinary users.") {
      $0.fileSystem.map { "\($0.freeBytes)" }
    }
    perCapture("hotcold_filesystem_free_inodes", "Inodes free; absent where they are made as needed.") {
      $0.fileSystem?.freeInodes.map { "\($0)" }
    }
  }

  private func seconds(_ nanoseconds: Int64) -> String {
    let fraction = String(nanoseconds % 1_000_000_000 / 1000)
    return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
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

    /// Prometheus' exposition format: backslash, quote and line feed.
    private static func escaped(_ value: String) -> String {
      value.reduce(into: "") { text, character in
        switch character {
        case "\\": text += "\\\\"
        case "\"": text += "\\\""
        case "\n": text += "\\n"
        default: text.append(character)
        }
      }
    }
  }
}
