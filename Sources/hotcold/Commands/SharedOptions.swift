import Archiver
import ArgumentParser
import CaptureLayout
import KernelIO
import Migration
import Reporting
import SystemPackage

enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  case text, json, ndjson

  /// The format that a command line asks for, even if the rest of it is wrong: the last one counts.
  static func asked(in arguments: [String]) -> OutputFormat? {
    let option = "--format"
    var format: OutputFormat?
    var before = ""
    for argument in arguments.prefix(while: { $0 != "--" }) {
      if before == option { format = OutputFormat(rawValue: argument) ?? format }
      if argument.hasPrefix(option + "=") {
        format = OutputFormat(rawValue: String(argument.dropFirst(option.count + 1))) ?? format
      }
      before = argument
    }
    return format
  }

  /// Nil for text.
  var form: JSONReport.Form? {
    switch self {
    case .text: nil
    case .json: .object
    case .ndjson: .lines
    }
  }
}

/// A path of the command line, made absolute, because every message names the whole path. Links are not resolved.
@Sendable func pathArgument(_ text: String) throws -> FilePath {
  // An empty path is a shell variable that was not set; it never means the working folder.
  guard !text.isEmpty else { throw ValidationError("the path is empty.") }
  do throws(KernelError) { return try FilePath(text).absolute() } catch {
    throw ValidationError("\(Explanation.describe(error)). Use a path that begins with '/'.")
  }
}

/// Which captures, named on the command line or in a file.
struct CaptureArguments: ParsableArguments {
  @Argument(
    help: "Capture folders: the folders that ffmpeg writes to.", completion: .directory,
    transform: pathArgument)
  var captures: [FilePath] = []

  @Option(Settings.capturesFrom) var capturesFrom: String?

  var flags: [GivenFlag] { Settings.capturesFrom.given(capturesFrom) }

  func named(_ settings: GivenSettings, _ console: Console) throws -> NamedCaptures {
    try settings.captures(captures, console)
  }
}

extension GivenSettings {
  /// The captures, absolute and each only once, and the layouts that a list names for them. Captures on the command line are the
  /// only ones: a list in the settings belongs to the service, and only names their layouts unless a flag does.
  func captures(_ named: [FilePath], _ console: Console) throws -> NamedCaptures {
    let isChosen = choosesCaptures(named)
    let file =
      isChosen && source(of: Settings.capturesFrom) != .flag ? nil : try value(of: Settings.capturesFrom)
    let list = try CapturesList.captures(
      named, from: file, orStream: true, layoutsIn: isChosen ? try listOfLayouts() : nil)
    for pattern in list.unmatched { console.log(Issue(.patternUnmatched(pattern, in: file))) }
    guard !list.captures.isEmpty else {
      if let file { throw ValidationError("\(Explanation.text(file)) names no capture that exists.") }
      throw ValidationError("Name at least one capture folder, or a file of them with --captures-from.")
    }
    return list
  }
}

/// Whether a command does as the service does.
struct ServiceOptions: ParsableArguments {
  @Flag(
    help: ArgumentHelp(
      "Take what the command line leaves open from the settings of the service, as archive does.",
      discussion:
        "A capture on the command line has the layout of its line in the list of the service."))
  var asService = false
  @Option(
    help: ArgumentHelp(
      "The settings file for --as-service (default: \(SettingsFile.usual)).", valueName: "file"),
    completion: .file(),
    transform: pathArgument)
  var config: FilePath?

  func validate() throws {
    if config != nil && !asService { throw ValidationError("--config requires --as-service.") }
  }

  func settings(flags: [GivenFlag]) throws(SettingsMistake) -> GivenSettings {
    asService ? try GivenSettings(flags: flags, file: config) : GivenSettings(flags: flags)
  }

  /// To repeat the command with the same settings.
  var words: [String] {
    (asService ? ["--as-service"] : []) + (config.map { ["--config \(shellWord($0.bytes))"] } ?? [])
  }
}

/// How the report and the messages look.
struct ReportOptions: ParsableArguments {
  @Option(
    help: "How the report is printed: \(OutputFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
  var format = OutputFormat.text

  @Flag(name: .shortAndLong, help: "Print errors only.")
  var quiet = false

  /// Whether a command line asks for errors only; asked before it is parsed.
  static func areQuiet(in arguments: [String]) -> Bool {
    arguments.prefix { $0 != "--" }.contains { ["--quiet", "-q"].contains($0) }
  }
}

/// The same of a command that moves files.
struct OutputOptions: ParsableArguments {
  @OptionGroup var report: ReportOptions

  @Flag(name: .shortAndLong, help: "Print a line for each move, on standard error.")
  var verbose = false

  var format: OutputFormat { report.format }
  var quiet: Bool { report.quiet }

  func validate() throws {
    if quiet && verbose { throw ValidationError("--quiet and --verbose cannot be combined.") }
  }
}

/// Which layout a capture has.
struct LayoutOptions: ParsableArguments {
  @Option(Settings.layout) var layout: String?

  var flags: [GivenFlag] { Settings.layout.given(layout) }
}

/// Where files belong in the layout.
struct PlaceOptions: ParsableArguments {
  @Option(Settings.timeZone) var timeZone: String?
  @Option(Settings.hot) var hot: [String] = []

  var flags: [GivenFlag] { Settings.timeZone.given(timeZone) + Settings.hot.given(hot) }
}

/// What is moved and written in a capture.
struct SettleOptions: ParsableArguments {
  @Flag(Settings.keepLive) var keepLive = false
  @Flag(Settings.manifests) var noManifests = false
  @Option(Settings.onConflict) var onConflict: String?

  var flags: [GivenFlag] {
    Settings.keepLive.given(keepLive) + Settings.manifests.given(noManifests)
      + Settings.onConflict.given(onConflict)
  }
}

/// How files are renamed.
struct RenameOptions: ParsableArguments {
  @Flag(Settings.linkFallback) var linkFallback = false
  @Flag(Settings.verifyCopies) var verifyCopies = false
  @Option(Settings.engine) var engine: String?

  var flags: [GivenFlag] {
    Settings.linkFallback.given(linkFallback) + Settings.verifyCopies.given(verifyCopies)
      + Settings.engine.given(engine)
  }
}

extension GivenSettings {
  func renaming() throws(SettingsMistake) -> RenamingOptions {
    RenamingOptions(
      allowsLinks: try value(of: Settings.linkFallback),
      renamesConflicts: try value(of: Settings.onConflict) == .rename,
      verifiesCopies: try value(of: Settings.verifyCopies))
  }
}

extension HourClock {
  /// In the time zone of this process.
  static var local: HourClock { HourClock { LocalZone.offset(at: $0) } }
}
