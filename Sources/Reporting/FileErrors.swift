package import KernelIO
package import SystemPackage

/// Errors of files that a user named.
extension Explanation {
  package static func unreadable(_ error: KernelError) -> String {
    switch error.errno {
    case .isDirectory: "\(text(error.path)): a folder, not a file"
    case .invalidArgument where error.operation == .open: "\(text(error.path)): not a regular file"
    case .fileTooLarge: "\(text(error.path)): larger than 1 MiB"
    default: describe(error)
    }
  }

  /// A zone in `TZ` that tzset(3) does not know, and would take for UTC.
  package static func unknownZone(_ value: String) -> String {
    "Unknown time zone in the environment: TZ='\(printable(value.utf8))'. Take a name from /usr/share/zoneinfo, such as "
      + "Europe/Zurich, or unset it."
  }

  /// The sandbox of a unit, or of a container, is no fault of the disk.
  package static func readOnlyRemedy(_ path: FilePath, _ again: String) -> String {
    guard MountTable.isReadOnlyBind(path) else {
      return "The file system is mounted read-only. Check dmesg, remount it read-write, \(again)."
    }
    return
      "The mount is read-only, the file system is not; ProtectSystem= in a unit does this. Add the folder to "
      + "ReadWritePaths= (one common parent of all captures): sudo systemctl edit hot_cold_archiver. If it is there already, "
      + "and was made after the service was started: sudo systemctl restart hot_cold_archiver. In a container, mount the "
      + "volume read-write."
  }
}
