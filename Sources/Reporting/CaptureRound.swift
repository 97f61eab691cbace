public import Migration
public import SystemPackage

/// What one round of the service did with a capture; in a dry run, what it would do.
public struct CaptureRound: Sendable {
  public let capture: FilePath
  public let isDryRun: Bool
  /// The time zone of its buckets; nil for that of the process.
  public private(set) var timeZone: String?
  public private(set) var moved = 0
  /// Whether settling did not finish in its slice of the round.
  public private(set) var hasMoreToDo = false
  public private(set) var wouldChange = false
  public private(set) var maintenance: MaintenanceReport?
  public private(set) var found = 0
  /// In the order of occurrence.
  public private(set) var issues: [Issue] = []
  private var statuses: [ExitStatus] = []

  public init(_ capture: FilePath, isDryRun: Bool) {
    self.capture = capture
    self.isDryRun = isDryRun
  }

  public var status: ExitStatus { ExitStatus.combined(statuses, stopSignal: nil) }
  public var changed: Bool { !isDryRun && wouldChange }
  /// In a dry run, how many files would be deleted.
  public var deleted: Int {
    maintenance?.retention.map { isDryRun ? $0.dueTotal : $0.deletedTotal } ?? 0
  }

  /// The number of issues that keep its status from being `done`: errors, and deletions that retention declined.
  var errorCount: Int { issues.count { status(of: $0) != .done } }

  private func status(of issue: Issue) -> ExitStatus {
    // A dry run leaves nothing undone by declining it.
    isDryRun && issue.code == .retentionDeclined ? .done : ExitStatus(of: issue)
  }

  /// Adds the report of one slice of settling.
  public mutating func add(_ report: CaptureReport) {
    timeZone = report.timeZone
    moved += report.total.moved
    found = max(found, report.total.found)
    hasMoreToDo = report.isCutShort
    wouldChange = wouldChange || report.wouldChange
    issues += report.issues + report.warnings
    statuses.append(ExitStatus(of: report))
  }

  /// Adds an issue because of which the capture was not handled at all.
  public mutating func add(_ issue: Issue) {
    issues.append(issue)
    statuses.append(ExitStatus(of: issue))
  }

  /// Adds the maintenance that follows settling.
  ///
  /// - Parameters:
  ///   - report: of the maintenance.
  ///   - issues: those of the report, and any others that belong to it.
  public mutating func add(_ report: MaintenanceReport, _ issues: [Issue]) {
    maintenance = report
    self.issues += issues
    statuses += issues.map(status)
    wouldChange =
      wouldChange || deleted > 0
      || report.manifests.map { $0.written + $0.removed > 0 || $0.initSegments.haveChanged } ?? false
  }
}
