package import KernelIO
internal import Migration
package import SystemPackage

/// Failed system calls in words, and what to do about them.
extension Explanation {
  package static func describe(_ error: KernelError) -> String {
    (error.path.isEmpty ? "" : "\(text(error.path)): ") + "\(error.errno) (\(error.operation.rawValue))"
  }

  /// Begins with the capture unless the path of the error is at or below it; the error of a ring has no path at all.
  static func describe(_ error: KernelError, in capture: FilePath) -> String {
    origin(of: error.path, in: capture) + describe(error)
  }

  /// A folder of the capture, with the capture before it unless the folder is at or below the capture.
  static func place(_ path: FilePath, in capture: FilePath) -> String {
    origin(of: path, in: capture) + text(path)
  }

  private static func origin(of path: FilePath, in capture: FilePath) -> String {
    path.starts(with: capture) ? "" : "\(text(capture)): "
  }

  package static func text(_ path: FilePath) -> String {
    printable(path.bytes)
  }

  /// What to do about the errors that are known; nil for all others.
  package static func knownRemedy(_ error: KernelError, command: String? = nil) -> String? {
    knownRemedy(error, nil, again(command))
  }

  static func knownRemedy(
    _ error: KernelError, _ space: FileSystemSpace?, _ again: String
  ) -> String? {
    switch error.errno {
    case .noSpace:
      let free = space.map {
        "\($0.name) has \(Format.bytes($0.freeBytes)) and "
          + "\($0.freeInodes.map { Format.count(Int(clamping: $0)) } ?? "unlimited") inodes free. "
      }
      return (free ?? "") + "Make room (df -h, df -i), \(again): it continues where it stopped."
    case .diskQuotaExceeded:
      return "The owner's quota is used up. Raise it (quota, repquota), \(again)."
    case .readOnlyFileSystem:
      return readOnlyRemedy(error.path, again)
    case .ioError, Errno(rawValue: 117):
      return "The file system or its disk has failed. Check dmesg and the disk before anything else; every "
        + "file is at its old or its new place."
    case .tooManyOpenFiles:
      return "Raise the limit of open files (ulimit -n 256), \(again)."
    case .fileTooLarge where error.operation == .write:
      return "Raise the file size limit of this process (ulimit -f unlimited; LimitFSIZE= in a unit)."
    default:
      return nil
    }
  }

  /// A mount that the sandbox of a unit or of a container made read-only is no fault of the disk.
  private static func readOnlyRemedy(_ path: FilePath, _ again: String) -> String {
    guard MountTable.isReadOnlyBind(path) else {
      return "The file system is mounted read-only. Check dmesg, remount it read-write, \(again)."
    }
    if CurrentProcess.isInContainer {
      return
        "The mount is read-only, but the file system is not: mount a volume there read-write (no :ro, no readOnly: true)."
    }
    return
      "The mount is read-only, but the file system is not; ProtectSystem= in a unit does this. Add the folder to "
      + "ReadWritePaths= (one common parent of all captures): sudo systemctl edit hot_cold_archiver. If it is there already, "
      + "and was created after the service was started: sudo systemctl restart hot_cold_archiver. In a container, mount the "
      + "volume read-write."
  }

  static func ofNoKind(_ bucket: FilePath, _ layout: String) -> Explanation {
    Explanation(
      "\(text(bucket)): the files here are of no kind of the layout '\(layout)': they are ignored, and so are their numbers",
      "If the recorder wrote them, name a layout with their names (--layout); hotcold layout --check says what one would get."
    )
  }

  /// Running as the owner cannot help somebody who is the owner. Root is refused for other reasons than ownership.
  static func isThisUser(_ owner: String?) -> Bool {
    !CurrentProcess.isRoot && owner == Users.name(of: CurrentProcess.effectiveUser)
  }

  /// How to run as the owner of the files. A container has no sudo, and its users are numbers.
  static func asOwner(_ owner: String?, _ command: String) -> String {
    guard CurrentProcess.isInContainer else { return "sudo -u \(owner ?? "OWNER") hotcold \(command) …" }
    let user = owner.map { $0.hasPrefix("#") ? String($0.dropFirst()) : $0 } ?? "UID"
    return
      "--user \(user):GID with podman and docker, user: in compose, runAsUser and runAsGroup in Kubernetes"
  }

  static func movesFiles(_ command: String) -> Bool { ["migrate", "revert", "archive"].contains(command) }

  /// How the rest gets done once the cause is fixed: the service continues by itself.
  static func again(_ command: String?) -> String {
    command == "archive" ? "then wait for the next round" : "then run again"
  }
}
