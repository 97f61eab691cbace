import ArgumentParser
import KernelIO
import Migration

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Checks captures against the guide's success criteria. Reads only.")

  @OptionGroup var captures: CaptureArguments
  @OptionGroup var settle: SettleOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try settle.takeTimeZone()
    let paths = try captures.paths()
    let console = Console(isQuiet: output.quiet)
    let reports = paths.map { Verification.run($0, rule: settle.rule, hours: settle.hours) }
    let code = ExitStatus.combined(reports.map(ExitStatus.code(of:)))
    for report in reports {
      if let error = report.error {
        console.repeatErrors(["ERROR: \(Explanation.of(error, command: "verify"))"])
      }
    }
    switch output.format {
    case .json:
      let value = JSONReport.Verifications(
        exitCode: code.rawValue, captures: reports.map(JSONReport.VerifiedCapture.init))
      try Output.print(JSONReport.render(value), console)
    case .text:
      let text = reports.map { TextVerification(isQuiet: output.quiet).render($0) }
      try Output.print(text.joined(), console)
    }
    throw code
  }
}

/// The criteria for people, each met or not with its figures.
struct TextVerification {
  let isQuiet: Bool

  func render(_ report: VerificationReport) -> String {
    var lines: [String] = []
    if let error = report.error {
      lines.append("ERROR: \(Explanation.of(error, command: "verify"))")
    } else {
      lines.append(
        "\(Explanation.text(report.capture)): \(report.isMet ? "all criteria met" : "not all criteria met")")
    }
    for criterion in report.criteria where !isQuiet || !criterion.isMet {
      let figures = criterion.figures.map { "\($0.name) \(Format.count($0.value))" }
      lines.append(
        "  \(criterion.isMet ? "met    " : "NOT MET") \(title(criterion.identifier)): "
          + figures.joined(separator: ", "))
      if !criterion.isMet { lines += criterion.examples.map { "            \(printable($0))" } }
    }
    return isQuiet && report.isMet ? "" : lines.joined(separator: "\n") + "\n"
  }

  private func title(_ criterion: Criterion.Identifier) -> String {
    switch criterion {
    case .folders: "all folders of the layout are there"
    case .flatPlaces: "nothing is left in a flat place"
    case .hotLimits: "hot files are within their limits"
    case .hours: "every cold file is in the hour folder of its time"
    case .names: "no name is there twice"
    case .livePlaylist: "the live playlist's segments are beside it"
    }
  }
}
