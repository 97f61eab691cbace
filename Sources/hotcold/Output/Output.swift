import ArgumentParser
import KernelIO
import Reporting
import Synchronization

/// Standard output.
enum Output {
  /// Prints a report. If that fails, as when the reader has gone, the work is still done: an error says so, with exit code 74.
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

  /// Other formats print nothing before the end of the run.
  init(_ format: OutputFormat) { isOn = format == .ndjson }

  /// A line that cannot be written does not stop the run; `finish` reports the error.
  func print(_ line: @autoclosure () -> String) {
    guard isOn else { return }
    let line = line()
    failure.withLock { failure in
      guard failure == nil else { return }
      do throws(KernelError) { try StandardStream.output.write(line) } catch { failure = error }
    }
  }

  /// Prints the last line, or in other formats the whole report.
  func finish(with text: String, _ console: Console) throws {
    if let error = failure.withLock({ $0 }) { throw Output.failure(error, console) }
    try Output.print(text, console)
  }
}
