internal import KernelIO
package import Migration

/// The report of `verify`.
extension JSONReport {
  /// The whole run, or its last line.
  ///
  /// - Parameter entries: how many entries were visited in total.
  package static func run(
    _ reports: [VerificationReport], entries: Int, elapsedNanoseconds: Int64, exitCode: Int32, as form: Form
  ) -> String {
    let summary = Summary(
      captures: reports.count, errors: reports.reduce(0) { $0 + $1.issues.count }, files: entries,
      elapsedNanoseconds: elapsedNanoseconds, exitCode: exitCode)
    let verified = ["met": reports.count(where: \.isMet), "entries": entries]
    let whole = Whole(
      head: Run(command: "verify", exitCode: exitCode), captures: reports.map(VerifiedCapture.init),
      summary: Joined(first: summary, second: verified), form: form)
    return render(whole, as: form)
  }

  /// The line of one capture.
  package static func line(_ report: VerificationReport) -> String {
    render(VerifiedCapture(report), as: .lines)
  }

  private struct VerifiedCapture: Encodable {
    let type = "capture"
    let capture: Name
    let timeZone: Zone?
    let met: Bool
    let exitCode: Int32
    let criteria: [CriterionFigures]
    let unrecognised: Names
    let warnings: [Message]
    let errors: [Message]

    init(_ report: VerificationReport) {
      capture = Name(report.capture)
      timeZone = report.timeZone.map(Zone.init)
      met = report.isMet
      exitCode = ExitStatus(of: report).rawValue
      criteria = report.criteria.map(CriterionFigures.init)
      unrecognised = Names(report.unrecognised)
      warnings = report.warnings.map { Message($0, "verify") }
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
