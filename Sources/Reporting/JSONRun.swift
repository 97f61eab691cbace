internal import CaptureLayout
internal import KernelIO
public import Migration

/// Of `migrate` and `revert`.
extension JSONReport {
  /// The whole run, or its last line.
  public static func run(
    _ run: RunReport, command: String, exitCode: Int32, elapsedNanoseconds: Int64, as form: Form = .object
  ) -> String {
    let whole = Whole(
      head: RunHead(run, command, exitCode), captures: run.captures.map { Capture($0, command) },
      summary: RunSummary(run, exitCode, elapsedNanoseconds), form: form)
    return render(whole, as: form)
  }

  /// The line of one capture.
  public static func line(_ report: CaptureReport, command: String) -> String {
    render(Capture(report, command), as: .lines)
  }

  struct RunHead: Encodable {
    let command: String
    let version = Version.number
    let changed: Bool
    let wouldChange: Bool
    let exitCode: Int32
    let engine: String
    let engineReason: String
    let engineWarning: String?
    let ringRequests: Int
    let ringSubmissions: Int
    let timeZone = Zone()
    let peakResidentBytes: UInt64
    let notBegun: [Name]

    init(_ run: RunReport, _ command: String, _ exitCode: Int32) {
      self.command = command
      changed = run.captures.contains { $0.changed }
      wouldChange = run.captures.contains { $0.wouldChange }
      self.exitCode = exitCode
      engine = run.engine.rawValue
      engineReason = run.engineReason
      engineWarning = run.engineWarning
      ringRequests = run.ringTotals.requests
      ringSubmissions = run.ringTotals.submissions
      peakResidentBytes = run.peakResidentBytes
      notBegun = run.notBegun.map(Name.init)
    }
  }

  struct RunSummary: Encodable {
    let captures: Int
    let total: Counts
    let errors: Int
    let elapsedSeconds: Double
    let filesPerSecond: Double
    let exitCode: Int32

    init(_ run: RunReport, _ exitCode: Int32, _ elapsedNanoseconds: Int64) {
      captures = run.captures.count
      total = Counts(run.captures.map(\.total))
      errors = run.captures.reduce(0) { $0 + $1.issues.count }
      elapsedSeconds = Double(elapsedNanoseconds) / 1e9
      filesPerSecond = perSecond(total.found, elapsedNanoseconds)
      self.exitCode = exitCode
    }
  }

  struct Capture: Encodable {
    let type = "capture"
    let capture: Name
    let dryRun: Bool
    let changed: Bool
    let wouldChange: Bool
    let exitCode: Int32
    let kinds: [String: KindFigures]
    let total: Counts
    let livePlaylist: String
    let foldersMade: Int
    let foldersRemoved: Int
    let manifests: ManifestFigures?
    let nextNumbers: NextNumbers
    let cutShort: Bool
    let renamed: Int
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
    let errors: [Message]

    init(_ report: CaptureReport, _ command: String) {
      capture = Name(report.capture)
      dryRun = report.isDryRun
      changed = report.changed
      wouldChange = report.wouldChange
      exitCode = ExitStatus(of: report).rawValue
      kinds = byKind(report.kinds, of: report.layout) { KindFigures($0, report.layout) }
      total = Counts(report.total)
      livePlaylist = report.livePlaylist.rawValue
      foldersMade = report.foldersMade
      foldersRemoved = report.foldersRemoved
      manifests = report.manifests.map(ManifestFigures.init)
      nextNumbers = NextNumbers(
        segments: report.numbers.segment.map { $0 + 1 }, captures: report.numbers.capture.map { $0 + 1 })
      cutShort = report.isCutShort
      renamed = report.renamed
      passes = report.passes
      settled = report.hasSettled
      writerActive = report.writerIsActive
      otherRunActive = report.otherRunIsActive
      mayReplace = report.mayReplace
      synced = report.isSynced
      elapsedSeconds = Double(report.elapsedNanoseconds) / 1e9
      filesPerSecond = report.filesPerSecond.rounded()
      unrecognised = Names(
        count: report.unrecognised.count, named: report.unrecognised.named.map(Name.init))
      comparison = report.comparison.map { ComparisonFigures($0, of: report.layout) }
      errors = report.issues.map { Message($0, command) }
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

  struct NextNumbers: Encodable {
    let segments, captures: Int64?
  }

  struct Counts: Encodable {
    let found, moved, inPlace, kept, conflicts, vanished, failed, pending: Int

    /// Of all of them together.
    init(_ tallies: [Tally]) {
      let sum = { (count: KeyPath<Tally, Int>) in tallies.reduce(0) { $0 + $1[keyPath: count] } }
      found = sum(\.found)
      moved = sum(\.moved)
      inPlace = sum(\.inPlace)
      kept = sum(\.kept)
      conflicts = sum(\.conflicts)
      vanished = sum(\.vanished)
      failed = sum(\.failed)
      pending = sum(\.pending)
    }

    init(_ tally: Tally) { self.init([tally]) }
  }

  struct KindFigures: Encodable {
    let counts: Counts
    let hot: Int
    let cold: Int
    /// By hour of day, or by date and hour.
    let byHour: [Int]?
    let byBucket: [String: Int]?

    init(_ report: KindReport, _ layout: Layout) {
      counts = Counts(report.tally)
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
