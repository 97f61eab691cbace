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

/// A path as the command line gives it, from the root on: every message names it whole. Links are not resolved.
@Sendable func pathArgument(_ text: String) throws -> FilePath {
  // An empty one is a variable that was not set, never the working folder.
  guard !text.isEmpty else { throw ValidationError("the path is empty.") }
  do throws(KernelError) { return try FilePath(text).absolute() } catch {
    throw ValidationError("\(Explanation.describe(error)). Give a path that begins with '/'.")
  }
}

/// What a shell offers for options that several commands have.
enum Completions {
  static let timeZone = CompletionKind.shellCommand("timedatectl list-timezones 2>/dev/null")
  static let hot = CompletionKind.list(Layout.guide.rules.map { "\($0.name)=\($0.hotLimit)" })
}

/// Which captures, named on the command line or in a file.
struct CaptureArguments: ParsableArguments {
  @Argument(
    help: "Capture folders: the folders that ffmpeg writes to.", completion: .directory,
    transform: pathArgument)
  var captures: [FilePath] = []

  @Option(
    help: """
      A file that names one capture a line: a folder, a line of the form folder,PID,quality, or a pattern such as \
      /srv/capture*. Lines that begin with '#' are comments.
      """, completion: .file(), transform: pathArgument)
  var capturesFrom: FilePath?

  /// Absolute, each once.
  func paths(_ console: Console) throws -> [FilePath] {
    let list: NamedCaptures
    do throws(CapturesList.Failure) {
      list = try CapturesList.captures(captures, from: capturesFrom, orStream: true)
    } catch {
      console.error(error.message)
      throw error.status.code
    }
    for pattern in list.unmatched { console.warning(CapturesList.warning(of: pattern, in: capturesFrom)) }
    guard !list.captures.isEmpty else {
      throw ValidationError("Name at least one capture folder, or a file of them with --captures-from.")
    }
    return list.captures
  }
}

/// What becomes of a file whose name is taken where it belongs.
enum ConflictRule: String, CaseIterable, ExpressibleByArgument {
  case keep, rename

  static let help: ArgumentHelp = """
    Of two files of one name in the same hour: keep leaves the one that comes later where it is, rename gives it its time in its \
    name (segment_000000005.20261124T130501Z.ts).
    """
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
  @Option(
    help: "The time zone of the hour folders, such as Europe/Zurich (default: the machine's).",
    completion: Completions.timeZone)
  var timeZone: String?

  @Option(
    name: .customLong("hot"),
    help: ArgumentHelp(
      "How many files of a kind stay hot; may be repeated (segments=10, captures, thumbnails, metadata=100).",
      valueName: "kind=n"), completion: Completions.hot, transform: HotLimit.argument)
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
    var rule = SettleRule(of: .guide)
    for limit in hotLimits { rule.hotLimits[limit.kind] = limit.count }
    return rule
  }

  var hours: HourClock { HourClock { LocalZone.offset(at: $0) } }
}

/// "captures=200".
struct HotLimit {
  static let expected =
    "give KIND=N, with one of \(Layout.guide.rules.map(\.name).joined(separator: ", ")), and N from 0 to \(countMax)"
  /// Their names are kept in memory, 255 bytes each.
  private static let countMax = 100_000

  let kind: Kind
  let count: Int

  @Sendable static func argument(_ text: String) throws -> HotLimit {
    guard let limit = HotLimit(text) else { throw ValidationError("\(expected).") }
    return limit
  }

  init?(_ text: String) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let kind = Layout.guide.kind(named: String(parts[0])),
      let count = Int(parts[1]), (0...Self.countMax).contains(count)
    else { return nil }
    self.kind = kind
    self.count = count
  }
}
