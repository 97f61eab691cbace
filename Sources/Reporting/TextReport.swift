internal import CaptureLayout
internal import KernelIO
public import Migration

/// The report for people: what was found, what became of it, and what to do about the rest.
public struct TextReport {
  private static let chartColumns = 40
  private static let archivesNamedMax = 3

  let isColoured: Bool
  /// The command that advice names, where it is not that of the report.
  private let command: String?

  public init(isColoured: Bool, command: String? = nil) {
    self.isColoured = isColoured
    self.command = command
  }

  public func render(_ report: CaptureReport, of run: RunReport) -> String {
    var lines: [String] = ["\(Explanation.text(report.capture)): \(headline(report))"]
    if report.passes > 0 {
      lines.append("")
      lines += table(report)
      lines.append("")
      lines += chart(report)
      lines.append("")
      lines += facts(report, run)
    }
    lines += notes(report)
    lines += errors(report)
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: headline

  private func headline(_ report: CaptureReport) -> String {
    if let error = report.error {
      return report.total.moved == 0 && report.livePlaylist != .moved
        ? bold("refused, no file was moved")
        : bold("stopped by an error (\(ExitStatus(of: error).rawValue)); run it again to go on")
    }
    if report.stopSignal != nil { return bold("interrupted; run it again to go on") }
    if report.isDryRun { return bold("dry run, nothing was moved (add --execute to do it)") }
    if report.isCutShort { return bold("out of time; the rest is left to the next run") }
    guard report.isClean else { return bold("not everything could be moved, see ERROR below") }
    let done = report.isReversion ? "back in the flat layout" : "migrated"
    return bold(report.changed ? done : "nothing to do")
  }

  private func bold(_ text: String) -> String {
    isColoured ? "\u{1b}[1m\(text)\u{1b}[0m" : text
  }

  // MARK: figures

  private func table(_ report: CaptureReport) -> [String] {
    let header = [
      "", "found", "hot", "cold", "moved", "in place", "kept", "conflicts", "vanished", "failed",
    ]
    var rows = [header]
    for kind in Kind.allCases {
      let figures = report.kinds[kind]
      rows.append(row(kind.name, figures.tally, hot: figures.hot, cold: figures.cold))
    }
    let hot = Kind.allCases.reduce(0) { $0 + report.kinds[$1].hot }
    let cold = Kind.allCases.reduce(0) { $0 + report.kinds[$1].cold }
    rows.append(row("total", report.total, hot: hot, cold: cold))
    let widths = header.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      row.indices.map {
        $0 == 0 ? Format.left(row[$0], widths[$0]) : Format.right(row[$0], widths[$0] + 2)
      }.joined()
    }
  }

  private func row(_ name: String, _ tally: Tally, hot: Int, cold: Int) -> [String] {
    [name]
      + [
        tally.found, hot, cold, tally.moved, tally.inPlace, tally.kept, tally.conflicts,
        tally.vanished, tally.failed,
      ].map(Format.count)
  }

  /// Files of all kinds in each hour folder.
  private func chart(_ report: CaptureReport) -> [String] {
    let counts = hoursOfDay.map { hour in
      Kind.allCases.reduce(0) { $0 + report.kinds[$1].byHour[hour] }
    }
    let largest = max(1, counts.max() ?? 1)
    let title = report.isDryRun ? "cold files by hour folder, planned" : "cold files by hour folder"
    return [title]
      + hoursOfDay.map { hour in
        let length = (counts[hour] * Self.chartColumns + largest - 1) / largest
        let bar = String(repeating: "█", count: length)
        return "\(Format.right("\(hour)", 4))  \(Format.left(bar, Self.chartColumns))  "
          + Format.count(counts[hour])
      }
  }

  private func facts(_ report: CaptureReport, _ run: RunReport) -> [String] {
    var lines = [
      "live playlist  \(report.livePlaylist.rawValue)",
      "folders        \(folders(report))",
      "throughput     \(Format.count(Int(report.filesPerSecond))) files/s "
        + "(\(Format.count(report.total.found)) in \(Format.seconds(nanoseconds: report.elapsedNanoseconds)))",
      "engine         \(run.engine.rawValue) (\(run.engineReason))",
      "peak memory    \(Format.bytes(run.peakResidentBytes))",
    ]
    if let manifests = report.manifests {
      lines.append("archives       \(describe(manifests, isDryRun: report.isDryRun))")
    }
    if let text = nextNumbers(report.numbers) { lines.append("next numbers   \(text)") }
    if let comparison = report.comparison { lines.append("before, after  \(describe(comparison))") }
    if !report.isDryRun, report.error == nil {
      lines.append("durable        \(report.isSynced ? "yes (syncfs)" : "not asked for (--no-sync)")")
    }
    return lines
  }

  private func folders(_ report: CaptureReport) -> String {
    if report.isReversion {
      return
        "\(Format.count(report.foldersRemoved)) empty ones \(report.isDryRun ? "to be removed" : "removed")"
    }
    return "\(Format.count(report.foldersMade)) \(report.isDryRun ? "to be made" : "made")"
  }

