import ArgumentParser
import CaptureLayout
import KernelIO
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
  @OptionGroup var output: OutputOptions

  func run() throws {
    try SettleOptions.checkZoneVariable()
    let paths = try captures.paths(Console(isQuiet: output.quiet))
    var options = MigrationOptions(
      hours: HourClock { LocalZone.offset(at: $0) }, isDryRun: !move.execute, syncs: !move.noSync,
      writesManifests: false)
    options.target = .flat
    options.allowsLinks = move.linkFallback
    try CaptureRun(command: "revert", timeZone: nil, move: move, output: output).run(paths) {
      [options] path, engine, display in engine.migrate(path, options: options, observer: display)
    }
  }
}
