internal import KernelIO
internal import Logging
internal import Reporting
internal import SystemPackage

/// The log of the service: warnings and errors by capture and topic, so that what is so in every round is not said in every
/// round.
struct ServiceLog {
  typealias Stage = StandingMessages.Stage

  private let logger: Logger
  private var standing = StandingMessages()

  init(_ logger: Logger) { self.logger = logger }

  func info(_ text: String) { logger.info("\(text)") }
  /// What happened once, and needs a look.
  func event(_ text: String) { logger.warning("\(text)") }
  func debug(_ text: String) { logger.debug("\(text)") }

  /// Issues that belong together: if one of them is new, all are said. `consequence`: a sentence that ends each.
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

  /// Each topic by itself.
  mutating func logEach(_ issues: [Issue], _ stage: Stage, of capture: FilePath?) {
    var rest = issues[...]
    while let first = rest.first {
      // What has no topic adds to the issue before it.
      let group = rest.prefix { $0.topic == nil || $0.topic == first.topic }
      log(Array(group), stage, of: capture)
      rest = rest.dropFirst(group.count)
    }
  }

  /// Says what is over, now that everything that the stage says was said.
  mutating func finish(_ stage: Stage, of capture: FilePath? = nil) {
    let place = capture.map { "\(Explanation.text($0)): " } ?? ""
    for name in standing.finish(stage, of: capture) { logger.notice("\(place)resolved: \(name)") }
  }

  /// What was wrong with a capture that is not listed any more is no matter of the service.
  mutating func keep(_ captures: [FilePath]) {
    for path in standing.keep(Set(captures)) { logger.notice("\(Explanation.text(path)): no longer listed") }
  }
}
