import ArgumentParser
import Migration

struct MigrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Shows what would be moved, and moves it with --execute.")

  @OptionGroup var captures: CaptureArguments
  @OptionGroup var move: MoveOptions
  @OptionGroup var rename: RenameOptions
  @OptionGroup var settle: SettleOptions
  @OptionGroup var place: PlaceOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let settings = GivenSettings(flags: captures.flags + rename.flags + settle.flags + place.flags)
    let zone = try settings.useTimeZone()
    var options = MigrationOptions(
      rule: try settings.value(of: Settings.hot), hours: .local, isDryRun: !move.execute,
      keepLive: try settings.value(of: Settings.keepLive), syncs: !move.noSync,
      writesManifests: try settings.value(of: Settings.manifests))
    options.allowsLinks = try settings.value(of: Settings.linkFallback)
    options.renamesConflicts = try settings.value(of: Settings.onConflict) == .rename
    let engine = try settings.value(of: Settings.engine)
    let paths = try captures.paths(settings, Console(isQuiet: output.quiet))
    try CaptureRun(command: "migrate", timeZone: zone, engine: engine, move: move, output: output).run(paths)
    {
      [options] path, engine, display in engine.migrate(path, options: options, observer: display)
    }
  }
}
