internal import CaptureLayout
internal import KernelIO
public import Migration

/// The report of `migrate` and `revert`.
extension JSONReport {
  /// The whole run, or its last line.
  public static func run(
    _ run: RunReport, command: String, exitCode: Int32, elapsedNanoseconds: Int64, as form: Form = .object
  ) -> String {
    let total = run.total
    let summary = Summary(
      captures: run.captures.count, errors: run.captures.reduce(0) { $0 + $1.issues.count },
      files: total.found, elapsedNanoseconds: elapsedNanoseconds, exitCode: exitCode)
    let whole = Whole(
      head: Joined(first: Run(command: command, exitCode: exitCode), second: RunHead(run)),
      captures: run.captures.map { Capture($0, command) },
      summary: Joined(first: summary, second: ["total": total]), form: form)
    return render(whole, as: form)
  }

  /// The line of one capture.
  public static func line(_ report: CaptureReport, command: String) -> String {
    render(Capture(report, command), as: .lines)
  }

  private struct RunHead: Encodable {
    let changed: Bool
    let wouldChange: Bool
    let engine: String
    let engineReason: String
    let engineWarning: String?
    let ringRequests: Int
    let ringSubmissions: Int
    let peakResidentBytes: UInt64
    let notBegun: [Name]

    init(_ run: RunReport) {
      changed = run.captures.contains { $0.changed }
      wouldChange = run.captures.contains { $0.wouldChange }
      engine = run.engine.rawValue
      engineReason = run.engineReason
      engineWarning = run.engineWarning
      ringRequests = run.ringTotals.requests
      ringSubmissions = run.ringTotals.submissions
      peakResidentBytes = run.peakResidentBytes
      notBegun = run.notBegun.map(Name.init)
    }
  }

  struct Capture: Encodable {
    let type = "capture"
    let capture: Name
    let timeZone: Zone?
    let dryRun: Bool
    let changed: Bool
    let wouldChange: Bool
    let exitCode: Int32
    let kinds: [String: KindFigures]
    let total: Tally
    let livePlaylist: String
    let initSegments: InitSegmentFigures
    let foldersMade: Int
    let foldersRemoved: Int
    let manifests: ManifestFigures?
    /// By kind; kinds with common numbers have the same one.
    let nextNumbers: [String: Int64]
    let cutShort: Bool
    let renamed: Int
    let copied: CopyFigures
    let passes: Int
    let settled: Bool
    let writerActive: Bool
    let otherRunActive: Bool
    let mayReplace: Bool
    let synced: Bool
    let elapsedSeconds: Double
    let filesPerSecond: Double
    let unrecognised: Names
    let comparison: ComparisonFigures?
    let warnings: [Message]
    let errors: [Message]

    init(_ report: CaptureReport, _ command: String) {
      capture = Name(report.capture)
      timeZone = report.timeZone.map(Zone.init)
      dryRun = report.isDryRun
      changed = report.changed
      wouldChange = report.wouldChange
      exitCode = ExitStatus(of: report).rawValue
      kinds = byKind(report.kinds, of: report.layout) { KindFigures($0, report.layout) }
      total = report.total
      livePlaylist = report.livePlaylist.rawValue
      initSegments = InitSegmentFigures(report.initSegments)
      foldersMade = report.foldersMade
      foldersRemoved = report.foldersRemoved
      manifests = report.manifests.map(ManifestFigures.init)
      nextNumbers = Self.nextNumbers(report)
      cutShort = report.isCutShort
      renamed = report.renamed
      copied = CopyFigures(report.copies)
      passes = report.passes
      settled = report.hasSettled
      writerActive = report.writerIsActive
      otherRunActive = report.otherRunIsActive
      mayReplace = report.mayReplace
      synced = report.isSynced
      elapsedSeconds = Double(report.elapsedNanoseconds) / 1e9
      filesPerSecond = report.filesPerSecond.rounded()
      unrecognised = Names(report.unrecognised)
      warnings = report.warnings.map { Message($0, command) }
      comparison = report.comparison.map { ComparisonFigures($0, of: report.layout) }
      errors = report.issues.map { Message($0, command) }
    }

    private static func nextNumbers(_ report: CaptureReport) -> [String: Int64] {
      var next: [String: Int64] = [:]
      for kinds in report.layout.kindsNumberedAlike {
        for kind in kinds { next[report.layout.name(of: kind)] = report.numbers.next(of: kinds) }
      }
      return next
    }
  }

  struct ManifestFigures: Encodable {
    let written, unchanged, removed: Int
    let foreign: [String]

    init(_ report: ManifestReport) {
      written = report.written
      unchanged = report.unchanged
      removed = report.removed
      foreign = report.foreign
    }
  }

  struct InitSegmentFigures: Encodable {
    let moved, copiesWritten, copiesMoved, copiesRemoved: Int

    init(_ counts: InitSegmentCounts) {
      moved = counts.moved
      copiesWritten = counts.copiesWritten
      copiesMoved = counts.copiesMoved
      copiesRemoved = counts.copiesRemoved
    }
  }

  struct KindFigures: Encodable {
    let counts: Tally
    let hot: Int
    let cold: Int
    /// Cold files by hour of day; `byBucket` in a layout with date folders.
    let byHour: [Int]?
    let byBucket: [String: Int]?

    init(_ report: KindReport, _ layout: Layout) {
      counts = report.tally
      hot = report.hot
      cold = report.cold
      let buckets = report.byBucket.all.filter { $0.bucket.tree == 0 }
      let byName = buckets.filter { $0.value > 0 }.map { (layout.buckets.text(of: $0.bucket), $0.value) }
      byHour = layout.buckets.hasDates ? nil : buckets.map(\.value)
      byBucket = layout.buckets.hasDates ? Dictionary(uniqueKeysWithValues: byName) : nil
    }
  }

  struct Names: Encodable {
    let count: Int
    let named: [Name]

    init(_ unrecognised: Unrecognised) {
      count = unrecognised.count
      named = unrecognised.named.map(Name.init)
    }
  }

  struct ComparisonFigures: Encodable {
    let before: [String: Int]
    let after: [String: Int]
    let arrived, deletedByOthers, replacedByOthers, lost: Int
    let byCountsOnly: Bool
    let comparesInodes: Bool

    init(_ comparison: Comparison, of layout: Layout) {
      before = byKind(comparison.before, of: layout) { $0 }
      after = byKind(comparison.after, of: layout) { $0 }
      arrived = comparison.arrived
      deletedByOthers = comparison.deletedByOthers
      replacedByOthers = comparison.replacedByOthers
      lost = comparison.lost
      byCountsOnly = comparison.isByCountsOnly
      comparesInodes = comparison.comparesInodes
    }
  }
}

/// Files that were copied to another file system.
struct CopyFigures: Encodable {
  let files: Int
  let bytes: UInt64
  /// Files that lack something of `CopyBatch.Losses`.
  let incomplete: Int

  init(_ copies: CopyTally) {
    files = copies.files
    bytes = copies.bytes
    incomplete = copies.filesWithLosses
  }
}
