internal import KernelIO
public import Migration
internal import SystemPackage

/// All exit codes of the program, from sysexits.h where it has a suitable one. Documented in docs/REFERENCE.md.
public struct ExitStatus: RawRepresentable, Equatable, Sendable {
  public let rawValue: Int32

  public init(rawValue: Int32) { self.rawValue = rawValue }

  public static let done = ExitStatus(rawValue: 0)
  public static let incomplete = ExitStatus(rawValue: 1)
  public static let usage = ExitStatus(rawValue: 64)
  public static let noCapture = ExitStatus(rawValue: 66)
  public static let ioError = ExitStatus(rawValue: 74)
  public static let busy = ExitStatus(rawValue: 75)
  public static let permissionDenied = ExitStatus(rawValue: 77)

  /// A shell's convention: 130 after SIGINT, 143 after SIGTERM.
  public static func interrupted(by signal: Int32) -> ExitStatus { ExitStatus(rawValue: 128 + signal) }

  public init(of error: MigrationError) {
    self =
      switch error {
      case .missing, .notAFolder, .isRootFolder, .isHome, .insideCapture, .holdsNothingOfACapture,
        .otherBuckets:
        .noCapture
      case .permissionDenied, .tierDenied, .untrustedLink, .foreignColdRoot: .permissionDenied
      case .busy: .busy
      // No file was moved, and none is in danger.
      case .mayReplace, .mayNotLink: .incomplete
      case .coldRootInTheWay, .coldRootIsNoFolder, .nameIsNoText: .usage
      case .notMounted, .tierReplaced, .otherDisk, .unknownDisk, .noColdRoot, .noRoom, .stopped: .ioError
      }
  }

  public init(of issue: Issue) {
    self =
      switch issue.cause {
      case .stopped(let error): ExitStatus(of: error)
      case .usage, .capturesNotText, .engineUnavailable: .usage
      case .capturesUnreadable, .capturePathUnusable: .noCapture
      case .failed, .notMeasured: .ioError
      case .retentionDeclined: .incomplete
      default: issue.severity == .error ? .incomplete : .done
      }
  }

  public init(of fit: Result<LayoutFit, MigrationError>) {
    self =
      switch fit {
      // What is behind a folder that is refused was not counted.
      case .success(let fit): fit.refusals.isEmpty ? .done : .incomplete
      case .failure(let error): ExitStatus(of: error)
      }
  }

  public init(of report: CaptureReport) {
    if let error = report.error {
      self.init(of: error)
    } else if let signal = report.stopSignal {
      self = .interrupted(by: signal)
    } else {
      self = report.isClean ? .done : .incomplete
    }
  }

  public init(of report: VerificationReport) {
    if let error = report.error {
      self.init(of: error)
    } else {
      self = report.isMet ? .done : .incomplete
    }
  }

  /// The status of a run over several captures: an interruption if there was one, else the first status that is not `done`.
  public static func combined(_ statuses: [ExitStatus], stopSignal: Int32?) -> ExitStatus {
    if let stopSignal { return interrupted(by: stopSignal) }
    return statuses.first { $0 != .done } ?? .done
  }
}
