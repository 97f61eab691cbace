import CaptureLayout
import KernelIO
import Logging
import Migration
import Reporting
import SystemPackage

/// Writes messages to standard error, and knows whether the report is coloured.
struct Console {
  let isColoured: Bool
  let logger: Logger

  init(isQuiet: Bool) {
    var logger = Logger(label: "hotcold") { _ in ConsoleLogHandler() }
    logger.logLevel = isQuiet ? .error : .info
    self.logger = logger
    isColoured = StandardStream.output.isTerminal && !CurrentProcess.environmentHas("NO_COLOR")
  }

  func error(_ text: String) { logger.error("\(text)") }
  func warning(_ text: String) { logger.warning("\(text)") }
  func info(_ text: String) { logger.info("\(text)") }

  /// - Parameter command: the command that the user runs, for the advice ("migrate").
  func log(_ issue: Issue, command: String = "") {
    let level: Logger.Level = issue.severity == .error ? .error : .warning
    logger.log(level: level, "\(issue.explanation(for: command))")
  }

  /// Repeats errors of the report where standard error may be read without standard output.
  func repeatErrors(_ issues: [Issue], command: String) {
    guard !StandardStream.output.isTerminal else { return }
    for issue in issues { log(issue, command: command) }
  }
}

/// Lines for standard error: on a terminal without a time stamp; in the journal with a priority (sd-daemon(3)), so that
/// `journalctl -p err` finds them, and without a time stamp, which the journal adds; elsewhere with a time stamp and a level,
/// so that `grep ERROR` works on a log.
struct ConsoleLogHandler: LogHandler {
  private enum Destination { case terminal, journal, file }

  var logLevel: Logger.Level = .info
  var metadata: Logger.Metadata = [:]
  private let destination: Destination =
    StandardStream.error.isTerminal ? .terminal : StandardStream.error.isJournal ? .journal : .file

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let level = event.level.rawValue.uppercased()
    let line =
      switch destination {
      case .terminal: event.level >= .warning ? "\(level): \(event.message)" : "\(event.message)"
      case .journal: "<\(event.level.journalPriority)>\(event.message)"
      case .file: "\(TimeStamp.now) \(level) \(event.message)"
      }
    // If standard error is closed there is nowhere to report that.
    try? StandardStream.error.write(line + "\n")
  }
}

extension Logger.Level {
  /// The priority of syslog(3).
  fileprivate var journalPriority: Int {
    switch self {
    case .critical: 2
    case .error: 3
    case .warning: 4
    case .notice: 5
    case .info: 6
    case .debug, .trace: 7
    }
  }
}

/// ISO 8601 local time with its offset.
enum TimeStamp {
  static var now: String {
    let seconds = SystemClock.realtimeNanoseconds / 1_000_000_000
    let offset = LocalZone.offset(at: seconds)
    let sign = offset < 0 ? "-" : "+"
    return CalendarTime(secondsSinceEpoch: seconds + offset).text
      + "\(sign)\(two(abs(offset) / 3600)):\(two(abs(offset) / 60 % 60))"
  }

  private static func two(_ value: Int64) -> String { (value < 10 ? "0" : "") + String(value) }
}
