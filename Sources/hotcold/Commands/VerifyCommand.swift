import ArgumentParser
import KernelIO
import Migration
import Reporting

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify",
    abstract: "Checks captures against the guide's success criteria. Reads only.")

  @OptionGroup var captures: CaptureArguments
  @Flag(help: "Do not check segments/<hour>/archive.m3u8.")
  var noManifests = false
  @Option(help: "Younger files are not yet settled, and counted apart, such as 60s or 5m.")
  var minAge = Age(argument: "120s")!
  @OptionGroup var settle: SettleOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try settle.takeTimeZone()
    let console = Console(isQuiet: output.quiet)
    StandardStream.failWithoutSignal()
    let paths = try captures.paths(console)
    let reports = paths.map { path in
      let display = ProgressDisplay(isQuiet: output.quiet, console: console)
      defer { display.finish() }
      return Verification.run(
        path, rule: settle.rule, hours: settle.hours, wantsManifests: !noManifests,
        minAgeSeconds: minAge.seconds, progressed: display.progressed)
    }
    let status = ExitStatus.combined(reports.map(ExitStatus.init(of:)), stopSignal: StopSignal.pending)
    for report in reports {
      if let error = report.error {
        console.repeatErrors([.stopped(error)], in: report.capture, command: "verify")
      }
    }
    switch output.format {
    case .json:
      let value = JSONReport.Verifications(
        exitCode: status.rawValue, captures: reports.map(JSONReport.VerifiedCapture.init))
      try Output.print(JSONReport.render(value), console)
    case .text:
      let text = reports.map { TextVerification(isQuiet: output.quiet).render($0) }
      try Output.print(text.joined(), console)
    }
    throw status.code
  }

  /// "120s": as the ages of the service.
  struct Age: ExpressibleByArgument {
    private static let secondsMax: Int64 = 86_400
    let seconds: Int64

    init?(argument: String) {
      guard let seconds = ArchiveSettings.seconds(argument), seconds <= Self.secondsMax else { return nil }
      self.seconds = seconds
    }

    var defaultValueDescription: String { "\(seconds)s" }
  }
}
