internal import CaptureLayout
internal import KernelIO
public import Migration

/// The report for people: what was found, what was done with it, and what to do about the rest.
public struct TextReport {
  private static let chartColumns = 40

  private let isColoured: Bool
  private let command: String

  /// - Parameters:
  ///   - isColoured: whether to use ANSI colours.
  ///   - command: the command that the user runs, for the advice ("migrate").
  public init(isColoured: Bool, command: String) {
    self.isColoured = isColoured
    self.command = command
  }

  public func render(_ report: CaptureReport, of run: RunReport) -> String {
    var lines: [String] = ["\(Explanation.text(report.capture)): \(headline(report))"]
    if report.passes > 0 {
      lines.append("")
      lines += table(report)
      lines.append("")
      if !report.isReversion || report.bucketCounts.contains(where: { $0.count > 0 }) {
        lines += chart(report)
        lines.append("")
      }
      lines += facts(report, run)
    }
    lines += notes(report)
    lines += errors(report)
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: headline

  private func headline(_ report: CaptureReport) -> String {
    if let error = report.error {
      return report.total.moved == 0 && !report.livePlaylist.hasLeft
        ? bold("refused, no file was moved")
        : bold("stopped by an error (\(ExitStatus(of: error).rawValue)); run it again to continue")
    }
    if report.stopSignal != nil { return bold("interrupted; run it again to continue") }
    if report.isDryRun { return bold("dry run, nothing was moved (add --execute to do it)") }
    if report.isCutShort { return bold("out of time; the rest is left for the next run") }
    guard report.isClean else {
      return bold(
        report.total.conflicts + report.total.failed + report.total.pending == 0
          ? "done, with errors: see below" : "not everything could be moved, see ERROR below")
    }
    let done = report.isReversion ? "back in the flat layout" : "migrated"
    return bold(report.changed ? done : "nothing to do")
  }

  private func bold(_ text: String) -> String {
    isColoured ? "\u{1b}[1m\(text)\u{1b}[0m" : text
  }

  // MARK: figures

  private func table(_ report: CaptureReport) -> [String] {
    let header = [
      "", "found", "hot", "cold", report.isDryRun ? "to move" : "moved", "in place", "kept", "conflicts",
      "vanished",
      "failed", "pending",
    ]
    var rows = [header]
    for kind in report.layout.kinds {
      let figures = report.kinds[kind]
      rows.append(row(report.layout.name(of: kind), figures.tally, hot: figures.hot, cold: figures.cold))
    }
    let hot = report.kinds.reduce(0) { $0 + $1.hot }
    let cold = report.kinds.reduce(0) { $0 + $1.cold }
    rows.append(row("total", report.total, hot: hot, cold: cold))
    let widths = header.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    // Only a run that was stopped has pending files.
    let columns = report.total.pending > 0 ? header.indices : header.indices.dropLast()
    return rows.map { row in
      columns.map {
        $0 == 0 ? Format.left(row[$0], widths[$0]) : Format.right(row[$0], widths[$0] + 2)
      }.joined()
    }
  }

  private func row(_ name: String, _ tally: Tally, hot: Int, cold: Int) -> [String] {
    [name]
      + [
        tally.found, hot, cold, tally.moved, tally.inPlace, tally.kept, tally.conflicts,
        tally.vanished, tally.failed, tally.pending,
      ].map(Format.count)
  }

  /// Files of all kinds in each bucket.
  private func chart(_ report: CaptureReport) -> [String] {
    let title = report.isDryRun ? ", planned" : ""
    let counts = report.bucketCounts
    return report.layout.buckets.hasDates
      ? ["cold files by date and hour\(title)"] + DayChart(counts, report.layout).lines
      : ["cold files by hour folder\(title)"] + hourChart(counts.map(\.count))
  }

  private func hourChart(_ counts: [Int]) -> [String] {
    let largest = max(1, counts.max() ?? 1)
    return counts.indices.map { hour in
      let length = (counts[hour] * Self.chartColumns + largest - 1) / largest
      let bar = String(repeating: "█", count: length)
      return "\(Format.right("\(hour)", 4))  \(Format.left(bar, Self.chartColumns))  "
        + Format.count(counts[hour])
    }
  }

  private func facts(_ report: CaptureReport, _ run: RunReport) -> [String] {
    var lines = ["live playlist  \(livePlaylist(report))"]
    if report.initSegments.haveChanged {
      lines.append("init segments  \(describe(report.initSegments, isDryRun: report.isDryRun))")
    }
    if report.copies.files > 0 {
      let bytes = Format.bytes(report.copies.bytes)
      let rate = Format.bytes(report.copiedBytesPerSecond)
      lines.append(
        "copied         \(Format.count(report.copies.files, "file")), \(bytes) (\(rate)/s), to another file system"
      )
    }
    lines += [
      "folders        \(folders(report))",
      "throughput     \(Format.count(Int(report.filesPerSecond))) files/s "
        + "(\(Format.count(report.total.found)) in \(Format.seconds(nanoseconds: report.elapsedNanoseconds)))",
      "engine         \(run.engine.rawValue) (\(run.engineReason))",
      "peak memory    \(Format.bytes(run.peakResidentBytes))",
    ]
    if let manifests = report.manifests, !describe(manifests, isDryRun: report.isDryRun).isEmpty {
      lines.append("archives       \(describe(manifests, isDryRun: report.isDryRun))")
    }
    if let text = nextNumbers(report) { lines.append("next numbers   \(text)") }
    if let comparison = report.comparison { lines.append("before, after  \(describe(comparison))") }
    if !report.isDryRun, report.error == nil {
      lines.append("durable        \(report.isSynced ? "yes (syncfs)" : "not asked for (--no-sync)")")
    }
    return lines
  }

  private func livePlaylist(_ report: CaptureReport) -> String {
    switch report.livePlaylist {
    case .moved where report.isDryRun: "to move"
    case .superseded:
      "superseded, \(report.isDryRun ? "to be kept" : "kept") as \(report.layout.stream?.playlist ?? "")….old"
    default: report.livePlaylist.rawValue
    }
  }

  private func describe(_ counts: InitSegmentCounts, isDryRun: Bool) -> String {
    let prefix = isDryRun ? "to be " : ""
    let copies = [
      (counts.copiesWritten, "written"), (counts.copiesMoved, "moved"), (counts.copiesRemoved, "removed"),
    ].filter { $0.0 > 0 }.map { "\(Format.count($0.0)) \(prefix)\($0.1)" }.joined(separator: ", ")
    let moved = counts.moved > 0 ? "\(Format.count(counts.moved)) \(isDryRun ? "to move" : "moved")" : ""
    return [moved, copies.isEmpty ? "" : "copies: \(copies)"].filter { !$0.isEmpty }.joined(separator: "; ")
  }

  private func folders(_ report: CaptureReport) -> String {
    let removed =
      "\(Format.count(report.foldersRemoved, "empty folder")) \(report.isDryRun ? "to be removed" : "removed")"
    if report.isReversion, report.foldersMade == 0 { return removed }
    let made = "\(Format.count(report.foldersMade)) \(report.isDryRun ? "to be made" : "made")"
    return report.foldersRemoved > 0 ? "\(made), \(removed)" : made
  }

  private func describe(_ manifests: ManifestReport, isDryRun: Bool) -> String {
    let prefix = isDryRun ? "to be " : ""
    return [
      (manifests.written, prefix + "written"), (manifests.unchanged, "unchanged"),
      (manifests.removed, prefix + "removed"),
      (manifests.foreign.count, "foreign, left alone"), (manifests.failures.count, "not written"),
    ].filter { $0.0 > 0 }.map { "\(Format.count($0.0)) \($0.1)" }.joined(separator: ", ")
  }

  /// The numbers that a new encoder must start with, so that its names do not collide with existing ones.
  private func nextNumbers(_ report: CaptureReport) -> String? {
    let texts = report.layout.kindsNumberedAlike.compactMap { kinds in
      report.numbers.next(of: kinds).map { "\(report.layout.name(of: kinds[0])) \($0)" }
    }
    return texts.isEmpty ? nil : texts.joined(separator: ", ") + " (ffmpeg: -start_number)"
  }

  private func describe(_ comparison: Comparison) -> String {
    let before = comparison.before.sum
    let after = comparison.after.sum
    var text = "\(Format.count(before)) files, \(Format.count(after)) files"
    let changes = [
      (comparison.arrived, "arrived"), (comparison.replacedByOthers, "replaced by another process"),
      (comparison.deletedByOthers, "deleted by another process"),
    ].filter { $0.0 > 0 }.map { "\(Format.count($0.0)) \($0.1)" }
    if !changes.isEmpty { text += "; meanwhile \(changes.joined(separator: ", "))" }
    if comparison.isExplained {
      text +=
        comparison.comparesInodes ? "; every name and inode accounted for" : "; every name accounted for"
    }
    return text
  }

  // MARK: notes and errors

  static func describe(_ unrecognised: Unrecognised, _ what: String) -> String {
    let names = unrecognised.named.map(printable).joined(separator: ", ")
    let more = unrecognised.count > unrecognised.named.count ? ", …" : ""
    return "\(Format.count(unrecognised.count)) \(what): \(names)\(more)"
  }

  private func notes(_ report: CaptureReport) -> [String] {
    var lines: [String] = []
    if report.unrecognised.count > 0 {
      lines.append("unrecognised   \(Self.describe(report.unrecognised, "left in place"))")
    }
    if report.isReversion, report.isDryRun, report.total.moved > 0 {
      lines.append(
        "NOTE: a running ffmpeg must be switched back to the flat paths before --execute, or its next files stay in the hot "
          + "places.")
    }
    if report.isReversion, report.writerIsHot {
      lines.append(
        "NOTE: an encoder wrote to the hot places a moment ago: they stay, and so does what it writes there. Stop it, or switch "
          + "it to the flat paths; then run again.")
    }
    if report.writerIsFlat, !report.isReversion {
      lines.append(
        "NOTE: a writer was active in the flat places a moment ago. If it still is, switch it to the new paths and run again; "
          + "until then --keep-live moves only what is cold and keeps the old URL playing.")
    }
    lines += report.warnings.map { "NOTE: \($0.explanation(for: command))" }
    if report.renamed > 0 {
      lines.append(
        "NOTE: \(Format.count(report.renamed, "file")) \(report.isDryRun ? "would get" : "got") a new name with the time in it, because "
          + "another file in the same hour has the old one (--on-conflict rename).")
    }
    if report.copies.filesWithLosses > 0 {
      lines.append(
        "NOTE: \(Format.count(report.copies.filesWithLosses, "copied file")) could not keep \(Explanation.losses(report.copies.losses)); the contents are complete."
      )
    }
    if report.keepsOwnership, report.executionRefusal == nil {
      lines.append("NOTE: \(Explanation.ownership(of: report.owner))")
    }
    if report.otherRunIsActive {
      lines.append("NOTE: another run of hotcold is active here; these figures are already out of date.")
    }
    if report.isDryRun, report.mayReplace {
      lines.append(
        "NOTE: this file system may be unable to refuse to replace a file. If so, --execute stops before it moves anything "
          + "and explains --link-fallback.")
    }
    if !report.hasSettled, report.error == nil, report.stopSignal == nil {
      lines.append(
        "NOTE: after \(report.passes) passes there was still something to move: a writer is faster than a "
          + "pass. Run again later.")
    }
    if let comparison = report.comparison, comparison.isByCountsOnly {
      lines.append("NOTE: too much changed during the run to compare name by name; compared by counts.")
    }
    return lines
  }

  package func errors(_ report: CaptureReport) -> [String] {
    report.issues.map { "ERROR: \($0.explanation(for: command))" }
  }
}
