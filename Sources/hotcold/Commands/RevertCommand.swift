import ArgumentParser
import Migration

struct RevertCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "revert",
    abstract: "Shows how a capture would go back to the flat layout, and moves it back with --execute.",
    discussion: """
      Every file in a hot place or an hour folder goes to the flat place of its kind; the playlists that hotcold \
      wrote and empty folders are removed. It looks only at the tree, so it also moves back what an interrupted \
      migration has moved.
      """)

  @OptionGroup var captures: CaptureArguments
  @OptionGroup var move: MoveOptions
  @OptionGroup var rename: RenameOptions
  @OptionGroup var service: ServiceOptions
  @OptionGroup var layout: LayoutOptions
  @Option(Settings.onConflict) var onConflict: String?
  @OptionGroup var output: OutputOptions

  func run() throws {
    let settings = try service.settings(
      flags: captures.flags + rename.flags + layout.flags + Settings.onConflict.given(onConflict))
    let placement = try settings.placement()
    var options = MigrationOptions(
      layout: placement.layout, hours: placement.hours, isDryRun: !move.execute, syncs: !move.noSync,
      writesManifests: false)
    options.target = .flat
    options.renaming = try settings.renaming()
    let engine = try settings.value(of: Settings.engine)
    let named = try captures.named(settings, Console(isQuiet: output.quiet))
    let placements = try settings.placements(of: named, beside: placement)
    try CaptureRun(
      command: "revert", engine: engine, options: options, placements: placements, move: move, output: output
    ).run(named)
  }
}
