internal import CaptureLayout
internal import KernelIO
internal import Migration
public import SystemPackage

/// The report of `archive --once` and `archive --dry-run`.
extension JSONReport {
  /// The whole round, or its last line.
  ///
  /// - Parameters:
  ///   - captures: those that the round came to.
  ///   - notBegun: those that it did not come to.
  ///   - issues: those of the round that concern no single capture.
  ///   - isDryRun: whether nothing was changed.
  ///   - elapsedNanoseconds: how long the round took.
  ///   - exitCode: of the process.
  ///   - form: one object, or the last of several lines.
  public static func round(
    _ captures: [CaptureRound], notBegun: [FilePath], _ issues: [Issue], isDryRun: Bool,
    elapsedNanoseconds: Int64, exitCode: Int32,
    as form: Form
  ) -> String {
    let head = RoundHead(
      dryRun: isDryRun, changed: captures.contains(where: \.changed),
      wouldChange: captures.contains(where: \.wouldChange), notBegun: notBegun.map(Name.init),
      roundErrors: messages(issues.filter { $0.severity == .error }),
      roundWarnings: messages(issues.filter { $0.severity == .warning }))
    let summary = Summary(
      captures: captures.count,
      errors: captures.reduce(issues.count { $0.severity == .error }) { $0 + $1.errorCount },
      files: captures.reduce(0) { $0 + $1.found }, elapsedNanoseconds: elapsedNanoseconds,
      exitCode: exitCode)
    let changes = [
      "moved": captures.reduce(0) { $0 + $1.moved }, "deleted": captures.reduce(0) { $0 + $1.deleted },
    ]
    let whole = Whole(
      head: Joined(first: Run(command: "archive", exitCode: exitCode), second: head),
      captures: captures.map(RoundCapture.init),
      summary: Joined(first: summary, second: changes), form: form)
    return render(whole, as: form)
  }

  /// The line of one capture.
  public static func line(_ round: CaptureRound) -> String { render(RoundCapture(round), as: .lines) }

  private static func messages(_ issues: [Issue]) -> [Message] { issues.map { Message($0, "archive") } }

  private struct RoundHead: Encodable {
    let dryRun: Bool
    let changed: Bool
    let wouldChange: Bool
    let notBegun: [Name]
    /// The issues that concern no single capture.
    let roundErrors, roundWarnings: [Message]
  }

  private struct RoundCapture: Encodable {
    let type = "capture"
    let capture: Name
    let timeZone: Zone?
    let dryRun: Bool
    let changed: Bool
    let wouldChange: Bool
    let exitCode: Int32
    let moved: Int
    let deleted: Int
    let moreToDo: Bool
    let playlists: ManifestFigures?
    let initSegments: InitSegmentFigures?
    let retention: RetentionFigures?
    let errors: [Message]
    let warnings: [Message]

    init(_ round: CaptureRound) {
      capture = Name(round.capture)
      timeZone = round.timeZone.map(Zone.init)
      dryRun = round.isDryRun
      changed = round.changed
      wouldChange = round.wouldChange
      exitCode = round.status.rawValue
      moved = round.moved
      deleted = round.deleted
      moreToDo = round.hasMoreToDo
      playlists = round.maintenance?.manifests.map(ManifestFigures.init)
      initSegments = round.maintenance?.manifests.map { InitSegmentFigures($0.initSegments) }
      let declined = round.issues.filter { $0.code == .retentionDeclined }
      retention = round.maintenance.flatMap { maintenance in
        maintenance.retention.map {
          RetentionFigures(
            $0, of: maintenance.layout, isDryRun: round.isDryRun, refusals: messages(declined))
        }
      }
      errors = messages(round.issues.filter { $0.severity == .error })
      warnings = messages(round.issues.filter { $0.severity == .warning && $0.code != .retentionDeclined })
    }
  }

  private struct RetentionFigures: Encodable {
    let expired: [String: Int]
    /// In a dry run, the files that would be deleted.
    let deleted: [String: Int]
    let implausible: [String: Int]
    let spared: Int
    let refusals: [Message]

    init(_ report: RetentionReport, of layout: Layout, isDryRun: Bool, refusals: [Message]) {
      expired = byKind(report.expired, of: layout) { $0 }
      deleted = byKind(isDryRun ? report.due : report.deleted, of: layout) { $0 }
      implausible = byKind(report.implausible, of: layout) { $0 }
      spared = report.spared
      self.refusals = refusals
    }
  }
}
