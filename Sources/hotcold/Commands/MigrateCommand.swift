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
  @Option(Settings.target) var layout: String?
  @Option(Settings.from) var from: String?
  @OptionGroup var place: PlaceOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let whereTo = Settings.from.given(from) + Settings.target.given(layout) + place.flags
    let how = settle.flags + rename.flags
    let settings = GivenSettings(flags: captures.flags + whereTo + how)
    let placement = try settings.placement()
    var options = MigrationOptions(
      layout: try layout(placement.chosen, from: try settings.value(of: Settings.from), settings),
      rule: placement.rule,
      hours: placement.hours, isDryRun: !move.execute, keepLive: try settings.value(of: Settings.keepLive),
      syncs: !move.noSync, writesManifests: try settings.value(of: Settings.manifests))
    if placement.chosen.isFlat { options.target = .flat }
    options.renaming = try settings.renaming()
    if from != nil {
      options.rerun = (["hotcold migrate --execute"] + (whereTo + how).map(\.words)).joined(separator: " ")
    }
    let engine = try settings.value(of: Settings.engine)
    let console = Console(isQuiet: output.quiet)
    let named = try captures.named(settings, console)
    let placements = try settings.placements(of: named, beside: placement)
    guard from == nil || placements.isEmpty else {
      throw SettingsMistake(
        message: "--from requires captures of one layout", remedy: "Leave layout= out of the list.")
    }
    if from != nil, settings.source(of: Settings.target) == .builtIn {
      console.info("without --layout, files go to the layout \(Settings.target.defaultText)")
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
    // Files that are cold already stay where they are, and would be in hours of another zone.
    let named = try settings.value(of: Settings.timeZone)
    let old = from.layout.timeZone ?? named ?? from.layout.timeZoneOfBuckets
    guard
      !target.layout.sharesBuckets(with: from.layout)
        || named ?? target.layout.timeZoneOfBuckets == old
    else {
      throw SettingsMistake(
        message:
          "both layouts have the same folders, but their time zones differ: what is in them would stay in hours of the "
          + "old zone",
        remedy:
          "Move the files back first (hotcold revert --layout, with the old layout), or keep their zone, in this command and "
          + "all later ones: --time-zone \(old ?? "ZONE").")
    }
    do throws(LayoutMistake) { return try target.layout.coming(from: from.layout) } catch {
      throw SettingsMistake(message: "files cannot be moved from that layout: \(error.reason)")
    }
  }
}
