internal import KernelIO
package import Migration

/// Of `verify`.
extension JSONReport {
  /// The whole run, or its last line. `entries`: that were looked at in all.
  package static func run(
    _ reports: [VerificationReport], entries: Int, elapsedNanoseconds: Int64, exitCode: Int32, as form: Form
  ) -> String {
    let summary = VerificationSummary(
      captures: reports.count, met: reports.count(where: \.isMet), entries: entries,
      errors: reports.reduce(0) { $0 + $1.issues.count }, elapsedSeconds: Double(elapsedNanoseconds) / 1e9,
      filesPerSecond: perSecond(entries, elapsedNanoseconds), exitCode: exitCode)
    let whole = Whole(
      head: VerificationHead(exitCode: exitCode), captures: reports.map(VerifiedCapture.init),
      summary: summary, form: form)
    return render(whole, as: form)
  }

  /// The line of one capture.
  package static func line(_ report: VerificationReport) -> String {
    render(VerifiedCapture(report), as: .lines)
  }

  private struct VerificationHead: Encodable {
    let command = "verify"
    let version = Version.number
    let exitCode: Int32
    let timeZone = Zone()
  }

  private struct VerificationSummary: Encodable {
    let captures: Int
    let met: Int
    let entries: Int
    let errors: Int
    let elapsedSeconds: Double
    let filesPerSecond: Double
    let exitCode: Int32
  }

  private struct VerifiedCapture: Encodable {
    let type = "capture"
    let capture: Name
    let met: Bool
    let exitCode: Int32
    let criteria: [CriterionFigures]
    let errors: [Message]

    init(_ report: VerificationReport) {
      capture = Name(report.capture)
      met = report.isMet
      exitCode = ExitStatus(of: report).rawValue
      criteria = report.criteria.map(CriterionFigures.init)
      errors = report.issues.map { Message($0, "verify") }
    }
  }

  struct CriterionFigures: Encodable {
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
