import KernelIO
import Logging
import Migration

/// Where messages go, and whether they are coloured.
struct Console {
  let isColoured: Bool
  private let logger: Logger

  init(isQuiet: Bool) {
    var logger = Logger(label: "hotcold") { _ in ConsoleLogHandler() }
    logger.logLevel = isQuiet ? .error : .info
    self.logger = logger
    isColoured = StandardStream.output.isTerminal && !CurrentProcess.environmentHas("NO_COLOR")
  }

  func error(_ text: String) { logger.error("\(text)") }
  func warning(_ text: String) { logger.warning("\(text)") }
  func info(_ text: String) { logger.info("\(text)") }

  /// Errors that the report on standard output names too, for whoever sees only standard error.
  func repeatErrors(_ errors: [String]) {
    guard !StandardStream.output.isTerminal else { return }
    for text in errors { error(String(text.dropFirst("ERROR: ".count))) }
  }
}

/// Lines for standard error: on a terminal as they are, elsewhere with a time stamp and a level, so that
/// `grep ERROR` finds what it should in a log.
struct ConsoleLogHandler: LogHandler {
  var logLevel: Logger.Level = .info
  var metadata: Logger.Metadata = [:]
  private let isTerminal = StandardStream.error.isTerminal

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let level = event.level.rawValue.uppercased()
    let line =
      isTerminal
      ? (event.level >= .warning ? "\(level): \(event.message)" : "\(event.message)")
      : "\(TimeStamp.now) \(level) \(event.message)"
    // Nothing can be said about a standard error that is closed.
    try? StandardStream.error.write(line + "\n")
  }
}

/// ISO 8601 local time with its offset.
enum TimeStamp {
  static var now: String {
    let seconds = Clock.realtimeNanoseconds / 1_000_000_000
    let offset = LocalZone.offset(at: seconds)
    let local = seconds + offset
    let date = civil(daysSinceEpoch: local / 86_400)
    let time = local % 86_400
    let sign = offset < 0 ? "-" : "+"
    return "\(date.year)-\(two(date.month))-\(two(date.day))T\(two(time / 3600)):\(two(time / 60 % 60)):"
      + "\(two(time % 60))\(sign)\(two(abs(offset) / 3600)):\(two(abs(offset) / 60 % 60))"
  }

  /// Days to a date of the Gregorian calendar, after the year 1970.
  private static func civil(daysSinceEpoch days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    // Years are counted from 1 March 0000, so that the leap day is the last of its year.
    let daysInEra: Int64 = 146_097
    let shifted = days + 719_468
    let era = shifted / daysInEra
    let dayOfEra = shifted - era * daysInEra
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (
      yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
    )
  }

  private static func two(_ value: Int64) -> String { (value < 10 ? "0" : "") + String(value) }
}
