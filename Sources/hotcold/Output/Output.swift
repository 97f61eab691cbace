import ArgumentParser
import KernelIO
import Reporting
import Synchronization

/// Standard output.
enum Output {
  /// Prints a report. A reader that has gone does not undo what was done: it is said, with exit code 74.
  static func print(_ text: String, _ console: Console) throws {
    do throws(KernelError) {
      try StandardStream.output.write(text)
      try StandardStream.output.flush()
    } catch { throw failure(error, console) }
  }

  fileprivate static func failure(_ error: KernelError, _ console: Console) -> ExitCode {
    let remedy = Explanation.knownRemedy(error).map { ". \($0)" } ?? ""
    console.error("the report could not be written to standard output: \(error.errno)\(remedy)")
    return ExitStatus.ioError.code
  }
}

/// The lines of `--format ndjson`, one for each capture as it is finished, from several threads.
final class CaptureLines: Sendable {
  private let isOn: Bool
  private let failure = Mutex<KernelError?>(nil)

  /// Another format prints nothing before its end.
  init(_ format: OutputFormat) { isOn = format == .ndjson }

  /// What cannot be written does not keep the run from its work.
  func print(_ line: @autoclosure () -> String) {
    guard isOn else { return }
    let line = line()
    failure.withLock { failure in
      guard failure == nil else { return }
      do throws(KernelError) { try StandardStream.output.write(line) } catch { failure = error }
    }
  }

  /// The last line, or all of the report.
  func finish(with text: String, _ console: Console) throws {
    if let error = failure.withLock({ $0 }) { throw Output.failure(error, console) }
    try Output.print(text, console)
  }
}
