import ArgumentParser
import KernelIO
import Migration
import SystemPackage

/// The one table of exit codes (sysexits.h where it has a fitting one).
enum ExitStatus: Int32 {
  case done = 0
  case incomplete = 1
  case usage = 64
  case noCapture = 66
  case ioError = 74
  case busy = 75
  case permissionDenied = 77

  var code: ExitCode { ExitCode(rawValue) }

  init(_ error: MigrationError) {
    self =
      switch error {
      case .missing, .notAFolder, .isRootFolder, .isHome, .insideCapture, .holdsNothingOfACapture:
        .noCapture
      case .permissionDenied: .permissionDenied
      case .busy: .busy
      // The file system can neither refuse to replace nor link: no file was moved, and none is in danger.
      case .stopped(let error, _) where error.operation == .rename && error.errno == .invalidArgument:
        .incomplete
      case .stopped: .ioError
      }
  }

  /// A shell's convention: 130 after SIGINT, 143 after SIGTERM.
  static func interrupted(by signal: Int32) -> ExitCode { ExitCode(128 + signal) }

  static func code(of report: CaptureReport) -> ExitCode {
    if let error = report.error { return ExitStatus(error).code }
    if let signal = report.stopSignal { return interrupted(by: signal) }
    return (report.isClean ? ExitStatus.done : .incomplete).code
  }

  static func code(of report: VerificationReport) -> ExitCode {
    if let error = report.error { return ExitStatus(error).code }
    return (report.isMet ? ExitStatus.done : .incomplete).code
  }

  /// Of several captures, that of the first one that did not succeed; an interruption goes before all.
  static func combined(_ codes: [ExitCode]) -> ExitCode {
    if let signal = StopSignal.pending { return interrupted(by: signal) }
    return codes.first { $0 != .success } ?? .success
  }
}
