package import KernelIO
internal import SystemPackage

/// Errors in files that the user named.
extension Explanation {
  package static func unreadable(_ error: KernelError) -> String {
    switch error.errno {
    case .isDirectory: "\(text(error.path)): a folder, not a file"
    case .invalidArgument where error.operation == .open: "\(text(error.path)): not a regular file"
    case .fileTooLarge: "\(text(error.path)): too large for a file of this kind"
    default: describe(error)
    }
  }

  /// A zone in `TZ` that tzset(3) does not know, and would take for UTC.
  package static func unknownZone(_ value: String) -> String {
    "unknown time zone in the environment: TZ='\(printable(value.utf8))'"
  }
}
