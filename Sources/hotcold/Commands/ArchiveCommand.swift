import Archiver
import ArgumentParser
import CaptureLayout
import KernelIO
import Logging
import Migration
import Reporting
import SystemPackage

struct ArchiveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "archive",
    abstract: "Runs the service: keeps the tiers of captures in order, round by round.",
    discussion: """
      Every round settles each capture, applies retention if it was asked for, and brings the playlists of the hours \
      up to date. If the command line names captures (also with --captures-from), it handles only those: a list that the \
      environment or the settings file names then only says which layouts they have. A list is read again every round.

      Each setting comes from its flag, else from the environment (HOTCOLD_INTERVAL for --interval, HOTCOLD_MANIFESTS=no for --no-manifests), \
      else from the file of --config, else it has its default; --print-config shows which.
      """)

  @OptionGroup var captures: CaptureArguments
  @Option(Settings.interval) var interval: String?
  @Option(Settings.minAge) var minAge: String?
  @Option(Settings.retain) var retain: [String] = []
  @Option(Settings.maxDelete) var maxDelete: String?
  @Option(Settings.metricsFile) var metricsFile: String?
  @Option(Settings.warnFree) var warnFree: String?
  @Flag(Settings.flushOnStop) var flushOnStop = false
  @Option(Settings.flushTimeout) var flushTimeout: String?
  @OptionGroup var layout: LayoutOptions
  @OptionGroup var place: PlaceOptions
  @OptionGroup var settle: SettleOptions
  @OptionGroup var rename: RenameOptions
  @Option(
    help: ArgumentHelp(
      "The settings file (default: \(SettingsFile.usual), if it exists).", valueName: "file"),
    completion: .file(),
    transform: pathArgument)
  var config: FilePath?
  @Flag(help: "Print every setting and where it comes from, then exit.")
  var printConfig = false
  @Flag(help: "Run one round, then exit: for timers and tests.")
  var once = false
  @Flag(help: "Run one round that writes nothing and says what it would do.")
  var dryRun = false
  @Flag(
    help: "With --once: delete expired files even where it looks like a mistake. Look at --dry-run first.")
  var forceRetention = false
  @Option(help: "With --once or --dry-run: how the round is printed, text (only messages), json or ndjson.")
  var format = OutputFormat.text
  @Flag(name: .shortAndLong, help: "Print errors only.")
  var quiet = false

  func validate() throws {
    if forceRetention && !once { throw ValidationError("--force-retention requires --once.") }
    if flushOnStop && (once || dryRun) {
      throw ValidationError("--flush-on-stop is for the service, not for --once or --dry-run.")
    }
    if format != .text && !once && !dryRun {
      throw ValidationError("--format requires --once or --dry-run.")
    }
  }

  func run() throws {
    let console = Console(isQuiet: quiet)
    do {
      let settings = try readSettings()
      let options = try archiverOptions(settings)
      if printConfig { return try Output.print(settings.text, console) }
      CurrentProcess.clearUmask()
      if once || dryRun { return try runOnce(options, console) }
      try serve(options, settings, console)
    } catch let error as KernelError {
      throw Issue(.failed(error, remedy: "Fix the cause, then start again."))
    }
  }

  private func serve(_ options: ArchiverOptions, _ settings: GivenSettings, _ console: Console) throws {
    // The list is read again every round, and later errors in it are logged; but a service must not start without it.
    _ = try options.namedCaptures()
    guard Threads.areGranted else {
      console.error(
        "the service needs one more thread, but the kernel refuses it. Raise the limit (ulimit -u, TasksMax=, pids.max)."
      )
      throw ExitStatus.ioError.code
    }
    let zone = try settings.placement().timeZone
    try ArchiverService(options, log: console.logger) { () throws(SettingsMistake) in
      let settings = try readSettings()
      guard try settings.placement(keepsZone: true).timeZone == zone else {
        throw SettingsMistake(
          message: "the time zone of the buckets has changed (HOTCOLD_TIME_ZONE, or the layout)",
          remedy: "Restart the service.")
      }
      return try archiverOptions(settings, keepsZone: true)
    }.runUntilSignalled()
  }

  private func runOnce(_ options: ArchiverOptions, _ console: Console) throws {
    var options = options
    let list = try options.namedCaptures(orStream: true)
    var issues = list.unmatched.map { Issue(.patternUnmatched($0, in: options.capturesFile)) }
    if list.captures.isEmpty, let file = options.capturesFile {
      issues.append(Issue(.noCaptures(list: file)))
    }
    for issue in issues { console.log(issue) }
    options.captures = list.captures
    options.layouts = list.layouts
    // It may be a stream.
    options.capturesFile = nil
    StopSignal.install()
    let start = SystemClock.monotonicNanoseconds
    let lines = CaptureLines(format)
    let archiver = Archiver(options, log: console.logger)
    let round = archiver.round(until: .max / 2) { lines.print(JSONReport.line($0)) }
    console.info(round.text)
    if dryRun, round.moved > 0 {
      console.info("playlists and deletions that would follow from these moves are not included")
    }
    let status = ExitStatus.combined(round.statuses, stopSignal: StopSignal.pending)
    if let form = format.form {
      let text = JSONReport.round(
        round.captures, notBegun: round.notBegun, issues + round.issues, isDryRun: dryRun,
        elapsedNanoseconds: SystemClock.monotonicNanoseconds - start, exitCode: status.rawValue, as: form)
      try lines.finish(with: text, console)
    }
    throw status.code
  }

  // MARK: settings

  private var flags: [GivenFlag] {
    let own =
      Settings.interval.given(interval) + Settings.minAge.given(minAge) + Settings.retain.given(retain)
      + Settings.maxDelete.given(maxDelete) + Settings.metricsFile.given(metricsFile)
      + Settings.warnFree.given(warnFree) + Settings.flushOnStop.given(flushOnStop)
      + Settings.flushTimeout.given(flushTimeout)
    return captures.flags + own + layout.flags + place.flags + settle.flags + rename.flags
  }

  private func readSettings() throws(SettingsMistake) -> GivenSettings {
    try GivenSettings(flags: flags, file: config)
  }

  private func archiverOptions(
    _ settings: GivenSettings, keepsZone: Bool = false
  ) throws(SettingsMistake) -> ArchiverOptions {
    let placement = try settings.tieredPlacement(keepsZone: keepsZone)
    var options = ArchiverOptions(
      policy: try policy(placement, settings, repeated: settings.repeated([Settings.layout])),
      policyOf: { (listed) throws(SettingsMistake) in
        try policy(
          try settings.placement(of: listed, beside: placement), settings,
          repeated: Settings.layout.given(listed.name))
      })
    options.captures = captures.captures
    // Captures on the command line are the only ones: the list in the settings belongs to the service.
    if settings.choosesCaptures(captures.captures) {
      options.capturesFile =
        settings.source(of: Settings.capturesFrom) == .flag
        ? try settings.value(of: Settings.capturesFrom) : nil
      options.layoutsFile = try settings.listOfLayouts()
    } else {
      options.capturesFile = try settings.value(of: Settings.capturesFrom)
    }
    guard !options.captures.isEmpty || options.capturesFile != nil || printConfig else {
      throw SettingsMistake(
        message: "no capture is named",
        remedy:
          "Name at least one capture folder, or a file of them with --captures-from or HOTCOLD_CAPTURES_FROM."
      )
    }
    options.intervalSeconds = try settings.value(of: Settings.interval)
    options.minAgeSeconds = try settings.value(of: Settings.minAge)
    options.keepLive = try settings.value(of: Settings.keepLive)
    options.writesManifests = try settings.value(of: Settings.manifests)
    options.renaming = try settings.renaming()
    options.isRetentionForced = forceRetention
    options.retainsByLayout = settings.retainsByLayout
    options.isDryRun = dryRun
    options.metricsFile = try settings.value(of: Settings.metricsFile)
    options.warnFreePercent = try settings.value(of: Settings.warnFree)
    let flushSeconds = try settings.value(of: Settings.flushTimeout)
    options.flushSeconds = try settings.value(of: Settings.flushOnStop) ? flushSeconds : nil
    options.engine = try settings.value(of: Settings.engine)
    return options
  }

  /// - Parameter repeated: the flags that name the layout, for the command that confirms what retention declined.
  private func policy(
    _ placement: Placement, _ settings: GivenSettings, repeated layout: [GivenFlag]
  ) throws(SettingsMistake) -> Policy {
    let repeated = (settings.repeated(Settings.ofCapture) + layout).map(\.words)
    let configuration = config.map { ["--config \(shellWord($0.bytes))"] } ?? []
    return Policy(
      layout: placement.layout, rule: placement.rule, hours: placement.hours,
      retention: RetentionRule(
        ageSeconds: try settings.value(of: Settings.retain, by: .ages(of: placement.layout)),
        deletionsMax: try settings.value(of: Settings.maxDelete)),
      confirmation: ([Policy.confirmation] + configuration + repeated).joined(separator: " "))
  }
}
