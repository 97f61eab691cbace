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
    abstract: "The service: keeps the tiers of captures in order, round by round.",
    discussion: """
      Every round settles each capture, applies retention where it was asked for, and brings the playlists of the hours \
      up to date. Settings come from the flag, else from the environment (HOTCOLD_INTERVAL for --interval, HOTCOLD_MANIFESTS=no for --no-manifests), \
      else from the file of --config, else they are the defaults; --print-config shows which.
      """)

  @Argument(
    help: "Capture folders. With them, the list that the settings name is not read.", completion: .directory,
    transform: pathArgument)
  var captures: [FilePath] = []
  @Option(
    help: """
      A file that names one capture a line: a folder, a line of the form folder,PID,quality, or a pattern such as \
      /srv/capture*. Lines that begin with '#' are comments. Read again every round.
      """, completion: .file())
  var capturesFrom: String?
  @Option(help: "The time from one round to the next, such as 60s or 5m (default: 60s).")
  var interval: String?
  @Option(help: "Younger files do not go to hour folders: they may still be in use (default: 60s).")
  var minAge: String?
  @Option(
    help: ArgumentHelp(
      "Delete cold files that are older, such as captures=1h; may be repeated. guide: 1h for captures, 24h for the rest.",
      valueName: "kind=age"), completion: .list(retentions))
  var retain: [String] = []
  @Option(
    help:
      "More expired files than this in one round of a capture are a mistake, and nothing goes (default: 50000)."
  )
  var maxDelete: String?
  @Option(
    help: "Write counters and gauges for node_exporter's textfile collector there (*.prom).",
    completion: .file())
  var metricsFile: String?
  @Option(help: "Warn where less of the bytes or inodes is free (default: 10%).")
  var warnFree: String?
  @Option(
    help: "The time zone of the hour folders, such as Europe/Zurich (default: the machine's).",
    completion: Completions.timeZone)
  var timeZone: String?
  @Option(
    help: ArgumentHelp("How many files of a kind stay hot; may be repeated.", valueName: "kind=n"),
    completion: Completions.hot)
  var hot: [String] = []
  @Flag(
    help:
      "Leave the hot files and the live playlist in the flat places, for an ffmpeg that still writes there.")
  var keepLive = false
  @Option(help: ConflictRule.help, completion: .list(ConflictRule.allValueStrings))
  var onConflict: String?
  @Flag(help: "Do not write segments/<hour>/archive.m3u8.")
  var noManifests = false
  @Flag(
    help:
      "Move by link and unlink where the file system cannot refuse to replace a file; see hotcold migrate --help for the risk."
  )
  var linkFallback = false
  @Option(
    help: "What carries the renames: auto, io_uring, syscalls (default: auto).",
    completion: .list(EngineChoice.allValueStrings))
  var engine: String?
  @Option(
    help: "The settings file (default: \(ArchiveSettings.fileDefault), if it is there).", completion: .file(),
    transform: pathArgument)
  var config: FilePath?
  @Flag(help: "Print every setting and where it comes from, and end.")
  var printConfig = false
  @Flag(help: "One round, then end: for timers and tests.")
  var once = false
  @Flag(help: "One round that writes nothing and says what it would do.")
  var dryRun = false
  @Flag(
    help: "With --once: delete what has expired although it looks like a mistake. Look at --dry-run first.")
  var forceRetention = false
  @Flag(name: .shortAndLong, help: "Print errors only.")
  var quiet = false

  private static let retentions =
    ["guide"] + Layout.guide.rules.map { "\($0.name)=\(($0.retentionSeconds ?? 86_400) / 3600)h" }

  func validate() throws {
    if forceRetention && !once { throw ValidationError("--force-retention goes with --once.") }
  }

  func run() throws {
    let console = Console(isQuiet: quiet)
    do {
      let settings = try readSettings()
      try settings.useTimeZone()
      let options = try archiverOptions(settings)
      for warning in ArchiveSettings.warnings { console.warning(warning) }
      if printConfig { return try Output.print(settings.text, console) }
      CurrentProcess.clearUmask()
      if once || dryRun { return try runOnce(options, console) }
      try serve(options, settings, console)
    } catch let mistake as ArchiveSettings.Failure {
      console.error(mistake.message)
      throw ExitStatus.usage.code
    } catch let failure as CapturesList.Failure {
      console.error(failure.message)
      throw failure.status.code
    } catch let error as KernelError {
      console.error(
        "\(Explanation.describe(error)). \(Explanation.knownRemedy(error) ?? "Fix the cause, then start again.")"
      )
      throw ExitStatus.ioError.code
    }
  }

  private func serve(
    _ options: ArchiverOptions, _ settings: ArchiveSettings, _ console: Console
  ) throws {
    // Read again every round. What is wrong with it later on is logged; a service that begins without it has no work.
    _ = try CapturesList.captures(options.captures, from: options.capturesFile)
    guard Threads.areGranted else {
      console.error(
        "The service needs one more thread, and the kernel refuses it. Raise the limit (ulimit -u, TasksMax=, pids.max)."
      )
      throw ExitStatus.ioError.code
    }
    let zone = settings.text(.timeZone)
    try ArchiverService(options, log: console.logger) { () throws(SettingsMistake) in
      let settings = try readSettings()
      try settings.checkTimeZone()
      if settings.text(.timeZone) != zone {
        console.warning("HOTCOLD_TIME_ZONE has changed: it takes effect when the service is started again.")
      }
      return try archiverOptions(settings)
    }.runUntilSignalled()
  }

  private func runOnce(_ options: ArchiverOptions, _ console: Console) throws {
    var options = options
    let list = try CapturesList.captures(options.captures, from: options.capturesFile, orStream: true)
    for pattern in list.unmatched {
      console.warning(CapturesList.warning(of: pattern, in: options.capturesFile))
    }
    options.captures = list.captures
    options.capturesFile = nil
    StopSignal.install()
    let archiver = Archiver(options, log: console.logger)
    let round = archiver.round(until: .max / 2)
    console.info(round.text)
    if dryRun, round.moved > 0 {
      console.info("playlists and deletions that would follow from these moves are not foreseen")
    }
    throw ExitStatus.combined(round.statuses, stopSignal: StopSignal.pending).code
  }

  // MARK: settings

  private var flags: [ArchiveSettings.Key: String] {
    let texts: [ArchiveSettings.Key: String?] = [
      .capturesFrom: capturesFrom, .interval: interval, .minAge: minAge, .maxDelete: maxDelete,
      .metricsFile: metricsFile, .warnFree: warnFree, .timeZone: timeZone, .engine: engine,
      .retain: retain.isEmpty ? nil : retain.joined(separator: ","),
      .hot: hot.isEmpty ? nil : hot.joined(separator: ","), .keepLive: keepLive ? "yes" : nil,
      .manifests: noManifests ? "no" : nil, .linkFallback: linkFallback ? "yes" : nil,
      .onConflict: onConflict,
    ]
    return texts.compactMapValues { $0 }
  }

  private func readSettings() throws(ArchiveSettings.Failure) -> ArchiveSettings {
    try ArchiveSettings(flags: flags, file: config)
  }

  private func archiverOptions(_ settings: ArchiveSettings) throws(ArchiveSettings.Failure) -> ArchiverOptions
  {
    var options = ArchiverOptions(hours: HourClock { LocalZone.offset(at: $0) })
    options.captures = captures
    // Named on the command line, they are all: the list in the settings is the service's.
    if captures.isEmpty || settings.source(.capturesFrom) == .flag {
      options.capturesFile = try settings.path(.capturesFrom)
    }
    guard !options.captures.isEmpty || options.capturesFile != nil || printConfig else {
      throw ArchiveSettings.Failure(
        message:
          "Name at least one capture folder, or a file of them with --captures-from or HOTCOLD_CAPTURES_FROM."
      )
    }
    options.intervalSeconds = try settings.seconds(.interval, 1...86_400)
    options.minAgeSeconds = try settings.seconds(.minAge, 0...86_400)
    options.rule = try settings.settleRule()
    options.keepLive = try settings.isOn(.keepLive)
    options.writesManifests = try settings.isOn(.manifests)
    options.allowsLinks = try settings.isOn(.linkFallback)
    options.renamesConflicts = try settings.conflictRule() == .rename
    options.retention = try settings.retention()
    options.isRetentionForced = forceRetention
    options.isDryRun = dryRun
    options.metricsFile = try settings.path(.metricsFile)
    options.warnFreePercent = try settings.percent(.warnFree)
    options.engine = try settings.engine()
    return options
  }
}
