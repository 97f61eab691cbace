import Archiver
import ArgumentParser
import CaptureLayout
import Migration

struct MigrateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate",
    abstract: "Shows what would be moved, and moves it with --execute.")

  @OptionGroup var captures: CaptureArguments
  @OptionGroup var move: MoveOptions
  @OptionGroup var rename: RenameOptions
  @OptionGroup var settle: SettleOptions
  @OptionGroup var layout: LayoutOptions
  @Option(Settings.from) var from: String?
  @OptionGroup var place: PlaceOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let whereTo = layout.flags + Settings.from.given(from) + place.flags
    let settings = GivenSettings(flags: captures.flags + rename.flags + settle.flags + whereTo)
    let placement = try settings.placement()
    var options = MigrationOptions(
      layout: try layout(placement.chosen, from: try settings.value(of: Settings.from), settings),
      rule: placement.rule,
      hours: placement.hours, isDryRun: !move.execute, keepLive: try settings.value(of: Settings.keepLive),
      syncs: !move.noSync, writesManifests: try settings.value(of: Settings.manifests))
    if placement.chosen.isFlat { options.target = .flat }
    options.renaming = try settings.renaming()
    let engine = try settings.value(of: Settings.engine)
    let named = try captures.named(settings, Console(isQuiet: output.quiet))
    let placements = try settings.placements(of: named, beside: placement)
    guard from == nil || placements.isEmpty else {
      throw SettingsMistake(
        message: "--from goes with captures of one layout", remedy: "Leave layout= out of the list.")
    }
    try CaptureRun(
      command: "migrate", engine: engine, options: options, placements: placements, move: move, output: output
    ).run(named.captures)
  }

  private func layout(
    _ target: ChosenLayout, from: ChosenLayout?, _ settings: GivenSettings
  ) throws(SettingsMistake) -> Layout {
    guard let from, !from.isFlat else { return target.layout }
    if target.isFlat { return from.layout }
    // What is cold already stays where it is, and would be in hours of another zone.
    let isZoneNamed = try settings.value(of: Settings.timeZone) != nil
    guard
      isZoneNamed || !target.layout.sharesBuckets(with: from.layout)
        || target.layout.timeZoneOfBuckets == from.layout.timeZoneOfBuckets
    else {
      throw SettingsMistake(
        message:
          "both layouts have the same folders, and their time zones differ: what is in them would stay in hours of the "
          + "old zone",
        remedy: "Take the files back first (hotcold revert --layout, with the old layout), or name one zone for both: "
          + "--time-zone.")
    }
    do throws(LayoutMistake) { return try target.layout.coming(from: from.layout) } catch {
      throw SettingsMistake(message: "files cannot come from there: \(error.reason)")
    }
  }
}
