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
  @Option(Settings.settledAge) var minAge: String?
  @OptionGroup var layout: LayoutOptions
  @OptionGroup var place: PlaceOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let settings = GivenSettings(
      flags: captures.flags + Settings.settledAge.given(minAge) + layout.flags + place.flags)
    let placement = try settings.tieredPlacement()
    let minAgeSeconds = try settings.value(of: Settings.settledAge)
    let console = Console(isQuiet: output.quiet)
    StandardStream.failWithoutSignal()
    let paths = try captures.paths(settings, console)
    let reports = paths.map { path in
      let display = ProgressDisplay(isQuiet: output.quiet, console: console)
      defer { display.finish() }
      return Verification.run(
        path, layout: placement.layout, rule: placement.rule, hours: placement.hours,
        wantsManifests: !noManifests,
        minAgeSeconds: minAgeSeconds, progressed: display.progressed)
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
}
