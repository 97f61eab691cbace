import ArgumentParser
import Migration

struct MigrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Shows what would be moved, and moves it with --execute.")

  @OptionGroup var captures: CaptureArguments
  @OptionGroup var move: MoveOptions
  @Flag(help: "Move only what is cold; the hot files and the live playlist stay where a player finds them.")
  var keepLive = false
  @Flag(help: "Do not write segments/<hour>/archive.m3u8.")
  var noManifests = false
  @Option(help: ConflictRule.help)
  var onConflict = ConflictRule.keep
  @OptionGroup var settle: SettleOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    try settle.takeTimeZone()
    let paths = try captures.paths(Console(isQuiet: output.quiet))
    var options = MigrationOptions(
      rule: settle.rule, hours: settle.hours, isDryRun: !move.execute, keepLive: keepLive,
      syncs: !move.noSync, writesManifests: !noManifests)
    options.allowsLinks = move.linkFallback
    options.renamesConflicts = onConflict == .rename
    try CaptureRun(command: "migrate", timeZone: settle.timeZone, move: move, output: output).run(paths) {
      [options] path, engine, display in engine.migrate(path, options: options, observer: display)
    }
  }
}
