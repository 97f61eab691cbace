internal import KernelIO
internal import Logging
internal import Reporting
internal import SystemPackage

/// The log of the service: warnings and errors by capture and topic, so that a lasting problem is not repeated in every round.
struct ServiceLog {
  typealias Stage = StandingMessages.Stage

  private let logger: Logger
  private var standing = StandingMessages()

  init(_ logger: Logger) { self.logger = logger }

  func info(_ text: String) { logger.info("\(text)") }
  /// Logs something that happened once and needs attention, as a warning.
  func event(_ text: String) { logger.warning("\(text)") }
  func debug(_ text: String) { logger.debug("\(text)") }

  /// Logs issues that belong together: if one of them is new, or due again, all are logged.
  ///
  /// - Parameter consequence: a sentence to append to each.
  mutating func log(_ issues: [Issue], _ stage: Stage, of capture: FilePath?, consequence: String = "") {
    let kinds = Set(issues.compactMap(\.topic)).sorted().map {
      StandingMessages.Kind(stage: stage, name: $0)
    }
    guard standing.note(kinds, of: capture, at: SystemClock.monotonicNanoseconds) else { return }
    for issue in issues {
      let text = "\(issue.explanation(for: "archive"))\(consequence.isEmpty ? "" : " \(consequence)")"
      logger.log(level: issue.severity == .error ? .error : .warning, "\(text)")
    }
  }

  /// Logs the issues of each topic by themselves.
  mutating func logEach(_ issues: [Issue], _ stage: Stage, of capture: FilePath?) {
    var rest = issues[...]
    while let first = rest.first {
      // An issue without a topic adds to the one before it.
      let group = rest.prefix { $0.topic == nil || $0.topic == first.topic }
      log(Array(group), stage, of: capture)
      rest = rest.dropFirst(group.count)
    }
  }

  /// Logs what is resolved. Call when the stage has logged all its issues.
  mutating func finish(_ stage: Stage, of capture: FilePath? = nil) {
    let place = capture.map { "\(Explanation.text($0)): " } ?? ""
    for name in standing.finish(stage, of: capture) { logger.notice("\(place)resolved: \(name)") }
  }

  /// Forgets the issues of captures that are no longer listed.
  mutating func keep(_ captures: [FilePath]) {
    for path in standing.keep(Set(captures)) { logger.notice("\(Explanation.text(path)): no longer listed") }
  }
}
