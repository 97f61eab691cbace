import ArgumentParser
import CaptureLayout
import Migration
import SystemPackage

/// All settings. A new one needs its declaration, its place in `all`, and its option in the group of the commands that
/// have it (`SharedOptions`, `ArchiveCommand`).
enum Settings {
  /// In the order in which they are printed.
  static let all: [any AnySetting] = [
    layout, capturesFrom, interval, minAge, retain, maxDelete, metricsFile, warnFree, flushOnStop,
    flushTimeout, timeZone, hot, keepLive,
    manifests,
    engine, linkFallback, verifyCopies, onConflict,
  ]

  /// The settings of a migration, except for its layout.
  static let ofMigration: [any AnySetting] = [
    timeZone, hot, keepLive, manifests, engine, linkFallback, verifyCopies, onConflict,
  ]
  /// The settings that decide what a round does with a capture, except for its layout.
  static let ofCapture: [any AnySetting] = [minAge, retain] + ofMigration

  // MARK: which captures, and where their files belong

  static let capturesFrom = Setting<FilePath?>(
    "captures-from", .path,
    help: ArgumentHelp(
      """
      A file with one capture per line: a folder, a line of the form folder,PID,quality, or a pattern such as \
      /srv/capture*. Lines that begin with '#' are comments.
      """, valueName: "file"), completion: .file())
  static let layout = Setting<ChosenLayout>(
    "layout", default: "guide", isOfEveryCommand: true, .layout,
    help: ArgumentHelp(
      "The layout (the kinds of files and where they belong): guide, guide-ram, or the path of a layout file.",
      valueName: "layout"), completion: .file())
  /// The same setting for `migrate`, which also accepts the flat layout.
  static let target = Setting<ChosenLayout>(
    layout.name, default: layout.defaultText, isOfEveryCommand: true, layout.grammar.offeringFlat,
    help: ArgumentHelp(
      "The layout (the kinds of files and where they belong): guide, guide-ram, the path of a layout file, or flat for the way back.",
      valueName: "layout"), completion: .file())
  /// An option of `layout` only.
  static let check = Setting<ChosenLayout?>(
    "check", .layoutIfAny,
    help: ArgumentHelp(
      "Check this layout instead: guide, guide-ram, or the path of a layout file.", valueName: "layout"),
    completion: .file())
  /// An option of `migrate` only.
  static let from = Setting<ChosenLayout?>(
    "from", .layoutIfAny,
    help: ArgumentHelp(
      "The layout that the capture has now, if it is another one: its buckets and hot folders are emptied into those of --layout, or of guide if that is not given.",
      valueName: "layout"), completion: .file())
  static let timeZone = Setting<String?>(
    "time-zone", isOfEveryCommand: true, .timeZone,
    help: ArgumentHelp(
      "The time zone of the hour folders, such as Europe/Zurich (default: the machine's; UTC for folders with dates).",
      valueName: "zone"),
    completion: .shellCommand("timedatectl list-timezones 2>/dev/null"))
  static let hot = Setting<SettleRule>(
    "hot", isOfEveryCommand: true, .hotLimits(of: .guide),
    help: ArgumentHelp(
      "How many files of a kind stay hot; may be repeated (segments=10, captures, thumbnails, metadata=100).",
      valueName: "kind=n"), completion: .list(LayoutDescription.guide.kinds.map { "\($0.name)=\($0.limit)" }))

  // MARK: how files are moved

  static let keepLive = Setting(
    "keep-live", isOn: false,
    help:
      "Move only what is cold; the hot files and the live playlist stay in the flat places, where ffmpeg still writes them and a player finds them."
  )
  static let manifests = Setting(
    "manifests", isOn: true, help: "Do not write archive.m3u8 to the folders of cold segments.")
  static let onConflict = Setting<ConflictRule>(
    "on-conflict", default: ConflictRule.keep.rawValue, .choice,
    help: ArgumentHelp(
      """
      For two files with the same name in one hour: keep leaves the one that comes later where it is, rename adds its time \
      to its name (segment_000000005.20261124T130501Z.ts).
      """, valueName: "rule"), completion: .list(ConflictRule.allCases.map(\.rawValue)))
  static let engine = Setting<EngineChoice>(
    "engine", default: EngineChoice.auto.rawValue, .choice,
    help: "What executes the renames: \(EngineChoice.allCases.map(\.rawValue).joined(separator: ", ")).",
    completion: .list(EngineChoice.allCases.map(\.rawValue)))
  static let linkFallback = Setting(
    "link-fallback", isOn: false,
    help: ArgumentHelp(
      "Move by link and unlink where the file system cannot refuse to replace a file (NFS, 9p, some FUSE).",
      discussion:
        "A file that another process renames over an old name between the two calls is deleted: stop every writer first."
    ))

  static let verifyCopies = Setting(
    "verify-copies", isOn: false,
    help:
      "Read copies to another file system back from the disk and compare them before the originals are removed."
  )

  // MARK: the service

  static let interval = Setting<Int64>(
    "interval", default: "60s", .seconds(1...86_400),
    help: ArgumentHelp(
      "The time from one round to the next, such as 60s or 5m.", valueName: "time"))
  static let minAge = Setting<Int64>(
    "min-age", default: "60s", .seconds(0...86_400),
    help: ArgumentHelp(
      "Files younger than this do not go to hour folders: they may still be in use.", valueName: "time"))
  /// The minimum age of `verify`: a round of the service may not have handled younger files yet.
  static let settledAge = Setting<Int64>(
    minAge.name, default: "120s", minAge.grammar,
    help: ArgumentHelp(
      "Files younger than this, such as 60s or 5m, are counted apart as not yet settled.", valueName: "time"))
  static let retain = Setting<PerKind<Int64?>>(
    "retain", .ages(of: .guide),
    help: ArgumentHelp(
      "Delete cold files older than this, such as captures=1h; may be repeated. layout: the ages of the layout (guide: 1h for captures, 24h for the rest).",
      valueName: "kind=age"),
    completion: .list(
      ["layout"]
        + LayoutDescription.guide.kinds.map { "\($0.name)=\(($0.retentionSeconds ?? 86_400) / 3600)h" })
  )
  static let maxDelete = Setting<Int>(
    "max-delete", default: "\(RetentionRule.deletionsMaxDefault)", .aboveZero,
    help: ArgumentHelp(
      "If more files than this have expired in one round of a capture, assume a mistake and delete nothing.",
      valueName: "n"))
  static let metricsFile = Setting<FilePath?>(
    "metrics-file", .path,
    help: ArgumentHelp(
      "Write counters and gauges for node_exporter's textfile collector to this file (*.prom).",
      valueName: "file"),
    completion: .file())
  static let warnFree = Setting<Int64>(
    "warn-free", default: "10%", .percent,
    help: ArgumentHelp(
      "Warn if less than this share of the bytes or inodes is free.", valueName: "percent"))
  static let flushOnStop = Setting(
    "flush-on-stop", isOn: false,
    help: ArgumentHelp(
      "When the service is stopped, move what is in memory (tmpfs) to the disk, the hot files last.",
      discussion: "Stop the recorder first: files that it has open stay."))
  static let flushTimeout = Setting<Int64>(
    "flush-timeout", default: "20s", .seconds(1...3600),
    help: ArgumentHelp(
      "How long --flush-on-stop may take; files that are left then are named.", valueName: "time"))
}

/// What is done with a file whose name is taken where it belongs.
enum ConflictRule: String, CaseIterable, Sendable {
  case keep, rename
}
