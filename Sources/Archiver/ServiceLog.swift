internal import KernelIO
internal import Logging
internal import Reporting
internal import SystemPackage

/// The log of the service: warnings and errors by capture and kind, so that what is so in every round is not said in every
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

  /// `name` is what is wrong in a few words, `text` all of it.
  mutating func error(_ name: String, _ stage: Stage, of capture: FilePath?, _ text: String) {
    say(.error, [name], stage, of: capture, [text])
  }

  mutating func warning(_ name: String, _ stage: Stage, of capture: FilePath?, _ text: String) {
    say(.warning, [name], stage, of: capture, [text])
  }

  /// Lines that belong together, about one matter or several.
  mutating func say(
    _ level: Logger.Level, _ names: [String], _ stage: Stage, of capture: FilePath?, _ lines: [String]
  ) {
    let kinds = names.map { StandingMessages.Kind(stage: stage, name: $0) }
    guard standing.meet(kinds, of: capture, at: Clock.monotonicNanoseconds) else { return }
    for line in lines { logger.log(level: level, "\(line)") }
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
