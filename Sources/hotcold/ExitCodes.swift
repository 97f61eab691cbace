import ArgumentParser
import Reporting

extension ExitStatus {
  /// What a command throws to end with this status.
  var code: ExitCode { ExitCode(rawValue) }
}
