internal import CaptureLayout
internal import FoundationEssentials
internal import KernelIO
public import Migration

/// The report for programs: one object with stable keys (README, "JSON"). Names are given twice: escaped for
/// reading, and in base64 without loss.
public enum JSONReport {
  struct Name: Encodable {
    let text: String
    let base64: String

    init(_ bytes: [UInt8]) {
      text = printable(bytes)
      base64 = Data(bytes).base64EncodedString()
    }
  }

  public static func render(_ value: some Encodable) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Nothing in these types can fail to encode.
    let data = (try? encoder.encode(value)) ?? Data()
    return String(decoding: data, as: UTF8.self) + "\n"
  }

  public struct Run: Encodable {
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
    let timeZone: String
    let peakResidentBytes: UInt64
    let captures: [Capture]
    let notBegun: [Name]

    public init(_ run: RunReport, command: String = "migrate", exitCode: Int32) {
      self.command = command
      changed = run.captures.contains { $0.changed }
      wouldChange = run.captures.contains { $0.wouldChange }
      self.exitCode = exitCode
      engine = run.engine.rawValue
      engineReason = run.engineReason
      engineWarning = run.engineWarning
      ringRequests = run.ringTotals.requests
      ringSubmissions = run.ringTotals.submissions
      timeZone = run.timeZone ?? "local"
      peakResidentBytes = run.peakResidentBytes
      captures = run.captures.map { Capture($0, command: command) }
      notBegun = run.notBegun.map { Name($0.bytes) }
    }
  }

  struct Capture: Encodable {
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
    let errors: [String]

    init(_ report: CaptureReport, command: String) {
      capture = Name(report.capture.bytes)
      dryRun = report.isDryRun
      changed = report.changed
      wouldChange = report.wouldChange
      exitCode = ExitStatus(of: report).rawValue
      kinds = Dictionary(
        uniqueKeysWithValues: report.layout.kinds.map {
          (report.layout[$0].name, KindFigures(report.kinds[$0], report.layout))
        })
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
      comparison = report.comparison.map { ComparisonFigures($0, report.layout) }
      errors = TextReport(isColoured: false, command: command).errors(report)
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

    init(_ tally: Tally) {
      found = tally.found
      moved = tally.moved
      inPlace = tally.inPlace
      kept = tally.kept
      conflicts = tally.conflicts
      vanished = tally.vanished
      failed = tally.failed
      pending = tally.pending
    }
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
      byHour = layout.buckets == .hour ? buckets.map(\.value) : nil
      byBucket =
        layout.buckets == .hour
        ? nil
        : Dictionary(
          uniqueKeysWithValues: buckets.filter { $0.value > 0 }.map {
            (layout.buckets.text(of: $0.bucket), $0.value)
          })
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

    init(_ comparison: Comparison, _ layout: Layout) {
      func byKind(_ counts: PerKind<Int>) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: layout.kinds.map { (layout[$0].name, counts[$0]) })
      }
      before = byKind(comparison.before)
      after = byKind(comparison.after)
      arrived = comparison.arrived
      deletedByOthers = comparison.deletedByOthers
      replacedByOthers = comparison.replacedByOthers
      lost = comparison.lost
      byCountsOnly = comparison.isByCountsOnly
      comparesInodes = comparison.comparesInodes
    }
  }

  package struct Verifications: Encodable {
    let command = "verify"
    let version = Version.number
    let exitCode: Int32
    let captures: [VerifiedCapture]

    package init(exitCode: Int32, captures: [VerifiedCapture]) {
      self.exitCode = exitCode
      self.captures = captures
    }
  }

  package struct VerifiedCapture: Encodable {
    let capture: Name
    let met: Bool
    let exitCode: Int32
    let criteria: [CriterionFigures]
    let errors: [String]

    package init(_ report: VerificationReport) {
      capture = Name(report.capture.bytes)
      met = report.isMet
      exitCode = ExitStatus(of: report).rawValue
      criteria = report.criteria.map(CriterionFigures.init)
      errors =
        report.error.map { ["ERROR: \(Explanation.of(.stopped($0), in: report.capture, command: "verify"))"] }
        ?? []
    }
  }

  package struct CriterionFigures: Encodable {
    let id: String
    let met: Bool
    let figures: [String: Int]
    let examples: [Name]

    init(_ criterion: Criterion) {
      id = criterion.identifier.rawValue
      met = criterion.isMet
      figures = Dictionary(uniqueKeysWithValues: criterion.figures.map { ($0.name, $0.value) })
      examples = criterion.examples.map(Name.init)
    }
  }
}
