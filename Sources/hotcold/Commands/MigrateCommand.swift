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
  @OptionGroup var service: ServiceOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let settings = try service.settings(
      flags: captures.flags + Settings.from.given(from) + Settings.target.given(layout) + place.flags
        + settle.flags + rename.flags)
    var placement = try settings.placement()
    let renaming = try settings.renaming()
    let engine = try settings.value(of: Settings.engine)
    let console = Console(isQuiet: output.quiet)
    let named = try captures.named(settings, console)
    var placements = try settings.placements(of: named, beside: placement)
    let old = try settings.value(of: Settings.from)
    var target = settings.repeated([Settings.target])
    if old != nil, !named.layouts.isEmpty {
      let listed = try theOneLayout(of: named)
      placement = try settings.placement(of: listed, beside: placement)
      placements = [:]
      target = Settings.target.given(listed.name)
    } else if old != nil, settings.source(of: Settings.target) == .builtIn {
      console.info("without --layout, files go to the layout \(Settings.target.defaultText)")
    }
    var options = MigrationOptions(
      layout: try layout(placement.chosen, from: old, settings), rule: placement.rule,
      hours: placement.hours, isDryRun: !move.execute, keepLive: try settings.value(of: Settings.keepLive),
      syncs: !move.noSync, writesManifests: try settings.value(of: Settings.manifests))
    if placement.chosen.isFlat { options.target = .flat }
    options.renaming = renaming
    if old != nil {
      let repeated = settings.repeated(Settings.ofMigration) + target + Settings.from.given(from)
      let words = service.words + repeated.map(\.words)
      options.rerun = (["hotcold migrate --execute"] + words).joined(separator: " ")
    }
    try CaptureRun(
      command: "migrate", engine: engine, options: options,
      placements: placements, move: move, output: output
    ).run(named)
  }

  /// The layout that the list names for every capture.
  private func theOneLayout(of named: NamedCaptures) throws(SettingsMistake) -> ListedLayout {
    let layouts = named.captures.map { named.layouts[$0] }
    guard let first = layouts[0], layouts.allSatisfy({ $0?.name == first.name }) else {
      throw SettingsMistake(
        message: "--from requires captures of one layout",
        remedy: "Name the captures of one layout at a time.")
    }
    return first
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