  private func describe(_ manifests: ManifestReport, isDryRun: Bool) -> String {
    let prefix = isDryRun ? "to be " : ""
    return [
      (manifests.written, prefix + "written"), (manifests.unchanged, "unchanged"),
      (manifests.removed, prefix + "removed"),
      (manifests.foreign.count, "of others left alone"), (manifests.failures.count, "not written"),
    ].filter { $0.0 > 0 }.map { "\(Format.count($0.0)) \($0.1)" }.joined(separator: ", ")
  }

  /// Where a new encoder has to go on, so that its names do not collide with those that are there.
  private func nextNumbers(_ numbers: HighestNumbers) -> String? {
    let texts = [(numbers.segment, "segments"), (numbers.capture, "captures")].compactMap { number, name in
      number.map { "\(name) \($0 + 1)" }
    }
    return texts.isEmpty ? nil : texts.joined(separator: ", ") + " (ffmpeg: -start_number)"
  }

  private func describe(_ comparison: Comparison) -> String {
    let before = Kind.allCases.reduce(0) { $0 + comparison.before[$1] }
    let after = Kind.allCases.reduce(0) { $0 + comparison.after[$1] }
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

  // MARK: what to know, what to do

  private func notes(_ report: CaptureReport) -> [String] {
    var lines: [String] = []
    if report.unrecognised.count > 0 {
      let names = report.unrecognised.named.map(printable).joined(separator: ", ")
      let more = report.unrecognised.count > report.unrecognised.named.count ? ", …" : ""
      lines.append(
        "unrecognised   \(Format.count(report.unrecognised.count)) left where they are: \(names)\(more)")
    }
    if report.isReversion, report.isDryRun {
      lines.append(
        "NOTE: switch ffmpeg back to the flat paths before --execute, or its next files stay in the hot places."
      )
    }
    if report.writerIsActive {
      lines.append(
        "NOTE: a writer is active. --keep-live moves only what is cold and leaves the old URL playing; "
          + "switch ffmpeg to the new paths, then run once more without it.")
    }
    if report.otherRunIsActive {
      lines.append("NOTE: another run of hotcold is at work here; these figures are already out of date.")
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
    let command = command ?? (report.isReversion ? "revert" : "migrate")
    var lines: [String] = []
    if let error = report.error { lines.append("ERROR: \(Explanation.of(error, command: command))") }
    lines += report.refusals.map { "ERROR: \(Explanation.of($0))" }
    lines += report.unreadablePlaylists.map {
      "ERROR: \(Explanation.text($0)): larger than \(Format.bytes(UInt64(CaptureReport.livePlaylistBytesMax))), so it is "
        + "not known which segments it lists: none is moved or deleted. Let the encoder list fewer (ffmpeg: "
        + "-hls_list_size), then run again."
    }
    lines += report.problems.named.map { "ERROR: \(Explanation.of($0))" }
    let more = report.problems.count - report.problems.named.count
    if more > 0 { lines.append("ERROR: and \(Format.count(more)) more like these") }
    if report.problems.includePermissions {
      lines.append(
        "ERROR: some files may not be moved by this user. Run as the owner of the files, "
          + "sudo -u \(report.owner ?? "OWNER") hotcold \(command) …; chattr -i lifts an immutable flag."
      )
    }
    if report.total.conflicts > 0 {
      lines.append(
        "ERROR: \(Format.count(report.total.conflicts)) names are taken. Compare the two files, rename or "
          + "remove the one you do not need, then run again.")
    }
    for path in report.manifests?.foreign ?? [] {
      lines.append(
        "ERROR: \(path): written by something else than hotcold; left as it is. Move it away and run again, or do "
          + "without (--no-manifests).")
    }
    let unwritten = report.manifests?.failures ?? []
    for error in unwritten.prefix(Self.archivesNamedMax) {
      let what = report.isReversion ? "it stays" : "this archive was not written"
      lines.append(
        "ERROR: \(Explanation.describe(error)): \(what). "
          + (Explanation.knownRemedy(error) ?? "Fix the cause, then run again."))
    }
    if unwritten.count > Self.archivesNamedMax {
      let what = report.isReversion ? "more like these" : "more archives were not written"
      lines.append("ERROR: \(unwritten.count - Self.archivesNamedMax) \(what)")
    }
    if report.livePlaylist == .conflict, report.isReversion {
      lines.append(
        "ERROR: segments/output.m3u8: there is one in the capture too; both stay. Remove the older one and run again."
      )
    } else if report.livePlaylist == .conflict {
      lines.append(
        "ERROR: output.m3u8: there is one in segments/ too; both stay. If ffmpeg still writes to the old path, "
          + "switch it to segments/output.m3u8; then remove the older one and run again.")
    }
    if report.livePlaylist == .failed {
      lines.append("ERROR: output.m3u8 could not be moved\(report.isReversion ? " back" : " to segments/").")
    }
    if let comparison = report.comparison, comparison.lost > 0 {
      lines.append(
        "ERROR: \(Format.count(comparison.lost)) files that were there before are gone, and nothing that was "
          + "seen explains it. Look for another process that moves or deletes files here.")
    }
    if !report.isBalanced {
      lines.append("ERROR: the counts do not add up. This is a defect of hotcold: please report it.")
    }
    return lines
  }
}
