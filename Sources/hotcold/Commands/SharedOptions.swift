import Archiver
public import ArgumentParser
import CaptureLayout
import KernelIO
public import Migration
import Reporting
import SystemPackage

enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  case text, json
}

extension EngineChoice: ExpressibleByArgument {}

/// Which captures, named on the command line or in a file.
struct CaptureArguments: ParsableArguments {
  @Argument(help: "Capture folders: the folders that ffmpeg writes to.")
  var captures: [String] = []

  @Option(help: "A file that names one capture folder a line ('#' starts a comment).")
  var capturesFrom: String?

  func paths() throws -> [FilePath] {
    var paths = captures.map { FilePath($0) }
    if let capturesFrom { paths += try read(FilePath(capturesFrom)) }
    guard !paths.isEmpty else {
      throw ValidationError("Name at least one capture folder, or a file of them with --captures-from.")
    }
    return paths
  }

  private func read(_ file: FilePath) throws -> [FilePath] {
    do throws(CapturesList.Failure) { return try CapturesList.read(file, orStream: true) } catch {
      Console(isQuiet: true).error(error.message)
      throw error.status.code
    }
  }
}

/// How the report and the messages look.
struct OutputOptions: ParsableArguments {
  @Option(
    help: "How the report is printed: \(OutputFormat.allCases.map(\.rawValue).joined(separator: ", ")).")
  var format = OutputFormat.text

  @Flag(name: .shortAndLong, help: "Print errors only.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "Print a line for each move, on standard error.")
  var verbose = false

  func validate() throws {
    if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other.") }
  }
}

/// What settling depends on.
struct SettleOptions: ParsableArguments {
  @Option(help: "The time zone of the hour folders, such as Europe/Zurich (default: the machine's).")
  var timeZone: String?

  @Option(
    name: .customLong("hot"),
    help: ArgumentHelp(
      "How many files of a kind stay hot; may be repeated (segments=10, captures, thumbnails, metadata=100).",
      valueName: "kind=n"))
  var hotLimits: [HotLimit] = []

  /// Makes the zone that of the process. Call once, before anything asks for the time.
  func takeTimeZone() throws {
    guard let timeZone else { return try Self.checkZoneVariable() }
    guard !LocalZone.use(timeZone) else { return }
    throw ValidationError(
      "Unknown time zone '\(printable(timeZone.utf8))'. Take a name from /usr/share/zoneinfo, such as Europe/Zurich."
    )
  }

  /// A zone in TZ that is unknown would mean UTC.
  static func checkZoneVariable() throws {
    guard let zone = LocalZone.mistakenVariable else { return }
    throw ValidationError(Explanation.unknownZone(zone))
  }

  var rule: SettleRule {
    var rule = SettleRule()
    for limit in hotLimits { rule.hotLimits[limit.kind] = limit.count }
    return rule
  }

  var hours: HourClock { HourClock { LocalZone.offset(at: $0) } }
}

/// "captures=200".
struct HotLimit: ExpressibleByArgument {
  /// Their names are kept in memory, 255 bytes each.
  private static let countMax = 100_000

  let kind: Kind
  let count: Int

  init?(argument: String) {
    let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let kind = Kind.allCases.first(where: { $0.name == parts[0] }),
      let count = Int(parts[1]), (0...Self.countMax).contains(count)
    else { return nil }
    self.kind = kind
    self.count = count
  }
}
