public import Migration
public import SystemPackage

/// What a round of the service did with one capture, or would do.
public struct CaptureRound: Sendable {
  public let capture: FilePath
  public let isDryRun: Bool
  /// The zone of its buckets; nil for that of the process.
  public private(set) var timeZone: String?
  public private(set) var moved = 0
  /// Whether the settling did not come to its end in its time.
  public private(set) var hasMoreToDo = false
  public private(set) var wouldChange = false
  public private(set) var maintenance: MaintenanceReport?
  public private(set) var found = 0
  /// In the order in which they occurred.
  public private(set) var issues: [Issue] = []
  private var statuses: [ExitStatus] = []

  public init(_ capture: FilePath, isDryRun: Bool) {
    self.capture = capture
    self.isDryRun = isDryRun
  }

  public var status: ExitStatus { ExitStatus.combined(statuses, stopSignal: nil) }
  public var changed: Bool { !isDryRun && wouldChange }
  /// Of a dry run, those that would be.
  public var deleted: Int {
    maintenance?.retention.map { isDryRun ? $0.dueTotal : $0.deletedTotal } ?? 0
  }

  /// How many issues keep its status from being `done`: errors, and what retention declined.
  var errorCount: Int { issues.count { status(of: $0) != .done } }

  private func status(of issue: Issue) -> ExitStatus {
    // Of a dry run nothing that was declined is left undone.
    isDryRun && issue.code == .retentionDeclined ? .done : ExitStatus(of: issue)
  }

  /// A slice of its settling.
  public mutating func add(_ report: CaptureReport) {
    timeZone = report.timeZone
    moved += report.total.moved
    found = max(found, report.total.found)
    hasMoreToDo = report.isCutShort
    wouldChange = wouldChange || report.wouldChange
    issues += report.issues + report.warnings
    statuses.append(ExitStatus(of: report))
  }

  /// What keeps it from being dealt with at all.
  public mutating func add(_ issue: Issue) {
    issues.append(issue)
    statuses.append(ExitStatus(of: issue))
  }

  /// What came after it. `issues`: the report's, and what is more to say of it.
  public mutating func add(_ report: MaintenanceReport, _ issues: [Issue]) {
    maintenance = report
    self.issues += issues
    statuses += issues.map(status)
    wouldChange =
      wouldChange || deleted > 0
      || report.manifests.map { $0.written + $0.removed > 0 || $0.initSegments.haveChanged } ?? false
  }
}
