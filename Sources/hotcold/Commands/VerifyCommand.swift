import Archiver
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
  @OptionGroup var service: ServiceOptions
  @OptionGroup var layout: LayoutOptions
  @OptionGroup var place: PlaceOptions
  @OptionGroup var output: ReportOptions

  func run() throws {
    let settings = try service.settings(
      flags: captures.flags + Settings.settledAge.given(minAge) + Settings.manifests.given(noManifests)
        + layout.flags + place.flags)
    let placement = try settings.tieredPlacement()
    let minAgeSeconds = try settledAgeSeconds(settings)
    let wantsManifests = try settings.value(of: Settings.manifests)
    let console = Console(isQuiet: output.quiet)
    StandardStream.failWithoutSignal()
    let named = try captures.named(settings, console)
    let placements = try settings.placements(of: named, beside: placement)
    try ColdRootConflicts.refuse(named) { placements[$0]?.layout ?? placement.layout }
    let start = SystemClock.monotonicNanoseconds
    let lines = CaptureLines(output.format)
    var entries = 0
    let reports = named.captures.map { path in
      let placement = placements[path] ?? placement
      let display = ProgressDisplay(isQuiet: output.quiet, console: console)
      var entriesOfCapture = 0
      let report = Verification.run(
        path, layout: placement.layout, rule: placement.rule, hours: placement.hours,
        wantsManifests: wantsManifests, minAgeSeconds: minAgeSeconds
      ) {
        entriesOfCapture = $0.entries
        display.progressed($0)
      }
      display.finish()
      entries += entriesOfCapture
      lines.print(JSONReport.line(report))
      return report
    }
    let status = ExitStatus.combined(reports.map(ExitStatus.init(of:)), stopSignal: StopSignal.pending)
    for report in reports { console.repeatErrors(report.issues, command: "verify") }
    if let form = output.format.form {
      let run = JSONReport.run(
        reports, entries: entries, elapsedNanoseconds: SystemClock.monotonicNanoseconds - start,
        exitCode: status.rawValue, as: form)
      try lines.finish(with: run, console)
    } else {
      let text = reports.map { TextVerification(isQuiet: output.quiet).render($0) }
      try Output.print(text.joined(), console)
    }
    throw status.code
  }

  /// A file may be as old as the minimum age and a whole interval when the service gets to it.
  private func settledAgeSeconds(_ settings: GivenSettings) throws(SettingsMistake) -> Int64 {
    guard settings.areOfService, settings.source(of: Settings.settledAge) != .flag else {
      return try settings.value(of: Settings.settledAge)
    }
    return try settings.value(of: Settings.minAge) + settings.value(of: Settings.interval)
  }
}
