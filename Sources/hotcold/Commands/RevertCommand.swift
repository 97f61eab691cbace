import ArgumentParser
import Migration

struct RevertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revert",
    abstract: "Shows how a capture would go back to the flat layout, and takes it back with --execute.",
    discussion: """
      Every file of a hot place or an hour folder goes to the flat place of its kind, the playlists that hotcold \
      wrote and the folders that are empty are removed. It looks at the tree alone, so it also takes back what an \
      interrupted migration has moved.
      """)

  @OptionGroup var captures: CaptureArguments
  @OptionGroup var move: MoveOptions
  @OptionGroup var rename: RenameOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let settings = GivenSettings(flags: captures.flags + rename.flags)
    let zone = try settings.useTimeZone()
    let options = ReversionOptions(
      isDryRun: !move.execute, syncs: !move.noSync,
      allowsLinks: try settings.value(of: Settings.linkFallback))
    let engine = try settings.value(of: Settings.engine)
    let paths = try captures.paths(settings, Console(isQuiet: output.quiet))
    try CaptureRun(command: "revert", timeZone: zone, engine: engine, move: move, output: output).run(paths) {
      path, engine, display in engine.revert(path, options: options, observer: display)
    }
  }
}
